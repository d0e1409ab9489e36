"""People have the last word on whose booking it is, until they take it back."""

import pytest

from builders import HOUR, NOW, answered, delivery
from greenroom.bookings import actions as bookings
from greenroom.bookings import verdicts
from greenroom.bookings.match import Rung
from greenroom.bookings.model import Status as BookingStatus
from greenroom.bookings.model import Told
from greenroom.deliveries import actions as deliveries
from greenroom.errors import NotFound
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Status

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rows(world):
    """Ada's interview, which the booking is by its token, and Bob's."""
    ada = await world.send(await world.candidate(), await world.event_type())
    bob = await world.send(
        await world.candidate("Bob", "bob@example.org"), await world.event_type(2, "deep-dive")
    )
    return ada, bob


def booked(row, uid="booking1", **payload):
    return delivery(uid=uid, metadata={"greenroom": row.link.token}, status="ACCEPTED", **payload)


async def judge(world, interview_id, uid="booking1"):
    async with world.database.transaction() as tx:
        key = (world.connection_id, uid)
        await verdicts.judge(tx, key, interview_id, by="Robin", now=NOW)


async def take_back(world, uid="booking1"):
    async with world.database.transaction() as tx:
        await verdicts.take_back(tx, (world.connection_id, uid), by="Robin", now=NOW)


async def whose(world, uid="booking1"):
    async with world.database.transaction() as tx:
        kept = await bookings.get(tx, uid)
    return [(each.interview_id, each.rung) for each in kept.matches], kept.is_unmatched


async def standing(world, rows):
    return [(await world.row(row.id)).interview.status for row in rows]


async def notes(world, row):
    async with world.database.transaction() as tx:
        return [what for _, _, what in await interviews.notes(tx, row.id)]


async def test_a_persons_word_moves_the_booking_and_both_interviews_say_so(world, rows):
    ada, bob = rows
    await world.deliver(booked(ada))
    await judge(world, bob.id)

    assert await whose(world) == ([(bob.id, Rung.PERSON)], False)
    assert await standing(world, rows) == [Status.PENDING, Status.CONFIRMED]
    assert "said that booking booking1 is not its" in await notes(world, ada)
    assert "matched booking booking1" in await notes(world, bob)


async def test_nobodys_is_a_word_too(world, rows):
    await world.deliver(booked(rows[0]))
    await judge(world, None)

    assert await whose(world) == ([], False)
    assert await standing(world, rows) == [Status.PENDING, Status.PENDING]


@pytest.mark.parametrize("judged", ["bob", "nobody"])
async def test_neither_replays_nor_answers_nor_moves_overturn_it(world, rows, judged):
    ada, bob = rows
    [id_] = await world.deliver(booked(ada))
    await judge(world, bob.id if judged == "bob" else None)

    async with world.database.transaction() as tx:
        await deliveries.replay(tx, [id_])
    await world.deliver()
    told = answered(BookingStatus.CONFIRMED, NOW + HOUR, token=ada.link.token)
    async with world.database.transaction() as tx:
        await bookings.record(
            tx, [Told(connection_id=world.connection_id, fact=told)], now=NOW + HOUR
        )
    await world.deliver(booked(ada, uid="booking2", bookingId=8, rescheduleUid="booking1"))

    if judged == "bob":
        assert await whose(world) == ([(bob.id, Rung.PERSON)], False)
        assert await whose(world, "booking2") == ([(bob.id, Rung.LINEAGE)], False)
    else:
        assert await whose(world) == await whose(world, "booking2") == ([], False)
    assert (await world.row(ada.id)).interview.status is Status.PENDING


@pytest.mark.parametrize("judged", ["bob", "nobody"])
async def test_taken_back_the_ladder_speaks_again(world, rows, judged):
    ada, bob = rows
    await world.deliver(booked(ada))
    await judge(world, bob.id if judged == "bob" else None)
    await take_back(world)

    assert await whose(world) == ([(ada.id, Rung.TOKEN)], False)
    assert await standing(world, rows) == [Status.CONFIRMED, Status.PENDING]
    assert "took back whose booking booking1 is" in await notes(world, ada)

    before = await notes(world, ada)
    await take_back(world)

    assert await notes(world, ada) == before


async def test_what_a_person_matched_by_hand_is_unmatched_again_when_taken_back(world, rows):
    kim = [{"name": "Kim", "email": "kim@example.org"}]
    await world.deliver(delivery(attendees=kim))
    assert await whose(world) == ([], True)
    await judge(world, rows[1].id)
    assert await whose(world) == ([(rows[1].id, Rung.PERSON)], False)

    await take_back(world)

    assert await whose(world) == ([], True)
    assert await standing(world, rows) == [Status.PENDING, Status.PENDING]


async def test_a_booking_or_an_interview_that_is_not_there_is_said_to_be_missing(world, rows):
    with pytest.raises(NotFound, match="no booking"):
        await judge(world, rows[0].id, uid="nowhere")
    await world.deliver(booked(rows[0]))
    with pytest.raises(NotFound, match="no interview"):
        await judge(world, 12345)

    assert await whose(world) == ([(rows[0].id, Rung.TOKEN)], False)
