"""All checks together: a healthy installation is well, and a fresh one hears good advice."""

import asyncio
import re
from datetime import UTC, datetime

import pytest

from doctor.served import serving
from greenroom.doctor import actions as doctor
from greenroom.doctor import pulse
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.model import Light

pytestmark = pytest.mark.anyio

_TRIES = 60
"""How often a process that was just started is looked at until it is well."""


async def all_found(clinic):
    """What each check finds, by its id."""
    looked = await doctor.examine(clinic.parts, which="all", now=datetime.now(UTC))
    assert [each.check.id for each in looked] == list(CHECKS)
    return {each.check.id: [one.finding for one in each.found] for each in looked}


def of(found, *lights):
    return {
        f"{id_}: {each.what}"
        for id_, all_ in found.items()
        for each in all_
        if each.light in lights
    }


async def test_on_a_fresh_installation_nothing_is_red_and_everything_open_has_advice(clinic):
    found = await all_found(clinic)

    assert of(found, Light.RED) == set()
    open_ = [
        (id_, each)
        for id_, all_ in found.items()
        for each in all_
        if each.light in {Light.OFF, Light.AMBER}
    ]
    # What only waits for Cal.com to be connected may leave the advice to the check that says how.
    silent = [id_ for id_, each in open_ if not each.do and "Cal.com is connected" not in each.what]
    assert silent == []
    assert {id_ for id_, _ in open_} >= {"connected", "mail-server", "public-address"}


async def test_a_connected_installation_at_work_is_well(
    database_url, tmp_path, calcom, monkeypatch
):
    monkeypatch.setattr(pulse, "EACH", 0.5)
    async with serving(database_url, tmp_path, calcom) as served:
        clinic = served.clinic
        # The house's own connection leads nowhere, on purpose.
        gone = "UPDATE connections SET disconnected_at = now() WHERE id <> :id"
        await clinic.execute(gone, id=served.connection.id)
        await asyncio.to_thread(calcom.book)  # it waits for what we answer its delivery
        for _ in range(_TRIES):
            found = await all_found(clinic)
            heard = found["last-delivery"][0].light is Light.GREEN
            if heard and not of(found, Light.RED, Light.AMBER):
                break
            await asyncio.sleep(0.3)

    assert of(found, Light.RED) == set()
    assert of(found, Light.AMBER) == set()
    assert heard
    green = {id_ for id_, all_ in found.items() if any(x.light is Light.GREEN for x in all_)}
    assert green >= {"connected", "key", "api", "webhook-there", "background", "database"}


async def test_every_finding_is_told_in_sentences(clinic, calcom):
    """What a person reads, before connecting and after, while nothing works in the background."""
    found = await all_found(clinic)
    await clinic.connect(calcom)
    later = await all_found(clinic)

    for id_, each in [
        (id_, each) for all_ in (found, later) for id_, x in all_.items() for each in x
    ]:
        for said in filter(None, (each.what, each.do)):
            assert re.match(r"[A-Z“`0-9a-z]", said), (id_, said)
            assert said[-1] in ".?!”", (id_, said)
            assert "None" not in said, (id_, said)
            assert "{" not in said, (id_, said)
        if each.light is Light.RED:
            assert each.do, (id_, each.what)
