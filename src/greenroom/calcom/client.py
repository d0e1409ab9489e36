"""Cal.com's API v2, as much of it as we use. Never called inside a transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

import httpx2

from greenroom.calcom import replies, unreachable
from greenroom.calcom.reach import guarded_client, http_client
from greenroom.calcom.replies import (
    Answer,
    Busy,
    CalcomError,
    Failing,
    KeyChanged,
    KeyRefused,
    Limits,
    Missing,
    NotAllowed,
    Row,
    Shape,
)

__all__ = [
    "PAGE",
    "Answer",
    "Busy",
    "Calcom",
    "CalcomError",
    "Failing",
    "Gate",
    "KeyChanged",
    "KeyRefused",
    "Limits",
    "Missing",
    "NotAllowed",
    "PrivateLink",
    "Row",
    "guarded_client",
    "http_client",
]

BOOKINGS = "2024-08-13"
EVENT_TYPES = "2024-06-14"
PRIVATE_LINKS = "2024-09-04"
SLOTS = "2024-09-04"
"""`cal-api-version` by endpoint: with another one Cal.com answers another shape, or 404."""

PAGE = 100
"""Bookings asked for at once."""
_SLOWEST = 20.0
"""Seconds from the question to the last byte of its answer."""
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}


class Gate(Protocol):
    """What each request passes through, and is told how it went."""

    async def enter(self) -> None:
        """Return when one more request may be made. Raises CalcomError when none may."""

    async def well(self, limits: Limits | None) -> None:
        """Cal.com answered, be it that it has no such thing."""

    async def limited(self, wait: float) -> None:
        """Cal.com's rate limit is reached, for so many seconds."""

    async def failed(self) -> None:
        """It did not answer, or not as Cal.com does."""

    async def refused(self, said: str) -> None:
        """The key is not good. Raises KeyChanged when it is another one by now."""


@dataclass(frozen=True, slots=True)
class PrivateLink:
    """A link of one event type for one person. `url` is complete, slug included."""

    id: str
    url: str


class Calcom:
    """One account's API. `api_url` ends in /v2; without `key` only public things answer.

    `worked`: whether a key of this account was taken before.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        api_url: str,
        key: str | None,
        gate: Gate,
        *,
        worked: bool = False,
    ) -> None:
        self._http = http
        self._url = api_url.rstrip("/")
        self._key = key
        self._gate = gate
        self._worked = worked

    def through(self, gate: Gate) -> "Calcom":
        """The same API with the same key, and another gate."""
        return Calcom(self._http, self._url, self._key, gate, worked=self._worked)

    async def me(self) -> Row:
        """The user whose key this is."""
        return replies.row((await self.account()).data)

    async def account(self) -> Answer:
        """The same, with the time at Cal.com and how many more requests it takes."""
        return await self._ask("GET", "/me", shape=replies.row, of_account=True)

    async def event_types(self) -> Sequence[Row]:
        """The key's own event types."""
        answer = await self._ask(
            "GET", "/event-types", version=EVENT_TYPES, shape=replies.rows, of_account=True
        )
        return replies.rows(answer.data)

    async def bookings(self, **filters: str | int) -> Answer:
        """A page of bookings, its `data` a list of rows; `filters` as in Cal.com's query.

        A page of fewer than PAGE is the last: `totalItems` ignores some filters, so it is not
        believed.
        """
        query = {**filters, "take": PAGE}
        return await self._ask(
            "GET", "/bookings", version=BOOKINGS, query=query, shape=replies.rows, of_account=True
        )

    async def booking(self, uid: str) -> Answer:
        """One booking; `data` is a list when `uid` names a series. Raises Missing."""
        path = f"/bookings/{quote(uid, safe='')}"
        return await self._ask("GET", path, version=BOOKINGS, shape=replies.either)

    async def create_private_link(
        self, event_type_id: int, slug: str, *, expires_at: datetime
    ) -> PrivateLink:
        """Make a link that works until `expires_at`; not for one booking: some are cancelled.

        Newer instances want a version header and answer the whole address; older ones know the
        endpoint only without it and leave out the slug. Raises Missing when there is neither.
        """
        limit = {"expiresAt": _written(expires_at)}
        path = f"/event-types/{event_type_id}/private-links"
        try:
            answer = await self._ask(
                "POST", path, version=PRIVATE_LINKS, body=limit, shape=replies.row
            )
        except Missing:
            answer = await self._ask("POST", path, body=limit, shape=replies.row)
        data = replies.row(answer.data)
        id_, url = str(data.get("linkId", "")), str(data.get("bookingUrl", "")).rstrip("/")
        if not id_ or not url:
            raise replies.garbled("a private link without an address")
        if url.endswith(f"/{id_}"):
            url = f"{url}/{slug}"
        return PrivateLink(id_, url)

    async def private_links(self, event_type_id: int) -> tuple[Sequence[Row], bool]:
        """The links of an event type, and whether whole: older instances leave out the slug.

        Raises Missing where there are none to be had.
        """
        path = f"/event-types/{event_type_id}/private-links"
        try:
            answer = await self._ask("GET", path, version=PRIVATE_LINKS, shape=replies.rows)
        except Missing:
            return replies.rows((await self._ask("GET", path, shape=replies.rows)).data), False
        return replies.rows(answer.data), True

    async def slots(self, event_type_id: int, start: datetime, end: datetime) -> Sequence[str]:
        """Free starts between two moments, the earliest first, as ISO 8601 in UTC."""
        span = {"start": _written(start), "end": _written(end)}
        query: dict[str, str | int] = {"eventTypeId": event_type_id, **span}
        answer = await self._ask("GET", "/slots", version=SLOTS, query=query, shape=replies.row)
        days = [rows for _, rows in sorted(replies.row(answer.data).items())]
        return [str(each["start"]) for rows in days for each in replies.rows(rows)]

    async def book(
        self, event_type_id: int, start: str, *, attendee: Row, metadata: Mapping[str, str]
    ) -> Row:
        """Take a slot; `attendee` has a name, an email and a timeZone."""
        body = {"eventTypeId": event_type_id, "start": start, "attendee": attendee}
        answer = await self._ask(
            "POST",
            "/bookings",
            version=BOOKINGS,
            body={**body, "metadata": metadata},
            shape=replies.row,
        )
        return replies.row(answer.data)

    async def cancel(self, uid: str, reason: str) -> None:
        """Give the slot back. Cal.com answers 400 where it is cancelled already."""
        path = f"/bookings/{quote(uid, safe='')}/cancel"
        body = {"cancellationReason": reason}
        await self._ask("POST", path, version=BOOKINGS, body=body, shape=replies.either)

    async def webhooks(self) -> Sequence[Row]:
        """The account's subscriptions. They carry their secrets in clear: never log them."""
        query: dict[str, str | int] = {"take": 250, "skip": 0}
        answer = await self._ask("GET", "/webhooks", query=query, shape=replies.rows)
        return replies.rows(answer.data)

    async def webhooks_of(self, event_type_id: int) -> Sequence[Row]:
        """The subscriptions of one event type, with their secrets in clear."""
        path = f"/event-types/{event_type_id}/webhooks"
        return replies.rows((await self._ask("GET", path, shape=replies.rows)).data)

    async def create_webhook(self, url: str, triggers: Sequence[str], secret: str) -> Row:
        """Subscribe `url`. Cal.com answers 409 when the address is subscribed already."""
        body = {"active": True, "subscriberUrl": url, "triggers": list(triggers), "secret": secret}
        answer = await self._ask("POST", "/webhooks", body=body, shape=replies.row)
        return replies.row(answer.data)

    async def change_webhook(self, id_: str, **changes: object) -> Row:
        """Overwrite fields of a subscription."""
        path = f"/webhooks/{quote(id_, safe='')}"
        answer = await self._ask("PATCH", path, body=changes, shape=replies.row)
        return replies.row(answer.data)

    async def delete_webhook(self, id_: str) -> None:
        """Unsubscribe. Raises Missing when that is done already."""
        await self._ask("DELETE", f"/webhooks/{quote(id_, safe='')}", shape=replies.row)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        shape: Shape,
        version: str | None = None,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        of_account: bool = False,
    ) -> Answer:
        await self._gate.enter()
        try:
            answer = await self._send(method, path, version, query, body)
            shape(answer.data)
        except Busy as error:
            await self._gate.limited(error.wait)
            raise
        except Failing:
            await self._gate.failed()
            raise
        except KeyRefused as error:
            # One thing may be another's; the account itself is never.
            if of_account or error.code == httpx2.codes.UNAUTHORIZED:
                await self._gate.refused(error.what)
            else:
                await self._gate.well(None)
            raise
        except CalcomError:
            await self._gate.well(None)
            raise
        await self._gate.well(answer.limits)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        version: str | None,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
    ) -> Answer:
        headers = dict(_HEADERS)
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
                said = await replies.read(response)
                # What is asked with a secret must not come back with it, in an error that is shown.
                hide = [str(text) for text in (self._key, (body or {}).get("secret")) if text]
                return replies.answer(response, said, hide=hide, worked=self._worked)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise unreachable.because(error, self._url) from error


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
