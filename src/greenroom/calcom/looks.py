"""How far a reconcile has come, so that the next one goes on there: a rate limit may end any."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom.client import PAGE, Answer
from greenroom.calcom.text import Fields
from greenroom.database import Transaction, metadata

_MOMENT = DateTime(timezone=True)
_JUST_BEFORE = timedelta(milliseconds=1)
"""Cal.com's moments have milliseconds, and whether it means "at or after" need not be known."""
_QUESTIONS = {
    "afterUpdatedAt": ("updatedAt", "sortUpdatedAt"),
    "afterCreatedAt": ("createdAt", "sortCreated"),
}
"""What is asked, the field of each row it is about, and how to have the rows in its order.

Two questions, because `updatedAt` is null until a booking first changes.
"""
_FIRST, _LAST = _QUESTIONS


class _Columns(TypedColumns):
    connection_id: Column[int] = Column(BigInteger, ForeignKey("connections.id"), primary_key=True)
    basis: Column[datetime | None] = Column(_MOMENT)
    since: Column[datetime] = Column(_MOMENT, nullable=False)
    question: Column[str] = Column(Text, nullable=False)
    reached: Column[datetime] = Column(_MOMENT, nullable=False)
    skip: Column[int] = Column(Integer, nullable=False)
    until: Column[datetime | None] = Column(_MOMENT)
    rests_until: Column[datetime | None] = Column(_MOMENT)


looks = Table("looks", metadata, _Columns)
_l = looks.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where a reconcile stands in its questions. Moments are Cal.com's, aware.

    `basis` is what the connection was synced until; a look with another one is another look.
    `until` is what Cal.com's clock said at the first answer.
    """

    basis: datetime | None
    since: datetime
    question: str
    reached: datetime
    skip: int
    until: datetime | None

    @property
    def filters(self) -> dict[str, str | int]:
        """The page to ask for."""
        after = self.reached.isoformat().replace("+00:00", "Z")
        return {self.question: after, _QUESTIONS[self.question][1]: "asc", "skip": self.skip}

    def after(self, answer: Answer) -> "Look | None":
        """Where it stands when that page is taken in; None at the end.

        Goes on from the last row's moment, not by counting: a booking that is changed
        meanwhile leaves its place, and the next one would slip through.
        """
        until = self.until or answer.fetched_at
        if len(answer.data) < PAGE:
            if self.question == _LAST:
                return None
            return replace(self, question=_LAST, reached=self.since, skip=0, until=until)
        field = _QUESTIONS[self.question][0]
        moments = [Fields(row, "").moment_if_any(field) for row in answer.data]
        known = [each for each in moments if each is not None]
        if len(known) == len(moments) and known == sorted(known):
            reached = known[-1] - _JUST_BEFORE
            if reached > self.reached:
                return replace(self, reached=reached, skip=0, until=until)
        return replace(self, skip=self.skip + len(answer.data), until=until)


def begin(basis: datetime | None, since: datetime) -> Look:
    """A look that asks for everything after `since`."""
    return Look(basis=basis, since=since, question=_FIRST, reached=since, skip=0, until=None)


async def unfinished(tx: Transaction, connection_id: int, basis: datetime | None) -> Look | None:
    """The look from that basis that was begun and did not come to its end."""
    row = await tx.execute(
        select(_l.since, _l.question, _l.reached, _l.skip, _l.until).where(
            _l.connection_id == connection_id, _l.basis.is_not_distinct_from(basis)
        )
    )
    found = row.mappings().one_or_none()
    return None if found is None else Look(basis=basis, **found)


async def keep(tx: Transaction, connection_id: int, look: Look) -> None:
    """The next reconcile goes on from there."""
    row = {name: getattr(look, name) for name in Look.__dataclass_fields__}
    statement = insert(looks).values(connection_id=connection_id, **row)
    await tx.execute(statement.on_conflict_do_update(index_elements=[_l.connection_id], set_=row))


async def finish(tx: Transaction, connection_id: int) -> None:
    """It came to its end: the next one starts anew."""
    await tx.execute(delete(looks).where(_l.connection_id == connection_id))


async def rest(tx: Transaction, connection_id: int, look: Look, seconds: float) -> None:
    """Keep `look`, and let nobody ask before that time has gone by."""
    await keep(tx, connection_id, look)
    # By the database's clock: processes may disagree about the time.
    until = func.now() + timedelta(seconds=seconds)
    await tx.execute(
        update(looks).where(_l.connection_id == connection_id).values(rests_until=until)
    )


async def wake(tx: Transaction, connection_id: int) -> None:
    """Asking makes sense again: the key is another one."""
    await tx.execute(
        update(looks).where(_l.connection_id == connection_id).values(rests_until=None)
    )


async def resting(tx: Transaction, connection_id: int) -> datetime | None:
    """Until when Cal.com must not be asked, if it must not now."""
    query = select(_l.rests_until).where(
        _l.connection_id == connection_id, _l.rests_until > func.now()
    )
    return (await tx.execute(query)).scalar_one_or_none()
