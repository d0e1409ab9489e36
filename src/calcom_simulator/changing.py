"""What happens to bookings once they are made: confirmed, declined, moved, cancelled, missed."""

from collections.abc import Mapping
from datetime import datetime

from calcom_simulator import payloads
from calcom_simulator.meetings import set_alarms
from calcom_simulator.model import (
    SOURCE_API,
    SOURCE_WEB,
    Attendee,
    Booking,
    Happening,
    Refused,
    Status,
)
from calcom_simulator.moments import js
from calcom_simulator.slots import seated_booking
from calcom_simulator.taking import Wish, check, new_row, new_seat, settle, use_link
from calcom_simulator.world import World


def confirm(world: World, uid: str) -> Happening[Booking]:
    """Accept a booking, or its whole series: committed first, then told once."""
    booking = world.booking(uid)
    if booking.status is Status.ACCEPTED:
        raise Refused(400, "Booking already confirmed", code="BAD_REQUEST")
    if booking.status is not Status.PENDING:
        raise Refused(400, "Booking is not pending", code="BAD_REQUEST")
    for one in _with_series(world, booking):
        one.status = Status.ACCEPTED
        one.metadata["videoCallUrl"] = ""
        world.touch(one)
        set_alarms(world, one, after_confirming=True)
    yield payloads.decided(world, booking, "BOOKING_CREATED")
    return booking


def decline(world: World, uid: str, reason: str) -> Happening[Booking]:
    """Refuse a booking, or its whole series: committed first, then told once."""
    booking = world.booking(uid)
    if booking.status is not Status.PENDING:
        raise Refused(400, "Booking is not pending", code="BAD_REQUEST")
    for one in _with_series(world, booking):
        one.status = Status.REJECTED
        one.rejection_reason = reason
        world.touch(one)
    yield payloads.decided(world, booking, "BOOKING_REJECTED")
    return booking


def cancel(
    world: World, uid: str, reason: str, *, by: str | None = None, subsequent: bool = False
) -> Happening[Booking]:
    """Cancel a booking, or it and all later ones of its series.

    Told before it is committed: who reads the API while the delivery is being answered
    sees the booking as it was. One delivery, however many bookings change.
    """
    booking = world.booking(uid)
    _refuse_if_cancelled(booking, "cancel")
    yield payloads.cancelled(world, booking, reason=reason, by=by)
    later = [one for one in world.series(booking.series_uid or "") if one.start >= booking.start]
    for one in later if subsequent else [booking]:
        one.status = Status.CANCELLED
        one.cancellation_reason, one.cancelled_by = reason, by
        one.ical_sequence += 1
        if world.kind(one).seats:
            one.attendees = []
        world.touch(one)
        world.forget_alarms(one.uid)
    return booking


def cancel_seat(world: World, uid: str, seat_uid: str, reason: str) -> Happening[Booking]:
    """Give up one seat. It is told as if the booking were cancelled, which it is not."""
    booking = world.booking(uid)
    _refuse_if_cancelled(booking, "cancel")
    seat = find_seat(booking, seat_uid)
    yield payloads.cancelled(world, booking, reason=reason, by=None, seat=seat)
    _leave(world, booking, seat)
    return booking


def reschedule(
    world: World,
    uid: str,
    start: datetime,
    *,
    reason: str | None = None,
    by: str | None = None,
    by_host: bool = False,
    source: str = SOURCE_API,
    link: str | None = None,
) -> Happening[Booking]:
    """Move a booking: the old one ends without a word, a new one replaces it.

    Needs the host's approval again, unless it was the host who moved it.
    """
    old = world.booking(uid)
    _refuse_if_unmovable(world, old)
    kind = world.kind(old)
    if kind.seats:
        raise Refused.bad_request("Only a seat of this booking can be moved: pass its seatUid.")
    wish = _same_again(old, start, reason, source=source, link=link)
    check(world, kind, wish, ignoring=old.uid)

    accepted = not kind.needs_confirmation or by_host
    if kind.price and not old.paid:
        accepted = False
    old.status, old.moved, old.rescheduled_by = Status.CANCELLED, True, by
    world.touch(old)
    if accepted:
        world.forget_alarms(old.uid)  # else they stay, and go off for a booking that is gone
    new = new_row(world, kind, wish, series_uid=old.series_uid, replaces=old, accepted=accepted)
    if accepted:
        set_alarms(world, new)
    trigger = "BOOKING_RESCHEDULED" if accepted else "BOOKING_REQUESTED"
    yield payloads.booked(world, new, trigger, moved_from=old)
    settle(world, new)
    use_link(world, new)
    return new


def reschedule_seat(
    world: World, uid: str, seat_uid: str, start: datetime
) -> Happening[tuple[Booking, Attendee]]:
    """Move one seat into the booking at that time, or into a new one."""
    old = world.booking(uid)
    _refuse_if_cancelled(old, "reschedule")
    left, kind = find_seat(old, seat_uid), world.kind(old)
    wish = Wish(
        kind.id,
        start,
        left.name,
        left.email,
        left.zone,
        left.language,
        left.phone,
        tuple(left.responses.get("guests", ())),
        left.responses,
        left.metadata,
        old.location,
    )
    shared = seated_booking(world, kind, start)
    check(world, kind, wish, ignoring=old.uid)
    _leave(world, old, left)
    seat = new_seat(world, wish)
    if shared is None:
        shared = new_row(world, kind, wish, seat=seat)
        set_alarms(world, shared)
    else:
        shared.attendees.append(seat)
    yield payloads.booked(world, shared, "BOOKING_RESCHEDULED", seat=seat, moved_from=old)
    settle(world, shared)
    return shared, seat


def request_reschedule(world: World, uid: str, reason: str) -> Happening[Booking]:
    """The host asks the booker for another time: cancelled, and open to be moved."""
    booking = world.booking(uid)
    if not booking.is_on or world.kind(booking).seats:
        raise Refused.bad_request(
            "Only a booking that is still on, and has no seats, can be moved."
        )
    told = payloads.asked_for_another_time(world, booking, reason)
    booking.status, booking.moved = Status.CANCELLED, True
    booking.cancellation_reason, booking.cancelled_by = reason, world.host(booking).email
    world.touch(booking)
    world.forget_alarms(booking.uid)
    yield told
    return booking


def mark_absent(
    world: World, uid: str, *, host: bool | None, attendees: Mapping[str, bool]
) -> Happening[Booking]:
    """Note who did not come, by e-mail address.

    Attendees are told about but do not change `updatedAt`; with the host it is the reverse.
    """
    booking, now = world.booking(uid), world.now()
    if now < booking.start:
        raise Refused.bad_request(
            "Bookings can only be marked as absent after their scheduled start time. Current time"
            f" in UTC+0: {js(now)}, Booking start time in UTC+0: {js(booking.start)}"
        )
    if host is not None:
        booking.host_absent = host
        world.touch(booking)
    for one in booking.attendees:
        if one.email in attendees:
            one.absent = attendees[one.email]
            yield payloads.no_show(booking, one.email, absent=one.absent)
    return booking


def find_seat(booking: Booking, seat_uid: str) -> Attendee:
    """Who sits there. Raises Refused."""
    for one in booking.attendees:
        if one.seat_uid == seat_uid:
            return one
    raise Refused.bad_request(
        "Invalid seatUid: this seat does not exist or has already been cancelled."
    )


def _with_series(world: World, booking: Booking) -> list[Booking]:
    if booking.series_uid is None:
        return [booking]
    return [one for one in world.series(booking.series_uid) if one.status is Status.PENDING]


def _leave(world: World, booking: Booking, seat: Attendee) -> None:
    booking.attendees.remove(seat)
    if not booking.attendees:
        booking.status = Status.CANCELLED
        world.forget_alarms(booking.uid)
    world.touch(booking)


def _same_again(
    old: Booking, start: datetime, reason: str | None, *, source: str, link: str | None
) -> Wish:
    booker, *guests = old.attendees
    answers = {key: value for key, value in old.responses.items() if key != "rescheduleReason"}
    if reason:
        answers["rescheduleReason" if source == SOURCE_WEB else "rescheduledReason"] = reason
    return Wish(
        event_type_id=old.event_type_id,
        start=start,
        name=booker.name,
        email=booker.email,
        zone=booker.zone,
        language=booker.language,
        phone=booker.phone,
        guests=tuple(guest.email for guest in guests),
        responses=answers,
        metadata=old.metadata,
        location=old.location,
        minutes=old.minutes,
        link=link,
        source=source,
    )


def _refuse_if_cancelled(booking: Booking, verb: str) -> None:
    if booking.status in {Status.CANCELLED, Status.REJECTED}:
        word = booking.status.value.lower()
        already = " already" if verb == "cancel" else ""
        raise Refused.bad_request(
            f"Can't {verb} booking with uid={booking.uid} because it has been {word}{already}."
            f" Please provide uid of a booking that is not {word}."
        )


def _refuse_if_unmovable(world: World, booking: Booking) -> None:
    next_one = world.successor(booking)
    if next_one is not None:
        raise Refused.bad_request(
            f"Can't reschedule booking with uid={booking.uid} because it has been cancelled and"
            f" rescheduled already to booking with uid={next_one.uid}. You probably want to"
            f" reschedule {next_one.uid} instead by passing it within the request URL."
        )
    if not booking.moved:
        _refuse_if_cancelled(booking, "reschedule")
