"""MEETING_STARTED and MEETING_ENDED: flat bodies, made when the booking is, sent by the clock.

They tell what was true at booking time, and are sent even if it is no longer.
"""

from calcom_simulator.legacy import booking_fields
from calcom_simulator.model import JSON, Announcement, Attendee, Booking, MeetingAlarm
from calcom_simulator.moments import js
from calcom_simulator.pieces import own_responses, responses, responses_with_place
from calcom_simulator.world import World


def set_alarms(world: World, booking: Booking, *, after_confirming: bool = False) -> None:
    """Have its start and its end told when they come."""
    body = _confirmed(world, booking) if after_confirming else _row(world, booking)
    for trigger, at in (("MEETING_STARTED", booking.start), ("MEETING_ENDED", booking.end)):
        told = Announcement(trigger, body, booking.user_id, booking.event_type_id, flat=True)
        world.alarms.append(MeetingAlarm(at, booking.uid, told))


def attendee_row(one: Attendee, booking: Booking) -> JSON:
    """An attendee as the database keeps them."""
    return {
        "id": one.id,
        "email": one.email,
        "name": one.name,
        "timeZone": one.zone,
        "phoneNumber": one.phone,
        "locale": one.language,
        "bookingId": booking.id,
        "noShow": one.absent,
    }


def _confirmed(world: World, booking: Booking) -> JSON:
    kind = world.kind(booking)
    return {
        "eventType": {
            "slug": kind.slug,
            "bookingFields": booking_fields(kind),
            "schedulingType": None,
            "owner": {"hideBranding": False},
            "hosts": [],
        },
        "uid": booking.uid,
        "status": booking.status.value,
        "startTime": js(booking.start),
        "responses": responses(kind, booking.responses),
        "title": booking.title,
        "metadata": dict(booking.metadata),
        "cancellationReason": None,
        "endTime": js(booking.end),
        "smsReminderNumber": None,
        "description": booking.description,
        "attendees": [attendee_row(one, booking) for one in booking.attendees],
        "location": booking.location,
        "customInputs": {},
        "id": booking.id,
        "userFieldsResponses": own_responses(kind, booking.responses),
    }


def _row(world: World, booking: Booking) -> JSON:
    kind, host = world.kind(booking), world.host(booking)
    return {
        **_columns(booking),
        "userPrimaryEmail": host.email,
        "responses": responses_with_place(kind, booking.responses, booking.location),
        "user": {
            "uuid": host.uuid,
            "email": host.email,
            "name": host.name,
            "timeZone": host.zone,
            "username": host.username,
        },
        "attendees": [attendee_row(one, booking) for one in booking.attendees],
        "payment": [],
        "references": [],
        "userUuid": host.uuid,
    }


def _columns(booking: Booking) -> JSON:
    empty = (
        "destinationCalendarId cancellationReason rejectionReason reassignReason reassignById "
        "dynamicEventSlugRef dynamicGroupSlugRef rescheduled smsReminderNumber rating "
        "ratingFeedback cancelledBy rescheduledBy"
    )
    return {
        "id": booking.id,
        "uid": booking.uid,
        "idempotencyKey": booking.idempotency_key,
        "userId": booking.user_id,
        "eventTypeId": booking.event_type_id,
        "title": booking.title,
        "description": booking.description,
        "customInputs": {},
        "startTime": js(booking.start),
        "endTime": js(booking.end),
        "location": booking.location,
        "createdAt": js(booking.created_at),
        "updatedAt": js(booking.created_at),
        "status": booking.status.value,
        "paid": booking.paid,
        "fromReschedule": booking.from_uid,
        "recurringEventId": booking.series_uid,
        "scheduledJobs": [],
        "metadata": dict(booking.metadata),
        "isRecorded": False,
        "iCalUID": booking.ical_uid,
        "iCalSequence": booking.ical_sequence,
        "noShowHost": False,
        "oneTimePassword": None,
        "creationSource": booking.source,
        **dict.fromkeys(empty.split()),
    }
