"""Checks of what keeps secrets secret and times right: each is broken, seen, and mended."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from calcom_desk import KEY
from doctor.conftest import Clinic
from greenroom.calcom import connections, webhook_secrets
from greenroom.doctor.checks.safety import of_time_zones
from greenroom.doctor.model import Light
from greenroom.seal import Seal

pytestmark = pytest.mark.anyio

OTHER = b"the key of another machine, 32 b"


@pytest.fixture
async def key_of_variable(clinic: Clinic):
    """Call it for the same installation with its secret key in a variable, and former ones."""

    def change(key: str, *former: str) -> Clinic:
        settings = clinic.parts.settings.model_copy(
            update={
                "secret_key": SecretStr(key),
                "old_secret_keys": SecretStr(",".join(former)) if former else None,
            }
        )
        seal = Seal(settings.sealing_key(), former=settings.former_keys())
        return Clinic(replace(clinic.parts, settings=settings, seal=seal))

    return change


def present_key(clinic: Clinic) -> str:
    return clinic.parts.settings.sealing_key().decode()


async def one(clinic: Clinic, check_id: str):
    (found,) = await clinic.examine(check_id)
    return found


async def test_a_new_installation_is_safe(clinic):
    assert await clinic.lights("secrets", "unsigned", "time-zones") == {
        "secrets": Light.GREEN,
        "unsigned": Light.GREEN,
        "time-zones": Light.GREEN,
    }
    assert (await one(clinic, "secrets")).what.endswith("nothing is sealed with it yet.")


async def test_secrets_that_the_present_key_opens_are_well(clinic, connection):
    found = await one(clinic, "secrets")

    assert found.light is Light.GREEN
    assert found.what == "2 secrets sealed with the present key."


async def test_a_key_that_others_may_read_is_amber_until_its_file_is_closed(clinic):
    file = clinic.parts.settings.data_dir / "secret.key"
    file.chmod(0o640)

    found = await one(clinic, "secrets")
    assert found.light is Light.AMBER
    assert found.do == f"Run `chmod 600 {file}`."
    assert found.offer

    assert "Only the user who runs Greenroom" in await clinic.mend("secrets")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await one(clinic, "secrets")).light is Light.GREEN


async def test_secrets_of_a_former_key_are_amber_until_they_are_sealed_anew(
    clinic, connection, key_of_variable
):
    changed = key_of_variable("n" * 32, present_key(clinic))

    found = await one(changed, "secrets")
    assert found.light is Light.AMBER
    assert found.what == "2 secrets still need a former secret key."
    assert found.offer == "Seal anew"

    assert await changed.mend("secrets") == "2 secrets sealed with the present key."
    found = await one(changed, "secrets")
    assert found.light is Light.GREEN
    assert found.what.endswith("GREENROOM_OLD_SECRET_KEYS can go.")
    assert (await one(key_of_variable("n" * 32), "secrets")).light is Light.GREEN


async def test_a_lost_key_is_red_for_each_connection_until_it_is_named_again(
    clinic, connection, key_of_variable
):
    lost = key_of_variable("n" * 32)

    found = await one(lost, "secrets")
    assert (found.light, found.connection_id) == (Light.RED, connection.id)
    assert found.what.startswith("The API key and webhook secret of “Mara” cannot be opened")
    assert "greenroom connect --name Mara" in found.do
    assert KEY not in str(found)

    named = key_of_variable("n" * 32, present_key(clinic))
    assert (await named.lights("secrets"))["secrets"] is Light.AMBER


async def test_one_secret_that_another_process_sealed_with_its_own_key_is_red(clinic, connection):
    async with clinic.parts.database.transaction() as tx:
        await webhook_secrets.add(tx, Seal(OTHER), connection.id, "s" * 32, datetime.now(UTC))

    found = await one(clinic, "secrets")
    assert (found.light, found.connection_id) == (Light.RED, connection.id)
    assert found.what.startswith("The webhook secret of “Mara” cannot")

    await clinic.execute("UPDATE webhook_secrets SET retires_at = now() WHERE id > 1")
    assert (await one(clinic, "secrets")).light is Light.GREEN


async def test_what_is_disconnected_has_nothing_to_lose(clinic, connection, key_of_variable):
    async with clinic.parts.database.transaction() as tx:
        await connections.part(tx, connection.id, datetime.now(UTC))

    assert (await one(key_of_variable("n" * 32), "secrets")).light is Light.GREEN


async def test_unsigned_deliveries_are_amber_until_the_setting_is_gone(clinic):
    settings = clinic.parts.settings.model_copy(update={"unsigned_webhooks": "accept"})
    trial = Clinic(replace(clinic.parts, settings=settings))

    found = await one(trial, "unsigned")
    assert found.light is Light.AMBER
    assert "GREENROOM_UNSIGNED_WEBHOOKS" in found.do
    assert (await one(clinic, "unsigned")).light is Light.GREEN


async def test_time_zones_grow_old(clinic):
    later = datetime.now(UTC) + timedelta(days=3 * 365)
    (found,) = await clinic.examine("time-zones", now=later)
    assert found.light is Light.AMBER
    assert "tzdata" in found.do

    assert (await one(clinic, "time-zones")).light is Light.GREEN


@pytest.mark.parametrize(
    ("packaged", "today", "light"),
    [
        ("2026.6", date(2026, 11, 23), Light.GREEN),
        ("2026.1", date(2027, 6, 30), Light.GREEN),
        ("2026.1", date(2027, 7, 2), Light.AMBER),
        ("2025.2", date(2026, 11, 23), Light.AMBER),
        ("2024.2.post1", date(2026, 1, 1), Light.AMBER),
    ],
)
def test_a_list_of_time_zones_is_good_for_about_a_year(packaged, today, light):
    assert of_time_zones(packaged, today).light is light


def test_a_list_of_time_zones_without_old_names_is_red(monkeypatch):
    monkeypatch.setattr("greenroom.zones.found", lambda name: name != "Asia/Calcutta" or None)

    found = of_time_zones("2026.6", date(2026, 11, 23))
    assert found.light is Light.RED
    assert "Asia/Calcutta" in found.what
