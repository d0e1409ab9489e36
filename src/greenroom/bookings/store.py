"""Facts and bookings in PostgreSQL. Every statement about them is here; none decides anything."""

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
    select,
    text,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from greenroom.bookings import claims
from greenroom.bookings.match import Kept, Match, Rung
from greenroom.bookings.model import Booking, Uid
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
    interview_id: Column[int | None] = Column(BigInteger, index=True)
    match_rung: Column[str | None] = Column(Text)
    match_explanation: Column[str | None] = Column(Text)
    first_heard_at: Column[datetime] = Column(_MOMENT, nullable=False)
    changed_at: Column[datetime] = Column(_MOMENT, nullable=False)


class _Lineage(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    old_uid: Column[str] = Column(Text, primary_key=True)
    new_uid: Column[str] = Column(Text, primary_key=True, index=True)


bookings = Table(
    "bookings",
    metadata,
    _Bookings,
    Index("bookings_calcom_id_idx", "connection_id", "calcom_id"),
    Index("bookings_starts_at_idx", "starts_at", "uid"),
    Index("bookings_unmatched_idx", "starts_at", postgresql_where=text("interview_id IS NULL")),
)
lineage = Table("booking_lineage", metadata, _Lineage)
_b = bookings.c
_g = lineage.c


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
        pair_among(_b.connection_id, _b.calcom_id, ids), ~_b.uid.like("id:%")
    )
    return {(c, str(number)): uid for c, number, uid in await tx.execute(query)}


async def rename(tx: Transaction, key: Uid, uid: str) -> None:
    """A booking known only by its number has got its uid."""
    mine = (_b.connection_id == key[0], _b.uid == key[1])
    await tx.execute(update(bookings).where(*mine).values(uid=uid))


async def forget(tx: Transaction, keys: Collection[Uid]) -> None:
    """Nothing is kept under these names any more."""
    await tx.execute(delete(bookings).where(pair_among(_b.connection_id, _b.uid, keys)))


async def drop_lineage(tx: Transaction, links: Collection[tuple[int, str, str]]) -> None:
    """Forget (connection, old uid, new uid)."""
    for connection_id, old, new in links:
        mine = (_g.connection_id == connection_id, _g.old_uid == old, _g.new_uid == new)
        await tx.execute(delete(lineage).where(*mine))


async def add_lineage(tx: Transaction, links: Collection[tuple[int, str, str]]) -> None:
    """Keep (connection, old uid, new uid)."""
    if links:
        connection = await driver_connection(tx)
        columns = zip(*links, strict=True)
        await connection.execute(_ADD_LINEAGE, [list(column) for column in columns])


async def relatives(tx: Transaction, keys: Collection[Uid]) -> set[Uid]:
    """The bookings these replace or are replaced by, one step away."""
    return {key for pair in await lineage_of(tx, keys) for key in pair} - set(keys)


async def lineage_of(tx: Transaction, keys: Collection[Uid]) -> Sequence[tuple[Uid, Uid]]:
    """(old, new) pairs in which one of these takes part."""
    pairs = select(_g.connection_id, _g.old_uid, _g.new_uid)
    # Not one query with OR: that would read the whole table.
    query = union(
        pairs.where(pair_among(_g.connection_id, _g.old_uid, keys)),
        pairs.where(pair_among(_g.connection_id, _g.new_uid, keys)),
    )
    return [((c, old), (c, new)) for c, old, new in await tx.execute(query)]


async def get(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Kept]:
    """Those that have a row, as they stand."""
    if not keys:
        return {}
    query = _kept.where(pair_among(_b.connection_id, _b.uid, keys))
    return {each.key: each for each in map(_read, (await tx.execute(query)).mappings())}


async def of_interviews(tx: Transaction, ids: Collection[int]) -> Mapping[int, Sequence[Kept]]:
    """Every booking of these interviews, also those moved away."""
    found: dict[int, list[Kept]] = {id_: [] for id_ in ids}
    for row in (await tx.execute(_kept.where(among(_b.interview_id, ids)))).mappings():
        found[row["interview_id"]].append(_read(row))
    return found


async def between(
    tx: Transaction,
    start: datetime | None,
    end: datetime | None,
    *,
    status: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Kept]:
    """Bookings that start in [start, end), earliest first, after the keyset `after`."""
    query = _kept.where(_b.starts_at.is_not(None))
    if start is not None:
        query = query.where(_b.starts_at >= start)
    if end is not None:
        query = query.where(_b.starts_at < end)
    if status == "moved":
        query = query.where(_moved)
    elif status is not None:
        query = query.where(_b.status == status, ~_moved)
    if after is not None:
        query = query.where(tuple_(_b.starts_at, _b.uid) > tuple_(*after))
    query = query.order_by(_b.starts_at, _b.uid).limit(limit)
    return [_read(row) for row in (await tx.execute(query)).mappings()]


async def find(tx: Transaction, uid: str) -> Sequence[Kept]:
    """The booking of that uid, on every connection that knows it."""
    query = _kept.where(_b.uid == uid).order_by(_b.connection_id)
    return [_read(row) for row in (await tx.execute(query)).mappings()]


async def save(tx: Transaction, computed: Collection[tuple[int, Booking]], now: datetime) -> None:
    """Insert computed bookings (connection id, booking), or overwrite them; matches stay.

    `changed_at` stays too where only the age of our knowledge is new.
    """
    if not computed:
        return
    bookings_ = [booking for _, booking in computed]
    connection = await driver_connection(tx)
    await connection.execute(
        _SAVE,
        (
            now,
            [connection_id for connection_id, _ in computed],
            [each.uid for each in bookings_],
            [each.calcom_id for each in bookings_],
            [each.status and each.status.value for each in bookings_],
            [each.starts_at for each in bookings_],
            [each.ends_at for each in bookings_],
            [each.as_of for each in bookings_],
            [each.unconfirmed for each in bookings_],
            [json.dumps(claims.dump_details(each)) for each in bookings_],
        ),
    )


async def save_matches(tx: Transaction, matches: Mapping[Uid, Match | None]) -> None:
    """Overwrite whose bookings these are."""
    if not matches:
        return
    connection = await driver_connection(tx)
    await connection.execute(
        _SAVE_MATCHES,
        (
            [connection_id for connection_id, _ in matches],
            [uid for _, uid in matches],
            [match and match.interview_id for match in matches.values()],
            [match and match.rung.value for match in matches.values()],
            [match and match.explanation for match in matches.values()],
        ),
    )


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_ADD_LINEAGE = """
    INSERT INTO booking_lineage (connection_id, old_uid, new_uid)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[])
    ON CONFLICT DO NOTHING
"""
_SAVE_MATCHES = """
    UPDATE bookings AS b
       SET interview_id = m.interview_id, match_rung = m.rung, match_explanation = m.explanation
      FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::text[])
           AS m(connection_id, uid, interview_id, rung, explanation)
     WHERE b.connection_id = m.connection_id AND b.uid = m.uid
"""
_SAVE = """
    INSERT INTO bookings AS b
        (connection_id, uid, calcom_id, status, starts_at, ends_at, as_of, unconfirmed, details,
         first_heard_at, changed_at)
    SELECT c, u, i, s, b, e, a, f, d::jsonb, n, n
      FROM (SELECT %b::timestamptz) AS at(n),
           unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
                  %b::timestamptz[], %b::timestamptz[], %b::bool[], %b::text[])
           AS computed(c, u, i, s, b, e, a, f, d)
    ON CONFLICT (connection_id, uid) DO UPDATE
        SET calcom_id = excluded.calcom_id, status = excluded.status,
            starts_at = excluded.starts_at, ends_at = excluded.ends_at, as_of = excluded.as_of,
            unconfirmed = excluded.unconfirmed, details = excluded.details,
            changed_at = CASE
                WHEN (b.calcom_id, b.status, b.starts_at, b.ends_at, b.details) IS DISTINCT FROM
                     (excluded.calcom_id, excluded.status, excluded.starts_at, excluded.ends_at,
                      excluded.details)
                THEN excluded.changed_at ELSE b.changed_at END
"""

_moved = (
    select(_g.new_uid).where(_g.connection_id == _b.connection_id, _g.old_uid == _b.uid).exists()
)
_kept = select(bookings, _moved.label("is_moved"))


def _read(row: RowMapping) -> Kept:
    match = None
    if row["interview_id"] is not None:
        rung = Rung(row["match_rung"])
        match = Match(row["interview_id"], rung, row["match_explanation"])
    return Kept(
        connection_id=row["connection_id"],
        booking=claims.load_booking(dict(row)),
        match=match,
        is_moved=row["is_moved"],
        changed_at=row["changed_at"],
        first_heard_at=row["first_heard_at"],
    )


def _lock(key: Uid) -> int:
    digest = blake2b(f"{key[0]}:{key[1]}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
