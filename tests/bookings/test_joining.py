"""A booking heard of by its number first and by its uid later is one booking."""

import asyncio

import pytest

from builders import HOUR, NOW, delivery, fixture
from greenroom.bookings import actions as bookings
from greenroom.bookings import verdicts
from greenroom.bookings.match import Rung
from greenroom.bookings.model import Told
from greenroom.calcom import webhook
from greenroom.errors import NotFound
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Attention, Outcome, Status

pytestmark = pytest.mark.anyio

BY_NUMBER = fixture("guide__booking_confirmed").replace(b"2024-01-15", b"2026-11-25")
SOMEBODY = [{"name": "Kim", "email": "kim@example.org", "timeZone": "Europe/London"}]


def by_uid(trigger="BOOKING_CREATED", **payload):
    """Cal.com's own delivery about the booking of the guide's sample, without our token."""
    given = {"bookingId": 123456, "attendees": SOMEBODY, "status": "ACCEPTED"}
    return delivery(trigger, uid="real-uid", **{**given, **payload})


async def waiting(world):
    candidate = await world.candidate("Candidate Example", "candidate@example.com")
    return await world.send(candidate, await world.event_type())


async def get(world, uid):
    async with world.database.transaction() as tx:
        return await bookings.get(tx, uid)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("bodies", [(BY_NUMBER, by_uid()), (by_uid(), BY_NUMBER)])
async def test_number_and_uid_are_one_booking_of_one_interview(world, together, bodies):
    row = await waiting(world)

    for batch in [bodies] if together else [[each] for each in bodies]:
        await world.deliver(*batch)

    with pytest.raises(NotFound):
        await get(world, "id:123456")
    assert (await get(world, "real-uid")).is_moved is False
    after = (await world.row(row.id)).interview
    assert Attention.SECOND_BOOKING not in after.attention
    if bodies[0] is BY_NUMBER and not together:
        assert (after.status, after.meeting.uid) == (Status.CONFIRMED, "real-uid")


async def test_a_cancellation_by_uid_ends_what_was_booked_by_number(world):
    row = await waiting(world)

    await world.deliver(BY_NUMBER, at=NOW - HOUR)
    await world.deliver(by_uid())
    await world.deliver(by_uid("BOOKING_CANCELLED", status="CANCELLED"))

    assert (await world.row(row.id)).status is Status.CANCELLED


async def test_two_batches_that_change_the_same_interviews_do_not_wait_for_each_other(
    world, monkeypatch
):
    one = await world.send(await world.candidate(), await world.event_type())
    other = await waiting(world)
    await world.deliver(BY_NUMBER)
    renamed, rename = asyncio.Event(), interviews.rename_booking

    async def slowly(*args):
        await rename(*args)
        renamed.set()
        await asyncio.sleep(0.3)

    async def take_in(*bodies):
        said = [fact for body in bodies for fact in webhook.read(body, received_at=NOW).facts]
        async with world.database.transaction() as tx:
            told = [Told(connection_id=world.connection_id, fact=fact) for fact in said]
            await bookings.record(tx, told, now=NOW)

    def of(row, uid, number):
        ours = {"metadata": {"greenroom": row.link.token}, "status": "ACCEPTED"}
        return delivery(uid=uid, bookingId=number, **ours)

    monkeypatch.setattr(interviews, "rename_booking", slowly)
    first = asyncio.create_task(take_in(by_uid(), of(one, "a", 8)))
    await renamed.wait()
    await asyncio.gather(first, take_in(of(one, "b", 9), of(other, "c", 10)))

    assert (await get(world, "real-uid")).match.interview_id == other.id


async def test_what_people_said_of_the_number_holds_for_the_uid(world):
    row = await waiting(world)
    other = await world.send(await world.candidate(), await world.event_type(2, "deep-dive"))
    await world.deliver(BY_NUMBER)
    async with world.database.transaction() as tx:
        await verdicts.judge(tx, (world.connection_id, "id:123456"), other.id, by="Robin", now=NOW)
        await interviews.say_outcome(tx, other.id, Outcome.ATTENDED, by="Robin", now=NOW)

    await world.deliver(by_uid(metadata={"greenroom": row.link.token}))

    match = (await get(world, "real-uid")).match
    assert (match.interview_id, match.rung) == (other.id, Rung.PERSON)
    assert (await world.row(other.id)).status is Status.DONE
    assert (await world.row(row.id)).interview.meeting is None


async def test_a_match_by_hand_outlives_a_row_of_each_name(world, database):
    row = await waiting(world)
    await world.deliver(BY_NUMBER)
    async with world.database.transaction() as tx:
        await verdicts.judge(tx, (world.connection_id, "id:123456"), row.id, by="Robin", now=NOW)
    # The uid is heard of before its number is.
    await world.deliver(by_uid(bookingId=None))

    await world.deliver(by_uid(title="Now with its number"))

    assert (await get(world, "real-uid")).match.rung is Rung.PERSON
    assert (await world.row(row.id)).interview.meeting.uid == "real-uid"
