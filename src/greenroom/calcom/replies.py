"""What Cal.com's HTTP answers mean: data, or an error that says what happened and what to do."""

import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from greenroom.errors import Unavailable

_LARGEST = 5 * 1024 * 1024
"""Bytes of an answer, unpacked, that are read."""
_LONGEST_WAIT = 300.0
"""Seconds; no word of Cal.com's keeps us silent for longer."""
_USUAL_WAIT = 60.0
"""Seconds of Cal.com's window, for a 429 that does not say how long it lasts."""

Row = Mapping[str, Any]


class CalcomError(Unavailable):
    """Cal.com did not do what it was asked. `code` is its HTTP status, None without an answer."""

    def __init__(self, what: str, *, do: str, code: int | None = None) -> None:
        super().__init__(what, do=do)
        self.code = code


class KeyRefused(CalcomError):
    """The API key is not good, or not good enough."""


class Missing(CalcomError):
    """Cal.com has no such thing, or this Cal.com has no such endpoint."""


class Failing(CalcomError):
    """No answer, an answer of 500 and above, or one that is not Cal.com's. Later it may work."""


class Busy(CalcomError):
    """Cal.com must not be asked now. `wait` is in seconds."""

    def __init__(self, wait: float, what: str = "Cal.com's rate limit is reached") -> None:
        super().__init__(
            f"{what}; it opens again in {wait:.0f} s.",
            do="Nothing to do: Greenroom asks again by itself.",
            code=429,
        )
        self.wait = wait


class KeyChanged(Busy):
    """A person gave another key or address meanwhile; with that it may be asked."""

    def __init__(self) -> None:
        CalcomError.__init__(
            self,
            "The API key or the address of the connection was changed meanwhile.",
            do="Nothing to do: Greenroom asks again by itself, with the new one.",
        )
        self.wait = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many more requests Cal.com takes, and in how many seconds that begins anew."""

    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cal.com answered. `fetched_at` is its own Date header, UTC."""

    data: Any
    envelope: Row
    fetched_at: datetime
    limits: Limits | None = None

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


def answer(response: httpx2.Response, body: bytes) -> Answer:
    """What `response` says. Raises Busy, KeyRefused, Missing, Failing, or CalcomError."""
    code = response.status_code
    if code == httpx2.codes.TOO_MANY_REQUESTS:
        raise Busy(_wait(response.headers, datetime.now(UTC)))
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if response.is_success and isinstance(envelope, dict) and "data" in envelope:
        headers = response.headers
        return Answer(envelope["data"], envelope, _date(headers), _limits(headers))
    if response.is_success:
        raise garbled("something that is not its API's JSON")
    if response.is_redirect:
        raise garbled(f"{code}, another address")
    if code == httpx2.codes.FORBIDDEN and not _is_own(envelope):
        # Of a proxy or a firewall: the key may be good.
        raise garbled("403, but not as its API does")
    raise _refusal(code, _message(envelope))


def row(data: object) -> Row:
    """One thing. Raises Failing for a list."""
    if not isinstance(data, dict):
        raise garbled("a list where one thing was expected")
    return data


def rows(data: object) -> list[Row]:
    """A list of things. Raises Failing for anything else."""
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise garbled("no list where one was expected")
    return data


def either(data: object) -> object:
    """One thing, or a list of them."""
    return rows(data) if isinstance(data, list) else row(data)


Shape = Callable[[object], object]


def garbled(what: str) -> Failing:
    """The error of an answer that is not Cal.com's."""
    return Failing(
        f"Cal.com answered {what}.",
        do="Check that the API address is Cal.com's API v2 and ends in /v2.",
    )


def _refusal(code: int, said: str) -> CalcomError:
    if code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        return KeyRefused(
            f"Cal.com refused the API key ({said}).",
            do="Make a key in Cal.com under Settings, Developer, API keys, "
            "and connect again with it.",
            code=code,
        )
    if code == httpx2.codes.NOT_FOUND:
        return Missing(
            f"Cal.com does not know that ({said}).",
            do="Check that the address ends in /v2, and that it still exists at Cal.com.",
            code=code,
        )
    what = f"Cal.com answered {code} ({said})."
    if code >= httpx2.codes.INTERNAL_SERVER_ERROR or code == httpx2.codes.REQUEST_TIMEOUT:
        return Failing(what, do="Greenroom tries again by itself.", code=code)
    return CalcomError(what, do="See what Cal.com says.", code=code)


def _is_own(envelope: object) -> bool:
    return isinstance(envelope, dict) and isinstance(envelope.get("error"), dict)


def _message(envelope: object) -> str:
    error = envelope.get("error") if isinstance(envelope, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "without a reason")[:300]


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


def _date(headers: httpx2.Headers) -> datetime:
    now = datetime.now(UTC)
    try:
        # A clock that runs ahead is not believed: its word would stand above all news for as long.
        return min(parsedate_to_datetime(headers["date"]).astimezone(UTC), now)
    except (KeyError, ValueError, TypeError, OverflowError):
        return now
