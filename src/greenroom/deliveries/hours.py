"""How often each connection was heard, hour by hour: what its rhythm is learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.deliveries.rhythm import KEPT
from greenroom.deliveries.store import deliveries

_MOMENT = DateTime(timezone=True)
_SETTLES = timedelta(seconds=30)
"""After so long every delivery of a minute is committed."""
_AWAY = timedelta(minutes=10)
"""Who has not counted for so long was not there to hear, either."""


class _Hours(TypedColumns):
    connection_id: Column[int] = Column(
        BigInteger,
        ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    hour: Column[datetime] = Column(_MOMENT, primary_key=True)
    # Not deliveries: the minutes of the hour in which there were any.
    count: Column[int] = Column(Integer, nullable=False)


class _Watches(TypedColumns):
    connection_id: Column[int] = Column(
        BigInteger,
        ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    since: Column[datetime] = Column(_MOMENT, nullable=False)
    counted_until: Column[datetime] = Column(_MOMENT, nullable=False)


delivery_hours = Table("delivery_hours", metadata, _Hours)
delivery_watches = Table("delivery_watches", metadata, _Watches)
_h = delivery_hours.c
_w = delivery_watches.c
_d = deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Whether a silence is Cal.com's or ours.

    `since` is when we began to listen without a break; `heard_at` is when Cal.com was heard last,
    None where it never was.
    """

    since: datetime
    heard_at: datetime | None

    @property
    def silent_since(self) -> datetime:
        """From when on nothing was heard though we listened."""
        return self.since if self.heard_at is None else max(self.since, self.heard_at)


async def watch(tx: Transaction, connection_id: int, now: datetime) -> Watch:
    """Count what was heard up to now, and note that we are there; to be called each minute.

    Who was away for ten minutes has heard nothing meanwhile, and begins to listen anew: a
    machine that slept is no silence of Cal.com's. Counted twice is as once.
    """
    until = (now - _SETTLES).replace(second=0, microsecond=0)
    known = select(_w.since, _w.counted_until).where(_w.connection_id == connection_id)
    row = (await tx.execute(known.with_for_update())).one_or_none()
    if row is None:
        since, counted = now, now - KEPT
    else:
        since, counted = row[0], max(row[1], now - KEPT)
        # A clock that was wrong may have counted ahead.
        if not now - _AWAY <= counted <= now + _AWAY:
            since = now
    if until > counted:
        await _count(tx, connection_id, counted, until)
    new = insert(delivery_watches).values(
        connection_id=connection_id, since=since, counted_until=until
    )
    again = {"since": new.excluded.since, "counted_until": new.excluded.counted_until}
    await tx.execute(new.on_conflict_do_update(index_elements=[_w.connection_id], set_=again))
    return Watch(since=since, heard_at=await heard_at(tx, connection_id))


async def heard_at(tx: Transaction, connection_id: int) -> datetime | None:
    """When a delivery of this connection came last."""
    mine = select(_d.received_at).where(_d.connection_id == connection_id)
    newest = mine.order_by(_d.received_at.desc(), _d.id.desc()).limit(1)
    return (await tx.execute(newest)).scalar_one_or_none()


async def history(tx: Transaction, connection_id: int, until: datetime) -> Mapping[datetime, int]:
    """By hour (UTC), in how many of its minutes something was heard; hours without are left out."""
    query = select(_h.hour, _h.count).where(
        _h.connection_id == connection_id, _h.hour >= until - KEPT, _h.hour <= until
    )
    return {hour.astimezone(UTC): count for hour, count in await tx.execute(query)}


async def forget(tx: Transaction, now: datetime) -> None:
    """Drop the hours that are learned from no more."""
    await tx.execute(delete(delivery_hours).where(_h.hour < now - KEPT - timedelta(days=1)))


async def _count(tx: Transaction, connection_id: int, since: datetime, until: datetime) -> None:
    """Add the minutes of [since, until), both full minutes, in which something was heard."""
    minute = func.date_trunc(literal("minute", Text), _d.received_at)
    heard = (
        select(minute.label("minute"))
        .where(_d.connection_id == connection_id, _d.received_at >= since, _d.received_at < until)
        .distinct()
        .subquery()
    )
    hour = func.date_trunc(literal("hour", Text), heard.c.minute)
    counted = select(literal(connection_id, BigInteger), hour, func.count()).group_by(hour)
    new = insert(delivery_hours).from_select(["connection_id", "hour", "count"], counted)
    more = {"count": _h.count + new.excluded.count}
    await tx.execute(
        new.on_conflict_do_update(index_elements=[_h.connection_id, _h.hour], set_=more)
    )
