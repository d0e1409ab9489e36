"""The connection breaks exactly while PostgreSQL commits: nobody knows, and nothing is wrong."""

from contextlib import suppress
from itertools import count

import pytest
from sqlalchemy import text

from builders import MINUTE, NOW, delivery
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from greenroom.errors import Unavailable
from house import opened
from machine.faults.harness import AWAY, KEPT, Log, Moment, Wire
from machine.faults.scenes import Stage

pytestmark = pytest.mark.anyio

FEWEST = {Moment.BEFORE: 0, Moment.AFTER: 0, Moment.ANSWERED: 1}
MOST = {Moment.BEFORE: 0, Moment.AFTER: 1, Moment.ANSWERED: 1}


@pytest.fixture
async def wire(database_url):
    async with Wire(database_url).opened() as wire:
        yield wire


async def kept(database):
    async with database.transaction() as tx:
        return (await tx.execute(text("SELECT count(*) FROM deliveries"))).scalar_one()


@pytest.mark.parametrize("moment", Moment)
async def test_a_delivery_whose_commit_nobody_heard_of_is_there_once_when_sent_again(
    wire, database, tmp_path, moment
):
    """Cut at each try: 503, kept or not; sent again, exactly one."""
    log = Log(database)
    async with opened(wire.url, tmp_path) as house:
        await log.deliver(house, delivery(uid="before"))

        wire.cut_at(b"INSERT INTO deliveries", moment, times=2)
        assert await log.deliver(house, delivery()) == AWAY
        assert wire.cuts == 2
        was_kept = await kept(database) - 1
        assert FEWEST[moment] <= was_kept <= MOST[moment]

        again = await house.deliver(delivery())
        log.sent(delivery(), again.status_code)

    assert again.json()["status"] == ("duplicate" if was_kept else "received")
    assert await kept(database) == 2
    await log.nothing_is_lost()


@pytest.mark.parametrize("moment", Moment)
async def test_one_broken_connection_costs_the_sender_nothing(wire, database, tmp_path, moment):
    """Cut once: the intake itself tries again, and what it answers is true."""
    log = Log(database)
    async with opened(wire.url, tmp_path) as house:
        wire.cut_at(b"INSERT INTO deliveries", moment)
        assert await log.deliver(house, delivery()) == KEPT

    assert wire.cuts == 1
    assert await kept(database) == 1
    await log.nothing_is_lost()


@pytest.mark.parametrize("moment", Moment)
async def test_a_person_whose_commit_nobody_heard_of_is_told_so_and_tries_again(
    wire, database, tmp_path, moment
):
    """Cut at each commit of a request: 503 that says to try again; done so, there is one."""
    path = "/api/admin/scheduling/candidates"
    async with opened(wire.url, tmp_path) as house:
        headers = await house.token()
        for skip in count():
            person = {"name": "Ada", "addresses": [f"ada{skip}@example.org"]}
            wire.cut_at(b"COMMIT", moment, skip=skip)
            first = await house.http.post(path, json=person, headers=headers)
            if wire.cuts == 0:
                break
            assert first.status_code == AWAY
            assert "try again" in first.json()["detail"]
            wire.cut_at(b"COMMIT", moment, times=0)
            await house.http.post(path, json=person, headers=headers)

            assert await people(database) == skip + 1
    assert skip > 0


async def people(database):
    async with database.transaction() as tx:
        found = await tx.execute(text("SELECT count(*) FROM candidates"))
        return found.scalar_one()


@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.ANSWERED])
async def test_a_drain_whose_commit_nobody_heard_of_does_nothing_twice(world, wire, moment):
    """Cut at each commit of the drain in turn; after the lease all is as without the cuts."""
    stage = Stage(world)
    undisturbed = await stage.scene()
    await undisturbed.drain(NOW)
    expected = await undisturbed.told()

    for skip in range(4):
        scene = await stage.scene()
        database = Database(wire.url)
        wire.cut_at(b"COMMIT", moment, skip=skip)
        with suppress(Unavailable):
            while await deliveries.drain(database, now=NOW):
                pass
        await database.close()
        assert wire.cuts == 1
        await scene.drain(NOW + deliveries.LEASE + MINUTE)

        assert await scene.told() == expected, skip
