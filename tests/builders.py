"""What tests are made of: recorded bodies, facts, meetings and links, ready to be varied."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from greenroom.booking_links.model import BookingLink
from greenroom.bookings.model import Attendee, Fact, Host, Source, Status
from greenroom.interviews.model import Meeting, MeetingStatus

FIXTURES = Path(__file__).parent / "calcom" / "fixtures"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

ADA = Attendee(email="ada@example.org", name="Ada Lovelace", zone="Europe/London")
BOB = Attendee(email="bob@example.org", name="Bob Moses", zone="America/New_York")
MARA = Host(name="Mara Lindqvist", email="mara@studio.example", zone="Europe/Berlin")


def fixture(name: str) -> bytes:
    """A body as it went over the wire, `event__variant`."""
    return (FIXTURES / f"{name}.json").read_bytes()


def manifest() -> dict[str, dict[str, str | None]]:
    """Secret and signature of each recorded or composed delivery, by name."""
    listed = json.loads(fixture("MANIFEST"))
    return {file.removesuffix(".json"): vector for file, vector in listed.items()}


def recorded() -> Sequence[str]:
    """The names of the deliveries a running Cal.com sent, in the order in which they came."""
    return [file.removesuffix(".json") for file in json.loads(fixture("recorded_order"))]


def answer(name: str) -> list[dict[str, object]]:
    """The bookings, or event types, in a recorded answer of the API."""
    data = json.loads(fixture(name))["data"]
    return data if isinstance(data, list) else [data]


def delivery(trigger: str = "BOOKING_CREATED", **payload: object) -> bytes:
    """A delivery in Cal.com's own format about a booking tomorrow; `payload` overrides it."""
    whole = {
        "uid": "booking1",
        "bookingId": 7,
        "startTime": "2026-11-25T10:00:00Z",
        "endTime": "2026-11-25T10:30:00Z",
        "attendees": [{"name": ADA.name, "email": ADA.email, "timeZone": ADA.zone}],
    }
    envelope = {"triggerEvent": trigger, "createdAt": "2026-11-24T08:59:59.000Z"}
    return json.dumps({**envelope, "payload": {**whole, **payload}}).encode()


def told(status: Status | None = None, at: datetime = NOW, **claims: object) -> Fact:
    """What a webhook said at that moment."""
    return _fact(Source.WEBHOOK, status, at, claims)


def answered(status: Status, at: datetime = NOW, **claims: object) -> Fact:
    """What the API said, as of that moment, of a booking tomorrow with Ada."""
    whole = {
        "starts_at": NOW + DAY,
        "ends_at": NOW + DAY + HOUR,
        "title": "Intro call",
        "host": MARA,
        "attendees": (ADA,),
        "host_absent": False,
    }
    return _fact(Source.API, status, at, {**whole, **claims})


def _fact(source: Source, status: Status | None, at: datetime, claims: dict[str, object]) -> Fact:
    fact = replace(
        Fact(uid="booking1", as_of=at, source=source, digest="", status=status),
        **claims,  # type: ignore[arg-type]
    )
    return replace(fact, digest=sha256(repr(fact).encode()).hexdigest())


def meeting(status: MeetingStatus = MeetingStatus.CONFIRMED, **changes: object) -> Meeting:
    """A booking of an interview, tomorrow for an hour; by default confirmed."""
    standard = Meeting(
        uid="booking1",
        status=status,
        starts_at=NOW + DAY,
        ends_at=NOW + DAY + HOUR,
        since=NOW - DAY,
    )
    return replace(standard, **changes)  # type: ignore[arg-type]


def link(**changes: object) -> BookingLink:
    """A live booking link, made two days ago, good for another twelve."""
    standard = BookingLink(
        id=1,
        interview_id=1,
        token="token1",
        target_url=None,
        private_link=None,
        created_at=NOW - 2 * DAY,
        expires_at=NOW + 12 * DAY,
        sent_at=NOW - 2 * DAY,
    )
    return replace(standard, **changes)  # type: ignore[arg-type]
