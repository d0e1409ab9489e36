"""Interviews that begin with a booking: somebody booked whom nobody had invited."""

from datetime import datetime

from greenroom.booking_links import actions as booking_links
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.database import Transaction
from greenroom.errors import Conflict
from greenroom.interviews import actions, store


async def add(tx: Transaction, person: Draft, event_type_id: int, *, by: str, now: datetime) -> int:
    """Make an interview without a link, with the person as candidate; give its id.

    Somebody who has the person's address already is that candidate.
    """
    known = await candidates.of_addresses(tx, person.addresses)
    candidate_id = next(iter(known.values()), None)
    if candidate_id is None:
        candidate_id = (await candidates.add(tx, person, now)).id
    made = await store.add_all(tx, [candidate_id], event_type_id, owner=by, now=now)
    await store.note(tx, made[candidate_id], "made the interview from a booking", actor=by, now=now)
    return made[candidate_id]


async def undo(tx: Transaction, interview_id: int) -> None:
    """Take back what `add` made, the candidate too if `add` made them and they have no other.

    Raises NotFound, and Conflict when more has happened since.
    """
    interview = await actions.get(tx, interview_id)
    links = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
    if links or interview.meeting is not None:
        raise Conflict(
            "More has happened with this interview since it was made.",
            do="Keep it; say whose the booking is instead.",
        )
    candidate = await candidates.get(tx, interview.candidate_id)
    await store.remove(tx, interview_id)
    others = await store.of_candidates(tx, [candidate.id])
    # Both were made in one transaction, with one look at the clock.
    if not others and candidate.created_at == interview.created_at:
        await candidates.remove(tx, candidate.id)
