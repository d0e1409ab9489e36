"""The event types that Cal.com offers: read, and mirrored."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from greenroom.calcom import answers, connections
from greenroom.calcom.answers import EventTypeRow, Unreadable
from greenroom.calcom.client import Calcom
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.errors import Invalid
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType, Offer

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


async def enter(
    tx: Transaction, connection: Connection, *, title: str, length_minutes: int, booking_url: str
) -> EventType:
    """Keep an event type that a person describes. Raises Invalid where Cal.com tells of them."""
    if connection.api_key is not None:
        raise Invalid(
            f"“{connection.name}” has an API key: its event types come from Cal.com.",
            do="Make the event type in Cal.com, then press Sync now.",
        )
    offer = Offer(
        calcom_id=None,
        slug=booking_url.rstrip("/").rpartition("/")[2][:100],
        title=title,
        length_minutes=length_minutes,
        booking_url=booking_url,
    )
    return await event_types.enter(tx, connection.id, offer)
