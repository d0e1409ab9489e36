"""Whose bookings are, and what people said about that, in PostgreSQL."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Table,
    Text,
    TypedColumns,
    delete,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.bookings.match import Node, Verdict, Whose
from greenroom.bookings.model import Uid
from greenroom.database import Transaction, driver_connection, metadata
from greenroom.database.among import pair_among


class _Matches(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    uid: Column[str] = Column(Text, primary_key=True)
    address: Column[str] = Column(Text, primary_key=True)
    interview_id: Column[int] = Column(BigInteger, nullable=False, index=True)
    rung: Column[str] = Column(Text, nullable=False)
    explanation: Column[str] = Column(Text, nullable=False)


class _Verdicts(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    uid: Column[str] = Column(Text, primary_key=True)
    address: Column[str] = Column(Text, primary_key=True)
    interview_id: Column[int | None] = Column(BigInteger, index=True)
    by: Column[str] = Column(Text, nullable=False)
    at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


matches = Table(
    "booking_matches",
    metadata,
    _Matches,
    # A booking that gets its uid, or is forgotten, takes its matches along.
    ForeignKeyConstraint(
        ["connection_id", "uid"],
        ["bookings.connection_id", "bookings.uid"],
        name="booking_matches_booking_fkey",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
)
verdicts = Table("verdicts", metadata, _Verdicts)
_v = verdicts.c


async def save(tx: Transaction, whose: Mapping[Uid, Whose]) -> None:
    """Overwrite what follows for these bookings, which have a row each."""
    if not whose:
        return
    connection = await driver_connection(tx)
    keys = list(whose)
    flags = [(each.is_unmatched, each.is_moved) for each in whose.values()]
    await connection.execute(
        _SAVE,
        (*_columns(keys, 2), *_columns(flags, 2)),
    )
    rows = [
        (c, uid, each.address, each.interview_id, each.rung.value, each.explanation)
        for (c, uid), one in whose.items()
        for each in one.matches
    ]
    await connection.execute(_SAVE_MATCHES, (*_columns(keys, 2), *_columns(rows, 6)))


async def verdicts_on(tx: Transaction, keys: Collection[Uid]) -> Mapping[Node, Verdict]:
    """What people said about these bookings and their seats."""
    if not keys:
        return {}
    query = select(_v.connection_id, _v.uid, _v.address, _v.interview_id, _v.by)
    rows = await tx.execute(query.where(pair_among(_v.connection_id, _v.uid, keys)))
    return {((c, uid), address): Verdict(id_, by) for c, uid, address, id_, by in rows}


async def keep_verdict(tx: Transaction, node: Node, verdict: Verdict, now: datetime) -> None:
    """Keep what somebody said in place of what was said before."""
    (connection_id, uid), address = node
    said = {"interview_id": verdict.interview_id, "by": verdict.by, "at": now}
    where = {"connection_id": connection_id, "uid": uid, "address": address}
    statement = insert(verdicts).values({**where, **said})
    await tx.execute(statement.on_conflict_do_update(index_elements=list(where), set_=said))


async def drop_verdict(tx: Transaction, node: Node) -> bool:
    """Forget it; False if there was none."""
    (connection_id, uid), address = node
    mine = (_v.connection_id == connection_id, _v.uid == uid, _v.address == address)
    return (await tx.execute(delete(verdicts).where(*mine).returning(_v.uid))).first() is not None


async def rename(tx: Transaction, key: Uid, uid: str) -> None:
    """What was said about a booking's number goes for its uid; what was said last stands."""
    connection = await driver_connection(tx)
    await connection.execute(_RENAME, (uid, key[0], key[1]))
    await tx.execute(delete(verdicts).where(_v.connection_id == key[0], _v.uid == key[1]))


def _columns(rows: Collection[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_SAVE = """
    UPDATE bookings AS b SET is_unmatched = w.is_unmatched, is_moved = w.is_moved
      FROM unnest(%b::bigint[], %b::text[], %b::bool[], %b::bool[])
           AS w(connection_id, uid, is_unmatched, is_moved)
     WHERE (b.connection_id, b.uid) = (w.connection_id, w.uid)
       AND (b.is_unmatched, b.is_moved) IS DISTINCT FROM (w.is_unmatched, w.is_moved)
"""
# The ones that go are others than those that stay, so both see the table as it was.
_SAVE_MATCHES = """
    WITH about(c, u) AS (SELECT * FROM unnest(%b::bigint[], %b::text[])),
         given(c, u, a, i, r, e) AS (
             SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[],
                                  %b::text[])),
         gone AS (
             DELETE FROM booking_matches AS m USING about
              WHERE (m.connection_id, m.uid) = (about.c, about.u)
                AND NOT EXISTS (SELECT FROM given AS g
                                 WHERE (g.c, g.u, g.a) = (m.connection_id, m.uid, m.address)))
    INSERT INTO booking_matches AS m (connection_id, uid, address, interview_id, rung, explanation)
    SELECT * FROM given
    ON CONFLICT (connection_id, uid, address) DO UPDATE
        SET interview_id = excluded.interview_id, rung = excluded.rung,
            explanation = excluded.explanation
"""
_RENAME = """
    INSERT INTO verdicts AS v (connection_id, uid, address, interview_id, by, at)
    SELECT connection_id, %b, address, interview_id, by, at FROM verdicts
     WHERE connection_id = %b AND uid = %b
    ON CONFLICT (connection_id, uid, address) DO UPDATE
        SET interview_id = excluded.interview_id, by = excluded.by, at = excluded.at
        WHERE v.at < excluded.at
"""
