"""Where interviews stand for their bookings."""

from collections.abc import Collection, Sequence
from datetime import datetime

from greenroom.bookings import store
from greenroom.bookings.match import Kept, Match
from greenroom.bookings.model import Booking, Outcome, Status, seat_of
from greenroom.database import Transaction
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Meeting, MeetingStatus


async def restand(tx: Transaction, interview_ids: Collection[int], *, now: datetime) -> None:
    """Let these interviews stand where their bookings put them."""
    held = await interviews.hold(tx, interview_ids)
    if not held:
        return
    of = await store.of_interviews(tx, [each.id for each in held])
    emails = {
        kept.booking.uid: [attendee.email for attendee in kept.booking.attendees]
        for each in of.values()
        for kept in each
    }
    standing = {id_: meetings(id_, each) for id_, each in of.items()}
    await interviews.restand(tx, held, standing, attendees=emails, now=now)


async def turn(tx: Transaction, *, now: datetime) -> int:
    """Restand interviews whose status time alone has changed; return how many there were."""
    ids = await interviews.turned(tx, now=now)
    await restand(tx, ids, now=now)
    return len(ids)


def meetings(interview_id: int, bookings: Sequence[Kept]) -> Sequence[Meeting]:
    """The bookings of one interview as it sees them; those without a time are left out."""
    series = {kept.booking.series for kept in bookings} - {None}
    # Deliveries do not name the series; all of one interview's are one until the API does.
    unnamed = series.pop() if len(series) == 1 else "a series"
    found = [
        _meeting(kept, match, unnamed)
        for kept in bookings
        for match in kept.matches
        if match.interview_id == interview_id
    ]
    return [each for each in found if each is not None]


def _meeting(kept: Kept, match: Match, unnamed: str | None) -> Meeting | None:
    booking = kept.booking
    stands = _stands(booking, match.address)
    if stands is None or booking.starts_at is None or booking.ends_at is None:
        return None
    status, since = stands
    return Meeting(
        uid=booking.uid,
        status=MeetingStatus(status.value),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        since=since,
        first_known=kept.first_heard_at,
        is_moved=kept.is_moved or _has_moved(booking, match.address),
        successor_expected=booking.successor_expected,
        is_no_show=_is_no_show(booking, match.address),
        host=booking.host.name if booking.host else None,
        location=booking.location,
        series=booking.series or (unnamed if booking.recurring else None),
    )


def _stands(booking: Booking, seat: str) -> tuple[Status, datetime] | None:
    """The status and since when, for the one on that seat: gone is cancelled, for them."""
    left = next(
        (each.at for each in booking.departed if seat_of(each.attendee.email) == seat), None
    )
    if left is not None and (booking.status is None or booking.status.is_live):
        return Status.CANCELLED, left
    return None if booking.status is None else (booking.status, booking.status_since)


def _has_moved(booking: Booking, seat: str) -> bool:
    """Whether the one on that seat has taken it to another booking."""
    gone = any(seat_of(each.attendee.email) == seat for each in booking.departed)
    return gone and (
        any(whose == seat for whose, _ in booking.seats_to) or bool(booking.replaced_by)
    )


def _is_no_show(booking: Booking, seat: str) -> bool:
    if seat == "" or booking.host_absent:
        return booking.outcome in {Outcome.CANDIDATE_NO_SHOW, Outcome.HOST_NO_SHOW}
    return any(each.absent for each in booking.attendees if seat_of(each.email) == seat)
