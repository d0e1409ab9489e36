"""Webhook bodies with the fields that Cal.com 6.0.12 sends, and without those it forgets.

There are five builders because Cal.com has five: booking, confirming, cancelling, asking
for another time and paying each assemble their own payload from other sources. What is
missing where is as recorded, not as one would wish.
"""

from calcom_simulator.model import JSON, Announcement, Attendee, Booking, EventType
from calcom_simulator.moments import js, spelled
from calcom_simulator.pieces import (
    as_payer,
    as_person,
    as_row,
    as_stored,
    as_typed_in,
    event_type,
    identity,
    lineage,
    notes,
    opening,
    organizer,
    own_responses,
    recurring,
    responses,
    responses_with_place,
    team,
)
from calcom_simulator.world import World


def booked(
    world: World,
    booking: Booking,
    trigger: str,
    *,
    seat: Attendee | None = None,
    moved_from: Booking | None = None,
) -> Announcement:
    """BOOKING_CREATED, _REQUESTED, _RESCHEDULED or _PAYMENT_INITIATED.

    `seat` is given for seated event types: only that seat is told about. `moved_from` is
    the booking that this one replaces, or that the seat was in.
    """
    kind = world.kind(booking)
    answers = seat.responses if seat else booking.responses
    told = [seat] if seat else booking.attendees
    payload: JSON = {
        **opening(world, booking, kind, told[0], answers),
        "organizer": organizer(world, booking),
        "attendees": [as_typed_in(one, booking) for one in told],
        "customInputs": {},
        "responses": responses_with_place(kind, answers, booking.location),
        "userFieldsResponses": own_responses(kind, answers),
        "location": booking.location,
        "destinationCalendar": None,
        **identity(world, booking, seat, moved_from),
        **event_type(kind, booking),
        **lineage(moved_from),
        **team(world, booking, kind),
        "metadata": dict(seat.metadata if seat else booking.metadata),
        "status": booking.status.value,
    }
    if trigger == "BOOKING_PAYMENT_INITIATED":
        payload |= {"status": "ACCEPTED", "paymentId": booking.payment_id}  # it is not, yet
    if kind.recurrence:
        payload["recurringEvent"] = recurring(kind)
    return _about(booking, trigger, payload)


def decided(world: World, booking: Booking, trigger: str) -> Announcement:
    """BOOKING_CREATED after the host confirmed, or BOOKING_REJECTED.

    No user metadata, iCalUID, rescheduleUid nor private link: Cal.com leaves them out.
    """
    kind = world.kind(booking)
    payload: JSON = {
        "type": kind.slug,
        "title": booking.title,
        "description": booking.description,
        "bookerUrl": world.public_url,
        "userFieldsResponses": own_responses(kind, booking.responses),
        "responses": responses(kind, booking.responses),
        "customInputs": {},
        "startTime": js(booking.start),
        "endTime": js(booking.end),
        "organizer": organizer(world, booking),
        "attendees": [as_stored(one, booking) for one in booking.attendees],
        "location": booking.location,
        "uid": booking.uid,
        "destinationCalendar": [],
        "requiresConfirmation": kind.needs_confirmation,
        "hideOrganizerEmail": False,
        "hideCalendarNotes": False,
        "hideCalendarEventDetails": False,
        "eventTypeId": kind.id,
        "customReplyToEmail": None,
        "organizationId": None,
        "additionalNotes": notes(booking.responses),
    }
    if trigger == "BOOKING_REJECTED":
        payload["rejectionReason"] = booking.rejection_reason or ""
    payload |= event_type(kind, booking) | {"status": booking.status.value}
    payload |= team(world, booking, kind)
    return _about(booking, trigger, payload)


def cancelled(
    world: World, booking: Booking, *, reason: str, by: str | None, seat: Attendee | None = None
) -> Announcement:
    """BOOKING_CANCELLED; for one seat it looks the same, with that seat as only attendee.

    The status says CANCELLED whatever becomes of the booking, and `responses` are the
    first booker's also when somebody else gives up a seat.
    """
    kind, first = world.kind(booking), booking.attendees[0]
    answers = booking.responses
    if kind.seats:
        where = {"value": booking.location, "optionValue": booking.location}
        answers = first.responses | {"location": where, "notes": notes(first.responses)}
    told = [seat] if seat else booking.attendees
    stays = seat is not None and len(booking.attendees) > 1
    payload: JSON = {
        "bookerUrl": world.public_url,
        "title": booking.title,
        "length": booking.minutes,
        "type": kind.slug,
        "additionalNotes": booking.description,
        "description": kind.description or booking.description,
        "customInputs": {},
        "eventTypeId": kind.id,
        "userFieldsResponses": own_responses(kind, answers),
        "responses": responses(kind, answers),
        "startTime": spelled(booking.start),
        "endTime": spelled(booking.end),
        "organizer": organizer(world, booking),
        "attendees": [as_row(one, booking) if stays else as_stored(one, booking) for one in told],
        "uid": booking.uid,
        "bookingId": booking.id,
        "location": booking.location,
        "destinationCalendar": [],
        "cancellationReason": reason,
        "seatsPerTimeSlot": kind.seats.per_slot if kind.seats else None,
        "seatsShowAttendees": kind.seats.show_attendees if kind.seats else False,
        "iCalUID": booking.ical_uid,
        "iCalSequence": booking.ical_sequence + 1,
    }
    payload |= team(world, booking, kind) | _end_of_cancelled(kind, by)
    return _about(booking, "BOOKING_CANCELLED", payload)


def asked_for_another_time(world: World, booking: Booking, reason: str) -> Announcement:
    """BOOKING_CANCELLED of the leaner sort, when the host requests a reschedule."""
    kind = world.kind(booking)
    host = organizer(world, booking)
    del host["timeFormat"]
    payload: JSON = {
        "bookingId": booking.id,
        "type": kind.slug,
        "title": booking.title,
        "description": booking.description,
        "customInputs": {},
        "responses": responses(kind, booking.responses),
        "userFieldsResponses": own_responses(kind, booking.responses),
        "startTime": spelled(booking.start),
        "endTime": spelled(booking.end),
        "organizer": host,
        "attendees": [as_person(one, booking) for one in booking.attendees],
        "uid": booking.uid,
        "location": booking.location,
        "destinationCalendar": [],
        "iCalUID": booking.ical_uid,
        "cancelledBy": world.host(booking).email,
        "cancellationReason": f"Please reschedule. {reason}",
        "status": "CANCELLED",
        "eventTypeId": kind.id,
        "length": booking.minutes,
        "iCalSequence": booking.ical_sequence + 1,
        "eventTitle": kind.title,
        "requestReschedule": True,
    }
    return _about(booking, "BOOKING_CANCELLED", payload)


def paid(world: World, booking: Booking, trigger: str, external_id: str) -> Announcement:
    """BOOKING_PAID, or the BOOKING_CREATED that follows it. `external_id`: the payment's."""
    kind = world.kind(booking)
    payload: JSON = {
        "type": kind.slug,
        "title": booking.title,
        "bookerUrl": world.public_url,
        "description": booking.description,
        "startTime": js(booking.start),
        "endTime": js(booking.end),
        "customInputs": {},
        "userFieldsResponses": own_responses(kind, booking.responses),
        "responses": responses(kind, booking.responses),
        "organizer": organizer(world, booking),
        "hideOrganizerEmail": False,
        "attendees": [as_payer(one, booking) for one in booking.attendees],
        "location": booking.location,
        "uid": booking.uid,
        "destinationCalendar": [],
        "recurringEvent": None,
        "customReplyToEmail": None,
        **event_type(kind, booking),
        "requiresConfirmation": kind.needs_confirmation or None,
        "eventTypeId": kind.id,
        "status": "ACCEPTED",
    }
    if trigger == "BOOKING_PAID":
        payload |= {"paymentId": booking.payment_id, "metadata": {
            "identifier": "cal.com",
            "bookingId": booking.id,
            "eventTypeId": kind.id,
            "bookerEmail": booking.attendees[0].email,
            "eventTitle": kind.title,
            "externalId": external_id,
        }}  # fmt: skip
    return _about(booking, trigger, payload)


def no_show(booking: Booking, email: str, *, absent: bool) -> Announcement:
    """BOOKING_NO_SHOW_UPDATED: no uid, no times; the uid is called bookingUid."""
    payload = {
        "message": f"{email} {'marked' if absent else 'unmarked'} as no-show",
        "attendees": [{"email": email, "noShow": absent}],
        "bookingUid": booking.uid,
        "bookingId": booking.id,
    }
    return _about(booking, "BOOKING_NO_SHOW_UPDATED", payload)


def _about(booking: Booking, trigger: str, payload: JSON) -> Announcement:
    return Announcement(trigger, payload, booking.user_id, booking.event_type_id)


def _end_of_cancelled(kind: EventType, by: str | None) -> JSON:
    return {
        "hideOrganizerEmail": False,
        "customReplyToEmail": None,
        "organizationId": None,
        "eventTitle": kind.title,
        "eventDescription": kind.description or None,
        "requiresConfirmation": kind.needs_confirmation or None,  # 0 and false become null
        "price": kind.price or None,
        "currency": kind.currency,
        "status": "CANCELLED",
        **({"cancelledBy": by} if by else {}),
        "requestReschedule": False,
    }
