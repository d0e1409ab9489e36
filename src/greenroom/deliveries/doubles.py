"""Whether Cal.com tells the same news twice, as it does where two webhooks have our address."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select

from greenroom.database import Transaction
from greenroom.deliveries.store import deliveries

_TOGETHER = timedelta(seconds=5)
"""Subscriptions are told side by side; the bytes differ, for each has a time of its own."""
_LOOKED_AT = 200
_d = deliveries.c


async def is_told_twice(tx: Transaction, connection_id: int, *, since: datetime) -> bool:
    """Whether two of the last deliveries since then told the same in the same moment."""
    mine = (_d.connection_id == connection_id, _d.received_at >= since)
    query = select(_d.trigger, _d.uid, _d.received_at).where(*mine)
    newest = query.order_by(_d.received_at.desc(), _d.id.desc()).limit(_LOOKED_AT)
    rows = await tx.execute(newest)
    return _has_doubles((trigger, uid, at) for trigger, uid, at in rows if trigger and uid)


def _has_doubles(heard: Iterable[tuple[str, str, datetime]]) -> bool:
    last: dict[tuple[str, str], datetime] = {}
    for trigger, uid, at in heard:
        before = last.get((trigger, uid))
        if before is not None and abs(before - at) <= _TOGETHER:
            return True
        last[trigger, uid] = at
    return False
