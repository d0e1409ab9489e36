"""What Cal.com's HTTP answers mean: data, or an error that says what happened and what to do."""

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from greenroom.calcom.refusals import (
    Busy,
    CalcomError,
    Failing,
    KeyChanged,
    KeyRefused,
    Missing,
    NotAllowed,
    Resting,
    garbled,
    newer,
    refusal,
    strangers,
)

__all__ = [
    "Answer",
    "Busy",
    "CalcomError",
    "Failing",
    "KeyChanged",
    "KeyRefused",
    "Limits",
    "Missing",
    "NotAllowed",
    "Resting",
    "Row",
    "Shape",
    "answer",
    "either",
    "garbled",
    "read",
    "row",
    "rows",
]

_LARGEST = 5 * 1024 * 1024
"""Bytes of an answer, unpacked, that are read."""
_LONGEST_WAIT = 300.0
"""Seconds; no word of Cal.com's keeps us silent for longer."""
_USUAL_WAIT = 60.0
"""Seconds of Cal.com's window, for a 429 that does not say how long it lasts."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many more requests Cal.com takes, and in how many seconds that begins anew."""

    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cal.com answered. `fetched_at` is its own Date header, UTC, never ahead of our clock.

    `said_at` is that header as it came, None where there was none.
    """

    data: Any
    envelope: Row
    fetched_at: datetime
    limits: Limits | None = None
    said_at: datetime | None = None

    @property
    def remaining_items(self) -> int | None:
        """How many more rows Cal.com says there are after this page; it may be wrong."""
        pagination = self.envelope.get("pagination")
        left = pagination.get("remainingItems") if isinstance(pagination, dict) else None
        return left if isinstance(left, int) and 0 <= left < _BELIEVED else None


_BELIEVED = 100_000_000


async def read(response: httpx2.Response) -> bytes:
    """The body, unpacked. Raises Failing when it is larger than 5 MB or packed otherwise."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in {"identity", "gzip", "deflate"}:
        raise garbled(f"something packed as {packing[:20]}")
    unpack = None if packing == "identity" else zlib.decompressobj(wbits=47)
    found = bytearray()
    # Unpacked by ourselves: one small chunk may unpack to a thousand times its size.
    async for chunk in response.aiter_raw():
        try:
            found += unpack.decompress(chunk, _LARGEST + 1 - len(found)) if unpack else chunk
        except zlib.error as error:
            raise garbled("something that cannot be unpacked") from error
        if len(found) > _LARGEST:
            raise garbled("an answer larger than 5 MB")
    if unpack is not None and not unpack.eof:
        raise garbled("half an answer")
    return bytes(found)


def answer(
    response: httpx2.Response, body: bytes, *, hide: Sequence[str] = (), worked: bool = False
) -> Answer:
    """What `response` says. Raises Busy, KeyRefused, Missing, Failing, or CalcomError.

    `hide`: secrets that were sent; no error repeats them. `worked`: a key was good before.
    """
    if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
        raise Busy(_wait(response.headers, datetime.now(UTC)))
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if response.is_success and isinstance(envelope, dict) and "data" in envelope:
        headers = response.headers
        said_at, now = _date(headers), datetime.now(UTC)
        # A clock that runs ahead is not believed: its word would stand above all news for as long.
        fetched_at = now if said_at is None else min(said_at, now)
        return Answer(envelope["data"], envelope, fetched_at, _limits(headers), said_at)
    stranger = None
    if not (response.is_error and _is_own(envelope)):
        stranger = strangers(response, body, is_json=envelope is not None)
    raise stranger or refusal(response, _message(envelope, hide), worked=worked)


def row(data: object) -> Row:
    """One thing. Raises Failing for a list."""
    if not isinstance(data, dict):
        raise newer("a list where one thing was expected")
    return data


def rows(data: object) -> list[Row]:
    """A list of things. Raises Failing for anything else."""
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise newer("no list where one was expected")
    return data


def either(data: object) -> object:
    """One thing, or a list of them."""
    return rows(data) if isinstance(data, list) else row(data)


Shape = Callable[[object], object]


def _is_own(envelope: object) -> bool:
    return isinstance(envelope, dict) and isinstance(envelope.get("error"), dict)


def _message(envelope: object, hide: Sequence[str]) -> str:
    error = envelope.get("error") if isinstance(envelope, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    text = " ".join(str(said or "without a reason").split())
    for secret in hide:
        text = text.replace(secret, "...")
    return text[:300]


def _wait(headers: httpx2.Headers, now: datetime) -> float:
    # Cal.com sends no Retry-After; its own header holds seconds to go, not a time of day.
    for name in ("retry-after", "x-ratelimit-reset-default"):
        seconds = _seconds(headers.get(name, ""), now)
        if seconds is not None:
            return min(max(seconds, 1.0), _LONGEST_WAIT)
    return _USUAL_WAIT


def _seconds(text: str, now: datetime) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text).astimezone(UTC) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    # What cannot be meant says nothing.
    return None if math.isnan(seconds) or seconds < 0 else seconds


def _limits(headers: httpx2.Headers) -> Limits | None:
    try:
        remaining = int(headers["x-ratelimit-remaining-default"])
        reset = float(headers["x-ratelimit-reset-default"])
    except (KeyError, ValueError):
        return None
    if remaining < 0 or not 0 <= reset <= _LONGEST_WAIT:
        return None
    return Limits(remaining, reset)


def _date(headers: httpx2.Headers) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
