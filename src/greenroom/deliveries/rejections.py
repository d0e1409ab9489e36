"""Requests that were not signed with a secret of ours: counted, their bodies never kept."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom.webhook import Refusal
from greenroom.database import Transaction, metadata

DAYS = 14
"""How many days are counted one by one, today among them."""


class _Rejections(TypedColumns):
    reason: Column[str] = Column(Text, primary_key=True)
    count: Column[int] = Column(BigInteger, nullable=False)
    last_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


class _ByDay(TypedColumns):
    day: Column[date] = Column(Date, primary_key=True)
    reason: Column[str] = Column(Text, primary_key=True)
    count: Column[int] = Column(BigInteger, nullable=False)


rejections = Table("rejections", metadata, _Rejections)
rejections_by_day = Table("rejections_by_day", metadata, _ByDay)
_r = rejections.c
_y = rejections_by_day.c


async def reject(tx: Transaction, refused: Mapping[Refusal, int], now: datetime) -> None:
    """Count requests that were not signed with our secret; days are those of UTC."""
    # In one order everywhere, or two processes lock each other out.
    for reason, count in sorted(refused.items()):
        row = {"reason": reason.value, "count": count}
        ever = insert(rejections).values(**row, last_at=now)
        more = {"count": _r.count + count, "last_at": now}
        await tx.execute(ever.on_conflict_do_update(index_elements=["reason"], set_=more))
        today = insert(rejections_by_day).values(**row, day=now.date())
        more_today = {"count": _y.count + count}
        await tx.execute(
            today.on_conflict_do_update(index_elements=["day", "reason"], set_=more_today)
        )


async def rejected(tx: Transaction) -> Mapping[str, tuple[int, datetime]]:
    """How many requests were refused, and when last, by reason."""
    rows = await tx.execute(select(rejections))
    return {reason: (count, last_at) for reason, count, last_at in rows}


async def lately(tx: Transaction, now: datetime) -> Mapping[Refusal, tuple[int, datetime]]:
    """How many were refused today and yesterday, and when last, by reason; days are UTC's."""
    first = now.date() - timedelta(days=1)
    query = select(_y.reason, func.sum(_y.count), _r.last_at).join(
        _r.reason.table, _r.reason == _y.reason
    )
    rows = await tx.execute(query.where(_y.day >= first).group_by(_y.reason, _r.last_at))
    return {Refusal(reason): (int(count), last_at) for reason, count, last_at in rows}


async def last(tx: Transaction) -> datetime | None:
    """When a request was refused last."""
    return (await tx.execute(select(func.max(_r.last_at)))).scalar_one()


async def by_day(tx: Transaction, now: datetime) -> Sequence[tuple[date, int]]:
    """How many were refused on each of the last DAYS days, oldest first; 0 where none was."""
    first = now.date() - timedelta(days=DAYS - 1)
    rows = await tx.execute(select(_y.day, _y.count).where(_y.day >= first))
    counts: dict[date, int] = {first + timedelta(days=each): 0 for each in range(DAYS)}
    for day, count in rows:
        counts[day] = counts.get(day, 0) + count
    return sorted(counts.items())


async def forget_days(tx: Transaction, now: datetime) -> None:
    """Drop the days that are shown no more; what was counted in all stays."""
    await tx.execute(delete(rejections_by_day).where(_y.day < now.date() - timedelta(days=DAYS)))
