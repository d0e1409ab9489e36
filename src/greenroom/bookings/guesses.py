"""Interviews that a booking of nobody we know may be, gathered from all that wait."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from greenroom.bookings.match import Kept
from greenroom.bookings.model import Attendee
from greenroom.bookings.suggest import Stranger, Suggestion, Waiting, suggest_each
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import words
from greenroom.database import Transaction
from greenroom.event_types.model import EventType
from greenroom.interviews import actions as interviews
from greenroom.interviews import overview
from greenroom.interviews.model import Status
from greenroom.interviews.overview import Asked, Row

_POOL = 200
"""Interviews that wait, the newest first, with which every booking is compared."""
_NAMESAKES = 20
"""Candidates looked at for each name."""
_WAITING = [status for status in Status if status.waits_for_booking]


@dataclass(frozen=True, slots=True)
class Guess:
    """A suggestion, and the interview it means."""

    row: Row
    suggestion: Suggestion


async def gather(
    tx: Transaction, strangers: Sequence[tuple[Kept, Attendee | None]]
) -> Sequence[Sequence[Guess]]:
    """For each booking, with whoever sits there, the interviews that fit best."""
    if not strangers:
        return []
    page = await overview.page(tx, Asked(statuses=_WAITING), limit=_POOL)
    pool = {row.id: row for row in page.rows}
    people = [guest for _, guest in strangers if guest is not None]
    pool |= await _of(tx, await _namesakes(tx, people), without=pool.keys())
    found = suggest_each(
        [
            (_stranger(kept, guest), [_waiting(kept, row) for row in pool.values()])
            for kept, guest in strangers
        ]
    )
    return [[Guess(pool[each.interview_id], each) for each in some] for some in found]


def is_of(kept: Kept, event_type: EventType) -> bool:
    """Whether the booking is of this event type."""
    if kept.connection_id != event_type.connection_id:
        return False
    if kept.booking.event_type_id is not None and event_type.calcom_id is not None:
        return kept.booking.event_type_id == event_type.calcom_id
    return kept.booking.event_type_slug == event_type.slug


async def _namesakes(tx: Transaction, people: Collection[Attendee]) -> set[int]:
    """Candidates with about such an address or such a name, however long ago they were asked."""
    addresses = {each.email for each in people}
    bare = {f"{local.partition('+')[0]}@{domain}" for local, domain in map(_parts, addresses)}
    found = set((await candidates.of_addresses(tx, addresses | bare)).values())
    names = {each.name for each in people}
    names |= {words(name)[-1] for name in names if words(name)}
    for name in sorted(names):
        found |= set(await candidates.ids_matching(tx, name, limit=_NAMESAKES))
    return found


def _parts(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    return local, domain


async def _of(
    tx: Transaction, candidate_ids: Collection[int], *, without: Collection[int]
) -> Mapping[int, Row]:
    waiting = [each for each, _, _ in await interviews.waiting(tx, candidate_ids)]
    rows = await overview.rows(tx, [each for each in waiting if each.id not in without])
    return {row.id: row for row in rows}


def _stranger(kept: Kept, guest: Attendee | None) -> Stranger:
    return Stranger(
        name=guest.name if guest else "",
        address=guest.email if guest else "",
        came_at=kept.first_heard_at,
    )


def _waiting(kept: Kept, row: Row) -> Waiting:
    return Waiting(
        interview_id=row.id,
        name=row.candidate.name,
        addresses=row.candidate.addresses,
        same_event_type=is_of(kept, row.event_type),
        sent_at=(row.link.sent_at or row.link.created_at) if row.link else None,
    )
