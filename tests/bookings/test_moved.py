"""When a booking's place is taken by another, and when that only looks so."""

import random
from dataclasses import replace
from itertools import permutations

import pytest

from builders import HOUR, MINUTE, NOW, answered, delivery, told
from greenroom.bookings import actions as bookings
from greenroom.bookings import chains, timeline
from greenroom.bookings.fold import fold
from greenroom.bookings.model import Status, Told
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Status as InterviewStatus

LATER = NOW + HOUR
CONFIRMED = told(Status.CONFIRMED, NOW, uid="old")
MOVED = told(Status.CONFIRMED, NOW + MINUTE, uid="new", replaces="old")


def moved(*facts):
    by_uid = {}
    for fact in facts:
        by_uid.setdefault(fact.uid, []).append(fact)
    claimed = {}
    for said in by_uid.values():
        for link, at in chains.links(1, said).items():
            claimed[link] = min(at, claimed.get(link, at))
    found = chains.moved(claimed, {(1, uid): fold(said) for uid, said in by_uid.items()})
    return {uid for _, uid in found}


def api(uid, status=Status.CONFIRMED, at=LATER, **claims):
    return answered(status, at, uid=uid, **claims)


def test_what_another_replaces_is_moved_whoever_says_so():
    assert moved(CONFIRMED, MOVED) == {"old"}
    assert moved(api("old", Status.CANCELLED, replaced_by="new")) == {"old"}
    assert moved(told(Status.CANCELLED, uid="old", successor_expected=True), MOVED) == {"old"}


def test_what_was_confirmed_before_it_moved_is_moved_nonetheless():
    assert moved(api("old", at=NOW), MOVED) == {"old"}


def test_what_the_api_still_confirms_afterwards_is_not_moved():
    assert moved(CONFIRMED, MOVED, api("old")) == set()
    assert moved(api("old", replaced_by="new")) == set()
    # A delivery since then makes it uncertain again.
    newer = told(Status.CONFIRMED, LATER + MINUTE, uid="old")
    assert moved(CONFIRMED, MOVED, api("old"), newer) == {"old"}


def test_one_seat_that_goes_elsewhere_moves_nobody_else():
    seat = replace(MOVED, replaces=None, seat_from="old", seated=True)

    assert moved(CONFIRMED, seat) == set()


@pytest.mark.parametrize("length", [2, 3, 5])
def test_in_a_ring_each_stands_for_itself(length):
    uids = [f"b{number}" for number in range(length)]
    ring = [
        told(Status.CONFIRMED, uid=uid, replaces=uids[number - 1])
        for number, uid in enumerate(uids)
    ]

    assert moved(*ring) == set()
    # What comes before a ring is moved, what comes after it is not.
    before = told(Status.CONFIRMED, uid="before")
    into = told(Status.CONFIRMED, LATER, uid="b0", replaces="before")
    after = told(Status.CONFIRMED, uid="after", replaces="b1")
    assert moved(*ring, before, into, after) == {"before", "b1"}


@pytest.mark.anyio
@pytest.mark.parametrize("length", [2, 4])
async def test_a_ring_ends_and_hides_no_booking(world, length):
    row = await world.send(await world.candidate(), await world.event_type())
    uids = [f"b{number}" for number in range(length)]
    bodies = [
        delivery(
            "BOOKING_RESCHEDULED",
            uid=uid,
            bookingId=number + 1,
            rescheduleUid=uids[number - 1],
            status="ACCEPTED",
        )
        for number, uid in enumerate(uids)
    ]
    for body in bodies:
        await world.deliver(body)

    interview = (await world.row(row.id)).interview
    assert interview.status is InterviewStatus.CONFIRMED
    assert interview.reschedules == 0


@pytest.mark.anyio
async def test_moved_away_is_never_cancelled_in_whatever_order_it_is_told(world):
    """The host asks for another time; the API names the successor first late."""
    row = await world.send(await world.candidate(), await world.event_type())
    asked = told(Status.CANCELLED, NOW + MINUTE, uid="old", successor_expected=True)
    facts = [
        replace(CONFIRMED, token=row.link.token, starts_at=LATER, ends_at=LATER + HOUR),
        asked,
        answered(Status.CANCELLED, NOW + 2 * MINUTE, uid="old"),
        answered(Status.CANCELLED, NOW + 3 * MINUTE, uid="old", replaced_by="new"),
        replace(MOVED, starts_at=LATER, ends_at=LATER + HOUR),
    ]
    seen = set()
    for order in random.Random(3).sample(list(permutations(facts)), 15):
        async with world.database.transaction() as tx, tx.begin_nested() as savepoint:
            for number, fact in enumerate(order, start=1):
                one = [Told(connection_id=world.connection_id, fact=fact)]
                await bookings.record(tx, one, now=NOW)
                # An answer that only says "cancelled" cannot tell, alone.
                if {asked, *facts[3:]} & set(order[:number]):
                    seen.add(await _status(tx, row.id))
            assert await _status(tx, row.id) is InterviewStatus.CONFIRMED
            await savepoint.rollback()
    assert InterviewStatus.CANCELLED not in seen


async def _status(tx, interview_id):
    return (await interviews.get(tx, interview_id)).status


@pytest.mark.anyio
@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.CANCELLED])
async def test_the_timeline_calls_moved_what_the_status_does(world, status):
    row = await world.send(await world.candidate(), await world.event_type())
    facts = [replace(CONFIRMED, token=row.link.token), api("old", status, replaced_by="new")]
    async with world.database.transaction() as tx:
        told_ = [Told(connection_id=world.connection_id, fact=fact) for fact in facts]
        await bookings.record(tx, told_, now=NOW)
        found = await timeline.chain(tx, row.id)

    [kept] = found.bookings
    assert {each.after for each in found.entries if each.decides} == {timeline.word(kept)}
    assert kept.is_moved is (status is Status.CANCELLED)
    assert any("another booking" in each.text for each in found.entries) is kept.is_moved
