"""What deliveries did not tell, told wrongly or late is counted, shown, and explained."""

from datetime import timedelta

import pytest

from builders import DAY, HOUR, MINUTE, NOW, delivery, told
from calcom.account import clock
from calcom.odd import answering, bookings
from greenroom.deliveries import actions as deliveries
from greenroom.syncs import drift

pytestmark = pytest.mark.anyio


def iso(at):
    return at.isoformat().replace("+00:00", "Z")


@pytest.fixture
async def account(account):
    return await account.since_long()


def row(uid="booking1", *, changed=timedelta(minutes=5), status="accepted", number=7):
    """A booking of tomorrow as the API has it, changed so long ago."""
    start = clock().replace(minute=0, second=0, microsecond=0) + DAY
    changed_at = iso(clock() - changed)
    return {
        **bookings(1)[0],
        "id": number,
        "uid": uid,
        "status": status,
        "start": iso(start),
        "end": iso(start + HOUR),
        "createdAt": changed_at,
        "updatedAt": changed_at,
    }


def said_by(of, *, status="ACCEPTED", at):
    """A delivery about the row that was made then."""
    return delivery(
        uid=of["uid"],
        bookingId=of["id"],
        startTime=of["start"],
        endTime=of["end"],
        status=status,
    ).replace(b"2026-11-24T08:59:59.000Z", iso(at).encode())


async def tell(account, of, *, status="ACCEPTED", said=timedelta(minutes=5), came=None):
    """Have a delivery about the row arrive that was said so long ago."""
    at = clock() - (said if came is None else came)
    body = said_by(of, status=status, at=clock() - said)
    kept = await account.world.intake.keep(account.id, body, at)
    await deliveries.drain(account.world.database, now=at)
    assert (await account.world.delivery(kept.id)).state == "done"
    return kept.id


async def found(account, *rows):
    """The drift that a reconcile of these rows finds."""

    def answer(path, query):
        if path.startswith("/bookings/"):
            return 404, {}
        return 200, {"data": list(rows) if path == "/bookings" else []}

    async with answering(answer) as url:
        await account.aim(url)
        run = await account.ask()
    assert run.error is None
    return await account.drift(run)


async def test_what_no_delivery_told_is_lost(account):
    assert await found(account, row()) == [("lost", "booking1")]
    assert await found(account, row()) == []


async def test_what_a_delivery_told_in_time_is_no_drift(account):
    booked = row()
    await tell(account, booked)

    assert await found(account, booked) == []


async def test_a_change_after_the_newest_delivery_is_lost(account):
    booked = row(changed=timedelta(hours=2))
    await tell(account, booked, said=timedelta(hours=2))

    assert await found(account, row(status="cancelled")) == [("lost", "booking1")]


async def test_a_delivery_that_the_api_denies_is_untrue(account):
    booked = row(changed=timedelta(hours=2))
    await tell(account, booked, status="CANCELLED", said=timedelta(minutes=30))

    assert await found(account, booked) == [("untrue", "booking1")]


async def test_a_delivery_on_its_way_for_over_a_minute_is_late_and_is_counted_once(account):
    booked = row(changed=timedelta(minutes=14))
    await tell(account, booked, said=timedelta(minutes=14), came=timedelta(minutes=2))

    assert await found(account, booked) == [("late", "booking1")]
    assert await found(account, booked) == []


async def test_a_delivery_that_comes_after_a_newer_one_is_out_of_order(account):
    booked = row(changed=timedelta(minutes=3), status="cancelled")
    await tell(account, booked, status="CANCELLED", said=timedelta(seconds=30))
    await tell(account, booked, said=timedelta(seconds=50), came=timedelta(seconds=20))

    assert await found(account, booked) == [("out_of_order", "booking1")]


async def test_a_delivery_that_seemed_lost_and_comes_is_not_lost(account):
    booked = row(changed=timedelta(seconds=2))
    assert await found(account, booked) == [("lost", "booking1")]
    await tell(account, booked, said=timedelta(seconds=1), came=timedelta(seconds=0))

    assert await found(account, booked) == []
    assert await account.execute("SELECT FROM drift") == []


async def test_a_delivery_that_waits_while_cal_com_is_asked_is_not_lost(account):
    booked = row(changed=timedelta(minutes=3))
    body = said_by(booked, at=clock() - timedelta(minutes=3))
    kept_at = clock() - timedelta(minutes=3)
    await account.world.intake.keep(account.id, body, kept_at)
    await found(account, booked)
    await deliveries.drain(account.world.database, now=clock())

    assert await found(account, booked) == []
    assert await account.execute("SELECT FROM drift") == []


async def test_a_booking_that_was_there_before_we_were_is_not_lost(account):
    assert await found(account, row(changed=timedelta(days=31))) == []


async def test_a_booking_that_was_moved_is_told_of_by_the_one_it_became(account):
    old, new = row("old", changed=timedelta(hours=2)), row("new", number=8)
    await tell(account, old, said=timedelta(hours=2))
    new["rescheduledFromUid"] = "old"
    old = {**old, "status": "cancelled", "rescheduledToUid": "new", "updatedAt": iso(clock())}

    assert await found(account, old, new) == [("lost", "new")]


async def test_the_receiver_off_for_hours_heals_and_the_gap_is_known(account, calcom):
    await account.aim(calcom.api_url)
    row_ = await account.invited()
    calcom.control("webhooks", enabled=False)
    booked = calcom.book(token=row_.link.token)
    calcom.cancel(booked["uid"])
    began = clock()

    run = await account.ask()

    assert (await account.world.row(row_.id)).status.value == "cancelled"
    assert await account.drift(run) == [("lost", booked["uid"])]
    async with account.world.database.transaction() as tx:
        first, last = await drift.gap(tx, run.id)
    assert began - MINUTE < first <= last < clock()


def test_words_say_what_was_off():
    said = told(at=NOW)

    for took, words in [(3 * HOUR, "3 h"), (90 * MINUTE, "90 min")]:
        (late,) = drift.tardy((1, "x"), [drift.Heard(said, NOW + took, 3)])
        assert late.what == f"Delivery 3 took {words} to arrive."
