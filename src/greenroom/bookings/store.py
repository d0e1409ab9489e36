"""Bookings in PostgreSQL, as they were computed from facts."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from greenroom.bookings import claims, probes
from greenroom.bookings.match import Kept, Match, Rung
from greenroom.bookings.matches_store import matches
from greenroom.bookings.model import BY_NUMBER, Booking, Uid
from greenroom.database import Transaction, driver_connection, metadata
from greenroom.database.among import among, pair_among

_MOMENT = DateTime(timezone=True)


class _Bookings(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    uid: Column[str] = Column(Text, primary_key=True)
    calcom_id: Column[str | None] = Column(Text)
    status: Column[str | None] = Column(Text)
    starts_at: Column[datetime | None] = Column(_MOMENT)
    ends_at: Column[datetime | None] = Column(_MOMENT)
    as_of: Column[datetime] = Column(_MOMENT, nullable=False)
    unconfirmed: Column[bool] = Column(Boolean, nullable=False)
    details: Column[dict[str, object]] = Column(JSONB, nullable=False)
    is_moved: Column[bool] = Column(Boolean, nullable=False)
    is_unmatched: Column[bool] = Column(Boolean, nullable=False)
    first_heard_at: Column[datetime] = Column(_MOMENT, nullable=False)
    changed_at: Column[datetime] = Column(_MOMENT, nullable=False)
    ask_at: Column[datetime | None] = Column(_MOMENT)


# In words, not in parameters: else the planner cannot tell that an index holds what is asked for.
_LIVE = text("status IN ('requested', 'confirmed') AND NOT is_moved")

bookings = Table(
    "bookings",
    metadata,
    _Bookings,
    Index("bookings_calcom_id_idx", "connection_id", "calcom_id"),
    Index("bookings_uid_idx", "uid"),
    Index("bookings_starts_at_idx", "starts_at", "uid", "connection_id"),
    Index(
        "bookings_by_status_idx",
        "status",
        "starts_at",
        "uid",
        "connection_id",
        postgresql_where=text("NOT is_moved"),
    ),
    Index(
        "bookings_moved_idx",
        "starts_at",
        "uid",
        "connection_id",
        postgresql_where=text("is_moved"),
    ),
    Index("bookings_live_idx", "connection_id", "uid", "ends_at", postgresql_where=_LIVE),
    Index("bookings_unmatched_idx", "starts_at", postgresql_where=text("is_unmatched")),
    Index(
        "bookings_ask_at_idx",
        "connection_id",
        "ask_at",
        postgresql_where=text("ask_at IS NOT NULL"),
    ),
)
_b = bookings.c
_m = matches.c


async def hold(tx: Transaction, keys: Collection[Uid]) -> None:
    """Wait until nobody else decides about these bookings, also those that have no row yet.

    Always in the same order, so that two batches cannot wait for each other.
    """
    locks = sorted({_lock(key) for key in keys})
    connection = await driver_connection(tx)
    await connection.execute(
        "SELECT pg_advisory_xact_lock(k) FROM unnest(%b::bigint[]) AS k", (locks,)
    )


async def uids_of(tx: Transaction, ids: Collection[tuple[int, str]]) -> Mapping[Uid, str]:
    """The uids of bookings known by (connection, Cal.com's number), as far as they are known."""
    query = select(_b.connection_id, _b.calcom_id, _b.uid).where(
        pair_among(_b.connection_id, _b.calcom_id, ids), ~_b.uid.startswith(BY_NUMBER)
    )
    return {(c, str(number)): uid for c, number, uid in await tx.execute(query)}


async def rename(tx: Transaction, key: Uid, uid: str) -> None:
    """A booking known only by its number has got its uid."""
    mine = (_b.connection_id == key[0], _b.uid == key[1])
    await tx.execute(update(bookings).where(*mine).values(uid=uid))


async def forget(tx: Transaction, keys: Collection[Uid]) -> None:
    """Nothing is kept under these names any more."""
    await tx.execute(delete(bookings).where(pair_among(_b.connection_id, _b.uid, keys)))


async def get(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Kept]:
    """Those that have a row, as they stand."""
    if not keys:
        return {}
    query = _kept.where(pair_among(_b.connection_id, _b.uid, keys))
    return {each.key: each for each in map(_read, (await tx.execute(query)).mappings())}


async def of_interviews(tx: Transaction, ids: Collection[int]) -> Mapping[int, Sequence[Kept]]:
    """Every booking of these interviews, also those moved away."""
    found: dict[int, list[Kept]] = {id_: [] for id_ in ids}
    mine = select(_m.connection_id, _m.uid).where(among(_m.interview_id, ids))
    query = _kept.where(tuple_(_b.connection_id, _b.uid).in_(mine)).order_by(_b.as_of, _b.uid)
    for row in (await tx.execute(query)).mappings():
        kept = _read(row)
        for id_ in {each.interview_id for each in kept.matches} & found.keys():
            found[id_].append(kept)
    return found


async def between(
    tx: Transaction,
    start: datetime | None,
    end: datetime | None,
    *,
    status: str | None,
    after: tuple[datetime, str, int] | None,
    limit: int,
) -> Sequence[Kept]:
    """Bookings that start in [start, end), earliest first, after the keyset `after`; no probes."""
    mine = tuple_(_b.connection_id, _b.uid).not_in(probes.uids())
    query = _kept.where(_b.starts_at.is_not(None), mine)
    if start is not None:
        query = query.where(_b.starts_at >= start)
    if end is not None:
        query = query.where(_b.starts_at < end)
    if status == "moved":
        query = query.where(_b.is_moved)
    elif status is not None:
        query = query.where(_b.status == status, ~_b.is_moved)
    keyset = (_b.starts_at, _b.uid, _b.connection_id)
    if after is not None:
        query = query.where(tuple_(*keyset) > tuple_(*after))
    query = query.order_by(*keyset).limit(limit)
    return [_read(row) for row in (await tx.execute(query)).mappings()]


async def find(tx: Transaction, uid: str) -> Sequence[Kept]:
    """The booking of that uid, on every connection that knows it."""
    query = _kept.where(_b.uid == uid).order_by(_b.connection_id)
    return [_read(row) for row in (await tx.execute(query)).mappings()]


async def to_ask(
    tx: Transaction, connection_id: int, *, now: datetime, limit: int
) -> Sequence[str]:
    """Uids of bookings Cal.com should have been asked about by now, the longest due first."""
    query = select(_b.uid).where(_b.connection_id == connection_id, _b.ask_at <= now)
    return (await tx.execute(query.order_by(_b.ask_at, _b.uid).limit(limit))).scalars().all()


async def ask_again(
    tx: Transaction, connection_id: int, uids: Collection[str], at: datetime | None
) -> None:
    """Those the API still has to confirm are to be asked about then; None: not any more."""
    mine = (_b.connection_id == connection_id, among(_b.uid, uids), _b.ask_at.is_not(None))
    await tx.execute(update(bookings).where(*mine).values(ask_at=at))


async def live(
    tx: Transaction, connection_id: int, *, ends_after: datetime, beyond: str | None, limit: int
) -> Sequence[str]:
    """Uids of bookings whose slot is taken or asked for, by uid, after the keyset `beyond`."""
    query = select(_b.uid).where(
        _b.connection_id == connection_id,
        _LIVE,
        _b.ends_at > ends_after,
        ~_b.uid.startswith(BY_NUMBER),
    )
    if beyond is not None:
        query = query.where(_b.uid > beyond)
    return (await tx.execute(query.order_by(_b.uid).limit(limit))).scalars().all()


async def save(
    tx: Transaction, computed: Collection[tuple[int, Booking, datetime | None]], now: datetime
) -> None:
    """Insert computed bookings, or overwrite them: (connection id, booking, when to ask).

    Matches stay; `changed_at` too where only the age of our knowledge is new.
    """
    if not computed:
        return
    bookings_ = [booking for _, booking, _ in computed]
    connection = await driver_connection(tx)
    await connection.execute(
        _SAVE,
        (
            now,
            [connection_id for connection_id, _, _ in computed],
            [each.uid for each in bookings_],
            [each.calcom_id for each in bookings_],
            [each.status and each.status.value for each in bookings_],
            [each.starts_at for each in bookings_],
            [each.ends_at for each in bookings_],
            [each.as_of for each in bookings_],
            [each.unconfirmed for each in bookings_],
            [json.dumps(claims.dump_details(each)) for each in bookings_],
            [ask_at for _, _, ask_at in computed],
        ),
    )


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_SAVE = """
    INSERT INTO bookings AS b
        (connection_id, uid, calcom_id, status, starts_at, ends_at, as_of, unconfirmed, details,
         ask_at, is_moved, is_unmatched, first_heard_at, changed_at)
    SELECT c, u, i, s, b, e, a, f, d::jsonb, k, false, false, n, n
      FROM (SELECT %b::timestamptz) AS at(n),
           unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
                  %b::timestamptz[], %b::timestamptz[], %b::bool[], %b::text[],
                  %b::timestamptz[])
           AS computed(c, u, i, s, b, e, a, f, d, k)
    ON CONFLICT (connection_id, uid) DO UPDATE
        SET calcom_id = excluded.calcom_id, status = excluded.status,
            starts_at = excluded.starts_at, ends_at = excluded.ends_at, as_of = excluded.as_of,
            unconfirmed = excluded.unconfirmed, details = excluded.details,
            ask_at = excluded.ask_at,
            changed_at = CASE
                WHEN (b.calcom_id, b.status, b.starts_at, b.ends_at, b.details) IS DISTINCT FROM
                     (excluded.calcom_id, excluded.status, excluded.starts_at, excluded.ends_at,
                      excluded.details)
                THEN excluded.changed_at ELSE b.changed_at END
"""

_found = (
    select(
        func.jsonb_agg(func.jsonb_build_array(_m.interview_id, _m.rung, _m.explanation, _m.address))
    )
    .where(_m.connection_id == _b.connection_id, _m.uid == _b.uid)
    .scalar_subquery()
)
_kept = select(bookings, _found.label("matches"))


def _read(row: RowMapping) -> Kept:
    found = [Match(id_, Rung(rung), *more) for id_, rung, *more in row["matches"] or ()]
    return Kept(
        connection_id=row["connection_id"],
        booking=claims.load_booking(dict(row)),
        matches=tuple(sorted(found, key=lambda each: each.address)),
        is_unmatched=row["is_unmatched"],
        is_moved=row["is_moved"],
        changed_at=row["changed_at"],
        first_heard_at=row["first_heard_at"],
    )


def _lock(key: Uid) -> int:
    digest = blake2b(f"{key[0]}:{key[1]}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
