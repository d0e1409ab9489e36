"""The event types that Cal.com offers: read, and mirrored."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from greenroom.calcom import answers, connections
from greenroom.calcom.answers import EventTypeRow, Unreadable
from greenroom.calcom.client import Calcom
from greenroom.database import Transaction
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer

_log = structlog.get_logger()


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
