"""When nobody looks any more: only the background work does, so its end is seen without it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from greenroom import jobs
from greenroom.doctor import actions as doctor
from greenroom.doctor import glance as glances
from greenroom.doctor import pulse, store
from greenroom.doctor.alive import OVERDUE
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.glance import Glance
from greenroom.doctor.model import Finding, Light

pytestmark = pytest.mark.anyio

PARTS = [pulse.DRAIN, pulse.CLOCK, *map(pulse.queue, jobs.AT_ONCE)]
AGO = timedelta(hours=3)


def clock():
    return datetime.now(UTC)


async def all_was_well(parts, at):
    well = {id_: [Finding(light=Light.GREEN, what="It is well.")] for id_ in CHECKS}
    async with parts.database.transaction() as tx:
        await store.keep(tx, well, at)


async def beat(parts, at):
    async with parts.database.transaction() as tx:
        await store.beat(tx, "a worker", PARTS, at)


async def health(parts, *, now, awake_since=None):
    async with parts.database.transaction() as tx:
        return await doctor.health(tx, now=now, awake_since=awake_since)


async def test_what_was_well_hours_ago_is_red_when_nothing_works_since(clinic, connection):
    now = clock()
    await all_was_well(clinic.parts, now - AGO)
    await beat(clinic.parts, now - AGO)

    found = await health(clinic.parts, now=now)

    assert found.light is Light.RED
    assert found.summary == "1 thing needs you"
    (needs,) = found.needs
    assert needs.check.id == "background"
    assert "Greenroom does nothing by itself since" in needs.found[0].finding.what
    assert "greenroom work" in needs.found[0].finding.do
    assert found.looked_at == now - AGO
    assert found.as_data()["worst"] == "red"

    await all_was_well(clinic.parts, now)
    assert (await health(clinic.parts, now=now)).light is Light.GREEN


async def test_work_that_is_alive_and_does_not_look_is_red_too(clinic, connection):
    now = clock()
    await all_was_well(clinic.parts, now - OVERDUE)
    await beat(clinic.parts, now)
    assert (await health(clinic.parts, now=now)).light is Light.GREEN

    found = await health(clinic.parts, now=now + timedelta(seconds=1))
    assert found.light is Light.RED
    assert "Nothing has been looked at since" in found.needs[0].found[0].finding.what


async def test_work_that_never_began_is_red_where_cal_com_is_connected(clinic, connection):
    now = clock()
    since = now - OVERDUE - timedelta(seconds=1)

    assert (await health(clinic.parts, now=now, awake_since=now)).light is Light.OFF
    assert (await health(clinic.parts, now=now, awake_since=since)).light is Light.RED


async def test_where_nothing_is_connected_that_is_advice(clinic):
    now = clock()
    await all_was_well(clinic.parts, now - AGO)

    found = await health(clinic.parts, now=now)

    assert found.light is Light.OFF
    assert [each.check.id for each in found.advice] == ["background"]


async def test_who_slept_has_minutes_to_catch_up(clinic, connection):
    now = clock()
    await all_was_well(clinic.parts, now - AGO)

    assert (await health(clinic.parts, now=now, awake_since=now)).light is Light.GREEN


async def test_a_process_that_did_not_come_round_for_a_minute_has_slept():
    glance = Glance()
    began = glance.awake_since
    glance.tick(began + timedelta(seconds=50))
    glance.tick(began + timedelta(seconds=100))
    assert glance.awake_since == began

    glance.tick(began + AGO)
    assert glance.awake_since == began + AGO


async def test_every_page_and_program_says_so_without_a_worker(house):
    await all_was_well(house.parts, clock() - AGO)
    house.app.state.glance.awake_since = clock() - AGO
    await house.app.state.glance.read(house.parts.database)
    headers = await house.token() | {"Accept": "text/html"}

    everywhere = (await house.http.get("/candidates", headers=headers)).text
    page = re.sub(r"<[^>]+>", "", (await house.http.get("/health", headers=headers)).text)
    api = await house.http.get("/api/admin/scheduling/health", headers=await house.token())

    assert "Health: 1 thing needs you" in everywhere
    assert "Greenroom does nothing by itself" in everywhere
    assert "All is well" not in page
    assert "3 h ago; nobody has looked since." in page
    assert "again each minute by itself" not in page
    assert api.json()["worst"] == "red"


async def test_the_glance_goes_on_quietly_when_the_feed_closes(house, monkeypatch):
    monkeypatch.setattr(glances, "EACH", 0.05)
    task = asyncio.create_task(Glance().run(house.parts))
    await asyncio.sleep(0.1)
    house.parts.feed.close()
    await asyncio.sleep(0.2)

    assert not task.done()
    task.cancel()
