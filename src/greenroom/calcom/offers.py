"""Mirroring the event types that Cal.com offers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from greenroom.calcom import answers, connections, runs
from greenroom.calcom.answers import EventTypeRow, Unreadable
from greenroom.calcom.client import Calcom
from greenroom.calcom.leading import Leader
from greenroom.calcom.runs import SyncRun
from greenroom.database import Transaction
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer

_FRESH = timedelta(minutes=10)
"""Event types change seldom; who presses Sync now has them read at once."""
_log = structlog.get_logger()


async def mirror(leader: Leader, run: SyncRun) -> None:
    """Read them where a person asked, or where that was not done for minutes."""
    known, now = leader.connection.offers_read_at, leader.clock()
    by_nobody = run.asked_by in {runs.BY_CLOCK, runs.BY_DELIVERY}
    if by_nobody and known is not None and now - known < _FRESH:
        return
    rows = await readable(leader.calcom)
    async with leader.database.transaction() as tx:
        await learn(tx, leader.connection.id, rows, now=now)
        await runs.count(tx, run.id, requests=leader.budget.settle())


async def learn(
    tx: Transaction, connection_id: int, rows: Sequence[EventTypeRow], *, now: datetime
) -> int:
    """Mirror what Cal.com offers; return how many there are.

    No rows are no answer, whatever the reason: nothing is withdrawn then.
    """
    await connections.learn(tx, connection_id, offers_read_at=now)
    if not rows:
        return 0
    return await event_types.mirror(
        tx,
        connection_id,
        [
            Offer(
                calcom_id=each.id,
                slug=each.slug,
                title=each.title,
                length_minutes=each.length_minutes,
                booking_url=each.booking_url,
                requires_confirmation=each.requires_confirmation,
            )
            for each in rows
            if not each.hidden
        ],
    )


async def readable(calcom: Calcom) -> Sequence[EventTypeRow]:
    """What Cal.com offers; one that cannot be read is left out and logged."""
    rows: list[EventTypeRow] = []
    for row in await calcom.event_types():
        try:
            rows.append(answers.event_type(row))
        except Unreadable as error:
            _log.warning("An event type in Cal.com's answer was left out", why=str(error))
    return rows
