"""Silences in PostgreSQL: those that go on, and those of the last 90 days."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Row,
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
from greenroom.live.feed import announce
from greenroom.syncs.drift import Kind, drift
from greenroom.syncs.silence import Silence, Webhook

_MOMENT = DateTime(timezone=True)
_KEPT = timedelta(days=90)


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False
    )
    began: Column[datetime] = Column(_MOMENT, nullable=False)
    usual_seconds: Column[int | None] = Column(Integer)
    noticed_at: Column[datetime] = Column(_MOMENT, nullable=False)
    run_id: Column[int | None] = Column(
        BigInteger, ForeignKey("sync_runs.id", ondelete="SET NULL"), index=True
    )
    looks: Column[int] = Column(Integer, nullable=False, server_default="0")
    looked_at: Column[datetime | None] = Column(_MOMENT)
    missed: Column[int] = Column(Integer, nullable=False, server_default="0")
    webhook: Column[str] = Column(Text, nullable=False, server_default=Webhook.UNKNOWN.value)
    mended_at: Column[datetime | None] = Column(_MOMENT)
    problem: Column[str | None] = Column(Text)
    ended_at: Column[datetime | None] = Column(_MOMENT)


silences = Table(
    "silences",
    metadata,
    _Columns,
    Index(
        "silences_open_idx",
        "connection_id",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
)
_s = silences.c
_d = drift.c


async def of(tx: Transaction, connection_id: int) -> Silence | None:
    """The silence in which a connection is."""
    query = select(silences).where(_s.connection_id == connection_id, _s.ended_at.is_(None))
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _silence(row)


async def every(tx: Transaction) -> Sequence[Silence]:
    """Those that go on, the first noticed first."""
    query = select(silences).where(_s.ended_at.is_(None)).order_by(_s.id)
    return [_silence(row) for row in await tx.execute(query)]


async def notice(
    tx: Transaction,
    connection_id: int,
    *,
    began: datetime,
    usual: timedelta | None,
    run_id: int | None,
    now: datetime,
) -> None:
    """Begin to speak of a silence; who noticed it at the same time did so too, once."""
    new = insert(silences).values(
        connection_id=connection_id,
        began=began,
        usual_seconds=None if usual is None else round(usual.total_seconds()),
        noticed_at=now,
        run_id=run_id,
    )
    await tx.execute(new.on_conflict_do_nothing())
    _tell(tx)


async def ask_again(tx: Transaction, silence: Silence, run_id: int) -> None:
    """Another reconcile was asked for because of it."""
    await tx.execute(update(silences).where(_s.id == silence.id).values(run_id=run_id))


async def learn(
    tx: Transaction,
    silence: Silence,
    *,
    webhook: Webhook,
    problem: str | None,
    looks: int,
    now: datetime,
) -> bool:
    """Keep what was found out, with how many bookings were missed by now; whether it is news."""
    missed = await lost(tx, silence.connection_id, silence.began, found_before=now)
    mended_at = silence.mended_at
    if webhook.is_wrong or (mended_at is not None and missed > silence.missed):
        mended_at = None
    elif webhook is Webhook.IN_ORDER and silence.webhook.is_wrong:
        mended_at = now
    mine = update(silences).where(_s.id == silence.id, _s.ended_at.is_(None))
    await tx.execute(
        mine.values(
            webhook=webhook.value,
            problem=problem,
            missed=missed,
            mended_at=mended_at,
            looks=looks,
            looked_at=now,
        )
    )
    known = (silence.webhook, silence.problem, silence.missed, silence.mended_at)
    is_news = silence.looked_at is None or known != (webhook, problem, missed, mended_at)
    if is_news:
        _tell(tx)
    return is_news


async def end(tx: Transaction, connection_id: int, at: datetime) -> None:
    """Cal.com was heard again, or is not listened to any more."""
    mine = update(silences).where(_s.connection_id == connection_id, _s.ended_at.is_(None))
    await tx.execute(mine.values(ended_at=at))
    _tell(tx)


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget silences that ended 90 days ago."""
    await tx.execute(delete(silences).where(_s.ended_at < now - _KEPT))


async def lost(
    tx: Transaction, connection_id: int, since: datetime, *, found_before: datetime
) -> int:
    """How many bookings changed at Cal.com since then of which no delivery told."""
    query = select(func.count(_d.uid.distinct())).where(
        _d.connection_id == connection_id,
        _d.kind == Kind.LOST,
        _d.said_at >= since,
        _d.found_at <= found_before,
    )
    return (await tx.execute(query)).scalar_one()


def _tell(tx: Transaction) -> None:
    announce(tx, "sync")
    announce(tx, "health")


def _silence(row: Row[*tuple[object, ...]]) -> Silence:
    kept = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's name for a public thing)
    seconds = kept.pop("usual_seconds")
    usual = None if seconds is None else timedelta(seconds=seconds)
    return Silence(**{**kept, "webhook": Webhook(kept["webhook"])}, usual=usual)
