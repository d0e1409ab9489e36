"""Asking Cal.com what is true, and taking the answers through the same door as deliveries."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.bookings import actions as bookings
from greenroom.bookings.actions import Change
from greenroom.bookings.model import Booking, Told
from greenroom.calcom import answers, connections, looks
from greenroom.calcom.answers import Unreadable
from greenroom.calcom.client import Answer, Busy, Calcom, CalcomError
from greenroom.calcom.connections import Connection
from greenroom.calcom.looks import Look
from greenroom.database import Database, Transaction, metadata
from greenroom.errors import Conflict, NotFound, Unavailable
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.live.feed import announce

_MOMENT = DateTime(timezone=True)
_log = structlog.get_logger()

OVERLAP = timedelta(minutes=15)
"""Cal.com's clock and ours may differ, and rows commit late; facts heard twice cost nothing."""
FIRST_LOOK = timedelta(days=90)
"""How far back the first reconcile of a connection asks."""


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), nullable=False, index=True
    )
    asked_by: Column[str] = Column(Text, nullable=False)
    started_at: Column[datetime] = Column(_MOMENT, nullable=False)
    finished_at: Column[datetime | None] = Column(_MOMENT)
    requests: Column[int] = Column(Integer, nullable=False, server_default="0")
    seen: Column[int] = Column(Integer, nullable=False, server_default="0")
    changed: Column[int] = Column(Integer, nullable=False, server_default="0")
    error: Column[str | None] = Column(Text)


sync_runs = Table("sync_runs", metadata, _Columns)
_r = sync_runs.c


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """One reconcile: how much was asked, how many bookings were seen, how many changed by it."""

    id: int
    connection_id: int
    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    requests: int
    seen: int
    changed: int
    error: str | None


async def begin(
    tx: Transaction, connection: Connection, *, asked_by: str, now: datetime
) -> SyncRun:
    """Start a reconcile of the connection.

    Raises Conflict while one runs, and while Cal.com's rate limit forbids to ask.
    """
    if (until := await looks.resting(tx, connection.id)) is not None:
        raise Conflict(
            f"Cal.com's rate limit forbids to ask about “{connection.name}”.",
            do=f"It opens again at {until:%H:%M:%S} UTC; Greenroom goes on then by itself.",
        )
    if not await connections.start_sync(tx, connection.id):
        raise Conflict(
            f"Cal.com is being asked about “{connection.name}” already.",
            do="Wait for that to end; it takes seconds.",
        )
    row = {"connection_id": connection.id, "asked_by": asked_by, "started_at": now}
    id_ = (await tx.execute(insert(sync_runs).values(row).returning(_r.id))).scalar_one()
    announce(tx, "sync")
    return await run(tx, id_)


async def reconcile(
    database: Database,
    calcom: Calcom,
    connection: Connection,
    started: SyncRun,
    *,
    clock: Callable[[], datetime],
) -> SyncRun:
    """Take in what changed since the last reconcile; keep how it went, also when it fails.

    Goes on where one was ended by an error or the rate limit. An error, an empty page or a
    404 never changes a booking.
    """
    look = looks.begin(connection.synced_until, _since(connection, started) - OVERLAP)
    try:
        await _mirror_event_types(database, calcom, connection)
        async with database.transaction() as tx:
            look = await looks.unfinished(tx, connection.id, look.basis) or look
        while True:
            answer = await calcom.bookings(**look.filters)
            following = look.after(answer)
            await _take_in(database, started, answer, following, now=clock())
            if following is None:
                break
            look = following
    except Busy as error:
        return await _fail(database, started, str(error), rest=(look, error.wait), now=clock())
    except CalcomError as error:
        return await _fail(database, started, str(error), now=clock())
    except Exception as error:
        # Whatever it was, it does not keep the next one waiting.
        _log.exception("A reconcile failed", run=started.id)
        with suppress(Unavailable):
            await _fail(database, started, f"{type(error).__name__}: {error}", now=clock())
        raise
    return await _end(database, connection, started, look, now=clock())


async def run(tx: Transaction, run_id: int) -> SyncRun:
    """Raises NotFound."""
    row = (await tx.execute(select(sync_runs).where(_r.id == run_id))).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no sync {run_id}.", do="Start one with Sync now.")
    return _run(row)


async def under_way(tx: Transaction, connection_id: int) -> int:
    """The newest run of a connection."""
    query = select(_r.id).where(_r.connection_id == connection_id).order_by(_r.id.desc())
    return (await tx.execute(query.limit(1))).scalar_one()


async def latest(tx: Transaction, limit: int = 20) -> Sequence[SyncRun]:
    """The newest runs first."""
    rows = await tx.execute(select(sync_runs).order_by(_r.id.desc()).limit(limit))
    return [_run(row) for row in rows.mappings()]


async def learn_event_types(
    tx: Transaction, connection_id: int, rows: Sequence[answers.EventTypeRow]
) -> int:
    """Mirror what Cal.com offers; return how many there are.

    No rows are no answer, whatever the reason: nothing is withdrawn then.
    """
    if not rows:
        return 0
    return await event_types.mirror(
        tx,
        connection_id,
        [
            Offer(
                calcom_id=each.id,
                slug=each.slug,
                title=each.title,
                length_minutes=each.length_minutes,
                booking_url=each.booking_url,
                requires_confirmation=each.requires_confirmation,
            )
            for each in rows
            if not each.hidden
        ],
    )


async def readable_event_types(calcom: Calcom) -> Sequence[answers.EventTypeRow]:
    """What Cal.com offers; one that cannot be read is left out and logged."""
    rows: list[answers.EventTypeRow] = []
    for row in await calcom.event_types():
        try:
            rows.append(answers.event_type(row))
        except Unreadable as error:
            _log.warning("An event type in Cal.com's answer was left out", why=str(error))
    return rows


async def _mirror_event_types(database: Database, calcom: Calcom, connection: Connection) -> None:
    rows = await readable_event_types(calcom)
    async with database.transaction() as tx:
        await learn_event_types(tx, connection.id, rows)


async def _take_in(
    database: Database, started: SyncRun, answer: Answer, following: Look | None, *, now: datetime
) -> None:
    told: list[Told] = []
    for row in answer.data:
        try:
            fact = answers.booking(row, fetched_at=answer.fetched_at)
        except Unreadable as error:
            _log.warning("A booking in Cal.com's answer was left out", why=str(error))
            continue
        told.append(Told(connection_id=started.connection_id, fact=fact, sync_run_id=started.id))
    async with database.transaction() as tx:
        recorded = await bookings.record(tx, told, now=now)
        counted = update(sync_runs).where(_r.id == started.id)
        await tx.execute(
            counted.values(
                requests=_r.requests + 1,
                seen=_r.seen + len(answer.data),
                changed=_r.changed + sum(map(_is_change, recorded.changes.values())),
            )
        )
        await connections.extend_sync(tx, started.connection_id)
        if following is not None:
            await looks.keep(tx, started.connection_id, following)


def _is_change(change: Change) -> bool:
    """Whether no delivery had told it; the API says more about a booking than they do."""
    if change.before is None:
        return True
    return _standing(change.before.booking) != _standing(change.after)


def _standing(booking: Booking) -> tuple[object, ...]:
    lineage = (booking.replaces, booking.replaced_by)
    return (booking.status, booking.starts_at, booking.ends_at, *lineage)


def _since(connection: Connection, started: SyncRun) -> datetime:
    return connection.synced_until or started.started_at - FIRST_LOOK


async def _end(
    database: Database, connection: Connection, started: SyncRun, look: Look, *, now: datetime
) -> SyncRun:
    async with database.transaction() as tx:
        await connections.mark_synced(
            tx,
            connection.id,
            since=look.basis or look.since,
            until=look.until or started.started_at,
            horizon=started.started_at - FIRST_LOOK,
        )
        await looks.finish(tx, connection.id)
        return await _close(tx, started, error=None, now=now)


async def _fail(
    database: Database,
    started: SyncRun,
    error: str,
    *,
    rest: tuple[Look, float] | None = None,
    now: datetime,
) -> SyncRun:
    async with database.transaction() as tx:
        if rest is not None:
            await looks.rest(tx, started.connection_id, *rest)
        return await _close(tx, started, error=error, now=now)


async def _close(tx: Transaction, started: SyncRun, *, error: str | None, now: datetime) -> SyncRun:
    ended = update(sync_runs).where(_r.id == started.id)
    await tx.execute(ended.values(finished_at=now, error=error))
    await connections.end_sync(tx, started.connection_id)
    announce(tx, "sync")
    return await run(tx, started.id)


def _run(row: RowMapping) -> SyncRun:
    return SyncRun(**row)
