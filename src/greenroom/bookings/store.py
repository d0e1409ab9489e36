"""Facts and bookings in PostgreSQL. Every statement about them is here; none decides anything."""

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
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from greenroom.bookings import claims
from greenroom.bookings.match import Kept, Match, Rung
from greenroom.bookings.model import Booking, Uid
from greenroom.database import Transaction, driver_connection, metadata

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
        tuple_(_b.connection_id, _b.calcom_id).in_(ids), ~_b.uid.like("id:%")
    )
    return {(c, str(number)): uid for c, number, uid in await tx.execute(query)}


async def forget(tx: Transaction, key: Uid) -> None:
    """A booking known only by its number has got its uid: its row under the number goes."""
    connection_id, uid = key
    mine = (_b.connection_id == connection_id, _b.uid == uid)
    await tx.execute(delete(bookings).where(*mine))


async def add_lineage(tx: Transaction, links: Collection[tuple[int, str, str]]) -> None:
    """Keep (connection, old uid, new uid)."""
    if links:
        rows = [{"connection_id": c, "old_uid": old, "new_uid": new} for c, old, new in links]
        await tx.execute(insert(lineage).values(rows).on_conflict_do_nothing())


async def relatives(tx: Transaction, keys: Collection[Uid]) -> set[Uid]:
    """The bookings these replace or are replaced by, one step away."""
    query = select(_g.connection_id, _g.old_uid, _g.new_uid).where(
        or_(
            tuple_(_g.connection_id, _g.old_uid).in_(keys),
            tuple_(_g.connection_id, _g.new_uid).in_(keys),
        )
    )
    found = [(c, old, new) for c, old, new in await tx.execute(query)]
    return {(c, uid) for c, old, new in found for uid in (old, new)} - set(keys)


async def lineage_of(tx: Transaction, keys: Collection[Uid]) -> Sequence[tuple[Uid, Uid]]:
    """(old, new) pairs in which one of these takes part."""
    query = select(_g.connection_id, _g.old_uid, _g.new_uid).where(
        or_(
            tuple_(_g.connection_id, _g.old_uid).in_(keys),
            tuple_(_g.connection_id, _g.new_uid).in_(keys),
        )
    )
    return [((c, old), (c, new)) for c, old, new in await tx.execute(query)]


async def get(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Kept]:
    """Those that have a row."""
    query = _kept.where(tuple_(_b.connection_id, _b.uid).in_(keys))
    return {each.key: each for each in map(_read, (await tx.execute(query)).mappings())}


async def of_interviews(tx: Transaction, ids: Collection[int]) -> Mapping[int, Sequence[Kept]]:
    """Every booking of these interviews, also those moved away."""
    found: dict[int, list[Kept]] = {id_: [] for id_ in ids}
    for row in (await tx.execute(_kept.where(_b.interview_id.in_(ids)))).mappings():
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
    """Insert computed bookings (connection id, booking), or overwrite them; matches stay."""
    if not computed:
        return
    rows = [
        {
            "connection_id": connection_id,
            "uid": booking.uid,
            "calcom_id": booking.calcom_id,
            "status": booking.status and booking.status.value,
            "starts_at": booking.starts_at,
            "ends_at": booking.ends_at,
            "as_of": booking.as_of,
            "unconfirmed": booking.unconfirmed,
            "details": claims.dump_details(booking),
            "first_heard_at": now,
            "changed_at": now,
        }
        for connection_id, booking in computed
    ]
    statement = insert(bookings)
    new = {name: statement.excluded[name] for name in rows[0] if name != "first_heard_at"}
    await tx.execute(
        statement.on_conflict_do_update(index_elements=[_b.connection_id, _b.uid], set_=new), rows
    )


async def save_match(tx: Transaction, key: Uid, match: Match | None) -> None:
    """Overwrite whose booking it is."""
    connection_id, uid = key
    await tx.execute(
        update(bookings)
        .where(_b.connection_id == connection_id, _b.uid == uid)
        .values(
            interview_id=match and match.interview_id,
            match_rung=match and match.rung.value,
            match_explanation=match and match.explanation,
        )
    )


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
    )


def _lock(key: Uid) -> int:
    digest = blake2b(f"{key[0]}:{key[1]}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
