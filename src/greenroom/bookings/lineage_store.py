"""Which booking replaces which, in PostgreSQL."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Table, Text, TypedColumns

from greenroom.bookings.chains import Link
from greenroom.bookings.model import Uid
from greenroom.database import Transaction, driver_connection, metadata


class _Columns(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    old_uid: Column[str] = Column(Text, primary_key=True)
    new_uid: Column[str] = Column(Text, primary_key=True, index=True)
    address: Column[str] = Column(Text, primary_key=True)
    claimed_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


lineage = Table("booking_lineage", metadata, _Columns)


async def around(tx: Transaction, keys: Collection[Uid]) -> Mapping[Link, datetime]:
    """Every link of the chains in which these take part, from end to end."""
    # Step by step, not by a recursive query: the planner cannot know how little that reaches, and
    # a plan made while the table was small would read it whole for every booking.
    found: dict[Link, datetime] = {}
    reached, new = set[Uid](), set(keys)
    while new:
        reached |= new
        links = await _touching(tx, new)
        found |= links
        new = {end for link in links for end in link.ends} - reached
    return found


async def _touching(tx: Transaction, keys: Collection[Uid]) -> Mapping[Link, datetime]:
    connection = await driver_connection(tx)
    found = await connection.execute(_TOUCHING, 2 * _columns(keys), binary=True)
    rows = await found.fetchall()
    return {Link(c, old, new, seat): at for c, old, new, seat, at in rows}  # type: ignore[arg-type, misc]


async def add(tx: Transaction, claimed: Mapping[Link, datetime]) -> None:
    """Keep links; of those kept before, when they were first claimed."""
    if claimed:
        connection = await driver_connection(tx)
        columns = _columns([_row(link) for link in claimed])
        await connection.execute(_ADD, [*columns, list(claimed.values())])


async def drop(tx: Transaction, links: Collection[Link]) -> None:
    """Forget links."""
    if links:
        connection = await driver_connection(tx)
        await connection.execute(_DROP, _columns([_row(link) for link in links]))


def _row(link: Link) -> tuple[int, str, str, str]:
    return (link.connection_id, link.old, link.new, link.address)


def _columns(rows: Collection[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
# Not one query with OR: that would read the whole table.
_TOUCHING = """
    SELECT l.* FROM booking_lineage AS l JOIN unnest(%b::bigint[], %b::text[]) AS k(c, u)
        ON l.connection_id = k.c AND l.old_uid = k.u
    UNION
    SELECT l.* FROM booking_lineage AS l JOIN unnest(%b::bigint[], %b::text[]) AS k(c, u)
        ON l.connection_id = k.c AND l.new_uid = k.u
"""
_ADD = """
    INSERT INTO booking_lineage AS l (connection_id, old_uid, new_uid, address, claimed_at)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
    ON CONFLICT (connection_id, old_uid, new_uid, address)
    DO UPDATE SET claimed_at = excluded.claimed_at WHERE excluded.claimed_at < l.claimed_at
"""
_DROP = """
    DELETE FROM booking_lineage AS l
     USING unnest(%b::bigint[], %b::text[], %b::text[], %b::text[]) AS gone(c, o, n, a)
     WHERE (l.connection_id, l.old_uid, l.new_uid, l.address) = (gone.c, gone.o, gone.n, gone.a)
"""
