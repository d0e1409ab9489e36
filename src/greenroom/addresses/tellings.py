"""Whom we could not tell our address, and when that is tried again: a no is a no for a while."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Interval,
    Table,
    Text,
    TypedColumns,
    and_,
    case,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom.connections import Connection
from greenroom.database import Transaction, metadata

_FIRST, _LONGEST = timedelta(seconds=50), timedelta(minutes=30)
"""Pauses after which it is tried again; each is twice as long as the one before."""
_MOST = 10
"""Pauses are at their longest before that many tries."""


class _Tellings(TypedColumns):
    connection_id: Column[int] = Column(
        BigInteger,
        ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    renewals: Column[int] = Column(Integer, nullable=False)
    url: Column[str] = Column(Text, nullable=False)
    tries: Column[int] = Column(Integer, nullable=False)
    again_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


failed_tellings = Table("failed_tellings", metadata, _Tellings)
_t = failed_tellings.c


async def due(
    tx: Transaction, known: Sequence[Connection], url: str, now: datetime
) -> Sequence[Connection]:
    """Those of `known` that may be told of `url` now.

    What failed with another address, or with another key, does not count.
    """
    query = select(_t.connection_id, _t.renewals).where(_t.url == url, _t.again_at > now)
    waiting = {(row[0], row[1]) for row in await tx.execute(query)}
    return [each for each in known if (each.id, each.renewals) not in waiting]


async def failed(tx: Transaction, connection: Connection, url: str, now: datetime) -> None:
    """It could not be told of `url` just now."""
    row = {"renewals": connection.renewals, "url": url}
    first = insert(failed_tellings).values(
        connection_id=connection.id, tries=1, again_at=now + _FIRST, **row
    )
    is_same = and_(_t.renewals == connection.renewals, _t.url == url)
    doubled = _FIRST.total_seconds() * func.power(2, func.least(_t.tries, _MOST))
    seconds = func.least(_LONGEST.total_seconds(), doubled)
    pause = func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())
    again = {
        **row,
        "tries": case((is_same, _t.tries + 1), else_=1),
        "again_at": case((is_same, literal(now) + pause), else_=literal(now + _FIRST)),
    }
    await tx.execute(first.on_conflict_do_update(index_elements=[_t.connection_id], set_=again))


async def done(tx: Transaction, connection_id: int) -> None:
    """It was told."""
    await tx.execute(delete(failed_tellings).where(_t.connection_id == connection_id))
