"""What a person may say about a booking that belongs to no interview, or to the wrong one."""

from datetime import datetime

from greenroom import zones
from greenroom.bookings import actions, inbox, inbox_store, names, standing, store, verdicts
from greenroom.bookings.inbox import Unmatched
from greenroom.bookings.model import Uid
from greenroom.candidates import actions as candidates
from greenroom.candidates import drafts
from greenroom.database import Transaction
from greenroom.errors import Conflict, Invalid
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions as interviews
from greenroom.interviews import adding, overview
from greenroom.interviews.overview import Asked

_MOST = 200
"""Interviews of one candidate that are looked at."""


async def make_candidate(
    tx: Transaction,
    key: Uid,
    event_type_id: int | None,
    *,
    seat: str,
    by: str,
    now: datetime,
    instead_of: int | None = None,
) -> int:
    """Make a candidate of whoever booked, and an interview that the booking is; give its id.

    `event_type_id` None: the booking's own. `instead_of`: the interview that the person knows
    it to be until now. Raises NotFound, Conflict when it is another one's by now, and Invalid
    where Cal.com does not tell who booked or what.
    """
    await names.hold_chain(tx, key)
    found = await inbox.one(tx, key, seat)
    await _be_free(tx, found, instead_of)
    guest = found.guest
    if guest is None or not guest.email:
        raise Invalid(
            "Cal.com does not tell who booked this.",
            do="Add the candidate under Candidates, send them a link, then match it to that.",
        )
    own = found.event_type
    chosen = event_type_id or (own.id if own else None)
    if chosen is None:
        raise Invalid(
            "Greenroom does not know the event type of this booking.",
            do="Open the booking and choose one, or press Sync now first.",
        )
    await event_types.get(tx, chosen)
    person = drafts.read(
        name=guest.name or guest.email,
        addresses=[guest.email],
        zone=zones.spelt(guest.zone or ""),
    )
    interview_id = await adding.add(tx, person, chosen, by=by, now=now)
    await verdicts.judge(tx, key, interview_id, address=found.seat, by=by, now=now)
    return interview_id


async def _be_free(tx: Transaction, found: Unmatched, instead_of: int | None) -> None:
    match = found.kept.match_of(found.seat)
    if match is None or match.interview_id == instead_of:
        return
    row = await overview.row(tx, match.interview_id)
    raise Conflict(
        f"This booking is the interview of {row.candidate.name} already.",
        do=f"Look at that interview, at /interviews/{row.id}; reload this page to say otherwise.",
    )


async def undo(
    tx: Transaction, key: Uid, *, seat: str, made: int | None, by: str, now: datetime
) -> None:
    """Take back what was said whose it is; `made` is the interview that was made for it.

    Raises NotFound, and Conflict when that interview was not made for it or has gone on since.
    """
    if made is not None:
        await _unmake(tx, key, made, seat=seat, by=by, now=now)
    await verdicts.take_back(tx, key, address=seat, by=by, now=now)


async def _unmake(
    tx: Transaction, key: Uid, made: int, *, seat: str, by: str, now: datetime
) -> None:
    await names.hold_chain(tx, key)
    kept = await actions.get(tx, key[1], connection_id=key[0])
    said = await inbox_store.said(tx, key, inbox.seat_meant(kept, seat))
    # `made` comes from an address anybody may have written.
    if said is None or said[0] != made:
        raise Conflict(
            "That interview was not made for this booking, or this was undone already.",
            do="Open the booking under Unmatched and say whose it is.",
        )
    # Before its interviews, as everybody holds them who changes a candidate.
    await candidates.hold(tx, [(await interviews.get(tx, made)).candidate_id])
    # Else it would be recognised again, by the address of the candidate just made.
    await verdicts.judge(tx, key, None, address=seat, by=by, now=now)
    if (await store.of_interviews(tx, [made]))[made] or await inbox_store.is_named(tx, made):
        raise Conflict(
            "This interview has got other bookings since it was made.",
            do="Keep it; say whose the booking is instead.",
        )
    await adding.undo(tx, made, made_at=said[1], now=now)


async def add_address(
    tx: Transaction, interview_id: int, address: str, *, by: str, now: datetime
) -> None:
    """The candidate has this address too; bookings made with it are no surprise any more.

    Raises NotFound, and Conflict when it is another candidate's.
    """
    interview = await interviews.get(tx, interview_id)
    person = await candidates.get(tx, interview.candidate_id)
    wanted = drafts.read(
        name=person.name,
        addresses=[*person.addresses, address],
        role=person.role,
        zone=person.zone,
        locale=person.locale,
    )
    await candidates.change(tx, person.id, wanted, now)
    page = await overview.page(tx, Asked(candidate_id=person.id), limit=_MOST)
    await standing.restand(tx, {interview_id, *(row.id for row in page.rows)}, now=now)
    # It holds them all in order; a note before would hold its own interview first.
    await interviews.note(tx, interview_id, f"added the address {address}", by=by, now=now)
