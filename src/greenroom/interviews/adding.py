"""Interviews that begin with a booking: somebody booked whom nobody had invited."""

from datetime import datetime

from greenroom.booking_links import actions as booking_links
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.database import Transaction
from greenroom.errors import Conflict
from greenroom.interviews import actions, store
from greenroom.interviews.model import Interview

# Kept in histories, and read again before anything is undone: never reword one.
_MADE = "made the interview from a booking"
_MADE_BOTH = "made the candidate and the interview from a booking"


async def add(tx: Transaction, person: Draft, event_type_id: int, *, by: str, now: datetime) -> int:
    """Make an interview without a link, with the person as candidate; give its id.

    Somebody who has the person's address already is that candidate.
    """
    known = await candidates.of_addresses(tx, person.addresses)
    candidate_id = next(iter(known.values()), None)
    what = _MADE
    if candidate_id is None:
        candidate_id = (await candidates.add(tx, person, now)).id
        what = _MADE_BOTH
    made = await store.add_all(tx, [candidate_id], event_type_id, owner=by, now=now)
    await store.note(tx, made[candidate_id], what, actor=by, now=now)
    return made[candidate_id]


async def undo(tx: Transaction, interview_id: int, *, made_at: datetime, now: datetime) -> None:
    """Take back what `add` made then, the candidate too if `add` made them for this alone.

    What is noted at `now` is the undoing itself. Raises NotFound, and Conflict when the
    interview came about otherwise or more has happened since.
    """
    await store.hold(tx, [interview_id])
    interview = await actions.get(tx, interview_id)
    noted = await store.notes(tx, interview_id)
    if not noted or noted[0][2] not in {_MADE, _MADE_BOTH} or interview.created_at != made_at:
        raise Conflict(
            "This interview was not made from the booking.",
            do="Keep it; say whose the booking is instead.",
        )
    is_noted = any(at not in {made_at, now} for at, _, _ in noted)
    if is_noted or await _has_gone_on(tx, interview):
        raise Conflict(
            "More has happened with this interview since it was made.",
            do="Keep it; say whose the booking is instead.",
        )
    await store.remove(tx, interview_id)
    if noted[0][2] == _MADE_BOTH:
        await _forget_candidate(tx, interview.candidate_id, made_at)


async def _has_gone_on(tx: Transaction, interview: Interview) -> bool:
    links = (await booking_links.of_interviews(tx, [interview.id]))[interview.id]
    told = (interview.meeting, interview.said, interview.withdrawn_at)
    return bool(links) or any(each is not None for each in told)


async def _forget_candidate(tx: Transaction, candidate_id: int, made_at: datetime) -> None:
    candidate = await candidates.get(tx, candidate_id)
    is_as_made = candidate.created_at == candidate.updated_at == made_at
    if is_as_made and not await store.of_candidates(tx, [candidate_id]):
        await candidates.remove(tx, candidate_id)
