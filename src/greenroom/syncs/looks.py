"""How far a sync has come in Cal.com's pages, so that whoever goes on does so there.

A rate limit may end any, and so may a process that is killed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

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
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom.client import PAGE, Answer
from greenroom.calcom.text import Fields
from greenroom.database import Transaction, metadata
from greenroom.syncs.runs import Kind

_MOMENT = DateTime(timezone=True)
_JUST_BEFORE = timedelta(milliseconds=1)
"""Cal.com's moments have milliseconds, and whether it means "at or after" need not be known."""
_SHARED = 10
"""Rows that two counted pages have in common: a row that leaves its place moves the others up."""
_MOST_PAGES = 20_000
"""Of one question; more are a circle."""
_FIELDS = {
    "afterUpdatedAt": ("updatedAt", "sortUpdatedAt"),
    "afterCreatedAt": ("createdAt", "sortCreated"),
    "afterStart": ("start", "sortStart"),
}
"""What is asked, the field of each row it is about, and how to have the rows in its order."""
_QUESTIONS = {
    # Two, because `updatedAt` is null until a booking first changes.
    Kind.INCREMENTAL: ("afterUpdatedAt", "afterCreatedAt"),
    Kind.FULL: ("afterStart",),
}
SINGLY = "singly"
"""After the last question: the bookings of ours that no page showed are read one by one."""


class _Columns(TypedColumns):
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), primary_key=True, autoincrement=False
    )
    kind: Column[str] = Column(Text, primary_key=True)
    basis: Column[datetime | None] = Column(_MOMENT)
    since: Column[datetime] = Column(_MOMENT, nullable=False)
    question: Column[str] = Column(Text, nullable=False)
    reached: Column[datetime] = Column(_MOMENT, nullable=False)
    skip: Column[int] = Column(Integer, nullable=False)
    until: Column[datetime | None] = Column(_MOMENT)
    pages: Column[int] = Column(Integer, nullable=False, server_default="0")
    last_page: Column[str | None] = Column(Text)
    beyond: Column[str | None] = Column(Text)


looks = Table("looks", metadata, _Columns)
_l = looks.c


class GoesInCircles(Exception):
    """Cal.com gives the same page again, whatever is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where a sync stands in its questions. Moments are Cal.com's, aware.

    `basis` is what the connection was synced until; an incremental look with another one is
    another look. `until` is what Cal.com's clock said at the first answer. `pages` were read of
    this question; one that is gone on from by counting is known by a digest of its bookings.
    `beyond` is the uid of the last booking that was read singly.
    """

    kind: Kind
    basis: datetime | None
    since: datetime
    question: str
    reached: datetime
    skip: int
    until: datetime | None
    pages: int = 0
    last_page: str | None = None
    beyond: str | None = None

    @property
    def filters(self) -> dict[str, str | int]:
        """The page to ask for."""
        after = self.reached.isoformat().replace("+00:00", "Z")
        return {self.question: after, _FIELDS[self.question][1]: "asc", "skip": self.skip}

    def after(self, answer: Answer) -> "Look | None":
        """Where it stands when that page is taken in; None at the end of the questions.

        Goes on from the last row's moment, not by counting: a booking that is changed
        meanwhile leaves its place, and the next one would slip through. Raises GoesInCircles.
        """
        until = self.until or answer.fetched_at
        if len(answer.data) < PAGE:
            return self._next_question(until)
        page = _digest(answer)
        if page == self.last_page or self.pages >= _MOST_PAGES:
            raise GoesInCircles
        on = replace(self, until=until, pages=self.pages + 1)
        reached = self._reached_by(answer)
        if reached is None:
            return replace(on, skip=self.skip + PAGE - _SHARED, last_page=page)
        # Where many share a moment, the next page may well be this one again, once.
        return replace(on, reached=reached, skip=0, last_page=None)

    def _next_question(self, until: datetime) -> "Look | None":
        questions = _QUESTIONS[self.kind]
        left = questions[questions.index(self.question) + 1 :]
        if left:
            following = begin(self.kind, self.basis, self.since)
            return replace(following, question=left[0], until=until)
        if self.kind is Kind.FULL:
            return replace(self, question=SINGLY, until=until)
        return None

    def _reached_by(self, answer: Answer) -> datetime | None:
        """The moment to go on from; None where Cal.com's answer does not follow the question."""
        field = _FIELDS[self.question][0]
        moments = [Fields(row, "").moment_if_any(field) for row in answer.data]
        known = [each for each in moments if each is not None]
        obeys = len(known) == len(moments) and known == sorted(known) and known[0] >= self.reached
        if not obeys or known[-1] - _JUST_BEFORE <= self.reached:
            return None
        return known[-1] - _JUST_BEFORE


def begin(kind: Kind, basis: datetime | None, since: datetime) -> Look:
    """A look that asks for everything after `since`."""
    first = _QUESTIONS[kind][0]
    return Look(
        kind=kind, basis=basis, since=since, question=first, reached=since, skip=0, until=None
    )


async def unfinished(tx: Transaction, connection_id: int, kind: Kind) -> Look | None:
    """The look of that kind that was begun and did not come to its end."""
    columns = (_l[name] for name in Look.__dataclass_fields__)
    query = select(*columns).where(_l.connection_id == connection_id, _l.kind == kind)
    found = (await tx.execute(query)).mappings().one_or_none()
    return None if found is None else Look(**{**found, "kind": kind})


async def keep(tx: Transaction, connection_id: int, look: Look) -> None:
    """Whoever goes on does so there."""
    row = {name: getattr(look, name) for name in Look.__dataclass_fields__}
    statement = insert(looks).values(connection_id=connection_id, **row)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=[_l.connection_id, _l.kind], set_=row)
    )


async def finish(tx: Transaction, connection_id: int, kind: Kind) -> None:
    """It came to its end: the next one starts anew."""
    mine = (_l.connection_id == connection_id, _l.kind == kind)
    await tx.execute(delete(looks).where(*mine))


def _digest(answer: Answer) -> str:
    uids = sorted(str(row.get("uid")) for row in answer.data)
    return blake2b("\n".join(uids).encode(), digest_size=16).hexdigest()
