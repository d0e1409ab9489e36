"""What has been said of interviews, in PostgreSQL: the key of the table is what makes it once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Table,
    Text,
    TypedColumns,
    select,
)

from greenroom.database import Transaction, driver_connection, metadata
from greenroom.interviews.news import BEGINS, ENDS, Kind, News


class _Columns(TypedColumns):
    interview_id: Column[int] = Column(
        BigInteger, ForeignKey("interviews.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Column[str] = Column(Text, primary_key=True)
    version: Column[str] = Column(Text, primary_key=True)
    uid: Column[str] = Column(Text, nullable=False)
    at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


said = Table("interview_news", metadata, _Columns)
_n = said.c


async def add(tx: Transaction, news: Sequence[News], now: datetime) -> Sequence[News]:
    """Keep what is said now, one news an interview; return what had not been said before."""
    if not news:
        return ()
    connection = await driver_connection(tx)
    cursor = await connection.execute(
        _ADD,
        (
            now,
            [each.interview_id for each in news],
            [each.kind.value for each in news],
            [each.version for each in news],
            [each.uid for each in news],
            [kind.value for kind in BEGINS],
            [kind.value for kind in ENDS],
            [kind.value for kind in ENDS],
            [kind.value for kind in BEGINS],
        ),
    )
    new = set(await cursor.fetchall())
    return [each for each in news if (each.interview_id, each.kind.value) in new]


async def rename(tx: Transaction, interview_id: int, old: str, new: str) -> None:
    """The booking that was spoken of has another uid; the same news stays said."""
    connection = await driver_connection(tx)
    await connection.execute(_RENAME, {"id": interview_id, "old": old, "new": new})


async def of(tx: Transaction, interview_id: int) -> Sequence[tuple[datetime, Kind]]:
    """(when, what), oldest first."""
    query = select(_n.at, _n.kind).where(_n.interview_id == interview_id)
    return [(at, Kind(kind)) for at, kind in await tx.execute(query.order_by(_n.at, _n.kind))]


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
# A seat that is given back and taken again begins anew: so the version counts how often it ended.
_ADD = """
    INSERT INTO interview_news (interview_id, kind, version, uid, at)
    SELECT i, k, v || coalesce('#' || nullif(round, 0), ''), u, at
      FROM (SELECT %b::timestamptz) AS now(at),
           unnest(%b::bigint[], %b::text[], %b::text[], %b::text[]) AS news(i, k, v, u),
           LATERAL (SELECT count(*) FROM interview_news AS n
                     WHERE n.interview_id = i AND n.uid = u
                       AND (k = ANY(%b::text[]) AND n.kind = ANY(%b::text[])
                            OR k = ANY(%b::text[]) AND n.kind = ANY(%b::text[]))) AS said(round)
    ON CONFLICT DO NOTHING
    RETURNING interview_id, kind
"""
_RENAME = """
    WITH renamed AS (
        DELETE FROM interview_news
         WHERE interview_id = %(id)s AND uid = %(old)s
        RETURNING kind, %(new)s || substr(version, length(%(old)s) + 1) AS version, at)
    INSERT INTO interview_news (interview_id, kind, version, uid, at)
    SELECT %(id)s, kind, version, %(new)s, at FROM renamed
    ON CONFLICT DO NOTHING
"""
