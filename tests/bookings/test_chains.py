"""Bookings that replace one another belong together, however their deliveries are batched."""

import pytest

from builders import NOW, delivery
from greenroom.booking_links import actions as booking_links
from greenroom.bookings import actions as bookings
from greenroom.bookings import verdicts
from greenroom.bookings.match import Rung

pytestmark = pytest.mark.anyio

SOMEBODY = [{"name": "Kim", "email": "kim@example.org", "timeZone": "Europe/London"}]


@pytest.mark.parametrize("together", [True, False])
async def test_a_successor_without_our_token_is_found_by_what_it_replaces(world, together):
    interview_id = (
        await world.send(await world.candidate(), await world.event_type())
    ).interview.id
    async with world.database.transaction() as tx:
        links = await booking_links.of_interviews(tx, [interview_id])
    token = links[interview_id][0].token
    first = delivery(uid="zzz", metadata={"greenroom": token}, attendees=SOMEBODY)
    second = delivery(
        "BOOKING_RESCHEDULED", uid="aaa", rescheduleUid="zzz", bookingId=8, attendees=SOMEBODY
    )
    third = delivery(
        "BOOKING_RESCHEDULED", uid="mmm", rescheduleUid="aaa", bookingId=9, attendees=SOMEBODY
    )

    for batch in [[first, second, third]] if together else [[first], [second], [third]]:
        await world.deliver(*batch)

    async with world.database.transaction() as tx:
        found = [(await bookings.get(tx, uid)).match for uid in ("zzz", "aaa", "mmm")]
    assert [interview_id] * 3 == [each and each.interview_id for each in found]


async def chain(world, *uids):
    """Each replaces the one before; only the first has the candidate's address."""
    for number, (old, uid) in enumerate(zip([None, *uids], uids, strict=False), start=20):
        more = {"rescheduleUid": old, "attendees": SOMEBODY} if old else {}
        trigger = "BOOKING_RESCHEDULED" if old else "BOOKING_CREATED"
        await world.deliver(delivery(trigger, uid=uid, bookingId=number, **more))


async def matches(world, *uids):
    async with world.database.transaction() as tx:
        return [(await bookings.get(tx, uid)).match for uid in uids]


async def test_what_was_found_by_address_keeps_its_reason_when_it_is_moved(world):
    await world.send(await world.candidate(), await world.event_type())
    await chain(world, "first", "second")

    await world.deliver(delivery(uid="first", bookingId=20, title="Said once more"))

    first, second = await matches(world, "first", "second")
    assert (first.rung, second.rung) == (Rung.EMAIL, Rung.LINEAGE)


async def test_a_match_never_rests_on_one_that_rests_on_it(world):
    await world.send(await world.candidate(), await world.event_type())
    other = await world.send(
        await world.candidate("Bob", "bob@example.org"), await world.event_type(2, "deep-dive")
    )
    # "a" sorts before its own root.
    await chain(world, "z", "m", "a")
    async with world.database.transaction() as tx:
        await verdicts.judge(tx, (world.connection_id, "z"), other.id, by="Robin", now=NOW)

    found = await matches(world, "z", "m", "a")

    assert [other.id] * 3 == [each.interview_id for each in found]
    assert [each.explanation for each in found[1:]] == [
        "it continues booking z, which is this interview's",
        "it continues booking m, which is this interview's",
    ]
