"""PostgreSQL is there but locked, used up or asked too often: deliveries are kept all the same."""

import asyncio
import time
from contextlib import suppress
from functools import partial

import psycopg
import pytest

from builders import HOUR, NOW, delivery
from greenroom import parts
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from greenroom.errors import Unavailable
from machine.faults.harness import AWAY, DEADLINE, KEPT, Log, working_house

pytestmark = pytest.mark.anyio

INTERVIEWS = "/api/admin/scheduling/interviews"


async def status(house, path):
    return (await house.http.get(path)).status_code


async def test_a_locked_table_holds_up_what_reads_it_and_no_delivery(
    database_url, tmp_path, monkeypatch
):
    """A migration that locks bookings: deliveries are kept at once, pages give up with 503."""
    impatient = partial(Database, options="-c timezone=UTC -c lock_timeout=700ms")
    monkeypatch.setattr(parts, "Database", impatient)
    async with working_house(database_url, tmp_path) as house:
        log, headers = Log(house.parts.database), await house.token()
        async with await psycopg.AsyncConnection.connect(database_url) as admin:
            await admin.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
            for number in range(20):
                assert await log.deliver(house, delivery(uid=f"locked{number}")) == KEPT
            assert log.slowest < DEADLINE
            page = await house.http.get("/api/admin/scheduling/bookings", headers=headers)
            assert page.status_code == AWAY
            assert await status(house, "/readyz") == KEPT
            await admin.rollback()

        await log.nothing_is_lost()


async def test_a_table_that_stays_locked_makes_no_delivery_dead(world, database_url):
    """It is not the delivery that fails: however long the lock lasts, it is taken in afterwards."""
    kept = await world.intake.keep(world.connection_id, delivery(), NOW)
    impatient = Database(database_url, options="-c timezone=UTC -c lock_timeout=50ms")
    async with await psycopg.AsyncConnection.connect(database_url) as admin:
        await admin.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
        for hours in range(10):
            with suppress(Unavailable):
                await deliveries.drain(impatient, now=NOW + hours * HOUR)
        await admin.rollback()
    while await deliveries.drain(impatient, now=NOW + 11 * HOUR):
        pass
    await impatient.close()

    assert (await world.delivery(kept.id)).state == "done"


async def test_pages_that_use_up_every_connection_hold_up_no_delivery(house):
    """Each connection of the pool is busy: deliveries have their own, others hear 503 soon."""
    log, ended = Log(house.parts.database), asyncio.Event()
    headers = await house.token()

    async def sit():
        async with house.parts.database.transaction():
            await ended.wait()

    assert await log.deliver(house, delivery(uid="before")) == KEPT
    sitting = [asyncio.create_task(sit()) for _ in range(8)]
    await asyncio.sleep(0.2)
    for number in range(20):
        assert await log.deliver(house, delivery(uid=f"beside{number}")) == KEPT
    assert log.slowest < DEADLINE
    began = time.monotonic()
    page = await house.http.get(INTERVIEWS, headers=headers)
    assert (page.status_code, time.monotonic() - began < DEADLINE) == (AWAY, True)
    assert await status(house, "/readyz") == AWAY
    assert await status(house, "/healthz") == KEPT
    ended.set()
    await asyncio.gather(*sitting)
    await log.nothing_is_lost()


async def test_readiness_is_asked_of_the_database_once_a_second_however_often_it_is_called(house):
    """Whoever calls /readyz a thousand times costs the database a query a second."""
    asked = []
    house.parts.database.count_statements(asked.append)
    began = time.monotonic()
    found = [(await house.http.get("/readyz")).status_code for _ in range(200)]
    took = time.monotonic() - began

    assert set(found) == {KEPT}
    assert 1 <= len(asked) <= 4 * (1 + took)
