"""Facts in PostgreSQL: only added to; what a delivery says changes only when it is read anew."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from greenroom.bookings import claims
from greenroom.bookings.model import Fact, Source, Told, Uid
from greenroom.database import Transaction, driver_connection, metadata
from greenroom.database.among import among, pair_among

_MOMENT = DateTime(timezone=True)


class _Columns(TypedColumns):
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


facts = Table(
    "facts",
    metadata,
    _Columns,
    UniqueConstraint("connection_id", "uid", "source", "digest"),
    Index("facts_delivery_id_idx", "delivery_id"),
)
_c = facts.c


async def add(tx: Transaction, told: Sequence[Told], now: datetime) -> None:
    """Keep facts. The same words again only move an API answer forward.

    A delivery that is read anew says what it says now, and was heard when it was heard.
    """
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
        .where(same.c.digest == _c.digest, same.c.source == _c.source)
        .exists()
    )
    mine = (_c.connection_id == connection_id, _c.uid == old)
    await tx.execute(update(facts).where(*mine, ~already).values(uid=new))
    await tx.execute(delete(facts).where(*mine))


async def told_by(tx: Transaction, deliveries: Collection[int]) -> set[Uid]:
    """The bookings about which these deliveries told something when they were read before."""
    if not deliveries:
        return set()
    query = select(_c.connection_id, _c.uid).where(among(_c.delivery_id, deliveries))
    return {(connection_id, uid) for connection_id, uid in await tx.execute(query)}


async def forget(tx: Transaction, deliveries: Collection[int], told: Sequence[Told]) -> None:
    """Drop what these deliveries told before and do not tell now: `told` is what they do."""
    if not deliveries:
        return
    query = select(_c.id, _c.delivery_id, _c.connection_id, _c.uid, _c.digest)
    rows = await tx.execute(query.where(among(_c.delivery_id, deliveries)))
    now = {(each.delivery_id, *each.key, each.fact.digest) for each in told}
    gone = [id_ for id_, *said in rows if tuple(said) not in now]
    if gone:
        await tx.execute(delete(facts).where(among(_c.id, gone)))


async def of(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Sequence[Fact]]:
    """Every fact about these bookings."""
    query = select(_c.connection_id, _c.uid, _c.as_of, _c.source, _c.digest, _c.claims)
    found: dict[Uid, list[Fact]] = {key: [] for key in keys}
    rows = await tx.execute(query.where(pair_among(_c.connection_id, _c.uid, keys)))
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
    query = select(facts).where(pair_among(_c.connection_id, _c.uid, keys)).order_by(_c.id)
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


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_ADD_FACTS = """
    INSERT INTO facts AS f
        (connection_id, uid, as_of, source, digest, claims, delivery_id, sync_run_id, heard_at)
    SELECT c, u, a, s, d, j::jsonb, v, r, %b::timestamptz
      FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                  %b::bigint[], %b::bigint[]) AS told(c, u, a, s, d, j, v, r)
    ON CONFLICT (connection_id, uid, source, digest) DO UPDATE
        SET as_of = excluded.as_of, claims = excluded.claims
        WHERE CASE WHEN f.source = 'api' THEN f.as_of < excluded.as_of
                   ELSE f.delivery_id = excluded.delivery_id
                        AND (f.as_of, f.claims) IS DISTINCT FROM (excluded.as_of, excluded.claims)
              END
"""


def _by_age(told: Sequence[Told]) -> Sequence[Told]:
    return sorted(told, key=lambda each: each.fact.as_of)
