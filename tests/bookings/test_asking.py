"""When Cal.com's API is to be asked about a booking of which only deliveries told."""

from datetime import timedelta

import pytest

from builders import DAY, HOUR, MINUTE, NOW, answered, delivery, fixture
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Status, Told

pytestmark = pytest.mark.anyio


async def due(world, at, limit=10):
    async with world.database.transaction() as tx:
        return list(await bookings.to_ask(tx, world.connection_id, now=at, limit=limit))


async def answer(world, status=Status.CONFIRMED, at=NOW + HOUR, **claims):
    async with world.database.transaction() as tx:
        fact = answered(status, at, **claims)
        told = Told(connection_id=world.connection_id, fact=fact)
        await bookings.record(tx, [told], now=at)


async def live(world, *, ends_after=NOW, beyond=None, limit=10):
    async with world.database.transaction() as tx:
        found = await bookings.live(
            tx, world.connection_id, ends_after=ends_after, beyond=beyond, limit=limit
        )
    return list(found)


async def test_a_booking_only_a_delivery_told_of_is_asked_about_once_its_minute_is_over(world):
    await world.deliver(delivery())

    assert await due(world, NOW + MINUTE - timedelta(seconds=1)) == []
    assert await due(world, NOW + MINUTE) == ["booking1"]


async def test_it_is_not_asked_about_again_when_the_api_has_answered(world):
    await world.deliver(delivery())
    await answer(world)

    assert await due(world, NOW + DAY) == []


async def test_an_answer_from_within_the_minute_leaves_the_question_open(world):
    await world.deliver(delivery())
    await answer(world, at=NOW - HOUR)

    assert await due(world, NOW + DAY) == ["booking1"]


async def test_each_newer_delivery_has_it_asked_a_minute_later(world):
    await world.deliver(delivery())
    cancelled = delivery("BOOKING_CANCELLED", status="CANCELLED")
    await world.deliver(cancelled.replace(b"08:59:59", b"09:00:30"), at=NOW + MINUTE)

    assert await due(world, NOW + MINUTE) == []
    assert await due(world, NOW + 2 * MINUTE) == ["booking1"]


async def test_it_is_put_off_when_cal_com_did_not_know(world):
    await world.deliver(delivery(), delivery(uid="booking2", bookingId=8))
    async with world.database.transaction() as tx:
        await bookings.ask_again(tx, world.connection_id, ["booking1"], at=NOW + DAY)

    assert await due(world, NOW + HOUR) == ["booking2"]
    assert await due(world, NOW + DAY) == ["booking2", "booking1"]
    assert await due(world, NOW + DAY, limit=1) == ["booking2"]


async def test_what_the_api_confirmed_meanwhile_is_not_asked_again(world):
    await world.deliver(delivery())
    await answer(world)
    async with world.database.transaction() as tx:
        await bookings.ask_again(tx, world.connection_id, ["booking1"], at=NOW)

    assert await due(world, NOW + DAY) == []


async def test_a_booking_known_by_its_number_cannot_be_asked_about(world):
    await world.deliver(fixture("guide__booking_confirmed").replace(b"2024-01", b"2026-12"))

    assert await due(world, NOW + DAY) == []
    assert await live(world) == []


async def test_a_full_compare_gets_what_is_ahead_page_by_page(world):
    for number, uid in enumerate(["c", "a", "b", "e"]):
        await world.deliver(delivery(uid=uid, bookingId=number + 1))
    await world.deliver(delivery(uid="d", bookingId=9, status="PENDING"))
    await world.deliver(delivery(uid="gone", bookingId=10, status="CANCELLED"))
    await world.deliver(delivery("BOOKING_RESCHEDULED", uid="f", bookingId=11, rescheduleUid="e"))

    assert await live(world) == ["a", "b", "c", "d", "f"]
    assert await live(world, limit=2) == ["a", "b"]
    assert await live(world, beyond="b", limit=2) == ["c", "d"]
    assert await live(world, ends_after=NOW + 2 * DAY) == []


async def test_the_evidence_is_every_fact_and_where_it_came_from(world):
    [id_] = await world.deliver(delivery())
    await answer(world)
    async with world.database.transaction() as tx:
        found = await bookings.evidence(tx, [(world.connection_id, "booking1")])

    assert [each.delivery_id for each in found] == [id_, None]
    assert [each.fact.status for each in found] == [Status.CONFIRMED, Status.CONFIRMED]
