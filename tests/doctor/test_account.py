"""The checks of the account: each thing that goes wrong at Cal.com turns its own check alone."""

from datetime import UTC, datetime

import pytest

from calcom_desk import KEY
from doctor.webhook_desk import answering
from greenroom.calcom import connections
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.model import Area, Light
from greenroom.syncs import actions as syncs
from greenroom.syncs import runs

pytestmark = pytest.mark.anyio

ALL = [id_ for id_, check in CHECKS.items() if check.area is Area.CALCOM]
TEAM_INTERVIEW = 9
SILENT = ("api", "clock", "budget", "private-links", "team-events")
"""Checks that need a key that works."""


@pytest.fixture
def edition(calcom):
    """Another Cal.com, for one test."""
    yield lambda **given: calcom.control("edition", name="hosted", **given)
    calcom.control("edition", name="hosted")


async def only(clinic, check_id, *, off=()):
    """The finding of that check, when all others of the account are green, or off."""
    lights = await clinic.lights(*ALL)
    assert {id_: light for id_, light in lights.items() if id_ != check_id} == {
        each: Light.OFF if each in off else Light.GREEN for each in ALL if each != check_id
    }
    (found,) = await clinic.examine(check_id)
    return found


async def rested(clinic):
    """The pause after failures is over."""
    await clinic.execute("UPDATE budgets SET rests_until = NULL, failures = 0")


async def test_an_account_in_order_is_green_and_says_whose_it_is(clinic, connection):
    assert await clinic.lights(*ALL) == dict.fromkeys(ALL, Light.GREEN)
    (found,) = await clinic.examine("key")
    assert "mara@studio.example" in found.what


async def test_without_a_connection_there_is_advice_and_no_blame(clinic):
    found = await clinic.examine(*ALL)
    assert {each.light for each in found} == {Light.OFF}
    assert all("greenroom connect" in each.do for each in found)


async def test_a_connection_that_only_listens_cannot_ask_what_it_missed(clinic, calcom):
    await clinic.connect(calcom, key=None)
    found = await only(clinic, "connected", off=("key", *SILENT))
    assert found.light is Light.AMBER
    assert "greenroom connect --name Mara --api-key" in found.do

    await clinic.connect(calcom)
    assert (await only(clinic, "connected")).light is Light.GREEN


async def test_a_key_that_was_revoked_is_told_once_and_works_again_when_replaced(
    clinic, calcom, connection
):
    calcom.control("keys/revoke", username="mara")
    found = await only(clinic, "key", off=SILENT)
    assert found.light is Light.RED
    assert KEY not in found.what + found.do
    assert "paste it under Replace the API key" in found.do

    new = calcom.control("keys", username="mara")
    await clinic.connect(calcom, key=new["key"])
    assert await clinic.lights(*ALL) == dict.fromkeys(ALL, Light.GREEN)


async def test_the_key_of_another_account_is_red(clinic, calcom, connection):
    async with clinic.parts.database.transaction() as tx:
        sealed = clinic.parts.seal.close("cal_simulator_jonas")
        await connections.learn(tx, connection.id, api_key=sealed)
    found = await only(clinic, "key")
    assert found.light is Light.RED
    assert "mara@studio.example" in found.what
    assert "jonas" in found.what

    async with clinic.parts.database.transaction() as tx:
        await connections.learn(tx, connection.id, api_key=clinic.parts.seal.close(KEY))
    assert (await only(clinic, "key")).light is Light.GREEN


async def test_a_number_that_cannot_be_read_is_nobody_elses(clinic, calcom, connection):
    who = calcom.http.get(
        f"{calcom.api_url}/me", headers={"Authorization": f"Bearer {KEY}"}
    ).json()["data"]
    body = {"status": "success", "data": {**who, "id": f"usr_{who['id']}"}}
    with answering(calcom, "/v2/me", 200, body) as api_url:
        await clinic.execute("UPDATE connections SET api_url = :url", url=api_url)
        (found,) = await clinic.examine("key")
    assert (found.light, "mara@studio.example" in found.what) == (Light.GREEN, True)


async def test_with_every_account_disconnected_none_is_connected(clinic, connection):
    async with clinic.parts.database.transaction() as tx:
        await connections.part(tx, connection.id, datetime.now(UTC))
    (found,) = await clinic.examine("connected")
    assert (found.light, found.what) == (Light.OFF, "No Cal.com account is connected.")


async def test_a_cal_com_that_does_not_answer_is_red(clinic, calcom, connection):
    await clinic.execute("UPDATE connections SET api_url = 'http://127.0.0.1:1/v2'")
    found = await only(
        clinic, "api", off=("key", "clock", "budget", "private-links", "team-events")
    )
    assert found.light is Light.RED
    for _ in range(6):  # and stays red when it is not asked any more
        await clinic.execute("UPDATE budgets SET rests_until = NULL")
        await clinic.examine("api")
    (found,) = await clinic.examine("api")
    assert "in a row" in found.what
    assert (await clinic.lights("api", "budget")) == {"api": Light.RED, "budget": Light.OFF}

    await clinic.execute("UPDATE connections SET api_url = :url", url=calcom.api_url)
    await rested(clinic)
    assert (await only(clinic, "api")).light is Light.GREEN


async def test_an_address_that_is_not_the_api_is_red(clinic, calcom, connection):
    await clinic.execute("UPDATE connections SET api_url = :url", url=f"{calcom.url}/nowhere/v2")
    found = await only(
        clinic, "api", off=("key", "clock", "budget", "private-links", "team-events")
    )
    assert found.light is Light.RED
    assert "/v2" in found.do


@pytest.mark.parametrize("what", ["event-types", "bookings"])
async def test_answers_of_a_newer_shape_say_to_update(clinic, calcom, connection, edition, what):
    calcom.book()
    edition(reshaped=what)
    (found,) = await clinic.examine("api")
    assert found.light is Light.RED
    edition()
    await rested(clinic)
    assert (await only(clinic, "api")).light is Light.GREEN


async def test_a_version_of_the_api_that_was_dropped_is_red(clinic, connection, edition):
    edition(dropped_versions=["2024-08-13"])
    (found,) = await clinic.examine("api")
    assert found.light is Light.RED
    assert "newer" in found.do


@pytest.mark.parametrize(
    ("seconds", "light", "way"),
    [
        pytest.param(120, Light.AMBER, "behind", id="two minutes behind"),
        pytest.param(-120, Light.AMBER, "ahead of", id="two minutes ahead"),
        pytest.param(3600, Light.RED, "behind", id="an hour behind"),
    ],
)
async def test_clocks_that_differ_are_told(clinic, calcom, connection, seconds, light, way):
    calcom.control("chaos", date_skew_seconds=seconds)
    found = await only(clinic, "clock")
    assert found.light is light
    assert way in found.what
    assert "timedatectl" in found.do

    calcom.control("chaos", date_skew_seconds=0)
    assert (await only(clinic, "clock")).light is Light.GREEN


async def test_a_rate_limit_that_is_reached_is_amber(clinic, connection):
    await clinic.execute("UPDATE budgets SET rests_until = now() + interval '50 s'")
    (found,) = await clinic.examine("budget")
    assert found.light is Light.AMBER
    assert "rate limit" in found.what
    await rested(clinic)
    assert (await only(clinic, "budget")).light is Light.GREEN


async def test_an_older_cal_com_makes_private_links_in_its_way(clinic, connection, edition):
    edition(private_links="unversioned")
    (found,) = await clinic.examine("private-links")
    assert (found.light, "older way" in found.what) == (Light.GREEN, True)


async def test_a_cal_com_without_private_links_is_amber(clinic, connection, edition):
    edition(private_links="none")
    found = await only(clinic, "private-links")
    assert found.light is Light.AMBER
    edition()
    assert (await only(clinic, "private-links")).light is Light.GREEN


async def test_team_event_types_that_the_webhook_misses_are_named(clinic, calcom, connection):
    calcom.book("intro-call")
    start = calcom.free("intro-call")[3]
    guest = {"name": "Ada", "email": "ada@example.org", "timeZone": "Europe/London"}
    booked = calcom.http.post(
        f"{calcom.api_url}/bookings",
        json={"start": start, "eventTypeId": TEAM_INTERVIEW, "attendee": guest},
        headers={"cal-api-version": "2024-08-13"},
    )
    assert booked.is_success, booked.text
    async with clinic.parts.database.transaction() as tx:
        await runs.begin(tx, connection.id, asked_by="a test", now=datetime.now(UTC))
    await syncs.carry_on(clinic.parts.leader(connection))

    found = await only(clinic, "team-events")
    assert found.light is Light.AMBER
    assert "“team-interview” (1)" in found.what
    assert "intro-call" not in found.what
    assert clinic.parts.address.webhook_url in found.do

    await clinic.execute("UPDATE drift SET found_at = found_at - interval '8 days'")
    assert (await only(clinic, "team-events")).light is Light.GREEN
