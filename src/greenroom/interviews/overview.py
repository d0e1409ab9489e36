"""What lists, calendar and drawer show of interviews: read, put together, never changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.booking_links import actions as booking_links
from greenroom.booking_links.model import BookingLink
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Candidate
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType
from greenroom.interviews import store
from greenroom.interviews.model import Attention, Interview, Status

TABS: Mapping[str, Collection[Status]] = {
    "attention": (),
    "to_invite": (Status.TO_INVITE, Status.EXPIRED),
    "pending": (Status.PENDING, Status.REQUESTED, Status.RESCHEDULE_REQUESTED),
    "confirmed": (Status.CONFIRMED,),
    "done": (Status.DONE, Status.NO_SHOW, Status.CANCELLED, Status.DECLINED),
    "all": (),
}
"""The tabs above the list, and the statuses behind each; `attention` and `all` span every one."""

_SEARCHED = 500
"""Candidates whose interviews a search by name or address looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which interviews a page wants; None and empty mean "any"."""

    statuses: Collection[Status] = ()
    q: str = ""
    event_type_id: int | None = None
    owner: str | None = None
    attention: bool = False
    candidate_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An interview with what a person wants to read beside it. `link` is the newest one."""

    interview: Interview
    candidate: Candidate
    event_type: EventType
    link: BookingLink | None

    @property
    def id(self) -> int:
        """The interview's."""
        return self.interview.id

    @property
    def status(self) -> Status:
        """The interview's."""
        return self.interview.status

    @property
    def attention(self) -> Sequence[Attention]:
        """Why a person should look, in a steady order."""
        return sorted(self.interview.attention)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where the next page begins, if there is one."""

    rows: Sequence[Row]
    next: tuple[datetime, int] | None


async def page(
    tx: Transaction, asked: Asked, *, before: tuple[datetime, int] | None = None, limit: int = 50
) -> Page:
    """Newest change of status first."""
    wanted = await _wanted(tx, asked)
    found = await store.page(tx, wanted, before=before, limit=limit + 1)
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return Page(await rows(tx, shown), None if last is None else (last.status_since, last.id))


async def between(tx: Transaction, start: datetime, end: datetime, asked: Asked) -> Sequence[Row]:
    """Interviews whose meeting overlaps [start, end), earliest first; for the calendar."""
    return await rows(tx, await store.between(tx, start, end, await _wanted(tx, asked)))


async def counts(tx: Transaction, asked: Asked) -> Mapping[str, int]:
    """How many interviews each of TABS holds; statuses and attention in `asked` do not count."""
    wanted = await _wanted(
        tx, Asked(q=asked.q, event_type_id=asked.event_type_id, owner=asked.owner)
    )
    by_status = await store.counts(tx, wanted)
    found = {
        tab: sum(by_status.get(status.value, 0) for status in statuses or Status)
        for tab, statuses in TABS.items()
    }
    return {**found, "attention": by_status["attention"]}


async def row(tx: Transaction, interview_id: int) -> Row:
    """Raises NotFound."""
    found = await rows(tx, await store.by_ids(tx, [interview_id]))
    if not found:
        raise NotFound(
            f"There is no interview {interview_id}.",
            do="Go back to the list; it may have been deleted.",
        )
    return found[0]


async def rows(tx: Transaction, interviews: Sequence[Interview]) -> Sequence[Row]:
    """The interviews in their order, with candidate, event type and newest link."""
    people = await candidates.by_ids(tx, {each.candidate_id for each in interviews})
    types = await event_types.by_ids(tx, {each.event_type_id for each in interviews})
    links = await booking_links.of_interviews(tx, [each.id for each in interviews])
    return [
        Row(
            interview=each,
            candidate=people[each.candidate_id],
            event_type=types[each.event_type_id],
            link=next(reversed(links[each.id]), None),
        )
        for each in interviews
    ]


async def _wanted(tx: Transaction, asked: Asked) -> store.Wanted:
    ids: Collection[int] | None = None
    if asked.candidate_id is not None:
        ids = {asked.candidate_id}
    elif asked.q.strip():
        ids = await candidates.ids_matching(tx, asked.q, limit=_SEARCHED)
    return store.Wanted(
        statuses=asked.statuses,
        event_type_id=asked.event_type_id,
        owner=asked.owner,
        attention=asked.attention,
        candidate_ids=ids,
    )
