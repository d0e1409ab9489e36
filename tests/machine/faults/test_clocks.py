"""Clocks of processes that disagree: a lease is neither for ever nor for nothing."""

from datetime import timedelta

import pytest

from builders import MINUTE, NOW
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from machine.faults.dying import buried, live
from machine.faults.scenes import Stage

pytestmark = pytest.mark.anyio

WRONG = timedelta(hours=2)


@pytest.fixture
def stage(world):
    return Stage(world)


def draining(url, now):
    async def scenario(self):
        database = Database(url)
        self.begin()
        while await deliveries.drain(database, now=now):
            pass
        await database.close()

    return scenario


async def killed_while_it_records(stage, url, now):
    """A scene whose deliveries a process has claimed by its clock, and died."""
    await stage.scene()
    whole = await live(draining(url, now))
    stop = next(stop for stop in whole.stops if "record" in {place[1] for place in stop})
    scene = await stage.scene()
    async with buried(url):
        assert (await live(draining(url, now), until=(stop, 1))).was_killed
    return scene


async def untouched(stage):
    scene = await stage.scene()
    await scene.drain(NOW)
    return await scene.told()


async def test_what_a_process_held_whose_clock_was_slow_is_taken_up_once(stage, database_url):
    """A lease that others think over already: they take it up, and its effects come once."""
    expected = await untouched(stage)
    scene = await killed_while_it_records(stage, database_url, NOW - WRONG)
    await scene.drain(NOW)

    assert await scene.told() == expected


async def test_what_a_process_held_whose_clock_was_fast_waits_no_longer_than_a_lease(
    stage, database_url
):
    """A process two hours ahead claims and dies: a lease later another one goes on."""
    expected = await untouched(stage)
    scene = await killed_while_it_records(stage, database_url, NOW + WRONG)
    await scene.drain(NOW + deliveries.LEASE + MINUTE)

    assert await scene.told() == expected
