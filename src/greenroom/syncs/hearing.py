"""Taking in what Cal.com answers, and noticing what of it no delivery had told."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from greenroom.bookings import actions as bookings
from greenroom.bookings.actions import Change, Recorded
from greenroom.bookings.model import Booking, Source, Told, Uid
from greenroom.calcom import answers
from greenroom.calcom.answers import Unreadable
from greenroom.calcom.client import PAGE, Answer
from greenroom.database import Transaction
from greenroom.deliveries import actions as deliveries
from greenroom.errors import NotFound
from greenroom.syncs import drift, leading, looks, runs
from greenroom.syncs.drift import Drift, Heard
from greenroom.syncs.leading import Leader
from greenroom.syncs.looks import Look
from greenroom.syncs.runs import Kind, SyncRun

_log = structlog.get_logger()


async def page(leader: Leader, run: SyncRun, answer: Answer, following: Look | None) -> None:
    """Take in a page of bookings, and keep where to go on.

    Raises TakenOver, and nothing is kept then.
    """
    left = answer.remaining_items if run.kind is Kind.FULL else None
    async with leader.database.transaction() as tx:
        changed, seen = await _take_in(tx, leader, run, answer)
        await runs.count(
            tx,
            run.id,
            requests=leader.budget.settle(),
            pages=1,
            pages_left=None if left is None else -(-left // PAGE),
            seen=seen,
            changed=changed,
        )
        if following is not None:
            await looks.keep(tx, leader.connection.id, following)


async def one(leader: Leader, run: SyncRun, answer: Answer) -> None:
    """Take in what was answered about one booking, or one series. Raises TakenOver."""
    async with leader.database.transaction() as tx:
        changed, seen = await _take_in(tx, leader, run, answer)
        await runs.count(
            tx, run.id, requests=leader.budget.settle(), singly=1, seen=seen, changed=changed
        )


def is_change(change: Change) -> bool:
    """Whether it was not known before; the API says more about a booking than deliveries do."""
    if change.before is None:
        return True
    return _standing(change.before.booking) != _standing(change.after)


def _standing(booking: Booking) -> tuple[object, ...]:
    lineage = (booking.replaces, booking.replaced_by)
    return (booking.status, booking.starts_at, booking.ends_at, *lineage)


async def _take_in(
    tx: Transaction, leader: Leader, run: SyncRun, answer: Answer
) -> tuple[int, int]:
    """How many bookings changed, and how many there were."""
    await leading.stay(tx, leader)
    now = leader.clock()
    told = _told(run, answer)
    recorded = await bookings.record(tx, told, now=now)
    await _find_drift(tx, leader, run, _kept_by(told, recorded), recorded.changes, now)
    return sum(map(is_change, recorded.changes.values())), len(told)


def _told(run: SyncRun, answer: Answer) -> Sequence[Told]:
    told: list[Told] = []
    for row in answer.data if isinstance(answer.data, list) else [answer.data]:
        try:
            fact = answers.booking(row, fetched_at=answer.fetched_at)
        except Unreadable as error:
            _log.warning("A booking in Cal.com's answer was left out", why=str(error))
            continue
        told.append(Told(connection_id=run.connection_id, fact=fact, sync_run_id=run.id))
    return told


def _kept_by(told: Sequence[Told], recorded: Recorded) -> set[Uid]:
    return {recorded.uids.get(each.key, each.key) for each in told}


async def _find_drift(
    tx: Transaction,
    leader: Leader,
    run: SyncRun,
    keys: Collection[Uid],
    changes: Mapping[Uid, Change],
    now: datetime,
) -> None:
    evidence = await bookings.evidence(tx, keys)
    heard = dict(drift.heard_of((each.fact, each.heard_at, each.delivery_id) for each in evidence))
    answered_at: dict[str, datetime] = {}
    for each in evidence:
        if each.fact.source is Source.API and each.fact.changed_at is not None:
            known = answered_at.get(each.fact.uid, each.fact.changed_at)
            answered_at[each.fact.uid] = max(known, each.fact.changed_at)
    found: list[Drift] = []
    for key in keys:
        change = changes.get(key)
        spoke = heard[key[1]] = await _received(tx, heard.get(key[1], ()))
        found += drift.tardy(key, spoke)
        if change is not None and is_change(change):
            at = answered_at.get(key[1], change.after.status_since)
            one_ = drift.untold(key, change.after, spoke, at, since=leader.connection.created_at)
            found += [] if one_ is None else [one_]
    await drift.settle(tx, leader.connection.id, heard, now=now)
    await drift.keep(tx, run.id, found, now=now)


async def _received(tx: Transaction, heard: Sequence[Heard]) -> Sequence[Heard]:
    """The same, and of those that seem late when they came, not when they were read."""
    known: list[Heard] = []
    for each in heard:
        received_at = each.received_at
        if drift.seems_late(each) and each.delivery_id is not None:
            with suppress(NotFound):
                received_at = (await deliveries.get(tx, each.delivery_id)).received_at
        known.append(Heard(each.fact, received_at, each.delivery_id))
    return known
