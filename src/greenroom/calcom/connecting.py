"""Connecting a Cal.com account: check the key, read the event types, see to the webhook."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from greenroom.calcom import (
    api_keys,
    budget,
    connections,
    keeping,
    parting,
    subscribing,
    webhook_secrets,
)
from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom, CalcomError
from greenroom.calcom.connections import Connection
from greenroom.calcom.keeping import Wish
from greenroom.calcom.trying import Account, tried
from greenroom.database import Database
from greenroom.errors import Invalid
from greenroom.seal import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What came of connecting. `new_secret` is shown once, if at all; `webhook` says what was done.

    `account` is None where Cal.com was not asked.
    """

    connection: Connection
    account: Account | None
    new_secret: str | None = field(repr=False)
    webhook: str
    is_told: bool
    """Whether Cal.com has the webhook now, as it should be."""

    @property
    def event_types(self) -> int | None:
        """How many Cal.com named; None where it was not asked."""
        return None if self.account is None else len(self.account.event_types)


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
    allows_private: bool = True,
    other_account: bool = False,
    chosen: Collection[str] | None = None,
) -> Connected:
    """Add or mend the connection called `name`.

    With a key and `check`, Cal.com is asked who it belongs to before anything is kept; its event
    types are mirrored, those with the slugs `chosen` to be sent (None: as they are), and its
    webhook made or mended, unless Cal.com cannot reach `webhook_url` (`reachable` is False).
    `other_account`: the key may be of another account than the one before.

    Raises CalcomError when the key or the address is not good, Conflict when the account is
    another one, or connected already; once the connection is kept, `webhook` says what went wrong.
    """
    wish = Wish(
        name=name,
        api_url=api_url,
        api_key=None if api_key is None else api_keys.cleaned(api_key),
        secret=secret,
        allows_private=allows_private,
        other_account=other_account,
        chosen=chosen,
    )
    return await _connect(
        database, seal, http, wish, check=check, url=webhook_url, reachable=reachable, now=now
    )


async def _connect(
    database: Database,
    seal: Seal,
    http: httpx2.AsyncClient,
    wish: Wish,
    *,
    check: bool,
    url: str,
    reachable: bool,
    now: datetime,
) -> Connected:
    # The key is not kept yet; what is asked to try it is charged once it is.
    gate = Unlimited()
    calcom = Calcom(http, wish.api_url, wish.api_key, gate)
    account = await tried(calcom) if wish.api_key is not None and check else None
    _check_chosen(account, wish.chosen)
    async with database.transaction() as tx:
        kept = await keeping.keep(tx, seal, wish, account, now)
        if wish.api_key is not None:
            await budget.renew(tx, kept.connection.id, spent=gate.settle())
    # First, for it may be the same Cal.com at another address: two cannot have our address there.
    left = None if kept.former is None else await parting.leave(http, kept.former)
    told, webhook = False, _untold(wish, url, reachable=reachable)
    if account is not None and reachable:
        told, webhook = await _have_webhook(database, seal, calcom, kept.connection, url, now)
    async with database.transaction() as tx:
        await budget.charge(tx, kept.connection.id, gate.settle())
        if left is not None:
            webhook = f"{webhook} {left}"
            id_ = kept.connection.id
            await connections.learn(tx, id_, webhook_done=webhook, webhook_done_at=now)
    return Connected(
        connection=kept.connection,
        account=account,
        new_secret=kept.new_secret,
        webhook=webhook,
        is_told=told,
    )


BY_HAND = "Not looked at: make it by hand, see docs/how-to/connect-calcom.md."
LATER = (
    "Not looked at. A running Greenroom with a public address makes it within a minute; else press "
    "Make the webhook on the page of the connection."
)


def _untold(wish: Wish, webhook_url: str, *, reachable: bool) -> str:
    if wish.api_key is None:
        return BY_HAND
    return LATER if reachable else unreachable(webhook_url)


def unreachable(webhook_url: str) -> str:
    """Why Cal.com was told nothing of an address that only this machine reaches."""
    return (
        f"Cal.com cannot reach {webhook_url}. Start a tunnel (ngrok or cloudflared), or set "
        "GREENROOM_PUBLIC_URL to a public https address; until then Greenroom asks each minute."
    )


def _check_chosen(account: Account | None, chosen: Collection[str] | None) -> None:
    known = [] if account is None else [each.slug for each in account.event_types]
    strange = [each for each in chosen or () if each not in known]
    if strange:
        raise Invalid(
            f"Cal.com names no event type “{strange[0]}”.",
            do=f"Choose of: {', '.join(known)}." if known else "Make one at Cal.com first.",
        )


async def _have_webhook(
    database: Database,
    seal: Seal,
    calcom: Calcom,
    connection: Connection,
    url: str,
    now: datetime,
) -> tuple[bool, str]:
    """Say what was done; a failure is said too, for the connection stands and its secret is new."""
    try:
        return True, await subscribing.see_to(database, seal, calcom, connection, url, now=now)
    except CalcomError as error:
        return False, f"failed: {error.what} The connection is kept; connect again to have it made."


_KNOWN_EVERYWHERE = 1.2
"""Seconds. Processes read the secrets again where none fits, but at most once a second."""


async def new_secret(
    database: Database,
    seal: Seal,
    calcom: Calcom,
    connection: Connection,
    url: str | None,
    *,
    now: datetime,
    pause: float = _KNOWN_EVERYWHERE,
) -> Connected:
    """Make a new webhook secret: good here first, then told to Cal.com, if it reaches `url`.

    The one before stays good for as long as Cal.com may sign with it, and for a day after.
    `pause`: seconds in between, in which every process gets to know it.
    """
    async with database.transaction() as tx:
        made = webhook_secrets.made()
        await webhook_secrets.add(tx, seal, connection.id, made, now)
    told, webhook = False, "Enter it at Cal.com; deliveries with the one before are taken too."
    if connection.api_key is not None and url is not None:
        await asyncio.sleep(pause)
        told, webhook = await _have_webhook(database, seal, calcom, connection, url, now)
    return Connected(
        connection=connection, account=None, new_secret=made, webhook=webhook, is_told=told
    )
