"""Cal.com's API v2, as much of it as we use. Never called inside a transaction."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from greenroom.errors import Unavailable

BOOKINGS = "2024-08-13"
EVENT_TYPES = "2024-06-14"
PRIVATE_LINKS = "2024-09-04"
"""`cal-api-version` by endpoint: with another one Cal.com answers another shape, or 404."""

PAGE = 100
"""Bookings asked for at once."""
_LARGEST = 5 * 1024 * 1024
"""Bytes of an answer, unpacked, that are read."""
_SLOWEST = 20.0
"""Seconds from the question to the last byte of its answer."""

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


class Busy(CalcomError):
    """The rate limit is reached. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(
            f"Cal.com's rate limit is reached; it opens again in {wait:.0f} s.",
            do="Nothing to do: Greenroom asks again by itself.",
            code=429,
        )
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cal.com answered. `fetched_at` is its own Date header, UTC."""

    data: Any
    envelope: Row
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class PrivateLink:
    """A link of one event type for one person. `url` is complete, slug included."""

    id: str
    url: str


class Calcom:
    """One account's API. `api_url` ends in /v2; without `key` only public things answer."""

    def __init__(self, http: httpx2.AsyncClient, api_url: str, key: str | None) -> None:
        self._http = http
        self._url = api_url.rstrip("/")
        self._key = key

    async def me(self) -> Row:
        """The user whose key this is."""
        return _row((await self._ask("GET", "/me")).data)

    async def event_types(self) -> Sequence[Row]:
        """The key's own event types."""
        return _rows((await self._ask("GET", "/event-types", version=EVENT_TYPES)).data)

    async def bookings(self, **filters: str | int) -> Answer:
        """A page of bookings, its `data` a list of rows; `filters` as in Cal.com's query.

        A page of fewer than PAGE is the last: `totalItems` ignores some filters, so it is not
        believed.
        """
        query = {**filters, "take": PAGE}
        answer = await self._ask("GET", "/bookings", version=BOOKINGS, query=query)
        _rows(answer.data)
        return answer

    async def booking(self, uid: str) -> Answer:
        """One booking; `data` is a list when `uid` names a series. Raises Missing."""
        return await self._ask("GET", f"/bookings/{uid}", version=BOOKINGS)

    async def create_private_link(
        self, event_type_id: int, slug: str, *, expires_at: datetime
    ) -> PrivateLink:
        """Make a link that works until `expires_at`; not for one booking: some are cancelled.

        Newer instances want a version header and answer the whole address; older ones know the
        endpoint only without it and leave out the slug. Raises Missing when there is neither.
        """
        limit = {"expiresAt": expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        path = f"/event-types/{event_type_id}/private-links"
        try:
            answer = await self._ask("POST", path, version=PRIVATE_LINKS, body=limit)
        except Missing:
            answer = await self._ask("POST", path, body=limit)
        data = _row(answer.data)
        id_, url = str(data.get("linkId", "")), str(data.get("bookingUrl", "")).rstrip("/")
        if not id_ or not url:
            raise _garbled("a private link without an address")
        if url.endswith(f"/{id_}"):
            url = f"{url}/{slug}"
        return PrivateLink(id_, url)

    async def webhooks(self) -> Sequence[Row]:
        """The account's subscriptions. They carry their secrets in clear: never log them."""
        answer = await self._ask("GET", "/webhooks", query={"take": 250, "skip": 0})
        return _rows(answer.data)

    async def create_webhook(self, url: str, triggers: Sequence[str], secret: str) -> Row:
        """Subscribe `url`. Cal.com answers 409 when the address is subscribed already."""
        body = {"active": True, "subscriberUrl": url, "triggers": list(triggers), "secret": secret}
        return _row((await self._ask("POST", "/webhooks", body=body)).data)

    async def change_webhook(self, id_: str, **changes: object) -> Row:
        """Overwrite fields of a subscription."""
        return _row((await self._ask("PATCH", f"/webhooks/{id_}", body=changes)).data)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        version: str | None = None,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        headers = {"Accept": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        if version is not None:
            headers["cal-api-version"] = version
        try:
            async with (
                asyncio.timeout(_SLOWEST),
                self._http.stream(
                    method, self._url + path, headers=headers, params=query, json=body
                ) as response,
            ):
                return _answer(response, await _read(response))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise CalcomError(
                f"Cal.com at {self._url} did not answer ({type(error).__name__}).",
                do="Check the address and that this machine reaches it; Greenroom tries again.",
            ) from error


def http_client() -> httpx2.AsyncClient:
    """The pooled client all connections share. Redirects are not followed: keys stay home."""
    return httpx2.AsyncClient(
        follow_redirects=False,
        timeout=httpx2.Timeout(10.0, connect=5.0),
        limits=httpx2.Limits(max_connections=20),
        headers={"User-Agent": "greenroom"},
    )


async def _read(response: httpx2.Response) -> bytes:
    found = bytearray()
    # Unpacked bytes are counted: a small answer may unpack to a huge one.
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > _LARGEST:
            raise _garbled("an answer larger than 5 MB")
    return bytes(found)


def _answer(response: httpx2.Response, body: bytes) -> Answer:
    code = response.status_code
    if code == httpx2.codes.TOO_MANY_REQUESTS:
        raise Busy(_wait(response.headers))
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope = None
    if response.is_success and isinstance(envelope, dict) and "data" in envelope:
        return Answer(envelope["data"], envelope, _date(response.headers))
    if response.is_success:
        raise _garbled("something that is not its API's JSON")
    raise _refusal(code, _message(envelope))


def _refusal(code: int, said: str) -> CalcomError:
    if code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        return KeyRefused(
            f"Cal.com refused the API key ({said}).",
            do="Make a key in Cal.com under Settings, Developer, API keys, "
            "and run `greenroom connect --api-key` with it.",
            code=code,
        )
    if code == httpx2.codes.NOT_FOUND:
        return Missing(
            f"Cal.com does not know that ({said}).",
            do="Check that the address ends in /v2, and that it still exists at Cal.com.",
            code=code,
        )
    do = "Greenroom tries again by itself." if code >= 500 else "See what Cal.com says."  # noqa: PLR2004
    return CalcomError(f"Cal.com answered {code} ({said}).", do=do, code=code)


def _message(envelope: object) -> str:
    error = envelope.get("error") if isinstance(envelope, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or "without a reason")[:300]


def _wait(headers: httpx2.Headers) -> float:
    # Cal.com sends no Retry-After; its own header holds seconds to go, not a time of day.
    for name in ("retry-after", "x-ratelimit-reset-default"):
        try:
            return min(max(float(headers.get(name, "")), 1.0), 300.0)
        except ValueError:
            continue
    return 60.0


def _date(headers: httpx2.Headers) -> datetime:
    now = datetime.now(UTC)
    try:
        # A clock that runs ahead is not believed: its word would stand above all news for as long.
        return min(parsedate_to_datetime(headers["date"]).astimezone(UTC), now)
    except (KeyError, ValueError, TypeError):
        return now


def _row(data: object) -> Row:
    if not isinstance(data, dict):
        raise _garbled("a list where one thing was expected")
    return data


def _rows(data: object) -> Sequence[Row]:
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise _garbled("no list where one was expected")
    return data


def _garbled(what: str) -> CalcomError:
    return CalcomError(
        f"Cal.com answered {what}.",
        do="Check that the API address is Cal.com's API v2 and ends in /v2.",
    )
