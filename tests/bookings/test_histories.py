"""What happened at Cal.com ends the same here, in whatever order and however often it is told.

The histories are made of what a running Cal.com sent and answered. Each goes through the pure
part in every order there is, and through the database in some, with answers mixed in.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, permutations

import pytest

from builders import HOUR, MINUTE, NOW, answer, delivery, fixture
from greenroom.bookings import actions as bookings
from greenroom.bookings import chains, store
from greenroom.bookings.fold import fold
from greenroom.bookings.model import Fact, Told
from greenroom.calcom import answers, webhook
from greenroom.interviews import actions as interviews
from greenroom.interviews import sending

SENT = datetime(2026, 11, 23, 15, 40, tzinfo=UTC)
"""After all that was recorded was sent."""
EVERY = {row["uid"]: row for row in answer("api__every_booking")}
JONAS = {"name": "Jonas Weber", "email": "jonas@client.example", "timeZone": "Europe/Berlin"}
AISHA = {"name": "Aisha", "email": "aisha@client.example", "timeZone": "Europe/Berlin"}
IVY = {"name": "Ivy", "email": "ivy@client.example", "timeZone": "Europe/Berlin"}
ORDERS = 5
"""How many orders of each history go through the database."""


def sent(*names: str) -> list[Fact]:
    """What recorded deliveries say."""
    readings = [webhook.read(fixture(name), received_at=SENT) for name in names]
    return [fact for reading in readings for fact in reading.facts]


def made(*bodies: bytes) -> list[Fact]:
    readings = [webhook.read(body, received_at=NOW + HOUR) for body in bodies]
    return [fact for reading in readings for fact in reading.facts]


def told_by_api(*uids: str, at: datetime = SENT, **changes: object) -> list[Fact]:
    return [answers.booking({**EVERY[uid], **changes}, fetched_at=at) for uid in uids]


def at(minute: int, trigger: str, **payload: object) -> bytes:
    """A delivery sent so many minutes after nine; the API has the same in `row`."""
    whole = {"attendees": [JONAS], "eventTypeId": 1, **payload}
    return delivery(trigger, **whole).replace(b"08:59:59", f"09:{minute:02}:00".encode())


def early(uid: str, trigger: str, who: dict[str, str], **payload: object) -> list[Fact]:
    """The first delivery about a recorded booking, where that was not recorded."""
    number, kind = int(EVERY[uid]["id"]), EVERY[uid]["eventType"]["id"]
    whole = {"bookingId": number, "eventTypeId": kind, "attendees": [who], **payload}
    return made(delivery(trigger, uid=uid, **whole).replace(b"2026-11-24T", b"2026-11-23T"))


def seat(minute: int, trigger: str, who: str, **payload: object) -> bytes:
    people = [{"name": who.title(), "email": f"{who}@client.example", "timeZone": "Europe/Berlin"}]
    ours = {"seatsPerTimeSlot": 3, "attendees": people, "eventTypeId": 4}
    return at(minute, trigger, **{"uid": "panel", "bookingId": 14, **ours, **payload})


def row(uid: str, status: str, minute: int, **changes: object) -> Fact:
    """What the API says of a booking made here, asked when its row changed."""
    changed = f"2026-11-24T09:{minute:02}:30.000Z"
    told = EVERY["19MZfnmY6DUzzpnGrQynuW" if "attendees" in changes else "gi5CCxXdEoLpxpjCp3Pk9V"]
    whole = {**told, "uid": uid, "id": None, "status": status, "updatedAt": changed, **changes}
    return answers.booking(whole, fetched_at=datetime.fromisoformat(changed) + 2 * HOUR)


def seated(*who: str) -> list[dict[str, object]]:
    return [{"name": each, "email": f"{each}@client.example", "seatUid": each} for each in who]


HISTORIES: dict[str, list[Fact]] = {
    "requested, confirmed, moved by the candidate, confirmed again": [
        *sent("booking_requested__new", "booking_created__after_confirm"),
        *sent("booking_requested__approved_one_moved", "booking_created__after_confirm_of_moved"),
        *told_by_api("326xx4rApGvhJDJpZP16Pe", "cLY8AAA3VRS4Lw4YZrXAYM"),
    ],
    "moved twice, then cancelled": [
        *sent("booking_created__no_secret", "booking_rescheduled__by_attendee"),
        *sent("booking_cancelled__after_two_reschedules"),
        *told_by_api("dQzHTHKVP7YZPbzDHCdmQL", "53vSjXPbLDzcbeixE8ekP5"),
        *told_by_api("71pkmeK3mbTi3jqUkMRLCj"),
    ],
    "requested, declined": [
        *early("4QvnYFzhNWZhZuHhrM4Ch8", "BOOKING_REQUESTED", AISHA, status="PENDING"),
        *sent("booking_rejected__by_host"),
        *told_by_api("4QvnYFzhNWZhZuHhrM4Ch8"),
    ],
    "two seats, one given back": [
        *sent("booking_created__seat_1", "booking_created__seat_2", "booking_cancelled__last_seat"),
        answers.booking(answer("api__seats")[0], fetched_at=SENT - 15 * MINUTE),
        *told_by_api("1x6NpzzsLzguhw29By6DPY"),
    ],
    "two seats, one moved elsewhere, the API mixed in": [
        *made(seat(1, "BOOKING_CREATED", "jonas"), seat(2, "BOOKING_CREATED", "aisha")),
        *made(
            seat(3, "BOOKING_RESCHEDULED", "aisha", uid="next", bookingId=15, rescheduleUid="panel")
        ),
        row("panel", "accepted", 4, attendees=seated("jonas"), rescheduledToUid="next"),
        row("next", "accepted", 4, attendees=seated("aisha"), rescheduledFromUid="panel"),
    ],
    "a seat given back and taken again": [
        *made(seat(1, "BOOKING_CREATED", "jonas"), seat(2, "BOOKING_CREATED", "aisha")),
        *made(seat(3, "BOOKING_CANCELLED", "jonas", status="CANCELLED")),
        *made(seat(5, "BOOKING_CREATED", "jonas", title="again")),
        row("panel", "accepted", 4, attendees=seated("aisha")),
    ],
    "nobody came": [
        *early("mAaQYzV9Hgo7rkfa2XtHXR", "BOOKING_CREATED", IVY, status="ACCEPTED"),
        *sent("booking_no_show_updated__attendee_marked"),
        *told_by_api("mAaQYzV9Hgo7rkfa2XtHXR"),
        answers.booking(answer("api__attendee_absent")[0], fetched_at=SENT + HOUR),
    ],
    "paid": [
        *sent("booking_payment_initiated__recorded", "booking_paid__recorded"),
        *sent("booking_created__after_payment"),
        *told_by_api("enu2QscAgL3f6iKMtf2RFm"),
    ],
    "the host asks for another time, and gets one": [
        *sent("booking_cancelled__another_time_asked", "booking_rescheduled__after_request"),
        *told_by_api("fYj2MNRFGSpFpqFuYHQS5W", "91gpLCUkqpaEcF2yTTY3ze"),
        *told_by_api("ugGHLNot7ECHoreQF3UC9y", rescheduledToUid=None),
        *told_by_api("ugGHLNot7ECHoreQF3UC9y", at=SENT + HOUR),
    ],
    "moved three times": [
        *made(at(1, "BOOKING_CREATED", uid="one", bookingId=1)),
        *made(at(2, "BOOKING_RESCHEDULED", uid="two", bookingId=2, rescheduleUid="one")),
        *made(at(3, "BOOKING_RESCHEDULED", uid="three", bookingId=3, rescheduleUid="two")),
        *made(at(4, "BOOKING_RESCHEDULED", uid="four", bookingId=4, rescheduleUid="three")),
        row("one", "cancelled", 2, rescheduledToUid="two"),
        row("three", "cancelled", 4, rescheduledToUid="four", rescheduledFromUid="two"),
    ],
    "cancelled and booked anew": [
        *made(at(1, "BOOKING_CREATED", uid="one", bookingId=1, status="ACCEPTED")),
        *made(at(2, "BOOKING_CANCELLED", uid="one", bookingId=1, status="CANCELLED")),
        *made(at(3, "BOOKING_CREATED", uid="two", bookingId=2, status="ACCEPTED")),
        row("one", "cancelled", 2),
        row("two", "accepted", 3),
    ],
    "a series, cancelled at once": [
        *sent("booking_created__series_1_of_3", "booking_created__series_2_of_3"),
        *sent("booking_created__series_3_of_3", "booking_cancelled__series"),
        *told_by_api("qpryhi7oSRxcx2q5L3QebP", "pu6w29JTuj1rm6fcsfRAta"),
    ],
    "two that replace each other": [
        *made(at(1, "BOOKING_CREATED", uid="one", bookingId=1, status="ACCEPTED")),
        *made(at(2, "BOOKING_RESCHEDULED", uid="two", bookingId=2, rescheduleUid="one")),
        *made(at(3, "BOOKING_RESCHEDULED", uid="one", bookingId=1, rescheduleUid="two")),
        row("two", "accepted", 4),
    ],
}


def pure(facts: Sequence[Fact]) -> object:
    """All that is computed from facts without a database."""
    of: dict[str, list[Fact]] = {}
    for fact in facts:
        of.setdefault(fact.uid, []).append(fact)
    folded = {(1, uid): fold(said) for uid, said in of.items()}
    claimed: dict[chains.Link, datetime] = {}
    for said in of.values():
        for link, when in chains.links(1, said).items():
            claimed[link] = min(when, claimed.get(link, when))
    return folded, claimed, chains.moved(claimed, folded)


@pytest.mark.parametrize("name", HISTORIES)
def test_every_order_of_a_history_is_computed_alike(name):
    facts = HISTORIES[name]
    assert len(facts) <= 6

    for length in range(1, len(facts) + 1):
        # Parts of it first: what fails is then the smallest that can.
        for part in combinations(facts, length):
            expected = pure(part)
            for order in permutations(part):
                assert pure(order) == expected, [said(fact) for fact in order]
            assert pure([*part, *part[::-1]]) == expected


def said(fact: Fact) -> str:
    """A fact in a line."""
    return f"{fact.source} {fact.uid} {fact.as_of:%H:%M:%S} {fact.status} {fact.digest[:6]}"


@dataclass(frozen=True)
class Stage:
    """A Greenroom in which the people of the recordings are invited."""

    world: object

    async def end(self, facts: Sequence[Fact], *, together: bool = False) -> object:
        """Take these in, one after the other, and say where everything stands; forget it."""
        async with self.world.database.transaction() as tx, tx.begin_nested() as savepoint:
            for batch in [facts] if together else [[fact] for fact in facts]:
                told = [Told(connection_id=self.world.connection_id, fact=f) for f in batch]
                await bookings.record(tx, told, now=NOW)
            found = await self._dump(tx, {fact.uid for fact in facts})
            await savepoint.rollback()
        return found

    async def _dump(self, tx, uids):
        kept = await store.get(tx, [(self.world.connection_id, uid) for uid in uids])
        rows = {
            uid: (
                each.booking,
                {(match.interview_id, match.address) for match in each.matches},
                each.is_moved,
                each.is_unmatched,
            )
            for (_, uid), each in sorted(kept.items())
        }
        known = await interviews.by_ids(tx, range(1, 40))
        return rows, {
            id_: (
                each.status,
                each.meeting and (each.meeting.uid, each.meeting.status, each.meeting.starts_at),
                each.reschedules,
                each.attention,
            )
            for id_, each in sorted(known.items())
        }

    async def smallest(self, order: Sequence[Fact], facts: Sequence[Fact]) -> Sequence[str]:
        """The fewest of these that, in that order, end elsewhere than in the one they came in."""
        for length in range(1, len(order)):
            for part in combinations(order, length):
                kept = [fact for fact in facts if fact in part]
                if await self.end(part) != await self.end(kept):
                    return [said(fact) for fact in part]
        return [said(fact) for fact in order]


@pytest.fixture
async def stage(world):
    types = {int(r["eventType"]["id"]) for r in EVERY.values()}
    offered = {id_: await world.event_type(id_, f"type-{id_}") for id_ in sorted(types)}
    names = ("jonas", "aisha", "lena", "ivy")
    people = [await world.candidate(each.title(), f"{each}@client.example") for each in names]
    ids = [each.id for each in people]
    async with world.database.transaction() as tx:
        for event_type in offered.values():
            await sending.send(tx, ids, event_type.id, by="Robin", now=NOW)
    return Stage(world)


def same(found, expected):
    """Compared piece by piece, so that what differs can be read."""
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert one[key] == other[key], key
    return True


@pytest.mark.anyio
@pytest.mark.parametrize("name", HISTORIES)
async def test_a_history_ends_in_the_database_as_it_ended_at_cal_com(name, stage):
    facts = HISTORIES[name]
    chance = random.Random(name)
    expected = await stage.end(facts)
    assert same(await stage.end(facts, together=True), expected)
    assert same(await stage.end([*facts, *facts]), expected)

    for _ in range(ORDERS):
        order = chance.sample(facts, len(facts))
        if await stage.end(order) != expected:
            pytest.fail("\n".join(["ends elsewhere:", *await stage.smallest(order, facts)]))
