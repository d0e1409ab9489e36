"""Before a round is sent: who would get a link, and who not. Nothing is changed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Candidate, Order
from greenroom.database import Transaction
from greenroom.interviews import model, store
from greenroom.interviews.model import Person, Skip, Status

_BOOKED = frozenset({Status.REQUESTED, Status.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Pick:
    """Somebody who was picked; `skip` says why they would get no link."""

    id: int
    candidate: Candidate | None
    skip: Skip | None


async def foresee(
    tx: Transaction, candidate_ids: Iterable[int], event_type_id: int | None
) -> Sequence[Pick]:
    """What `actions.send` would do now, for each who was picked, in their order."""
    wanted = list(dict.fromkeys(candidate_ids))
    people = await candidates.by_ids(tx, wanted)
    before = (
        await store.of_candidates(tx, wanted, event_type_id)
        if wanted and event_type_id is not None
        else ()
    )
    round_ = model.plan(
        wanted,
        [Person(id_, _address(each)) for id_, each in people.items()],
        waiting={each.candidate_id for each in before if each.status is Status.PENDING},
        booked={each.candidate_id for each in before if each.status in _BOOKED},
    )
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


def _address(candidate: Candidate) -> str | None:
    return candidate.addresses[0] if candidate.addresses else None
