"""What a person may say about a booking that belongs to no interview, or to the wrong one."""

from datetime import datetime

from greenroom import zones
from greenroom.bookings import actions, inbox, standing
from greenroom.bookings.model import Uid
from greenroom.candidates import actions as candidates
from greenroom.candidates import drafts
from greenroom.database import Transaction
from greenroom.errors import Invalid
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions as interviews
from greenroom.interviews import adding, overview
from greenroom.interviews.overview import Asked

_MOST = 200
"""Interviews of one candidate that are looked at."""


async def make_candidate(
    tx: Transaction, key: Uid, event_type_id: int | None, *, seat: str, by: str, now: datetime
) -> int:
    """Make a candidate of whoever booked, and an interview that the booking is; give its id.

    `event_type_id` None: the booking's own. Raises NotFound, and Invalid where Cal.com does
    not tell who booked or what.
    """
    found = await inbox.one(tx, key, seat)
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
    await actions.judge(tx, key, interview_id, address=seat, by=by, now=now)
    return interview_id


async def undo(
    tx: Transaction, key: Uid, *, seat: str, made: int | None, by: str, now: datetime
) -> None:
    """Take back what was said whose it is; `made` is the interview that was made for it."""
    if made is not None:
        # Else it would be recognised again, by the address of the candidate just made.
        await actions.judge(tx, key, None, address=seat, by=by, now=now)
        await adding.undo(tx, made)
    await actions.take_back(tx, key, address=seat, by=by, now=now)


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
    await interviews.note(tx, interview_id, f"added the address {address}", by=by, now=now)
    page = await overview.page(tx, Asked(candidate_id=person.id), limit=_MOST)
    await standing.restand(tx, [row.id for row in page.rows], now=now)
