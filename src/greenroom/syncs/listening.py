"""Noticing that Cal.com is unusually silent, and finding out why."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

import structlog

from greenroom import jobs, zones
from greenroom.bookings import actions as bookings
from greenroom.calcom import connections, readable, subscription, webhook_secrets
from greenroom.calcom.client import Calcom, CalcomError
from greenroom.calcom.connections import Connection
from greenroom.database import Database, Transaction
from greenroom.deliveries import hours, learning
from greenroom.deliveries.rhythm import Rhythm
from greenroom.errors import NotFound
from greenroom.seal import Seal, WrongKey
from greenroom.syncs import runs, silence, silence_store
from greenroom.syncs.actions import CARRY_ON
from greenroom.syncs.runs import BY_SILENCE
from greenroom.syncs.silence import Silence, Webhook

_log = structlog.get_logger()

_TELLING = 2
"""So many bookings that changed without a word are no chance, however quiet the account is."""
_MAY_COME = timedelta(minutes=5)
"""A delivery that seems lost may still be on its way."""
_WHILE_WRONG = timedelta(seconds=50)
"""Between two looks at a webhook that was found wrong: somebody may be mending it."""
_SOME = 5
"""Bookings whose hosts tell the zone of a connection."""


async def listen(tx: Transaction, seal: Seal, now: datetime) -> None:
    """Each minute: count what was heard, and have what is unusual looked into. Twice is as once.

    A silence that goes on is looked into again, after longer and longer pauses.
    """
    for connection in await readable.every(tx, seal):
        try:
            async with tx.begin_nested():
                await _listen(tx, connection, now)
        except Exception:  # noqa: BLE001  (one must not keep the others from being listened to)
            _log.exception("Cal.com was not listened to", connection=connection.id)
    parted = {id_ for id_, _, _ in await connections.parted(tx)}
    for each in await silence_store.every(tx):
        if each.connection_id in parted:
            await silence_store.end(tx, each.connection_id, now)


async def _listen(tx: Transaction, connection: Connection, now: datetime) -> None:
    watch = await hours.watch(tx, connection.id, now)
    current = await silence_store.of(tx, connection.id)
    if current is not None:
        if watch.heard_at is not None and watch.heard_at > current.began:
            await silence_store.end(tx, connection.id, watch.heard_at)
        elif current.looked_at is not None and now >= current.look_again_at:
            run_id = await _ask(tx, connection, now)
            if run_id is not None:
                await silence_store.ask_again(tx, current, run_id)
        return
    # Whoever was never heard cannot have fallen silent.
    if watch.heard_at is None or now - watch.silent_since < _MAY_COME:
        return
    began = watch.silent_since
    learned = await learned_rhythm(tx, connection.id, watch.heard_at)
    missed = await silence_store.lost(tx, connection.id, began, found_before=now - _MAY_COME)
    if missed < _TELLING and not (learned and learned.is_alarming(began, now)):
        return
    run_id = await _ask(tx, connection, now)
    usual = None if learned is None else learned.pause(began, now)
    await silence_store.notice(tx, connection.id, began=began, usual=usual, run_id=run_id, now=now)


async def learned_rhythm(tx: Transaction, connection_id: int, heard_at: datetime) -> Rhythm | None:
    """How often it was usually heard, as known at `heard_at`; None where too little is known."""
    history = await hours.history(tx, connection_id, heard_at)
    if not history:
        return None
    zone = await _zone(tx, connection_id, heard_at)
    return learning.usual(history, until=heard_at, zone=zone)


async def look_into(
    database: Database,
    seal: Seal,
    connection: Connection,
    calcom: Calcom,
    webhook_url: str,
    *,
    now: datetime,
    was_mended: bool = False,
) -> bool:
    """Once the reconcile that a silence asked for has ended, find out what it is about.

    Whether anything was found that was not known. A webhook that was found wrong is looked at
    again each minute, and at once when it `was_mended`, so that the silence is known to end soon.
    """
    async with database.transaction() as tx:
        current = await silence_store.of(tx, connection.id)
        if current is None or connection.api_key is None:
            return False
        failed = await _why_not_asked(tx, current)
        is_new = await _has_news(tx, current)
        if not (is_new or was_mended or _is_being_mended(current, now)):
            return False
    webhook, problem = await _webhook(database, seal, connection, calcom, webhook_url)
    async with database.transaction() as tx:
        return await silence_store.learn(
            tx,
            current,
            webhook=current.webhook if webhook is Webhook.UNKNOWN else webhook,
            problem=failed or problem,
            looks=current.looks + is_new,
            now=now,
        )


async def _ask(tx: Transaction, connection: Connection, now: datetime) -> int | None:
    """Have what changed asked for at once; None where it cannot be asked."""
    if connection.api_key is None:
        return None
    run, _ = await runs.begin(tx, connection.id, asked_by=BY_SILENCE, now=now)
    await jobs.enqueue_missing(tx, CARRY_ON, {"connection_id": connection.id})
    return run.id


async def _has_news(tx: Transaction, current: Silence) -> bool:
    """Whether its reconcile has ended since it was looked into."""
    if current.run_id is None:
        return False
    ended = (await runs.run(tx, current.run_id)).finished_at
    if ended is None:
        return False
    # The reconcile may have been under way before the silence was noticed.
    return current.looked_at is None or ended > current.looked_at


async def _why_not_asked(tx: Transaction, current: Silence) -> str | None:
    return None if current.run_id is None else (await runs.run(tx, current.run_id)).error


def _is_being_mended(current: Silence, now: datetime) -> bool:
    looked_at = current.looked_at
    return current.webhook.is_wrong and looked_at is not None and now > looked_at + _WHILE_WRONG


async def _webhook(
    database: Database, seal: Seal, connection: Connection, calcom: Calcom, webhook_url: str
) -> tuple[Webhook, str | None]:
    """How our webhook is at Cal.com, or why that is not known."""
    try:
        async with database.transaction() as tx:
            secret = await webhook_secrets.newest_secret(tx, seal, connection.id)
        there = subscription.read(await calcom.webhooks())
    except (CalcomError, NotFound, WrongKey) as error:
        return Webhook.UNKNOWN, str(error)
    return silence.judge(there, webhook_url, connection.webhook_id, secret), None


async def _zone(tx: Transaction, connection_id: int, now: datetime) -> tzinfo:
    """Where most hosts of bookings ahead are; UTC where that is not known."""
    uids = await bookings.live(tx, connection_id, ends_after=now, beyond=None, limit=_SOME)
    named: Counter[str] = Counter()
    for uid in uids:
        with suppress(NotFound):
            host = (await bookings.get(tx, uid, connection_id=connection_id)).booking.host
            if host is not None and (zone := zones.found(host.zone)) is not None:
                named[zone.key] += 1
    return zones.found(named.most_common(1)[0][0]) or UTC if named else UTC
