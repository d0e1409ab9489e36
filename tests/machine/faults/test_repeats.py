"""The same again, late again, or under a wrong name: nothing counts twice and nothing revives."""

import asyncio
import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import DAY, HOUR, MINUTE, NOW, answered, delivery
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Status as BookingStatus
from greenroom.bookings.model import Told
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import retention
from greenroom.deliveries.actions import State
from greenroom.deliveries.intake import Intake
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Status
from greenroom.mail import outbox
from machine.faults.dying import live
from machine.faults.harness import HUNT

pytestmark = pytest.mark.anyio

ROUNDS = 200 if HUNT else 30


async def counted(database):
    """(id, duplicates) of every delivery."""
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT id, duplicates FROM deliveries ORDER BY id"))
        return [tuple(row) for row in rows]


async def effects(world, interview_id):
    """What was done for people: notes on the timeline, and letters."""
    async with world.database.transaction() as tx:
        notes = [what for _, _, what in await interviews.notes(tx, interview_id)]
        return notes, len(await outbox.of_interview(tx, interview_id))


async def test_the_same_bytes_a_hundred_times_are_one_delivery_with_one_effect(world):
    """Repeats, between which it is taken in: one row, 99 duplicates, the effects of one."""
    row = await world.send(await world.candidate(), await world.event_type())
    body = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    [id_] = await world.deliver(body)
    once = await effects(world, row.id)

    for _ in range(3):
        again = await world.deliver(*[body] * 33)
        assert set(again) == {id_}

    assert await counted(world.database) == [(id_, 99)]
    assert await effects(world, row.id) == once
    assert (await world.row(row.id)).status is Status.CONFIRMED


def keeping(url, connection_id, start):
    """A process that keeps the same bytes 64 times at once, a round each 10 ms from `start` on."""

    async def scenario(self):
        intake = Intake(url)
        task = asyncio.create_task(intake.run())
        for round_ in range(ROUNDS):
            body = delivery(uid=f"round{round_}")
            await asyncio.sleep(start + round_ / 100 - time.monotonic())
            kept = await asyncio.gather(*(intake.keep(connection_id, body, NOW) for _ in range(64)))
            self.say([sorted({each.id for each in kept}), sum(each.is_new for each in kept)])
        task.cancel()

    return scenario


async def test_the_same_bytes_64_times_at_once_in_each_of_two_processes_are_one_delivery(
    world, database_url
):
    """The key in the table decides, not who looked first: each round one row, one "received"."""
    start = time.monotonic() + 0.3
    both = await asyncio.gather(
        *(live(keeping(database_url, world.connection_id, start)) for _ in range(2))
    )

    rounds = list(zip(*(each.said for each in both), strict=True))
    assert len(rounds) == ROUNDS
    for (ids, new), (other_ids, other_new) in rounds:
        assert ids == other_ids
        assert (len(ids), new + other_new) == (1, 1)
    assert [duplicates for _, duplicates in await counted(world.database)] == [127] * ROUNDS


async def test_the_same_event_in_other_bytes_is_two_deliveries_with_one_effect(world):
    """Keys in another order, other blanks, sent 3 ms later: kept twice, and nothing told twice."""
    row = await world.send(await world.candidate(), await world.event_type())
    body = json.loads(delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED"))
    again = dict(reversed({**body, "createdAt": "2026-11-24T08:59:59.003Z"}.items()))
    await world.deliver(json.dumps(body).encode())
    once, was = await effects(world, row.id), await world.row(row.id)

    await world.deliver(json.dumps(again, indent=1).encode())

    assert len(await counted(world.database)) == 2
    assert await effects(world, row.id) == once
    is_ = await world.row(row.id)
    assert (is_.status, is_.interview.meeting, is_.interview.reschedules) == (
        was.status,
        was.interview.meeting,
        was.interview.reschedules,
    )


@pytest.mark.parametrize("emptied", [False, True], ids=["with its body", "its body emptied"])
async def test_a_booking_that_was_cancelled_is_not_revived_by_its_creation_sent_again(
    world, emptied
):
    """A minute later, a month later, also when only the digest is left: a duplicate, no more."""
    row = await world.send(await world.candidate(), await world.event_type())
    created = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    cancelled = json.loads(delivery("BOOKING_CANCELLED", status="CANCELLED"))
    cancelled["createdAt"] = "2026-11-24T09:00:30.000Z"
    [id_] = await world.deliver(created)
    await world.deliver(json.dumps(cancelled).encode(), at=NOW + MINUTE)
    once = await effects(world, row.id)
    assert (await world.row(row.id)).status is Status.CANCELLED
    if emptied:
        async with world.database.transaction() as tx:
            assert await retention.empty(tx, before=NOW + DAY) == 2

    for times, wait in enumerate((MINUTE, HOUR, 30 * DAY), 1):
        assert await world.deliver(created, at=NOW + MINUTE + wait) == [id_]
        assert (await world.delivery(id_)).duplicates == times
        await _replay(world, id_, at=NOW + MINUTE + wait)

        assert (await world.row(row.id)).status is Status.CANCELLED
        assert await effects(world, row.id) == once


async def _replay(world, id_, *, at):
    async with world.database.transaction() as tx:
        await deliveries.replay(tx, [id_])
    while await deliveries.drain(world.database, now=at):
        pass


async def test_a_name_that_lies_or_is_unknown_is_kept_and_cal_com_decides(world, house):
    """A move under the name of a request is the move; an unknown name or version is kept."""
    row = await world.send(await world.candidate(), await world.event_type())
    ours = {"metadata": {"greenroom": row.link.token}, "status": "ACCEPTED"}
    await world.deliver(delivery(**ours))
    [moved] = await world.deliver(
        delivery("BOOKING_REQUESTED", uid="booking2", bookingId=8, rescheduleUid="booking1", **ours)
    )
    [unknown] = await world.deliver(delivery("BOOKING_TELEPORTED", **ours))
    newer = await house.deliver(delivery(uid="booking3"), x_cal_webhook_version="2099-12-31")

    assert newer.status_code == 200
    assert (await world.delivery(moved)).state is State.DONE
    told = await world.delivery(unknown)
    assert (told.state, "BOOKING_TELEPORTED" in told.outcome) == (State.UNREAD, True)
    after = await world.row(row.id)
    assert (after.status, after.interview.meeting.uid) == (Status.CONFIRMED, "booking2")

    later = NOW + timedelta(minutes=5)
    fact = answered(BookingStatus.CANCELLED, later, uid="booking2", replaces="booking1")
    async with world.database.transaction() as tx:
        told = [Told(connection_id=world.connection_id, fact=fact)]
        await bookings.record(tx, told, now=later)
    assert (await world.row(row.id)).status is Status.CANCELLED
