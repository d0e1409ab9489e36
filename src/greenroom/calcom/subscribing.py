"""Our webhook at Cal.com: made, taken over, moved and mended, so that it tells us everything."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

import httpx2

from greenroom.calcom import connections, subscription, webhook_secrets
from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom, CalcomError, Missing, Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.subscription import EVENTS, NEWER_EVENTS, Flaw, Subscription
from greenroom.database import Database
from greenroom.live.feed import announce
from greenroom.seal import Seal

_ROUNDS = 3
"""Tries, where the secret becomes another one while Cal.com is told of it."""


@dataclass(frozen=True, slots=True)
class _Done:
    """The webhook as it is now, and what was done for that."""

    webhook_id: str
    what: str


async def see_to(
    database: Database,
    seal: Seal,
    calcom: Calcom,
    connection: Connection,
    url: str,
    *,
    now: datetime,
) -> str:
    """Have one webhook at Cal.com that delivers to `url`, signed with our newest secret.

    Makes it, or takes over, moves and mends what is there; says what was done. The secret before
    stays good for another day from then on. Raises CalcomError, and keeps why with the connection.
    """
    try:
        for _ in range(_ROUNDS):
            async with database.transaction() as tx:
                newest = await webhook_secrets.newest(tx, seal, connection.id)
            done = await _told(calcom, connection, url, newest.secret)
            if await _settled(database, seal, calcom, connection, url, done, newest.id, now):
                return done.what
        _give_up()
    except CalcomError as error:
        async with database.transaction() as tx:
            if _is_same(connection, await connections.get(tx, seal, connection.id, hold=True)):
                await connections.learn(tx, connection.id, webhook_problem=error.what)
                announce(tx, f"connection:{connection.id}")
        raise


def _give_up() -> NoReturn:
    raise CalcomError(
        "The webhook secret became another one again and again meanwhile.",
        do="Try again in a minute.",
    )


async def remove(calcom: Calcom, webhook_id: str) -> None:
    """Delete our webhook at Cal.com; one that is gone already is good too. Raises CalcomError."""
    with suppress(Missing):
        await calcom.delete_webhook(webhook_id)


async def _told(calcom: Calcom, connection: Connection, url: str, secret: str) -> _Done:
    there = subscription.read(await calcom.webhooks())
    ours = subscription.ours(there, url, connection.webhook_id, secret)
    done = await _have(calcom, ours, url, secret)
    others = map(_warning, subscription.elsewhere(there, url, ours))
    return replace(done, what=" ".join((done.what, *others)))


async def _settled(
    database: Database,
    seal: Seal,
    calcom: Calcom,
    connection: Connection,
    url: str,
    done: _Done,
    secret_id: int,
    now: datetime,
) -> bool:
    """Keep what was done; False where Cal.com may have been told of a secret that is leaving.

    Where the connection has parted from the account meanwhile, the webhook is deleted again.
    Raises CalcomError then.
    """
    async with database.transaction() as tx:
        fresh = await connections.get(tx, seal, connection.id, hold=True)
        if _is_same(connection, fresh):
            await connections.learn(
                tx,
                connection.id,
                webhook_id=done.webhook_id,
                webhook_url=url,
                webhook_done=done.what,
                webhook_done_at=now,
                webhook_problem=None,
            )
            announce(tx, f"connection:{connection.id}")
            if (await webhook_secrets.newest(tx, seal, connection.id)).id != secret_id:
                return False
            await webhook_secrets.settle(tx, connection.id, secret_id, now)
            return True
    if fresh.webhook_id != done.webhook_id:
        await remove(calcom.through(Unlimited()), done.webhook_id)
    raise CalcomError(
        f"“{connection.name}” was disconnected, or given another account, meanwhile.",
        do="Look at it again under Settings, Connections.",
    )


def _is_same(before: Connection, fresh: Connection) -> bool:
    """Whether it is still connected, to the account that it was connected to."""
    of = (fresh.api_url, fresh.account_id, fresh.account)
    is_parted = fresh.disconnected_at is not None
    return not is_parted and of == (before.api_url, before.account_id, before.account)


async def _have(calcom: Calcom, ours: Sequence[Subscription], url: str, secret: str) -> _Done:
    try:
        return await _as_wished(calcom, ours, url, secret)
    except CalcomError as error:
        # Somebody was quicker: made one with this address, or deleted the one we saw.
        if error.code not in {httpx2.codes.CONFLICT, httpx2.codes.NOT_FOUND}:
            raise
    there = subscription.read(await calcom.webhooks())
    again = subscription.ours(there, url, ours[-1].id if ours else None, secret)
    return await _as_wished(calcom, again, url, secret)


async def _as_wished(calcom: Calcom, ours: Sequence[Subscription], url: str, secret: str) -> _Done:
    if not ours:
        row = await _as_many((), lambda on: calcom.create_webhook(url, on, secret))
        return _Done(str(row.get("id")), "Made at Cal.com.")
    kept, *doubles = ours
    flaws = subscription.flaws(kept, secret)
    moved = kept.url != url
    if moved or flaws:
        await _mend(calcom, kept, flaws, url, secret)
    for each in doubles:
        await calcom.delete_webhook(each.id)
    if moved:
        return _Done(
            kept.id, f"Moved at Cal.com: it delivered to {subscription.shown(kept.url)} before."
        )
    return _Done(kept.id, "Mended at Cal.com." if flaws else "There already, and in order.")


async def _mend(
    calcom: Calcom, kept: Subscription, flaws: frozenset[Flaw], url: str, secret: str
) -> None:
    changes: dict[str, object] = {"active": True, "secret": secret, "payloadTemplate": None}
    if kept.url != url:
        # Cal.com tries an address that it is given; one it has already, it need not try.
        changes["subscriberUrl"] = url
    if Flaw.VERSION in flaws:
        changes["version"] = subscription.BEST_VERSION
    await _as_many(
        sorted(kept.events), lambda on: calcom.change_webhook(kept.id, triggers=on, **changes)
    )


async def _as_many(also: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Row]]) -> Row:
    """Ask for every event we read, or as many as this Cal.com knows; what was on stays on."""
    old = [each for each in also if each not in EVENTS and each not in NEWER_EVENTS]
    try:
        return await ask([*EVENTS, *NEWER_EVENTS, *old])
    except CalcomError as error:
        if error.code != httpx2.codes.BAD_REQUEST:
            raise
        newer = [each for each in NEWER_EVENTS if each in also]
        return await ask([*EVENTS, *newer, *old])


def _warning(other: Subscription) -> str:
    return (
        f"Another Greenroom hears of every booking too, at {subscription.shown(other.url)}: "
        "if that one is gone, delete its webhook in Cal.com under Settings, Developer, Webhooks."
    )
