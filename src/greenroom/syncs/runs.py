"""Each time Cal.com was asked: why, how far it has come, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.errors import NotFound
from greenroom.live.feed import announce

_MOMENT = DateTime(timezone=True)
_DULL = timedelta(days=7)
"""How long a run is kept that found nothing."""
_KEPT = timedelta(days=90)

BY_CLOCK = "the clock"
BY_DELIVERY = "a delivery"
BY_SILENCE = "a silence"
"""Who asked, where it was nobody."""


class Kind(StrEnum):
    """What is asked. Values are stored: never rename one."""

    INCREMENTAL = "incremental"
    """What changed since the last time."""
    FULL = "full"
    """Every booking that is not over."""


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), nullable=False, index=True
    )
    kind: Column[str] = Column(Text, nullable=False, server_default=Kind.INCREMENTAL.value)
    asked_by: Column[str] = Column(Text, nullable=False)
    wanted_since: Column[datetime | None] = Column(_MOMENT)
    since: Column[datetime | None] = Column(_MOMENT)
    started_at: Column[datetime] = Column(_MOMENT, nullable=False)
    finished_at: Column[datetime | None] = Column(_MOMENT)
    requests: Column[int] = Column(Integer, nullable=False, server_default="0")
    pages: Column[int] = Column(Integer, nullable=False, server_default="0")
    pages_about: Column[int | None] = Column(Integer)
    singly: Column[int] = Column(Integer, nullable=False, server_default="0")
    seen: Column[int] = Column(Integer, nullable=False, server_default="0")
    changed: Column[int] = Column(Integer, nullable=False, server_default="0")
    stops: Column[int] = Column(Integer, nullable=False, server_default="0")
    error: Column[str | None] = Column(Text)


sync_runs = Table(
    "sync_runs",
    metadata,
    _Columns,
    Index(
        "sync_runs_open_idx",
        "connection_id",
        "kind",
        unique=True,
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "sync_runs_good_idx",
        "kind",
        "finished_at",
        postgresql_where=text("finished_at IS NOT NULL AND error IS NULL"),
    ),
)
_r = sync_runs.c


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """One time Cal.com was asked.

    `wanted_since`: a person named the moment to ask from. `since` is the one asked from, once it
    is known. `requests` were made, for
    `pages` of about `pages_about` pages of bookings and for `singly` bookings one by one;
    `seen` counts answers about bookings, one booking as often
    as it came up; `changed` of them brought what was not known. `error`
    of a run under way is why it does not get on just now, stopped so many times in a row (`stops`).
    """

    id: int
    connection_id: int
    kind: Kind
    asked_by: str
    wanted_since: datetime | None
    since: datetime | None
    started_at: datetime
    finished_at: datetime | None
    requests: int
    pages: int
    pages_about: int | None
    singly: int
    seen: int
    changed: int
    stops: int
    error: str | None


async def begin(
    tx: Transaction,
    connection_id: int,
    kind: Kind = Kind.INCREMENTAL,
    *,
    asked_by: str,
    since: datetime | None = None,
    now: datetime,
) -> tuple[SyncRun, bool]:
    """Ask for a run; give it and True, or the one of that kind that is under way and False.

    It is carried out by whoever leads the connection: `syncs.carry_on`.
    """
    row = {"connection_id": connection_id, "kind": kind.value, "asked_by": asked_by}
    new = insert(sync_runs).values(**row, wanted_since=since, started_at=now)
    id_ = (await tx.execute(new.on_conflict_do_nothing().returning(_r.id))).scalar_one_or_none()
    announce(tx, "sync")
    if id_ is not None:
        return await run(tx, id_), True
    open_ = [each for each in await unfinished(tx, connection_id) if each.kind is kind]
    # It may have ended just now; then it is the newest.
    return (open_ or [await newest(tx, connection_id, kind)])[0], False


async def run(tx: Transaction, run_id: int) -> SyncRun:
    """Raises NotFound."""
    row = (await tx.execute(select(sync_runs).where(_r.id == run_id))).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no sync {run_id}.", do="Start one with Sync now.")
    return _run(row)


async def unfinished(tx: Transaction, connection_id: int | None = None) -> Sequence[SyncRun]:
    """Runs that were asked for and have not ended; of one connection what changed comes first."""
    query = select(sync_runs).where(_r.finished_at.is_(None)).order_by(_r.kind.desc(), _r.id)
    if connection_id is not None:
        query = query.where(_r.connection_id == connection_id)
    return [_run(row) for row in (await tx.execute(query)).mappings()]


async def newest(tx: Transaction, connection_id: int, kind: Kind) -> SyncRun:
    """The newest run of that kind. There must be one."""
    mine = select(sync_runs).where(_r.connection_id == connection_id, _r.kind == kind)
    return _run((await tx.execute(mine.order_by(_r.id.desc()).limit(1))).mappings().one())


async def last_started(tx: Transaction, kind: Kind) -> dict[int, datetime]:
    """When each connection's newest run of that kind was asked for."""
    query = select(_r.connection_id, func.max(_r.started_at)).where(_r.kind == kind)
    rows = await tx.execute(query.group_by(_r.connection_id))
    return {id_: at for id_, at in rows if at is not None}


async def last_good(tx: Transaction, kind: Kind) -> datetime | None:
    """When the newest run of that kind that went well ended."""
    good = (_r.kind == kind, _r.finished_at.is_not(None), _r.error.is_(None))
    query = select(_r.finished_at).where(*good).order_by(_r.finished_at.desc()).limit(1)
    return (await tx.execute(query)).scalar_one_or_none()


async def latest(tx: Transaction, limit: int = 20, before: int | None = None) -> Sequence[SyncRun]:
    """The newest runs first."""
    query = select(sync_runs).order_by(_r.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_r.id < before)
    return [_run(row) for row in (await tx.execute(query)).mappings()]


async def count(
    tx: Transaction,
    run_id: int,
    *,
    requests: int = 0,
    pages: int = 0,
    pages_left: int | None = None,
    singly: int = 0,
    seen: int = 0,
    changed: int = 0,
) -> None:
    """Add to what a run has done; it gets on again."""
    gone: dict[str, object] = {
        "requests": _r.requests + requests,
        "pages": _r.pages + pages,
        "singly": _r.singly + singly,
        "seen": _r.seen + seen,
        "changed": _r.changed + changed,
        "error": None,
    }
    if pages or singly:
        gone["stops"] = 0
    if pages_left is not None:
        gone["pages_about"] = _r.pages + pages + pages_left
    await tx.execute(update(sync_runs).where(_r.id == run_id).values(**gone))
    announce(tx, "sync")


async def learn(tx: Transaction, run_id: int, **values: datetime | str | int | None) -> None:
    """Keep what was found out about a run (since, error ...)."""
    await tx.execute(update(sync_runs).where(_r.id == run_id).values(**values))


async def stop(tx: Transaction, run_id: int) -> int:
    """It did not get on; give how many times in a row that is."""
    stopped = update(sync_runs).where(_r.id == run_id).values(stops=_r.stops + 1)
    return (await tx.execute(stopped.returning(_r.stops))).scalar_one()


async def close(tx: Transaction, run_id: int, *, error: str | None, now: datetime) -> None:
    """It has ended."""
    ended = update(sync_runs).where(_r.id == run_id, _r.finished_at.is_(None))
    await tx.execute(ended.values(finished_at=now, error=error))
    announce(tx, "sync")


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget runs that found nothing after a week, and the others after 90 days."""
    ended = delete(sync_runs).where(_r.finished_at.is_not(None))
    calm = text("NOT EXISTS (SELECT FROM drift WHERE drift.run_id = sync_runs.id)")
    dull = (_r.changed == 0, _r.error.is_(None), _r.started_at < now - _DULL, calm)
    await tx.execute(ended.where(*dull))
    await tx.execute(ended.where(_r.started_at < now - _KEPT))


def _run(row: RowMapping) -> SyncRun:
    return SyncRun(**{**row, "kind": Kind(row["kind"])})
