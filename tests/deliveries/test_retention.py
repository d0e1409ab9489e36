"""Old deliveries are emptied; that their bytes were here is known for ever."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from builders import NOW, delivery
from greenroom import jobs
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import retention
from greenroom.deliveries.store import State
from house import opened
from world import World

pytestmark = pytest.mark.anyio

OLD = NOW - timedelta(days=91)


async def tidy(world, **given):
    return await retention.tidy(world.database, keep_days=90, now=NOW, pause=0, **given)


async def test_a_body_is_emptied_after_its_days_and_what_it_did_stays(world):
    [old] = await world.deliver(delivery(), at=OLD)
    [young] = await world.deliver(delivery(uid="b2"), at=NOW - timedelta(days=89))
    before = await world.delivery(old)

    assert await tidy(world) == 1
    assert await tidy(world) == 0

    found = await world.delivery(old)
    assert (found.body, found.is_emptied) == (None, True)
    assert (found.bytes, found.outcome, found.uid) == (before.bytes, before.outcome, before.uid)
    assert (await world.delivery(young)).body == delivery(uid="b2")


async def test_the_same_bytes_after_the_body_is_gone_are_still_a_duplicate(world, database):
    row = await world.send(await world.candidate(), await world.event_type(), now=OLD)
    ours = {"greenroom": row.link.token}
    created = delivery(metadata=ours, status="ACCEPTED")
    [first] = await world.deliver(created, at=OLD)
    await world.deliver(
        delivery("BOOKING_CANCELLED", metadata=ours, status="CANCELLED"),
        at=OLD + timedelta(minutes=1),
    )
    status = (await world.row(row.id)).status
    await tidy(world)
    async with database.transaction() as tx:
        letters = (await tx.execute(text("SELECT count(*) FROM letters"))).scalar_one()

    again = await world.intake.keep(world.connection_id, created, NOW)
    while await deliveries.drain(database, now=NOW):
        pass

    assert (again.id, again.is_new) == (first, False)
    found = await world.delivery(first)
    assert (found.duplicates, found.last_duplicate_at, found.body) == (1, NOW, None)
    assert (await world.row(row.id)).status is status
    async with database.transaction() as tx:
        now = (await tx.execute(text("SELECT count(*) FROM letters"))).scalar_one()
    assert now == letters


async def test_what_was_not_taken_in_keeps_its_body_however_old(world, database):
    kept = []
    for state in State:
        id_ = (await world.intake.keep(world.connection_id, state.value.encode(), OLD)).id
        async with database.transaction() as tx:
            await tx.execute(
                text("UPDATE deliveries SET state = :state WHERE id = :id"),
                {"state": state.value, "id": id_},
            )
        kept.append((state, id_))

    await tidy(world)

    has_body = {state for state, id_ in kept if (await world.delivery(id_)).body is not None}
    assert has_body == {State.NEW, State.FAILED, State.DEAD}


async def test_an_emptied_delivery_is_not_replayed(world, database):
    [id_] = await world.deliver(delivery(), at=OLD)
    await tidy(world)

    async with database.transaction() as tx:
        assert await deliveries.replay(tx, [id_]) == 0
    assert await deliveries.drain(database, now=NOW) == 0
    assert (await world.delivery(id_)).state is State.DONE


async def test_many_are_emptied_in_batches_by_an_index(world, database, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 1_000)
    async with database.transaction() as tx:
        await tx.execute(
            text("""
            INSERT INTO deliveries (connection_id, digest, body, received_at, state)
            SELECT 1, int8send(n), '{}', :old - n * interval '1 s', 'done'
              FROM generate_series(1, 2500) AS n
            """),
            {"old": OLD},
        )
    sizes, real = [], retention.empty

    async def empty(tx, *, before):
        sizes.append(await real(tx, before=before, limit=1_000))
        return sizes[-1]

    monkeypatch.setattr(retention, "empty", empty)

    assert await tidy(world) == 2_500
    assert sizes == [1_000, 1_000, 500]
    async with database.transaction() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await tx.execute(
            text(
                "EXPLAIN SELECT id FROM deliveries WHERE body IS NOT NULL AND"
                " state IN ('done', 'unread') AND received_at < now() ORDER BY received_at LIMIT 9"
            )
        )
        assert "deliveries_to_empty_idx" in "\n".join(plan.scalars())


async def test_the_hourly_job_keeps_bodies_as_long_as_the_setting_says(tmp_path, database_url):
    now = datetime.now(UTC)
    async with opened(database_url, tmp_path, keep_bodies_days=2) as house:
        world = World(house.parts.database, house.parts.intake, house.connection_id)
        ids = [
            (await world.deliver(b"%d" % days, at=now - timedelta(days=days)))[0] for days in (1, 3)
        ]
        context = SimpleNamespace(additional_context={"parts": house.parts})
        await jobs.queue.tasks["empty_old_deliveries"].func(context, 0)

        assert [(await world.delivery(id_)).is_emptied for id_ in ids] == [False, True]
