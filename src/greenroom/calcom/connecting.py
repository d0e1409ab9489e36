"""Connecting a Cal.com account: check the key, read the event types, see to the webhook."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx2

from greenroom.calcom import answers, budget, connections, offers
from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom, CalcomError, Failing, Row
from greenroom.calcom.connections import Connection
from greenroom.database import Database
from greenroom.seal import Seal

_KNOWN_TO_ALL = (
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_PAID",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_NO_SHOW_UPDATED",
)
_NEWER = ("BOOKING_LOCATION_UPDATED", "BOOKING_REASSIGNED")
"""Events that older instances refuse to hear of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What came of connecting. `new_secret` is shown once; `webhook` says what was done to it.

    `event_types` is how many Cal.com named; None where it was not asked.
    """

    connection: Connection
    event_types: int | None
    new_secret: str | None
    webhook: str


async def connect(
    database: Database,
    seal: Seal,
    http: httpx2.AsyncClient,
    *,
    name: str,
    api_url: str,
    api_key: str | None,
    secret: str | None,
    check: bool,
    webhook_url: str,
    reachable: bool,
    now: datetime,
) -> Connected:
    """Add or mend the connection called `name`.

    With a key and `check`, Cal.com is asked who it belongs to before anything is kept; its event
    types are mirrored and its webhook made or mended, unless Cal.com cannot reach `webhook_url`
    (`reachable` is False). Raises CalcomError when the key or the address is not good; once
    the connection is kept, `webhook` says what went wrong.
    """
    # The key is not kept yet; what is asked to try it is charged once it is.
    gate = Unlimited()
    calcom = Calcom(http, api_url, api_key, gate)
    me: Row | None = None
    offered: Sequence[answers.EventTypeRow] = ()
    if api_key is not None and check:
        me, offered = await _tried(calcom, api_url)
    async with database.transaction() as tx:
        connection, made = await connections.connect(
            tx, seal, name=name, api_url=api_url, api_key=api_key, secret=secret, now=now
        )
        if api_key is not None:
            await budget.renew(tx, connection.id, spent=gate.settle())
        if me is not None:
            account = str(me.get("email") or me.get("username") or "")[:320]
            await connections.learn(tx, connection.id, account=account)
            await offers.learn(tx, connection.id, offered, now=now)
        signed_with = await connections.newest_secret(tx, seal, connection.id)
    webhook = "Not looked at: make it by hand, see docs/how-to/connect-calcom.md."
    if me is not None and reachable:
        webhook = await _have_webhook(database, calcom, connection, webhook_url, signed_with)
        async with database.transaction() as tx:
            await budget.charge(tx, connection.id, gate.settle())
    elif me is not None:
        webhook = (
            f"Cal.com cannot reach {webhook_url}. Set GREENROOM_PUBLIC_URL to a public https "
            "address (a tunnel will do) and connect again; until then Greenroom asks each minute."
        )
    return Connected(
        connection=connection,
        event_types=None if me is None else len(offered),
        new_secret=made,
        webhook=webhook,
    )


async def _tried(calcom: Calcom, api_url: str) -> tuple[Row, Sequence[answers.EventTypeRow]]:
    """Whose key it is, and their event types. Raises CalcomError."""
    try:
        return await calcom.me(), await offers.readable(calcom)
    except Failing as error:
        raise Failing(
            error.what,
            do=f"Nothing was kept. Check that {api_url} is Cal.com's API, that it ends in /v2 and "
            "that this machine reaches it; then connect again.",
            code=error.code,
        ) from error


async def _have_webhook(
    database: Database, calcom: Calcom, connection: Connection, url: str, secret: str
) -> str:
    """Say what was done; a failure is said too, for the connection stands and its secret is new."""
    try:
        row, done = await _see_to_webhook(calcom, url, secret)
    except CalcomError as error:
        return f"failed: {error.what} The connection is kept; connect again to have it made."
    async with database.transaction() as tx:
        await connections.learn(tx, connection.id, webhook_id=str(row.get("id")))
    return done


async def _see_to_webhook(calcom: Calcom, url: str, secret: str) -> tuple[Row, str]:
    """Make the subscription, or mend the one that has our address."""
    wanted = (*_KNOWN_TO_ALL, *_NEWER)
    there = next(
        (each for each in await calcom.webhooks() if each.get("subscriberUrl") == url), None
    )
    if there is None:
        row = await _as_many(wanted, lambda on: calcom.create_webhook(url, on, secret))
        return row, "Made at Cal.com."
    if _is_good(there, secret):
        return there, "There already, and in order."
    row = await _as_many(
        wanted,
        lambda on: calcom.change_webhook(
            str(there["id"]), triggers=on, active=True, secret=secret, payloadTemplate=None
        ),
    )
    return row, "Mended at Cal.com."


async def _as_many(wanted: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Row]]) -> Row:
    try:
        return await ask(list(wanted))
    except CalcomError as error:
        if error.code != httpx2.codes.BAD_REQUEST:
            raise
        return await ask(list(_KNOWN_TO_ALL))


def _is_good(row: Row, secret: str) -> bool:
    return (
        bool(row.get("active"))
        and row.get("secret") == secret
        and not row.get("payloadTemplate")
        and set(_KNOWN_TO_ALL) <= set(row.get("triggers") or ())
    )
