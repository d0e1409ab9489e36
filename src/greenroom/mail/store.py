"""The outbox in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.mail.model import MOST_ATTEMPTS, Backlog, Kind, Outgoing, State, Verdict

_MOMENT = DateTime(timezone=True)


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    interview_id: Column[int | None] = Column(BigInteger)
    candidate_id: Column[int | None] = Column(BigInteger, index=True)
    kind: Column[str] = Column(Text, nullable=False)
    version: Column[int] = Column(Integer, nullable=False)
    to_address: Column[str] = Column(Text, nullable=False)
    to_name: Column[str] = Column(Text, nullable=False)
    reply_to: Column[str | None] = Column(Text)
    subject: Column[str] = Column(Text, nullable=False)
    text: Column[str] = Column(Text, nullable=False)
    html: Column[str] = Column(Text, nullable=False)
    link: Column[str | None] = Column(Text)
    message_id: Column[str] = Column(Text, nullable=False, unique=True)
    state: Column[str] = Column(Text, nullable=False)
    attempts: Column[int] = Column(Integer, nullable=False)
    error: Column[str | None] = Column(Text)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    sent_at: Column[datetime | None] = Column(_MOMENT)
    next_attempt_at: Column[datetime | None] = Column(_MOMENT)


_WAITING = (State.QUEUED.value, State.FAILED.value)
_UNSENT = (*_WAITING, State.DEAD.value, State.HELD.value)
_RETRIED = tuple(state.value for state in State if state.can_be_retried)

letters = Table(
    "letters",
    metadata,
    _Columns,
    UniqueConstraint("interview_id", "kind", "version"),
    Index("letters_by_state_idx", "state", text("id DESC")),
    Index("letters_sent_to_idx", "to_address", "sent_at"),
    Index(
        "letters_waiting_idx",
        "next_attempt_at",
        postgresql_where=text("state IN ('queued', 'failed')"),
    ),
)
_c = letters.c
_waits = _c.state.in_(_WAITING)
_for_good = _c.attempts < MOST_ATTEMPTS
"""Of one that is dead: it was refused, not given up after the last attempt."""


async def add(tx: Transaction, rows: Sequence[Mapping[str, object]]) -> Mapping[str, int]:
    """Insert letters; return the ids by Message-ID, without those that were there already."""
    if not rows:
        return {}
    statement = insert(letters).on_conflict_do_nothing().returning(_c.message_id, _c.id)
    return {row.message_id: row.id for row in await tx.execute(statement, rows)}


async def get(tx: Transaction, letter_id: int) -> Outgoing | None:
    """The letter, or None."""
    row = (await tx.execute(select(letters).where(_c.id == letter_id))).mappings().one_or_none()
    return None if row is None else _outgoing(row)


async def claim(
    tx: Transaction, letter_id: int, *, now: datetime, until: datetime
) -> Outgoing | None:
    """Count an attempt and keep others from making one before `until`; None if it is not due."""
    due = (_c.id == letter_id, _waits, _c.next_attempt_at <= now)
    # Queued while it is on the wire: only a failed one may be begun again by somebody.
    values = {
        "state": State.QUEUED.value,
        "attempts": _c.attempts + 1,
        "next_attempt_at": until,
    }
    statement = update(letters).where(*due).values(values).returning(letters)
    row = (await tx.execute(statement)).mappings().one_or_none()
    return None if row is None else _outgoing(row)


async def settle(tx: Transaction, letter: Outgoing, verdict: Verdict, now: datetime) -> bool:
    """Keep what became of a claimed letter; False if somebody else has claimed it since."""
    held = verdict.state is State.HELD  # nothing was begun, so it is no attempt
    values = {
        "state": verdict.state.value,
        "attempts": letter.attempts - held,
        "error": verdict.error,
        "next_attempt_at": verdict.next_attempt_at,
        "sent_at": now if verdict.state is State.SENT else None,
    }
    still_ours = (_c.id == letter.id, _waits, _c.attempts == letter.attempts)
    statement = update(letters).where(*still_ours).values(values).returning(_c.id)
    return (await tx.execute(statement)).scalar_one_or_none() is not None


async def requeue(tx: Transaction, letter_id: int, now: datetime) -> bool:
    """Begin again, with no attempts made; False if it was sent, or soon will be."""
    again = update(letters).where(_c.id == letter_id, _c.state.in_(_RETRIED))
    found = await tx.execute(again.values(_anew(now)).returning(_c.id))
    return found.scalar_one_or_none() is not None


def _anew(now: datetime) -> Mapping[str, object]:
    return {"state": State.QUEUED.value, "attempts": 0, "error": None, "next_attempt_at": now}


async def backlog(tx: Transaction, *, overdue: datetime, since: datetime) -> Backlog:
    """What is not on its way: `Backlog` says how both times count."""
    late = _waits & (_c.next_attempt_at < overdue)
    lost = _lost(since)
    # One that is on the wire again has failed before.
    failed_before = (_c.state == State.FAILED.value) | (
        (_c.state == State.QUEUED.value) & _c.error.is_not(None)
    )
    query = select(
        func.count().filter(lost),
        func.count().filter(lost & _for_good),
        func.count().filter(failed_before),
        func.count().filter(late),
        func.min(_c.next_attempt_at).filter(late),
        func.count().filter(_c.state == State.HELD.value),
    ).where(_c.state.in_(_UNSENT))
    dead, refused, failed, overdue_now, oldest, held = (await tx.execute(query)).one()
    return Backlog(
        dead=dead, refused=refused, failed=failed, late=overdue_now, late_since=oldest, held=held
    )


async def requeue_lost(tx: Transaction, now: datetime, *, since: datetime) -> Sequence[int]:
    """Begin again with those to be tried again, and those given up since then that may yet go.

    Returns their ids.
    """
    may_go = _lost(since) & ~_for_good
    again = update(letters).where(or_(may_go, _c.state == State.FAILED.value))
    return list((await tx.execute(again.values(_anew(now)).returning(_c.id))).scalars())


def _lost(since: datetime) -> ColumnElement[bool]:
    """Given up, and there is no later letter about the same interview."""
    other = letters.alias("later")
    later = (other.c.interview_id == _c.interview_id) & (other.c.id > _c.id)
    replaced = select(other.c.id).where(later).exists()
    return (_c.state == State.DEAD.value) & (_c.created_at > since) & ~replaced


async def unsent(tx: Transaction) -> Mapping[State, int]:
    """How many letters are in each state, but for those that were sent."""
    query = select(_c.state, func.count()).where(_c.state.in_(_UNSENT)).group_by(_c.state)
    return {State(state): number for state, number in await tx.execute(query)}


async def sent_since(tx: Transaction, address: str, since: datetime) -> int:
    """How many letters went to the address after `since`."""
    query = select(func.count()).where(_c.to_address == address, _c.sent_at > since)
    return (await tx.execute(query)).scalar_one()


async def due(tx: Transaction, now: datetime, limit: int) -> Sequence[int]:
    """Ids of letters whose next attempt may begin, the longest waiting first."""
    query = select(_c.id).where(_waits, _c.next_attempt_at <= now)
    return list((await tx.execute(query.order_by(_c.next_attempt_at).limit(limit))).scalars())


async def page(
    tx: Transaction, *, state: State | None, before: int | None, limit: int
) -> Sequence[Outgoing]:
    """The newest letters, with an id below `before`."""
    query = select(letters)
    if state is not None:
        query = query.where(_c.state == state.value)
    if before is not None:
        query = query.where(_c.id < before)
    rows = (await tx.execute(query.order_by(_c.id.desc()).limit(limit))).mappings()
    return [_outgoing(row) for row in rows]


async def counts(tx: Transaction, kind: str, interview_ids: Collection[int]) -> Mapping[int, int]:
    """How many letters of the kind each interview has; those without one are left out."""
    query = select(_c.interview_id, func.count()).group_by(_c.interview_id)
    mine = query.where(_c.interview_id.in_(interview_ids), _c.kind == kind)
    return {id_: number for id_, number in await tx.execute(mine) if id_ is not None}


async def of_interview(tx: Transaction, interview_id: int) -> Sequence[Outgoing]:
    """Every letter about the interview, oldest first."""
    query = select(letters).where(_c.interview_id == interview_id).order_by(_c.id)
    return [_outgoing(row) for row in (await tx.execute(query)).mappings()]


def _outgoing(row: RowMapping) -> Outgoing:
    values = {**row, "kind": Kind(row["kind"]), "state": State(row["state"])}
    return Outgoing(**values)
