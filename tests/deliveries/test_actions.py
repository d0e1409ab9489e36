"""Deliveries through the whole house: kept, taken in, matched, shown."""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import NOW, answered, delivery, fixture, recorded
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Status as BookingStatus
from greenroom.bookings.model import Told
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.actions import State
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Attention, Status

pytestmark = pytest.mark.anyio

LATER = NOW + timedelta(hours=1)


async def projection(database: Database) -> str:
    """What is known of all bookings, without the order and the times in which we heard of it."""
    query = (
        "SELECT to_jsonb(b) - '{first_heard_at,changed_at}'::text[] FROM bookings b ORDER BY uid"
    )
    async with database.transaction() as tx:
        rows = list((await tx.execute(text(query))).scalars())
    return json.dumps(rows, sort_keys=True)


async def settle(world, names):
    """One body after the other, each by itself."""
    for name in names:
        await world.deliver(fixture(name), at=LATER)


def shuffled(seed):
    names = list(recorded())
    random.Random(seed).shuffle(names)
    return names


async def test_recorded_deliveries_end_in_the_same_bookings_in_any_order(
    world, database, other_worlds
):
    await settle(world, recorded())
    expected = await projection(database)

    orders = {
        "reversed": list(reversed(recorded())),
        "shuffled": shuffled(1),
        "shuffled again": shuffled(2),
        "with a second helping": [*recorded(), *shuffled(3)],
        "each twice": [name for name in recorded() for _ in range(2)],
    }
    for how, names in orders.items():
        other = await other_worlds()
        await settle(other, names)
        assert await projection(other.database) == expected, how

    assert json.loads(expected)


async def test_recorded_deliveries_taken_in_as_one_batch_end_the_same(
    world, database, other_worlds
):
    await settle(world, recorded())
    other = await other_worlds()
    await other.deliver(*(fixture(name) for name in recorded()), at=LATER)

    assert await projection(other.database) == await projection(database)


async def test_the_guides_sample_confirms_a_pending_interview(world):
    candidate = await world.candidate("Candidate Example", "candidate@example.com")
    row = await world.send(candidate, await world.event_type())

    assert row.status is Status.PENDING

    [id_] = await world.deliver(fixture("guide__booking_confirmed"), at=row.interview.created_at)

    row = await world.row(row.id)
    assert row.interview.meeting is not None
    assert row.interview.meeting.status == "confirmed"
    done = await world.delivery(id_)
    assert done.state is State.DONE
    assert "confirmed" in done.outcome


async def test_a_booking_with_our_token_turns_its_interview_green(world):
    row = await world.send(await world.candidate(), await world.event_type())

    await world.deliver(delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED"))

    row = await world.row(row.id)
    assert row.status is Status.CONFIRMED
    assert row.interview.meeting.uid == "booking1"
    assert row.interview.attention == frozenset()


async def test_a_moved_booking_stays_the_same_interview_whatever_comes_first(world):
    row = await world.send(await world.candidate(), await world.event_type())
    first = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    second = delivery(
        "BOOKING_RESCHEDULED",
        uid="booking2",
        bookingId=8,
        rescheduleUid="booking1",
        startTime="2026-11-26T10:00:00Z",
        endTime="2026-11-26T10:30:00Z",
        attendees=[{"name": "Ada", "email": "somebody@else.example"}],
        status="ACCEPTED",
    )

    await world.deliver(second)
    await world.deliver(first)

    row = await world.row(row.id)
    assert (row.status, row.interview.meeting.uid) == (Status.CONFIRMED, "booking2")
    assert row.interview.reschedules == 1
    assert row.interview.attention == {Attention.OTHER_ADDRESS}


async def test_a_second_booking_on_one_link_is_flagged_and_both_are_kept(world, database):
    row = await world.send(await world.candidate(), await world.event_type())
    ours = {"greenroom": row.link.token}

    await world.deliver(
        delivery(metadata=ours, status="ACCEPTED"),
        delivery(uid="booking2", bookingId=8, metadata=ours, status="ACCEPTED"),
    )

    row = await world.row(row.id)
    assert row.interview.attention == {Attention.SECOND_BOOKING}
    assert len(json.loads(await projection(database))) == 2


async def test_a_booking_known_by_its_number_joins_its_uid(world, database):
    candidate = await world.candidate("Candidate Example", "candidate@example.com")
    row = await world.send(candidate, await world.event_type())

    await world.deliver(fixture("guide__booking_confirmed"))
    await world.deliver(
        delivery(uid="real-uid", bookingId=123456, metadata={"greenroom": row.link.token})
    )

    [booking] = json.loads(await projection(database))
    assert booking["uid"] == "real-uid"
    async with database.transaction() as tx:
        assert (await bookings.get(tx, "real-uid")).match.interview_id == row.id

    await world.deliver(fixture("guide__booking_confirmed"))

    assert [each["uid"] for each in json.loads(await projection(database))] == ["real-uid"]


async def test_an_unknown_trigger_is_kept_and_explained(world):
    [id_] = await world.deliver(delivery("SOMETHING_NEW"))

    found = await world.delivery(id_)
    assert found.state is State.UNREAD
    assert "SOMETHING_NEW" in found.outcome
    assert found.body == delivery("SOMETHING_NEW")


async def test_one_delivery_that_fails_holds_up_no_other(world, database, monkeypatch):
    real = deliveries.webhook.read

    def read(body, *, received_at):
        if b"poison" in body:
            message = "this one breaks"
            raise RuntimeError(message)
        return real(body, received_at=received_at)

    monkeypatch.setattr(deliveries.webhook, "read", read)

    good, bad, other = await world.deliver(
        delivery(), delivery(uid="poison"), delivery(uid="booking3", bookingId=9)
    )

    states = [(await world.delivery(id_)).state for id_ in (good, bad, other)]
    assert states == [State.DONE, State.FAILED, State.DONE]
    assert "this one breaks" in (await world.delivery(bad)).outcome


async def test_a_delivery_that_keeps_failing_is_dead_and_can_be_replayed(
    world, database, monkeypatch
):
    def broken(body, *, received_at):
        raise MemoryError

    with monkeypatch.context() as broken_version:
        broken_version.setattr(deliveries.webhook, "read", broken)
        [id_] = await world.deliver(delivery())
        for days in range(1, deliveries.MOST_ATTEMPTS + 3):
            await deliveries.drain(database, now=NOW + timedelta(days=days))
        dead = await world.delivery(id_)

    assert (dead.state, dead.attempts) == (State.DEAD, deliveries.MOST_ATTEMPTS)

    async with database.transaction() as tx:
        await deliveries.replay(tx, [id_])
    await deliveries.drain(database, now=NOW)

    assert (await world.delivery(id_)).state is State.DONE


async def test_the_attempt_is_counted_before_the_body_is_read(world, database, monkeypatch):
    class Killed(BaseException):
        pass

    def read(body, *, received_at):
        raise Killed

    monkeypatch.setattr(deliveries.webhook, "read", read)
    [id_] = [(await world.intake.keep(world.connection_id, delivery(), NOW)).id]
    with pytest.raises(Killed):
        await deliveries.drain(database, now=NOW)

    found = await world.delivery(id_)
    assert (found.state, found.attempts) == (State.NEW, 1)


async def test_replaying_everything_changes_nothing(world, database):
    ids = await world.deliver(*(fixture(name) for name in recorded()), at=LATER)
    before = await projection(database)

    async with database.transaction() as tx:
        await deliveries.replay(tx, ids)
    while await deliveries.drain(database, now=LATER):
        pass

    assert await projection(database) == before


async def replay(world, *ids):
    async with world.database.transaction() as tx:
        await deliveries.replay(tx, ids)
    while await deliveries.drain(world.database, now=LATER):
        pass


async def test_a_delivery_that_is_replayed_still_says_what_it_did_at_first(world):
    (id_,) = await world.deliver(delivery("BOOKING_CREATED"))
    first = (await world.delivery(id_)).outcome
    assert first.endswith("It was the first we heard of it.")

    for _ in range(2):
        await replay(world, id_)
        while await deliveries.drain(world.database, now=LATER):
            pass

    assert (await world.delivery(id_)).outcome == f"{first} Replayed since: nothing changed."


async def test_a_delivery_says_that_somebody_was_absent(world):
    no_show = {
        "attendees": [{"email": "ada@example.org", "noShow": True}],
        "bookingUid": "booking1",
    }
    body = json.loads(delivery("BOOKING_NO_SHOW_UPDATED")) | {"payload": no_show}

    await world.deliver(delivery("BOOKING_CREATED"))
    (id_,) = await world.deliver(json.dumps(body).encode())

    assert (await world.delivery(id_)).outcome.endswith("It counts as a no-show.")


async def test_a_misreading_is_mended_by_a_replay(world, database, monkeypatch):
    row = await world.send(await world.candidate(), await world.event_type())
    real = deliveries.webhook.read

    def misread(body, *, received_at):
        reading = real(body, received_at=received_at)
        wrong = [
            replace(fact, uid=f"not-{fact.uid}", status=BookingStatus.CANCELLED)
            for fact in reading.facts
        ]
        return replace(reading, facts=[*wrong, replace(reading.facts[0], title="Wrong")])

    with monkeypatch.context() as broken_version:
        broken_version.setattr(deliveries.webhook, "read", misread)
        ids = await world.deliver(
            delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED", title="Intro call")
        )
    found = json.loads(await projection(database))
    assert [each["uid"] for each in found] == ["booking1", "not-booking1"]

    await replay(world, *ids)

    [booking] = json.loads(await projection(database))
    assert (booking["uid"], booking["details"]["title"]) == ("booking1", "Intro call")
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_booking_that_no_delivery_tells_of_any_more_goes(world, database):
    row = await world.send(await world.candidate(), await world.event_type())
    ours = {"greenroom": row.link.token}
    [first] = await world.deliver(delivery(metadata=ours, status="ACCEPTED"))
    [second] = await world.deliver(
        delivery("BOOKING_RESCHEDULED", uid="booking2", bookingId=8, rescheduleUid="booking1")
    )
    assert (await world.row(row.id)).interview.meeting.uid == "booking2"

    async with database.transaction() as tx:
        await bookings.record(tx, [], deliveries=[second], now=LATER)

    after = (await world.row(row.id)).interview
    assert (after.status, after.meeting.uid) == (Status.CONFIRMED, "booking1")
    assert after.reschedules == 0

    async with database.transaction() as tx:
        await bookings.record(tx, [], deliveries=[first], now=LATER)

    assert (await world.row(row.id)).status is Status.PENDING
    assert json.loads(await projection(database)) == []


async def test_a_delivery_by_number_says_what_it_did_to_the_uid(world):
    await world.deliver(delivery(uid="real-uid", bookingId=123456, status="REQUESTED"))

    [id_] = await world.deliver(fixture("guide__booking_confirmed"), at=LATER)

    assert "Nothing changed" not in (await world.delivery(id_)).outcome


async def everything(database):
    """Bookings, facts and interviews, each column of them."""
    query = (
        "SELECT to_jsonb(b) FROM bookings b UNION ALL SELECT to_jsonb(i) FROM interviews i "
        "UNION ALL SELECT to_jsonb(f) FROM facts f ORDER BY 1"
    )
    async with database.transaction() as tx:
        return list((await tx.execute(text(query))).scalars())


async def test_a_replay_moves_no_time_and_tells_no_page(world, database):
    row = await world.send(await world.candidate(), await world.event_type())
    ids = await world.deliver(delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED"))
    before, heard = await everything(database), set()
    database.heard = heard.update

    await replay(world, *ids)

    assert await everything(database) == before
    assert heard == {"delivery"}


async def test_the_same_answer_again_moves_only_the_age_of_what_we_know(world, database):
    row = await world.send(await world.candidate(), await world.event_type())
    heard = set()
    fact = answered(BookingStatus.CONFIRMED, changed_at=NOW, token=row.link.token)

    async def hear(at):
        told = Told(connection_id=world.connection_id, fact=replace(fact, as_of=at))
        async with database.transaction() as tx:
            await bookings.record(tx, [told], now=at)
            return await bookings.get(tx, fact.uid), await interviews.get(tx, row.id)

    booking, interview = await hear(NOW)
    database.heard = heard.update
    booking_later, interview_later = await hear(LATER)

    assert booking_later.booking.as_of == LATER
    assert booking_later.changed_at == booking.changed_at
    assert interview_later == interview
    assert heard == set()
