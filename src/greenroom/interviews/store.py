"""Interviews and their booking links in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    TypedColumns,
    and_,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from greenroom.database import Transaction, metadata
from greenroom.database.among import among
from greenroom.interviews.model import (
    Attention,
    Interview,
    Meeting,
    MeetingStatus,
    Outcome,
    Status,
)

_MOMENT = DateTime(timezone=True)


class _Interviews(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    candidate_id: Column[int] = Column(
        BigInteger, ForeignKey("candidates.id"), nullable=False, index=True
    )
    event_type_id: Column[int] = Column(
        BigInteger, ForeignKey("event_types.id"), nullable=False, index=True
    )
    owner: Column[str] = Column(Text, nullable=False)
    status: Column[str] = Column(Text, nullable=False)
    status_since: Column[datetime] = Column(_MOMENT, nullable=False)
    attention: Column[list[str]] = Column(ARRAY(Text), nullable=False)
    withdrawn_at: Column[datetime | None] = Column(_MOMENT)
    outcome: Column[str | None] = Column(Text)
    outcome_of: Column[str | None] = Column(Text)
    turns_at: Column[datetime | None] = Column(_MOMENT)
    booking_uid: Column[str | None] = Column(Text)
    booking_status: Column[str | None] = Column(Text)
    booking_since: Column[datetime | None] = Column(_MOMENT)
    successor_expected: Column[bool] = Column(Boolean, nullable=False)
    no_show: Column[bool] = Column(Boolean, nullable=False)
    starts_at: Column[datetime | None] = Column(_MOMENT)
    ends_at: Column[datetime | None] = Column(_MOMENT)
    host: Column[str | None] = Column(Text)
    location: Column[str | None] = Column(Text)
    reschedules: Column[int] = Column(Integer, nullable=False)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    updated_at: Column[datetime] = Column(_MOMENT, nullable=False)


class _History(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    interview_id: Column[int] = Column(
        BigInteger, ForeignKey("interviews.id", ondelete="CASCADE"), nullable=False, index=True
    )
    at: Column[datetime] = Column(_MOMENT, nullable=False)
    actor: Column[str] = Column(Text, nullable=False)
    what: Column[str] = Column(Text, nullable=False)


interviews = Table(
    "interviews",
    metadata,
    _Interviews,
    Index("interviews_by_age_idx", text("status_since DESC"), text("id DESC")),
    Index("interviews_by_status_idx", "status", text("status_since DESC"), text("id DESC")),
    Index("interviews_turns_at_idx", "turns_at", postgresql_where=text("turns_at IS NOT NULL")),
    Index("interviews_starts_at_idx", "starts_at", postgresql_where=text("starts_at IS NOT NULL")),
    Index("interviews_attention_idx", "id", postgresql_where=text("cardinality(attention) > 0")),
)
history = Table("interview_history", metadata, _History)
_i = interviews.c
_h = history.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which interviews a list shows. None and empty mean "any"."""

    statuses: Collection[Status] = ()
    event_type_id: int | None = None
    owner: str | None = None
    attention: bool = False
    candidate_ids: Collection[int] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same, as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.statuses:
            found.append(_i.status.in_([status.value for status in self.statuses]))
        if self.event_type_id is not None:
            found.append(_i.event_type_id == self.event_type_id)
        if self.owner is not None:
            found.append(_i.owner == self.owner)
        if self.attention:
            found.append(func.cardinality(_i.attention) > 0)
        if self.candidate_ids is not None:
            found.append(_i.candidate_id.in_(self.candidate_ids))
        return found


async def add_all(
    tx: Transaction,
    candidate_ids: Sequence[int],
    event_type_id: int,
    *,
    owner: str,
    now: datetime,
) -> Mapping[int, int]:
    """Insert an interview without a link for each candidate; give their ids by candidate."""
    if not candidate_ids:
        return {}
    rows = [
        {
            "candidate_id": candidate_id,
            "event_type_id": event_type_id,
            "owner": owner,
            "status": Status.TO_INVITE.value,
            "status_since": now,
            "attention": [],
            "successor_expected": False,
            "no_show": False,
            "reschedules": 0,
            "created_at": now,
            "updated_at": now,
        }
        for candidate_id in candidate_ids
    ]
    statement = insert(interviews).returning(_i.candidate_id, _i.id)
    found = await tx.execute(statement, rows)
    return {row.candidate_id: row.id for row in found}


async def remove(tx: Transaction, interview_id: int) -> None:
    """Forget the interview, with its links and notes."""
    await tx.execute(delete(interviews).where(_i.id == interview_id))


async def hold(tx: Transaction, ids: Collection[int]) -> Sequence[Interview]:
    """Read the interviews and keep others from changing them, always in the order of ids."""
    query = select(interviews).where(among(_i.id, ids)).order_by(_i.id).with_for_update()
    return [_interview(row) for row in (await tx.execute(query)).mappings()]


async def by_ids(tx: Transaction, ids: Collection[int]) -> Sequence[Interview]:
    """Those that exist."""
    query = select(interviews).where(among(_i.id, ids)).order_by(_i.id)
    return [_interview(row) for row in (await tx.execute(query)).mappings()]


async def of_candidates(
    tx: Transaction, candidate_ids: Collection[int], event_type_id: int | None = None
) -> Sequence[Interview]:
    """All interviews of these candidates, of one event type or of any."""
    query = select(interviews).where(among(_i.candidate_id, candidate_ids)).order_by(_i.id)
    if event_type_id is not None:
        query = query.where(_i.event_type_id == event_type_id)
    return [_interview(row) for row in (await tx.execute(query)).mappings()]


async def page(
    tx: Transaction, wanted: Wanted, *, before: tuple[datetime, int] | None, limit: int
) -> Sequence[Interview]:
    """Newest change of status first, after the keyset `before`."""
    query: Select[tuple[object, ...]] = select(interviews).where(*wanted.conditions())
    if before is not None:
        query = query.where(tuple_(_i.status_since, _i.id) < tuple_(*before))
    query = query.order_by(_i.status_since.desc(), _i.id.desc()).limit(limit)
    return [_interview(row) for row in (await tx.execute(query)).mappings()]


async def between(
    tx: Transaction, start: datetime, end: datetime, wanted: Wanted
) -> Sequence[Interview]:
    """Interviews whose meeting overlaps [start, end), earliest first."""
    overlaps = and_(_i.starts_at < end, _i.ends_at > start)
    query = select(interviews).where(overlaps, *wanted.conditions()).order_by(_i.starts_at, _i.id)
    return [_interview(row) for row in (await tx.execute(query.limit(2000))).mappings()]


async def counts(tx: Transaction, wanted: Wanted) -> Mapping[str, int]:
    """How many interviews stand at each status, and under "attention" how many want a look."""
    query = select(
        _i.status, func.count(), func.count().filter(func.cardinality(_i.attention) > 0)
    ).where(*wanted.conditions())
    found: dict[str, int] = {"attention": 0}
    for status, number, flagged in await tx.execute(query.group_by(_i.status)):
        found[status] = number
        found["attention"] += flagged
    return found


async def turned(tx: Transaction, now: datetime, limit: int) -> Sequence[int]:
    """Interviews whose status time alone has changed."""
    query = select(_i.id).where(_i.turns_at <= now).order_by(_i.turns_at).limit(limit)
    return list((await tx.execute(query)).scalars())


async def set_attention(
    tx: Transaction, interview_id: int, attention: Collection[Attention], now: datetime
) -> None:
    """Overwrite the flags."""
    values = {"attention": sorted(each.value for each in attention), "updated_at": now}
    await tx.execute(update(interviews).where(_i.id == interview_id).values(values))


async def set_outcome(
    tx: Transaction, interview_id: int, outcome: Outcome | None, *, of: str
) -> None:
    """Overwrite what a person said about the meeting of that uid."""
    values = {"outcome": outcome and outcome.value, "outcome_of": of}
    await tx.execute(update(interviews).where(_i.id == interview_id).values(values))


async def rename_booking(tx: Transaction, interview_id: int, old: str, new: str) -> None:
    """The booking kept on the interview, or spoken of by a person, has another uid."""
    mine = update(interviews).where(_i.id == interview_id)
    await tx.execute(mine.where(_i.outcome_of == old).values(outcome_of=new))
    await tx.execute(mine.where(_i.booking_uid == old).values(booking_uid=new))


async def note(tx: Transaction, interview_id: int, what: str, *, actor: str, now: datetime) -> None:
    """Keep what somebody did, for the timeline."""
    await note_all(tx, [interview_id], what, actor=actor, now=now)


async def note_all(
    tx: Transaction, interview_ids: Collection[int], what: str, *, actor: str, now: datetime
) -> None:
    """The same on many interviews."""
    rows = [{"interview_id": id_, "at": now, "actor": actor, "what": what} for id_ in interview_ids]
    if rows:
        await tx.execute(insert(history), rows)


async def notes(tx: Transaction, interview_id: int) -> Sequence[tuple[datetime, str, str]]:
    """(when, who, what), oldest first."""
    query = select(_h.at, _h.actor, _h.what).where(_h.interview_id == interview_id)
    return [(at, who, what) for at, who, what in await tx.execute(query.order_by(_h.id))]


def _interview(row: RowMapping) -> Interview:
    return Interview(
        id=row["id"],
        candidate_id=row["candidate_id"],
        event_type_id=row["event_type_id"],
        owner=row["owner"],
        status=Status(row["status"]),
        status_since=row["status_since"],
        attention=frozenset(Attention(each) for each in row["attention"]),
        withdrawn_at=row["withdrawn_at"],
        said=Outcome(row["outcome"]) if row["outcome"] else None,
        said_of=row["outcome_of"],
        turns_at=row["turns_at"],
        meeting=_meeting(row),
        reschedules=row["reschedules"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _meeting(row: RowMapping) -> Meeting | None:
    if row["booking_uid"] is None:
        return None
    return Meeting(
        uid=row["booking_uid"],
        status=MeetingStatus(row["booking_status"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        since=row["booking_since"],
        successor_expected=row["successor_expected"],
        is_no_show=row["no_show"],
        host=row["host"],
        location=row["location"],
    )
