"""Bookings that only an address tells of end alike in whatever order and batches they are heard."""

import json
import random

import pytest

from builders import ADA, BOB, DAY, HOUR, MINUTE, NOW, answered, delivery
from greenroom.bookings import actions as bookings
from greenroom.bookings import store
from greenroom.bookings.model import Fact, Status, Told
from greenroom.calcom import webhook
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Attention
from greenroom.interviews.model import Status as InterviewStatus

pytestmark = pytest.mark.anyio

HISTORIES = 24
ORDERS = 4
"""In which each history is told, besides its own."""


def own_format(trigger, number, minute, *, event_type, **payload):
    """Cal.com's own delivery about a booking, without our token."""
    body = delivery(
        trigger,
        uid=f"u{number}",
        bookingId=number,
        eventTypeId=event_type,
        startTime=f"{NOW + number * DAY:%Y-%m-%dT10:00:00Z}",
        endTime=f"{NOW + number * DAY:%Y-%m-%dT10:30:00Z}",
        **payload,
    )
    body = body.replace(b"08:59:59", f"09:{minute:02}:00".encode())
    return list(webhook.read(body, received_at=NOW + HOUR).facts)


def guides_format(trigger, number, minute, **_):
    """A delivery as the guide has it: no uid, no event type."""
    data = {
        "id": str(number),
        "bookingId": str(number),
        "startTime": f"{NOW + number * DAY:%Y-%m-%dT10:00:00Z}",
        "endTime": f"{NOW + number * DAY:%Y-%m-%dT10:30:00Z}",
        "attendees": [{"email": ADA.email}],
        "responses": {"email": ADA.email},
    }
    body = json.dumps({"trigger": trigger, "data": data}).encode()
    return list(webhook.read(body, received_at=NOW + minute * MINUTE).facts)


def api(number, status, minute, **claims):
    starts_at = (NOW + number * DAY).replace(hour=10)
    return answered(
        status,
        NOW + 2 * HOUR,
        uid=f"u{number}",
        calcom_id=str(number),
        changed_at=NOW + minute * MINUTE,
        starts_at=starts_at,
        ends_at=starts_at + HOUR / 2,
        **claims,
    )


def history(chance: random.Random) -> list[Fact]:
    """Booked, cancelled and booked again; at last the API says of each how it stands."""
    said, event_type = [], chance.choice([1, 2])
    say, series = chance.choice(
        [(own_format, {}), (own_format, {"series": "s"}), (guides_format, {})]
    )
    many = {"recurringEvent": {"freq": 2, "count": 3}} if series else {}
    booked = "BOOKING_CONFIRMED" if say is guides_format else "BOOKING_CREATED"
    stands: dict[int, tuple[Status, int]] = {}
    for minute in range(1, chance.randint(3, 6)):
        live = [number for number, (status, _) in stands.items() if status is Status.CONFIRMED]
        if live and chance.random() < 0.5:
            number, trigger, status = chance.choice(live), "BOOKING_CANCELLED", Status.CANCELLED
        elif len(stands) < 3:
            number, trigger, status = len(stands) + 1, booked, Status.CONFIRMED
        else:
            continue
        stands[number] = (status, minute)
        word = "ACCEPTED" if status is Status.CONFIRMED else "CANCELLED"
        said += say(trigger, number, minute, event_type=event_type, status=word, **many)
    return said + [
        api(number, status, minute, event_type_id=event_type, **series)
        for number, (status, minute) in stands.items()
    ]


async def end(world, batches):
    """Where all stands after these; it is forgotten again."""
    async with world.database.transaction() as tx, tx.begin_nested() as savepoint:
        for batch in batches:
            told = [Told(connection_id=world.connection_id, fact=fact) for fact in batch]
            await bookings.record(tx, told, now=NOW + 3 * HOUR)
        keys = [(world.connection_id, name) for n in range(1, 4) for name in (f"u{n}", f"id:{n}")]
        kept = await store.get(tx, keys)
        known = await interviews.by_ids(tx, range(1, 9))
        await savepoint.rollback()
    return (
        {
            uid: (each.booking, {m.interview_id for m in each.matches}, each.is_unmatched)
            for (_, uid), each in kept.items()
        },
        {
            id_: (each.status, each.meeting and each.meeting.uid, each.attention)
            for id_, each in known.items()
        },
    )


def batched(facts, chance):
    left, found = chance.sample(facts, len(facts)), []
    while left:
        many = chance.choice([1, 1, 2, 6])
        found.append(left[:many])
        left = left[many:]
    return found


@pytest.fixture
async def ada(world):
    """Ada's interview of event type 1; Bob has one too."""
    kind = await world.event_type()
    await world.event_type(2, "deep-dive")
    await world.send(await world.candidate("Bob Moses", BOB.email), kind)
    return await world.send(await world.candidate(), kind)


async def test_random_histories_end_alike_however_they_are_told(world, ada):
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        facts = history(chance)
        expected = await end(world, [[fact] for fact in facts])
        stands = [fact.status for fact in facts if fact.source == "api"]
        live = Status.CONFIRMED in stands
        assert (expected[1][ada.id][0] is InterviewStatus.CONFIRMED) is live, seed
        for _ in range(ORDERS):
            batches = batched(facts, chance)
            assert await end(world, batches) == expected, (seed, batches)


@pytest.mark.parametrize("together", [True, False])
async def test_cancelled_and_booked_anew_is_confirmed_though_both_are_heard_at_once(
    world, ada, together
):
    first = own_format("BOOKING_CREATED", 1, 1, event_type=2, status="ACCEPTED")
    page = [api(1, Status.CANCELLED, 2), api(2, Status.CONFIRMED, 3)]

    found, standing = await end(world, [first, page] if together else [first, *([p] for p in page)])

    assert [found[uid][1] for uid in ("u1", "u2")] == [{ada.id}, {ada.id}]
    assert standing[ada.id] == (InterviewStatus.CONFIRMED, "u2", frozenset())


@pytest.mark.parametrize("series", [None, "s"])
async def test_a_second_live_booking_is_flagged_and_a_series_is_one(world, ada, series):
    both = [api(n, Status.CONFIRMED, n, event_type_id=2, series=series) for n in (1, 2)]

    for batches in ([both], [both[:1], both[1:]], [both[1:], both[:1]]):
        found, standing = await end(world, batches)
        assert [found[uid][1] for uid in ("u1", "u2")] == [{ada.id}, {ada.id}]
        assert standing[ada.id][2] == (frozenset() if series else {Attention.SECOND_BOOKING})


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.CANCELLED])
@pytest.mark.parametrize("together", [True, False])
async def test_an_interview_whose_meeting_was_over_gets_no_later_booking(
    world, ada, together, status
):
    """Unless that meeting never was, which may be heard together with the booking."""
    past = {"starts_at": NOW - DAY, "ends_at": NOW - DAY + HOUR, "event_type_id": 1}
    first = answered(status, NOW + 2 * HOUR, uid="u1", changed_at=NOW - 3 * DAY, **past)
    second = api(2, Status.CONFIRMED, 3, event_type_id=1)

    found, _ = await end(world, [[first, second]] if together else [[first], [second]])

    over = status is Status.CONFIRMED
    assert found["u2"][1:] == ((set(), True) if over else ({ada.id}, False))
