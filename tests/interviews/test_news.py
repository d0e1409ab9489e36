"""What is said once: the same news never goes out twice, whatever is repeated."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from builders import DAY, HOUR, MINUTE, NOW, delivery, meeting
from greenroom.bookings import actions as bookings
from greenroom.bookings import standing
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.database import metadata
from greenroom.deliveries import actions as deliveries
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.interviews import actions as interviews
from greenroom.interviews import sending
from greenroom.interviews.model import Interview, MeetingStatus, Outcome, Standing, Status
from greenroom.interviews.news import Kind, news

pytestmark = pytest.mark.anyio

OFFER = Offer(
    calcom_id=1,
    slug="intro-call",
    title="Intro call",
    length_minutes=30,
    booking_url="https://cal.example/mara/intro-call",
)


def interview(status=Status.PENDING, of=None):
    return Interview(
        id=1,
        candidate_id=1,
        event_type_id=1,
        owner="Robin",
        status=status,
        status_since=NOW,
        attention=frozenset(),
        withdrawn_at=None,
        said=None,
        said_of=None,
        turns_at=None,
        meeting=of,
        reschedules=0,
        created_at=NOW,
        updated_at=NOW,
    )


def kind_of(was, is_):
    found = news(was, is_)
    return found and found.kind


LATER = meeting(starts_at=NOW + 2 * DAY, ends_at=NOW + 2 * DAY + HOUR)
NEXT = replace(LATER, uid="booking2")
ASKED = meeting(MeetingStatus.REQUESTED)


@pytest.mark.parametrize(
    ("was", "is_", "kind"),
    [
        (interview(), (Status.CONFIRMED, meeting()), Kind.CONFIRMED),
        (interview(), (Status.REQUESTED, ASKED), Kind.REQUESTED),
        (interview(Status.REQUESTED, ASKED), (Status.CONFIRMED, meeting()), Kind.CONFIRMED),
        (interview(Status.CONFIRMED, meeting()), (Status.CONFIRMED, NEXT), Kind.MOVED),
        (interview(Status.CONFIRMED, meeting()), (Status.CONFIRMED, LATER), Kind.MOVED),
        (interview(Status.REQUESTED, ASKED), (Status.CONFIRMED, NEXT), Kind.MOVED),
        (interview(Status.CONFIRMED, meeting()), (Status.CANCELLED, meeting()), Kind.CANCELLED),
        (interview(Status.CANCELLED, meeting()), (Status.CONFIRMED, NEXT), Kind.CONFIRMED),
        (interview(Status.REQUESTED, ASKED), (Status.DECLINED, ASKED), Kind.DECLINED),
        (interview(Status.DONE, meeting()), (Status.NO_SHOW, meeting()), Kind.NO_SHOW),
        (interview(Status.CONFIRMED, meeting()), (Status.CONFIRMED, meeting()), None),
        (interview(Status.CONFIRMED, meeting()), (Status.DONE, meeting()), None),
        (interview(), (Status.EXPIRED, None), None),
    ],
)
def test_a_change_says_one_thing_or_nothing(was, is_, kind):
    status, booked = is_

    assert kind_of(was, Standing(status, booked, None)) is kind


def test_the_same_time_is_the_same_news_and_another_time_is_not():
    first = news(interview(), Standing(Status.CONFIRMED, meeting(), None))
    again = news(interview(), Standing(Status.CONFIRMED, meeting(location="Room 2"), None))
    other = news(interview(), Standing(Status.CONFIRMED, LATER, None))

    assert first == again
    assert first != other


# On a real database, through the one door


async def everything_said(world):
    """All that people could notice twice, in the order of its making."""
    async with world.database.transaction() as tx:
        return {
            name: (await tx.execute(select(metadata.tables[name]).order_by(text("1, 2, 3")))).all()
            for name in ("interview_news", "letters", "interview_history")
        }


async def kinds(world, interview_id):
    async with world.database.transaction() as tx:
        return [kind for _, kind in await interviews.told(tx, interview_id)]


async def booked(world):
    """An interview whose candidate booked, moved the meeting, and cancelled it; its deliveries."""
    row = await world.send(await world.candidate(), await world.event_type())
    carried = {"metadata": {"greenroom": row.link.token}, "eventTypeId": 1}
    bodies = [
        delivery("BOOKING_CREATED", **carried),
        delivery(
            "BOOKING_RESCHEDULED",
            **carried,
            uid="booking2",
            bookingId=8,
            rescheduleUid="booking1",
            startTime="2026-11-26T10:00:00Z",
            endTime="2026-11-26T10:30:00Z",
        ),
        delivery("BOOKING_CANCELLED", uid="booking2", bookingId=8, status="CANCELLED"),
    ]
    said_at = [NOW - MINUTE, NOW, NOW + MINUTE]
    bodies = [
        json.dumps(json.loads(body) | {"createdAt": at.isoformat()}).encode()
        for body, at in zip(bodies, said_at, strict=True)
    ]
    for body, at in zip(bodies, said_at, strict=True):
        await world.deliver(body, at=at)
    return row, bodies


async def test_each_change_is_told_in_its_turn(world):
    row, _ = await booked(world)

    assert await kinds(world, row.id) == [Kind.CONFIRMED, Kind.MOVED, Kind.CANCELLED]


async def test_replaying_every_delivery_says_nothing_again(world):
    row, bodies = await booked(world)
    before = await everything_said(world)

    async with world.database.transaction() as tx:
        every = (await tx.execute(text("SELECT id FROM deliveries"))).scalars().all()
        assert await deliveries.replay(tx, every) == len(bodies)
    while await deliveries.drain(world.database, now=NOW + HOUR):
        pass
    await world.deliver(*reversed(bodies), at=NOW + 2 * HOUR)

    assert await everything_said(world) == before
    assert (await world.row(row.id)).status is Status.CANCELLED


async def test_what_was_forgotten_and_is_found_again_is_no_news(world):
    """A lost row of bookings, computed again from its facts, must not write to anybody."""
    row, _ = await booked(world)
    before = await everything_said(world)

    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE interviews SET status = 'pending', booking_uid = NULL"))
        await bookings.restand(tx, [row.id], now=NOW + HOUR)

    assert (await world.row(row.id)).status is Status.CANCELLED
    assert await everything_said(world) == before


async def test_news_of_a_booking_known_by_its_number_stays_said_when_its_uid_comes(world):
    row = await world.send(await world.candidate(), await world.event_type())
    guide = {
        "trigger": "BOOKING_CONFIRMED",
        "data": {
            "id": "7",
            "bookingId": "7",
            "startTime": "2026-11-25T10:00:00Z",
            "endTime": "2026-11-25T10:30:00Z",
            "attendees": [{"email": "ada@example.org"}],
        },
    }
    await world.deliver(json.dumps(guide).encode(), at=NOW)
    assert await kinds(world, row.id) == [Kind.CONFIRMED]

    await world.deliver(delivery("BOOKING_CREATED"), at=NOW + timedelta(minutes=1))

    found = await world.row(row.id)
    assert (found.interview.meeting.uid, found.status) == ("booking1", Status.CONFIRMED)
    assert await kinds(world, row.id) == [Kind.CONFIRMED]


async def test_a_seat_that_is_taken_again_is_news_again(world):
    """It is the same booking at the same time, and its candidate was told Cancelled between."""
    row = await world.send(await world.candidate(), await world.event_type())
    seat = {"seatsPerTimeSlot": 5, "metadata": {"greenroom": row.link.token}, "eventTypeId": 1}
    for minute, trigger in enumerate(
        ["BOOKING_CREATED", "BOOKING_CANCELLED", "BOOKING_CREATED", "BOOKING_CANCELLED"]
    ):
        at = NOW + minute * MINUTE
        body = json.loads(delivery(trigger, **seat)) | {"createdAt": at.isoformat()}
        await world.deliver(json.dumps(body).encode(), at=at)

    told = [Kind.CONFIRMED, Kind.CANCELLED, Kind.CONFIRMED, Kind.CANCELLED]
    assert await kinds(world, row.id) == told


async def test_time_alone_is_no_news(world):
    row, _ = await booked(world)
    other = await world.send(await world.candidate("Bob", "bob@example.org"), row.event_type)
    before = await kinds(world, other.id)

    async with world.database.transaction() as tx:
        await standing.turn(tx, now=NOW + 400 * DAY)

    assert (await world.row(other.id)).status is Status.EXPIRED
    assert await kinds(world, other.id) == before == []


async def test_when_a_meeting_is_over_the_one_ahead_counts(world):
    """Two bookings of one interview: time alone must not hide the second one."""
    row = await world.send(await world.candidate(), await world.event_type())
    carried = {"metadata": {"greenroom": row.link.token}, "eventTypeId": 1}
    later = {"startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T10:30:00Z"}
    await world.deliver(
        delivery("BOOKING_CREATED", **carried),
        delivery("BOOKING_REQUESTED", **carried, **later, uid="booking2", bookingId=8),
    )
    assert (await world.row(row.id)).interview.meeting.uid == "booking1"

    async with world.database.transaction() as tx:
        await standing.turn(tx, now=NOW + 2 * DAY)

    found = await world.row(row.id)
    assert (found.status, found.interview.meeting.uid) == (Status.REQUESTED, "booking2")


async def test_what_a_person_says_of_one_meeting_does_not_hide_the_next(world):
    row = await world.send(await world.candidate(), await world.event_type())
    carried = {"metadata": {"greenroom": row.link.token}, "eventTypeId": 1}
    later = {"startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T10:30:00Z"}
    await world.deliver(
        delivery("BOOKING_CREATED", **carried),
        delivery("BOOKING_REQUESTED", **carried, **later, uid="booking2", bookingId=8),
    )

    async with world.database.transaction() as tx:
        said = {"by": "Robin", "now": NOW + 2 * DAY}
        await interviews.say_outcome(tx, row.id, Outcome.CANDIDATE_NO_SHOW, **said)
    async with world.database.transaction() as tx:
        await standing.turn(tx, now=NOW + 2 * DAY)

    found = await world.row(row.id)
    assert (found.status, found.interview.meeting.uid) == (Status.REQUESTED, "booking2")


async def test_the_api_tells_the_news_of_an_interview(house):
    reader = await house.token()
    async with house.parts.database.transaction() as tx:
        await event_types.mirror(tx, house.connection_id, [OFFER])
        (offered,) = await event_types.offered(tx)
        ada = await candidates.add(tx, Draft(name="Ada", addresses=("ada@example.org",)), NOW)
        sent = await sending.send(tx, [ada.id], offered.id, by="Robin", now=NOW - DAY)
    await house.deliver(delivery("BOOKING_CREATED"))
    await deliveries.drain(house.parts.database, now=NOW)

    address = f"/api/admin/scheduling/interviews/{sent.interview_ids[0]}"
    found = (await house.http.get(address, headers=reader)).json()

    assert found["news"] == [{"kind": "confirmed", "at": "2026-11-24T09:00:00Z"}]
