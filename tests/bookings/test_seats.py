"""Several candidates in one booking: each has an interview that goes its own way."""

from dataclasses import replace

import pytest

from builders import ADA, BOB, HOUR, NOW, answered, delivery
from greenroom.bookings import actions as bookings
from greenroom.bookings import verdicts
from greenroom.bookings.match import Rung, Whose
from greenroom.bookings.model import Status as BookingStatus
from greenroom.bookings.model import Told
from greenroom.errors import Conflict, NotFound
from greenroom.interviews.model import Status

pytestmark = pytest.mark.anyio


def seat(who, trigger="BOOKING_CREATED", minute=0, **payload):
    """A delivery about the seat of one of them, so many minutes after nine."""
    person = {"name": who.name, "email": who.email, "timeZone": who.zone}
    given = {"seatsPerTimeSlot": 3, "attendees": [person], "status": "ACCEPTED", **payload}
    body = delivery(trigger, **{"uid": "panel", **given})
    return body.replace(b"08:59:59", f"09:{minute:02}:00".encode())


def left(who, minute=5):
    return seat(who, "BOOKING_CANCELLED", minute, status="CANCELLED")


@pytest.fixture
async def invited(world):
    """Interviews of Ada and Bob of one event type, each with a link."""
    kind = await world.event_type()
    ada = await world.send(await world.candidate(), kind)
    bob = await world.send(await world.candidate("Bob Moses", BOB.email), kind)
    return ada, bob


async def both_booked(world, invited, *, by_token=True):
    for minute, (who, row) in enumerate(zip((ADA, BOB), invited, strict=True)):
        ours = {"metadata": {"greenroom": row.link.token}} if by_token else {}
        await world.deliver(seat(who, minute=minute, **ours), at=NOW + HOUR)


async def standing(world, invited):
    return [(await world.row(row.id)).interview.status for row in invited]


async def api_says(world, status, *people, at=NOW + 2 * HOUR, uid="panel", **claims):
    fact = answered(status, at, uid=uid, attendees=people or None, seated=True, **claims)
    async with world.database.transaction() as tx:
        told = [Told(connection_id=world.connection_id, fact=fact)]
        await bookings.record(tx, told, now=at)


async def panel(world, uid="panel"):
    async with world.database.transaction() as tx:
        return await bookings.get(tx, uid)


@pytest.mark.parametrize("by_token", [True, False])
async def test_each_seat_is_the_interview_of_the_one_who_took_it(world, invited, by_token):
    await both_booked(world, invited, by_token=by_token)

    kept = await panel(world)
    rung = Rung.TOKEN if by_token else Rung.EMAIL
    assert [(each.address, each.interview_id, each.rung) for each in kept.matches] == [
        (ADA.email, invited[0].id, rung),
        (BOB.email, invited[1].id, rung),
    ]
    assert not kept.is_unmatched
    assert await standing(world, invited) == [Status.CONFIRMED, Status.CONFIRMED]


async def test_who_gives_the_seat_back_is_cancelled_and_the_others_stay(world, invited):
    await both_booked(world, invited)
    await world.deliver(left(ADA), at=NOW + HOUR)

    assert await standing(world, invited) == [Status.CANCELLED, Status.CONFIRMED]
    ada = (await world.row(invited[0].id)).interview
    assert f"{ada.meeting.since:%H:%M}" == "09:05"
    kept = await panel(world)
    assert kept.booking.status is BookingStatus.CONFIRMED
    assert kept.booking.unconfirmed

    await api_says(world, BookingStatus.CONFIRMED, BOB)

    assert await standing(world, invited) == [Status.CANCELLED, Status.CONFIRMED]


async def test_a_seat_that_is_gone_from_the_api_is_cancelled_without_any_delivery(world, invited):
    await both_booked(world, invited)
    await api_says(world, BookingStatus.CONFIRMED, ADA)

    assert await standing(world, invited) == [Status.CONFIRMED, Status.CANCELLED]


async def test_the_last_seat_given_back_leaves_the_booking_to_the_api(world, invited):
    await both_booked(world, invited)
    await world.deliver(left(ADA), left(BOB, minute=6), at=NOW + HOUR)
    assert (await panel(world)).booking.status is BookingStatus.CONFIRMED

    await api_says(world, BookingStatus.CANCELLED)

    assert (await panel(world)).booking.status is BookingStatus.CANCELLED
    assert await standing(world, invited) == [Status.CANCELLED, Status.CANCELLED]


async def test_hidden_attendees_take_no_seat_away(world, invited):
    await both_booked(world, invited)
    await api_says(world, BookingStatus.CONFIRMED)

    assert await standing(world, invited) == [Status.CONFIRMED, Status.CONFIRMED]


async def test_a_seat_taken_again_is_confirmed_again(world, invited):
    await both_booked(world, invited)
    await world.deliver(left(ADA), seat(ADA, minute=9, title="once more"), at=NOW + HOUR)

    assert await standing(world, invited) == [Status.CONFIRMED, Status.CONFIRMED]
    assert len((await panel(world)).matches) == 2


async def test_a_cancelled_booking_is_cancelled_for_all_of_them(world, invited):
    await both_booked(world, invited)
    await api_says(world, BookingStatus.CANCELLED)

    assert await standing(world, invited) == [Status.CANCELLED, Status.CANCELLED]


@pytest.mark.parametrize("order", [1, -1])
async def test_a_seat_that_moves_takes_its_interview_along_and_no_other(world, invited, order):
    await both_booked(world, invited)
    moved = seat(
        ADA, "BOOKING_RESCHEDULED", 5, uid="later", bookingId=8, rescheduleUid="panel", metadata={}
    )
    cancelled_there = left(ADA, minute=5)
    await world.deliver(*[moved, cancelled_there][::order], at=NOW + HOUR)
    assert (await world.row(invited[0].id)).interview.reschedules == 1
    # So it looks at Cal.com, for ever: the whole booking seems to have gone there.
    await api_says(world, BookingStatus.CONFIRMED, BOB, replaced_by="later")
    await api_says(world, BookingStatus.CONFIRMED, ADA, uid="later", replaces="panel")

    ada, bob = [(await world.row(row.id)).interview for row in invited]
    assert (ada.status, ada.meeting.uid, ada.reschedules) == (Status.CONFIRMED, "later", 1)
    assert (bob.status, bob.meeting.uid, bob.reschedules) == (Status.CONFIRMED, "panel", 0)
    assert not (await panel(world)).is_moved
    assert ada.attention == bob.attention == frozenset()


async def test_a_no_show_is_the_outcome_of_the_one_who_stayed_away(world, invited):
    await both_booked(world, invited)
    absent = delivery(
        "BOOKING_NO_SHOW_UPDATED",
        uid="panel",
        attendees=[{"email": BOB.email, "noShow": True}],
    )
    await world.deliver(absent, at=NOW + HOUR)

    assert await standing(world, invited) == [Status.CONFIRMED, Status.NO_SHOW]


async def test_a_stranger_on_a_seat_leaves_the_booking_unmatched_until_a_person_says(
    world, invited
):
    kim = BOB.__class__(email="kim@example.org", name="Kim")
    await both_booked(world, invited)
    await world.deliver(seat(kim, minute=3), at=NOW + HOUR)
    assert (await panel(world)).is_unmatched

    key = (world.connection_id, "panel")
    said = {"by": "Robin", "now": NOW}
    async with world.database.transaction() as tx:
        with pytest.raises(Conflict, match="share this booking"):
            await verdicts.judge(tx, key, None, **said)
        with pytest.raises(NotFound, match="has a seat"):
            await verdicts.judge(tx, key, None, address="nobody@example.org", **said)
        await verdicts.judge(tx, key, None, address="KIM@example.org", **said)

    assert not (await panel(world)).is_unmatched
    assert await standing(world, invited) == [Status.CONFIRMED, Status.CONFIRMED]


@pytest.mark.parametrize("mine", [True, False])
async def test_what_was_said_before_the_seats_were_known_holds_for_them(world, invited, mine):
    await world.deliver(delivery(uid="panel", attendees=[], status="ACCEPTED"))
    key = (world.connection_id, "panel")
    async with world.database.transaction() as tx:
        said = invited[1].id if mine else None
        await verdicts.judge(tx, key, said, by="Robin", now=NOW)
    await both_booked(world, invited)

    found = {each.address: each.interview_id for each in (await panel(world)).matches}
    # It is the first who is meant where there was only one before; nobody's means them all.
    assert found == ({ADA.email: invited[1].id, BOB.email: invited[1].id} if mine else {})


async def test_a_stranger_who_takes_a_seat_again_is_unmatched_again(world, invited):
    kim = replace(BOB, email="kim@example.org", name="Kim")
    await both_booked(world, invited)
    for minute, body, is_unmatched in ((3, seat, True), (5, left, False), (6, seat, True)):
        await world.deliver(body(kim, minute=minute), at=NOW + HOUR)
        assert (await panel(world)).is_unmatched is is_unmatched


async def judged_before_the_seats(world, interview_id, *people):
    await world.deliver(delivery(uid="panel", attendees=[], status="ACCEPTED"))
    async with world.database.transaction() as tx:
        key = (world.connection_id, "panel")
        await verdicts.judge(tx, key, interview_id, by="Robin", now=NOW)
    for minute, who in enumerate(people):
        await world.deliver(seat(who, minute=minute), at=NOW + HOUR)


async def take_back(world, address):
    async with world.database.transaction() as tx:
        key = (world.connection_id, "panel")
        await verdicts.take_back(tx, key, address=address, by="Robin", now=NOW)


@pytest.mark.parametrize("address", ["", "kim@example.org"])
@pytest.mark.parametrize("again", [True, False])
async def test_what_was_said_before_the_seat_was_known_can_be_taken_back(
    world, invited, address, again
):
    kim = replace(BOB, email="kim@example.org", name="Kim")
    await judged_before_the_seats(world, invited[1].id, kim)
    assert (await panel(world)).match.rung is Rung.PERSON
    if again:
        async with world.database.transaction() as tx:
            key = (world.connection_id, "panel")
            await verdicts.judge(tx, key, invited[0].id, by="Robin", now=NOW)

    await take_back(world, address)

    assert (await panel(world)).whose == Whose(is_unmatched=True)


@pytest.mark.parametrize("address", ["", "kim@example.org"])
async def test_what_was_said_of_all_seats_is_taken_back_for_all_or_for_one(world, invited, address):
    kim = replace(BOB, email="kim@example.org", name="Kim")
    await judged_before_the_seats(world, None, ADA, BOB, kim)
    assert (await panel(world)).whose == Whose()

    await take_back(world, address)

    found = await panel(world)
    assert found.is_unmatched
    assert [each.address for each in found.matches] == ([] if address else [ADA.email, BOB.email])
    await take_back(world, ADA.email)
    assert [each.address for each in (await panel(world)).matches][:1] == [ADA.email]
