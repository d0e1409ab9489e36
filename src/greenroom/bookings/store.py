"""Facts and bookings in PostgreSQL. Every statement about them is here; none decides anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    delete,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from greenroom.bookings import claims
from greenroom.bookings.match import Match, Rung
from greenroom.bookings.model import Booking, Fact, Source
from greenroom.database import Transaction, driver_connection, metadata

_MOMENT = DateTime(timezone=True)


class _Facts(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(BigInteger, nullable=False)
    uid: Column[str] = Column(Text, nullable=False)
    as_of: Column[datetime] = Column(_MOMENT, nullable=False)
    source: Column[str] = Column(Text, nullable=False)
    digest: Column[str] = Column(Text, nullable=False)
    claims: Column[dict[str, object]] = Column(JSONB, nullable=False)
    delivery_id: Column[int | None] = Column(BigInteger)
    sync_run_id: Column[int | None] = Column(BigInteger)
    heard_at: Column[datetime] = Column(_MOMENT, nullable=False)


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


facts = Table(
    "facts",
    metadata,
    _Facts,
    UniqueConstraint("connection_id", "uid", "source", "digest"),
    Index("facts_delivery_id_idx", "delivery_id"),
)
bookings = Table(
    "bookings",
    metadata,
    _Bookings,
    Index("bookings_calcom_id_idx", "connection_id", "calcom_id"),
    Index("bookings_starts_at_idx", "starts_at", "uid"),
    Index("bookings_unmatched_idx", "starts_at", postgresql_where=text("interview_id IS NULL")),
)
lineage = Table("booking_lineage", metadata, _Lineage)
_f = facts.c
_b = bookings.c
_g = lineage.c

Uid = tuple[int, str]
"""(connection id, Cal.com's uid): what a booking is known by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact, the connection it is about, and where we heard it."""

    connection_id: int
    fact: Fact
    delivery_id: int | None = None
    sync_run_id: int | None = None

    @property
    def key(self) -> Uid:
        """What the booking is known by."""
        return (self.connection_id, self.fact.uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A booking as it stands in the table, with its match."""

    connection_id: int
    booking: Booking
    match: Match | None
    is_moved: bool
    changed_at: datetime

    @property
    def key(self) -> Uid:
        """What the booking is known by."""
        return (self.connection_id, self.booking.uid)


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


async def add_facts(tx: Transaction, told: Sequence[Told], now: datetime) -> None:
    """Keep facts. The same words again only move an API answer forward."""
    if not told:
        return
    latest = {(each.key, each.fact.source, each.fact.digest): each for each in _by_age(told)}
    rows = list(latest.values())
    connection = await driver_connection(tx)
    await connection.execute(
        _ADD_FACTS,
        (
            now,
            [each.connection_id for each in rows],
            [each.fact.uid for each in rows],
            [each.fact.as_of for each in rows],
            [each.fact.source.value for each in rows],
            [each.fact.digest for each in rows],
            [claims.dump(each.fact) for each in rows],
            [each.delivery_id for each in rows],
            [each.sync_run_id for each in rows],
        ),
    )


async def rename(tx: Transaction, connection_id: int, old: str, new: str) -> None:
    """A booking known only by its number has got its uid: its facts are the uid's from now on."""
    same = facts.alias("same")
    already = (
        select(same.c.id)
        .where(same.c.connection_id == connection_id, same.c.uid == new)
        .where(same.c.digest == _f.digest, same.c.source == _f.source)
        .exists()
    )
    mine = (_f.connection_id == connection_id, _f.uid == old)
    await tx.execute(update(facts).where(*mine, ~already).values(uid=new))
    await tx.execute(delete(facts).where(*mine))
    await tx.execute(delete(bookings).where(_b.connection_id == connection_id, _b.uid == old))


async def facts_of(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Sequence[Fact]]:
    """Every fact about these bookings."""
    query = select(_f.connection_id, _f.uid, _f.as_of, _f.source, _f.digest, _f.claims)
    found: dict[Uid, list[Fact]] = {key: [] for key in keys}
    rows = await tx.execute(query.where(tuple_(_f.connection_id, _f.uid).in_(keys)))
    for connection_id, uid, as_of, source, digest, said in rows:
        fact = claims.load(said, uid=uid, as_of=as_of, source=Source(source), digest=digest)
        found[connection_id, uid].append(fact)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One line of a booking's timeline: a fact and where and when we heard it."""

    fact: Fact
    heard_at: datetime
    delivery_id: int | None
    sync_run_id: int | None


async def evidence(tx: Transaction, keys: Collection[Uid]) -> Sequence[Evidence]:
    """What was said about these bookings, in the order in which we first kept it."""
    query = select(facts).where(tuple_(_f.connection_id, _f.uid).in_(keys)).order_by(_f.id)
    return [
        Evidence(
            fact=claims.load(
                row["claims"],
                uid=row["uid"],
                as_of=row["as_of"],
                source=Source(row["source"]),
                digest=row["digest"],
            ),
            heard_at=row["heard_at"],
            delivery_id=row["delivery_id"],
            sync_run_id=row["sync_run_id"],
        )
        for row in (await tx.execute(query)).mappings()
    ]


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


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_ADD_FACTS = """
    INSERT INTO facts AS f
        (connection_id, uid, as_of, source, digest, claims, delivery_id, sync_run_id, heard_at)
    SELECT c, u, a, s, d, j::jsonb, v, r, %b::timestamptz
      FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                  %b::bigint[], %b::bigint[]) AS told(c, u, a, s, d, j, v, r)
    ON CONFLICT (connection_id, uid, source, digest) DO UPDATE
        SET as_of = excluded.as_of, heard_at = excluded.heard_at
        WHERE f.source = 'api' AND f.as_of < excluded.as_of
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
    )


def _by_age(told: Sequence[Told]) -> Sequence[Told]:
    return sorted(told, key=lambda each: each.fact.as_of)


def _lock(key: Uid) -> int:
    digest = blake2b(f"{key[0]}:{key[1]}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
