"""Keeping deliveries: durable before the answer, together, once."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from builders import NOW, delivery
from greenroom.deliveries.intake import Intake
from greenroom.errors import Unavailable

pytestmark = pytest.mark.anyio


async def rows(database):
    query = "SELECT id, body, duplicates FROM deliveries ORDER BY id"
    async with database.transaction() as tx:
        return [(r.id, bytes(r.body), r.duplicates) for r in await tx.execute(text(query))]


async def test_a_delivery_is_on_disk_with_its_own_bytes_when_keep_returns(database, intake):
    body = bytes(range(256)) + "Zoë\u0000".encode()

    kept = await intake.keep(1, body, NOW)

    assert kept.is_new
    assert await rows(database) == [(kept.id, body, 0)]


async def test_the_same_bytes_again_are_the_first_delivery(database, intake):
    first = await intake.keep(1, delivery(), NOW)
    again = await intake.keep(1, delivery(), NOW + timedelta(days=30))

    assert (again.id, again.is_new) == (first.id, False)
    assert await rows(database) == [(first.id, delivery(), 1)]


async def test_the_same_bytes_64_times_at_once_are_one_delivery(database, intake):
    for round_ in range(20):
        body = delivery(uid=f"booking{round_}")
        kept = await asyncio.gather(*(intake.keep(1, body, NOW) for _ in range(64)))

        assert sum(each.is_new for each in kept) == 1
        assert len({each.id for each in kept}) == 1
    assert [duplicates for _, _, duplicates in await rows(database)] == [63] * 20


async def test_two_processes_that_hear_the_same_at_once_keep_it_once(
    database, intake, database_url
):
    other = Intake(database_url)
    task = asyncio.create_task(other.run())
    for round_ in range(50):
        body = delivery(uid=f"booking{round_}")
        kept = await asyncio.gather(
            *(each.keep(1, body, NOW) for each in (intake, other) for _ in range(8))
        )
        assert sum(each.is_new for each in kept) == 1
    task.cancel()

    assert len(await rows(database)) == 50


async def test_the_same_bytes_of_two_connections_are_two_deliveries(database, intake):
    await intake.keep(1, delivery(), NOW)
    other = await intake.keep(2, delivery(), NOW)

    assert other.is_new
    assert len(await rows(database)) == 2


async def test_many_at_once_share_a_commit(database, intake):
    async def commits():
        query = "SELECT pg_stat_clear_snapshot(), n_tup_ins FROM pg_stat_user_tables LIMIT 0"
        async with database.transaction() as tx:
            await tx.execute(text(query))
            return (
                await tx.execute(text("SELECT count(DISTINCT xmin::text) FROM deliveries"))
            ).scalar_one()

    await asyncio.gather(*(intake.keep(1, delivery(uid=f"b{n}"), NOW) for n in range(300)))

    assert await commits() < 10


async def test_a_connection_that_was_cut_costs_no_sender_anything(database, intake, database_url):
    bodies = [f"{number}".encode() for number in range(4)]
    for body in bodies:
        assert (await intake.keep(1, body, NOW)).is_new
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name='intake'"
            )

    assert [body for _, body, _ in await rows(database)] == bodies


async def test_a_sender_is_told_to_come_back_while_there_is_no_database():
    intake = Intake("postgresql://nobody@127.0.0.1:1/nothing")
    task = asyncio.create_task(intake.run())
    with pytest.raises(Unavailable, match="Send it again"):
        await intake.keep(1, b"x", NOW)
    task.cancel()


async def test_a_sender_that_gives_up_costs_nobody_else_anything(database, intake):
    giving_up = [
        asyncio.create_task(intake.keep(1, delivery(uid=f"gone{n}"), NOW)) for n in range(20)
    ]
    await asyncio.sleep(0)
    for each in giving_up:
        each.cancel()

    kept = await intake.keep(1, delivery(uid="stays"), NOW)

    assert kept.is_new
    assert delivery(uid="stays") in [body for _, body, _ in await rows(database)]
