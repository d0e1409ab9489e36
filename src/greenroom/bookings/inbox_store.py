"""Bookings of nobody we know, in PostgreSQL. Decides nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from greenroom.bookings.facts_store import facts
from greenroom.bookings.matches_store import verdicts
from greenroom.bookings.model import Source, Status, Uid
from greenroom.bookings.store import bookings
from greenroom.database import Transaction
from greenroom.database.among import pair_among

Place = tuple[datetime, int, str]
"""Where a page ended: start, or when it was set aside; connection; uid."""

_b = bookings.c
_v = verdicts.c
_f = facts.c
_live = _b.status.in_([status.value for status in Status if status.is_live])
_to_match = (_b.is_unmatched, _live, ~_b.is_moved)
_LONGEST = timedelta(days=1)
"""No meeting takes longer: what began before need not be looked at, however much there is."""


async def ahead(
    tx: Transaction, now: datetime, *, after: Place | None, limit: int
) -> Sequence[Uid]:
    """Those that stand and are not over, soonest first."""
    query = select(_b.connection_id, _b.uid).where(*_ahead(now))
    if after is not None:
        query = query.where(tuple_(_b.starts_at, _b.connection_id, _b.uid) > tuple_(*after))
    rows = await tx.execute(query.order_by(_b.starts_at, _b.connection_id, _b.uid).limit(limit))
    return [(connection_id, uid) for connection_id, uid in rows]


def _ahead(now: datetime) -> Sequence[ColumnElement[bool]]:
    return (*_to_match, _b.starts_at > now - _LONGEST, _b.ends_at > now)


async def over(
    tx: Transaction, start: datetime, now: datetime, *, after: Place | None, limit: int
) -> Sequence[Uid]:
    """Those that took place since `start` and ended, the latest first."""
    query = select(_b.connection_id, _b.uid).where(
        *_to_match, _b.starts_at >= start, _b.ends_at <= now
    )
    if after is not None:
        query = query.where(tuple_(_b.starts_at, _b.connection_id, _b.uid) < tuple_(*after))
    order = (_b.starts_at.desc(), _b.connection_id.desc(), _b.uid.desc())
    return [(c, uid) for c, uid in await tx.execute(query.order_by(*order).limit(limit))]


async def count(tx: Transaction, now: datetime, *, most: int) -> int:
    """How many stand and are not over; counted no further than `most`."""
    some = select(_b.uid).where(*_ahead(now)).limit(most).subquery()
    found = await tx.execute(select(func.count()).select_from(some))
    return found.scalar_one()


async def ignored(
    tx: Transaction, *, after: Place | None, limit: int
) -> Mapping[tuple[Uid, str], tuple[str, datetime]]:
    """(key, seat) of those a person set aside: by whom and when, the latest first.

    `after` is when the last one of the page before was set aside, and which it is.
    """
    query = select(_v.connection_id, _v.uid, _v.address, _v.by, _v.at)
    query = query.where(_v.interview_id.is_(None))
    if after is not None:
        query = query.where(tuple_(_v.at, _v.connection_id, _v.uid) < tuple_(*after))
    order = (_v.at.desc(), _v.connection_id.desc(), _v.uid.desc())
    rows = await tx.execute(query.order_by(*order).limit(limit))
    return {((c, uid), address): (by, at) for c, uid, address, by, at in rows}


async def set_aside(
    tx: Transaction, keys: Collection[Uid]
) -> Mapping[tuple[Uid, str], tuple[str, datetime]]:
    """Of these bookings and their seats, those a person set aside: by whom and when."""
    query = select(_v.connection_id, _v.uid, _v.address, _v.by, _v.at)
    mine = pair_among(_v.connection_id, _v.uid, keys)
    rows = await tx.execute(query.where(_v.interview_id.is_(None), mine))
    return {((c, uid), address): (by, at) for c, uid, address, by, at in rows}


async def said(tx: Transaction, key: Uid, seat: str) -> tuple[int | None, datetime] | None:
    """Whose a person said that booking, or seat, is, and when; None when nobody did."""
    query = select(_v.interview_id, _v.at).where(
        _v.connection_id == key[0], _v.uid == key[1], _v.address == seat
    )
    row = (await tx.execute(query)).first()
    return row and (row.interview_id, row.at)


async def is_named(tx: Transaction, interview_id: int) -> bool:
    """Whether a person said of any booking that it is this interview."""
    query = select(_v.uid).where(_v.interview_id == interview_id).limit(1)
    return (await tx.execute(query)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How we first heard of a booking."""

    at: datetime
    source: Source
    delivery_id: int | None
    sync_run_id: int | None


async def first_heard(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Heard]:
    """How we came to know of these bookings."""
    query = select(
        _f.connection_id, _f.uid, _f.heard_at, _f.source, _f.delivery_id, _f.sync_run_id
    ).where(pair_among(_f.connection_id, _f.uid, keys))
    query = query.ext(distinct_on(_f.connection_id, _f.uid))
    query = query.order_by(_f.connection_id, _f.uid, _f.id)
    return {
        (c, uid): Heard(at=at, source=Source(source), delivery_id=delivery, sync_run_id=run)
        for c, uid, at, source, delivery, run in await tx.execute(query)
    }
