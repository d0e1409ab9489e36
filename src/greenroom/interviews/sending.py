"""Sending booking links: who would get one and who not, and giving them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.booking_links.model import DEFAULT_EXPIRY
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Candidate, Order
from greenroom.database import Transaction
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions, store
from greenroom.interviews.model import Status
from greenroom.interviews.rounds import Person, Round, Skip, plan

_BOOKED = frozenset({Status.REQUESTED, Status.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a round: the interviews that now have a link, and who was left out."""

    interview_ids: Sequence[int]
    round: Round


async def send(
    tx: Transaction,
    candidate_ids: Iterable[int],
    event_type_id: int,
    *,
    by: str,
    now: datetime,
    expires_in: timedelta | None = DEFAULT_EXPIRY,
) -> Sent:
    """Give each candidate a booking link for the event type.

    All or nothing; a candidate who has a live link or has booked is skipped with the reason,
    so that a double click invites once. `by` is who does it, for the timeline.
    Raises NotFound for an unknown event type.
    """
    event_type = await event_types.get(tx, event_type_id)
    wanted = list(dict.fromkeys(candidate_ids))
    await candidates.hold(tx, wanted)
    open_, round_ = await _plan(tx, wanted, event_type.id)
    new = [person.id for person in round_.invite if person.id not in open_]
    open_ |= await store.add_all(tx, new, event_type.id, owner=by, now=now)
    ids = [open_[person.id] for person in round_.invite]
    expires_at = None if expires_in is None else now + expires_in
    await actions.add_links(tx, ids, expires_at=expires_at, by=by, now=now)
    await actions.restand_kept(tx, ids, now=now)
    return Sent(ids, round_)


@dataclass(frozen=True, slots=True)
class Pick:
    """Somebody who was picked; `skip` says why they would get no link."""

    id: int
    candidate: Candidate | None
    skip: Skip | None


async def foresee(
    tx: Transaction, candidate_ids: Iterable[int], event_type_id: int | None
) -> Sequence[Pick]:
    """What `send` would do now, for each who was picked, in their order."""
    wanted = list(dict.fromkeys(candidate_ids))
    people = await candidates.by_ids(tx, wanted)
    _, round_ = await _plan(tx, wanted, event_type_id)
    skipped = dict(round_.skip)
    return [Pick(id_, people.get(id_), skipped.get(id_)) for id_ in wanted]


async def likely(tx: Transaction, candidate_ids: Iterable[int]) -> int | None:
    """The event type that most of these are waiting to be invited for; None without interviews."""
    known = await store.of_candidates(tx, list(candidate_ids))
    wanted = Counter(
        each.event_type_id
        for each in known
        if each.status.waits_for_booking and each.status is not Status.PENDING
    )
    return next((event_type_id for event_type_id, _ in wanted.most_common(1)), None)


async def suggestions(
    tx: Transaction, query: str, *, limit: int = 50
) -> tuple[Sequence[Candidate], Mapping[int, Status]]:
    """Candidates to pick from, the newest first, and where their newest interview stands."""
    found = await candidates.find(tx, query=query, order=Order.NEWEST, limit=limit)
    known = await store.of_candidates(tx, [each.id for each in found.items])
    return found.items, {each.candidate_id: each.status for each in known}


async def _plan(
    tx: Transaction, wanted: Collection[int], event_type_id: int | None
) -> tuple[dict[int, int], Round]:
    """Whom to invite, and the interviews they have open for the event type, by candidate."""
    people = (await candidates.by_ids(tx, wanted)).values()
    before = (
        await store.of_candidates(tx, wanted, event_type_id)
        if wanted and event_type_id is not None
        else ()
    )
    round_ = plan(
        wanted,
        [Person(each.id, each.addresses[0] if each.addresses else None) for each in people],
        waiting={each.candidate_id for each in before if each.status is Status.PENDING},
        booked={each.candidate_id for each in before if each.status in _BOOKED},
    )
    open_ = {each.candidate_id: each.id for each in before if each.status.waits_for_booking}
    return open_, round_
