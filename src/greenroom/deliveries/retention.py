"""Emptying old deliveries: what people said goes, that the bytes were here stays.

The digest is kept for ever, so the same bytes are still a duplicate. Bodies that were not taken
in (new, failed, dead) are kept until they are: they are all there is of what they say.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, text, update

from greenroom.database import Database, Transaction
from greenroom.deliveries import rejections
from greenroom.deliveries.store import deliveries

AT_ONCE = 5_000
"""Bodies emptied by one transaction."""
_MOST_BATCHES = 200
"""Of one run, which may not last for ever: the next one goes on."""
_PAUSE = 0.5
"""Seconds between batches, in which the disk is others'."""

_d = deliveries.c
_log = structlog.get_logger()


async def tidy(database: Database, *, keep_days: int, now: datetime, pause: float = _PAUSE) -> int:
    """Empty the bodies received more than `keep_days` days ago; return how many."""
    before, count = now - timedelta(days=keep_days), 0
    for _ in range(_MOST_BATCHES):
        async with database.transaction() as tx:
            emptied = await empty(tx, before=before)
        count += emptied
        if emptied < AT_ONCE:
            break
        await asyncio.sleep(pause)
    async with database.transaction() as tx:
        await rejections.forget_days(tx, now)
    if count:
        _log.info("Emptied old deliveries", deliveries=count, older_than_days=keep_days)
    return count


async def empty(tx: Transaction, *, before: datetime, limit: int = AT_ONCE) -> int:
    """Empty up to `limit` bodies that were received before then and taken in; oldest first."""
    old = (
        select(_d.id)
        .where(
            _d.body.is_not(None),
            # As in the index, word for word: parameters would hide that it fits.
            text("state IN ('done', 'unread')"),
            _d.received_at < before,
        )
        .order_by(_d.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
        .prefix_with("MATERIALIZED")
    )
    emptied = await tx.execute(
        update(deliveries)
        .where(_d.id.in_(select(old.c.id)))
        .values(body=None, emptied_bytes=func.octet_length(_d.body))
    )
    return emptied.rowcount
