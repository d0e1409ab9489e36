"""What Cal.com would send: bodies in its own format, distinct, of 2.5 kB, and signed.

Made from recorded deliveries of the tests, with other people, times, uids and tokens.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from greenroom.calcom import webhook
from greenroom.settings import WEBHOOK_PATH

SECRET = "whsec_benchmark_0123456789abcdef"  # noqa: S105  (of a server that lives for minutes)
_FIXTURES = Path(__file__).parent.parent / "tests" / "calcom" / "fixtures"
_SIZE = 2500
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_NOTE = (
    "Thank you for the invitation. I have worked with the team in Berlin before, and I would "
    "like to hear how the two offices share the work. Could we also talk about the plan for "
    "the first three months? I am in a place with a weak connection, so a phone number would "
    "help. "
)


@dataclass(frozen=True)
class Invited:
    """Somebody who got a booking link."""

    name: str
    email: str
    token: str


@dataclass(frozen=True)
class Booked:
    """A booking at Cal.com as its deliveries tell of it."""

    who: Invited
    uid: str
    number: int
    starts_at: datetime
    before: "Booked | None" = None


def people(seed: int, count: int) -> Iterator[Invited]:
    """So many strangers."""
    chance = random.Random(seed)
    for number in range(count):
        yield Invited(
            name=f"{_word(chance).capitalize()} {_word(chance).capitalize()}",
            email=f"{_word(chance)}.{seed}.{number}@client.example",
            token=_code(chance),
        )


def created(seed: int, count: int) -> Iterator[bytes]:
    """So many BOOKING_CREATED, each of somebody else."""
    chance = random.Random(f"created {seed}")
    said_at = datetime.now(UTC)
    for who in people(seed, count):
        yield _created(_booking(chance, who), said_at)


def journeys(invited: Sequence[Invited], seed: int) -> list[bytes]:
    """What is sent while these book, move and cancel: about two deliveries each.

    Of ten, three book; four move it, two of them and one more cancel in the end; some twice.
    Different people's deliveries are mixed, a twentieth overtakes what came before.
    """
    chance = random.Random(seed)
    begin = datetime.now(UTC) - timedelta(hours=10)
    timed: list[tuple[datetime, bytes]] = []
    for who in invited:
        at = begin + timedelta(seconds=chance.uniform(0, 30_000))
        booking = _booking(chance, who)
        timed.append((at, _created(booking, at)))
        moves, cancels = chance.choice(_WAYS)
        for _ in range(moves):
            at += timedelta(seconds=chance.uniform(60, 2_000))
            booking = _moved(chance, booking)
            timed.append((at, _rescheduled(booking, at)))
        if cancels:
            at += timedelta(seconds=chance.uniform(60, 2_000))
            timed.append((at, _cancelled(booking, at)))
    late = timedelta(hours=1)
    timed.sort(key=lambda each: each[0] + (late if chance.random() < 0.05 else timedelta()))
    return [body for _, body in timed]


_WAYS = (
    *3 * [(0, False)],
    *2 * [(1, False)],
    *2 * [(2, False)],
    *1 * [(0, True)],
    *2 * [(1, True)],
)
"""How often somebody moves the booking, and whether it is cancelled in the end."""


def request(body: bytes) -> bytes:
    """The delivery as it goes over the wire."""
    return b"".join(
        (
            f"POST {WEBHOOK_PATH} HTTP/1.1\r\n".encode(),
            b"Host: localhost\r\nContent-Type: application/json\r\nUser-Agent: Cal.com\r\n",
            f"X-Cal-Signature-256: {webhook.signature(SECRET, body)}\r\n".encode(),
            b"X-Cal-Webhook-Version: 2021-10-20\r\nAccept: */*\r\nConnection: keep-alive\r\n",
            f"Content-Length: {len(body)}\r\n\r\n".encode(),
            body,
        )
    )


def _created(booking: Booked, at: datetime) -> bytes:
    return _said(_CREATED, booking, at)


def _rescheduled(booking: Booked, at: datetime) -> bytes:
    before = booking.before
    assert before is not None
    return _said(
        _RESCHEDULED,
        booking,
        at,
        rescheduleUid=before.uid,
        rescheduleId=before.number,
        rescheduleStartTime=_iso(before.starts_at),
        rescheduledBy=booking.who.email,
    )


def _cancelled(booking: Booked, at: datetime) -> bytes:
    return _said(_CANCELLED, booking, at, cancelledBy=booking.who.email)


def _said(recorded: dict[str, Any], booking: Booked, at: datetime, **more: object) -> bytes:
    who, payload = booking.who, recorded["payload"]
    answers = payload["responses"]
    field = {"label": "greenroom", "value": who.token, "isHidden": True}
    told = {
        **payload,
        "title": f"Intro call between Mara Lindqvist and {who.name}",
        "startTime": _iso(booking.starts_at),
        "endTime": _iso(booking.starts_at + timedelta(minutes=30)),
        "attendees": [{**payload["attendees"][0], "name": who.name, "email": who.email}],
        "responses": {
            **answers,
            "name": {**answers["name"], "value": who.name},
            "email": {**answers["email"], "value": who.email},
            "greenroom": field,
        },
        "userFieldsResponses": {"greenroom": field},
        "type": "intro-call",
        "eventTypeId": 1,
        "uid": booking.uid,
        "bookingId": booking.number,
        "metadata": {"greenroom": who.token},
        "additionalNotes": "",
        **more,
    }
    said_at = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    whole = {**recorded, "createdAt": said_at, "payload": told}
    body = json.dumps(whole, separators=(",", ":")).encode()
    note = (_NOTE * 4)[: max(0, _SIZE - len(body))]
    return body.replace(b'"additionalNotes":""', b'"additionalNotes":"%s"' % note.encode(), 1)


def _booking(chance: random.Random, who: Invited) -> Booked:
    quarter = datetime(2027, 1, 4, 8, tzinfo=UTC) + timedelta(minutes=15 * chance.randrange(5000))
    return Booked(who, _code(chance), chance.randrange(1, 2**40), quarter)


def _moved(chance: random.Random, booking: Booked) -> Booked:
    return replace(_booking(chance, booking.who), before=booking)


def _code(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=22))


def _word(chance: random.Random) -> str:
    return "".join(chance.choices("aeiounrstlmdk", k=chance.randrange(4, 9)))


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FIXTURES / f"{name}.json").read_bytes())
    return found


_CREATED = _recorded("booking_created__plain")
_RESCHEDULED = _recorded("booking_rescheduled__by_attendee")
_CANCELLED = _recorded("booking_cancelled__by_host")
