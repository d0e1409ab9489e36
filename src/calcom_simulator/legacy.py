"""The 2024-04-15 API: what Cal.com answers when no (or an unknown) version is asked for."""

from collections.abc import Sequence

from calcom_simulator.model import JSON, Attendee, Booking, EventType, Question
from calcom_simulator.moments import js, maybe
from calcom_simulator.world import World

_SOURCES = [{"id": "default", "type": "default", "label": "Default"}]


def booking(world: World, one: Booking) -> JSON:
    """A booking as the web application's own list has it."""
    kind, host = world.kind(one), world.host(one)
    return {
        "id": one.id,
        "title": one.title,
        "userPrimaryEmail": host.email,
        "description": one.description,
        "customInputs": {},
        "startTime": js(one.start),
        "createdAt": js(one.created_at),
        "updatedAt": maybe(one.updated_at),
        "endTime": js(one.end),
        "metadata": dict(one.metadata),
        "uid": one.uid,
        "responses": _responses(one),
        "recurringEventId": one.series_uid,
        "location": one.location,
        "status": one.status.value,
        "paid": one.paid,
        "fromReschedule": one.from_uid,
        "rescheduled": True if one.moved else None,
        "rescheduledBy": one.rescheduled_by,
        "cancelledBy": one.cancelled_by,
        "isRecorded": False,
        "cancellationReason": one.cancellation_reason,
        "rejectionReason": one.rejection_reason,
        "routedFromRoutingFormReponse": None,
        "eventType": _event_type(kind),
        "references": [],
        "payment": [],
        "user": {
            "id": host.id,
            "name": host.name,
            "email": host.email,
            "avatarUrl": None,
            "username": host.username,
            "timeZone": host.zone,
        },
        "attendees": [_attendee(person, one) for person in one.attendees],
        "seatsReferences": [],
        "assignmentReason": [],
        "report": None,
        "rescheduler": None,
    }


def listing(world: World, found: Sequence[Booking], *, limit: int, cursor: int) -> JSON:
    """GET /v2/bookings: no `pagination`, the total and a cursor instead."""
    page = found[cursor : cursor + limit]
    reached = cursor + len(page)
    series = {one.series_uid for one in world.bookings.values() if one.series_uid}
    return {
        "bookings": [booking(world, one) for one in page],
        "recurringInfo": [_series(world, uid) for uid in sorted(series)],
        "totalCount": len(found),
        "nextCursor": reached if reached < len(found) else None,
    }


def _series(world: World, series_uid: str) -> JSON:
    occurrences = world.series(series_uid)
    return {
        "recurringEventId": series_uid,
        "count": len(occurrences),
        "firstDate": js(occurrences[0].start),
        "bookings": {
            status: [js(one.start) for one in occurrences if one.status == status]
            for status in ("ACCEPTED", "CANCELLED", "REJECTED", "PENDING", "AWAITING_HOST")
        },
    }


def event_types(world: World, username: str, found: Sequence[EventType]) -> JSON:
    """GET /v2/event-types: grouped by profile."""
    owner = world.user_named(username)
    name = owner.name if owner else username
    group = {
        "teamId": None,
        "bookerUrl": world.public_url,
        "membershipRole": None,
        "profile": {"slug": username, "name": name, "image": None},
        "metadata": {"membershipCount": 1, "readOnly": False},
        "eventTypes": [event_type(kind) for kind in found],
    }
    return {"eventTypeGroups": [group], "profiles": [group["profile"]]}


def event_type(kind: EventType) -> JSON:
    """One event type: `length`, not `lengthInMinutes`."""
    return {
        "id": kind.id,
        "title": kind.title,
        "description": kind.description or None,
        "length": kind.minutes,
        "slug": kind.slug,
        "hidden": kind.hidden,
        "bookingFields": booking_fields(kind),
        "requiresConfirmation": kind.needs_confirmation,
        "price": kind.price,
        "currency": kind.currency,
    }


def booking_fields(kind: EventType) -> list[JSON]:
    """The fields of the booking form as the database keeps them."""
    name = _field("name", "name", "your_name", required=True)
    return [
        name | {"editable": "system", "variant": "fullName", "variantsConfig": _NAME_VARIANTS},
        _field("email", "email", "email_address", required=True),
        _field("location", "radioInput", "location") | _LOCATION,
        *(_question(one) for one in kind.questions),
        _field("title", "text", "what_is_this_meeting_about", required=True)
        | {"hidden": True, "defaultPlaceholder": ""},
        _field("notes", "textarea", "additional_notes")
        | {"defaultPlaceholder": "share_additional_notes"},
        _field("guests", "multiemail", "additional_guests")
        | {"hidden": False, "defaultPlaceholder": "email"},
        _field("rescheduleReason", "textarea", "reason_for_reschedule")
        | {
            "views": [{"id": "reschedule", "label": "Reschedule View"}],
            "defaultPlaceholder": "reschedule_placeholder",
        },
    ]


_NAME_VARIANTS: JSON = {
    "variants": {
        "fullName": {
            "fields": [{"name": "fullName", "type": "text", "label": "your_name", "required": True}]
        },
        "firstAndLastName": {
            "fields": [
                {"name": word, "type": "text", "label": "", "required": needed, "placeholder": ""}
                for word, needed in (("firstName", True), ("lastName", False))
            ]
        },
    }
}
_LOCATION: JSON = {
    "editable": "system",
    "getOptionsAt": "locations",
    "hideWhenJustOneOption": True,
    "optionsInputs": {
        "phone": {"type": "phone", "required": True, "placeholder": ""},
        "somewhereElse": {"type": "text", "required": True, "placeholder": ""},
        "attendeeInPerson": {"type": "address", "required": True, "placeholder": ""},
    },
}


def _field(name: str, type_: str, label: str, *, required: bool = False) -> JSON:
    return {
        "name": name,
        "type": type_,
        "sources": _SOURCES,
        "editable": "system-but-optional",
        "required": required,
        "defaultLabel": label,
    }


def _question(one: Question) -> JSON:
    return {
        "name": one.slug,
        "type": one.type,
        "label": one.label,
        "sources": [{"id": "user", "type": "user", "label": "User", "fieldRequired": one.required}],
        "editable": "user",
        "required": one.required,
        "hidden": one.hidden,
        "placeholder": one.placeholder or "",
        "disableOnPrefill": one.disable_on_prefill,
        **(
            {"options": [{"label": word, "value": word} for word in one.options]}
            if one.options
            else {}
        ),
    }


def _responses(one: Booking) -> JSON:
    if not one.attendees:
        return {}
    booker = one.attendees[0]
    return {"name": booker.name, "email": booker.email, **one.responses}


def _attendee(person: Attendee, one: Booking) -> JSON:
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "timeZone": person.zone,
        "bookingId": one.id,
        "locale": person.language,
        "phoneNumber": person.phone,
        "noShow": person.absent,
        "user": {"name": None, "email": person.email, "avatarUrl": None, "username": None},
    }


def _event_type(kind: EventType) -> JSON:
    return {
        "slug": kind.slug,
        "id": kind.id,
        "title": kind.title,
        "eventName": None,
        "price": kind.price,
        "recurringEvent": None,
        "currency": kind.currency,
        "metadata": {},
        "disableGuests": False,
        "bookingFields": booking_fields(kind),
        "seatsPerTimeSlot": kind.seats.per_slot if kind.seats else None,
        "seatsShowAttendees": kind.seats.show_attendees if kind.seats else False,
        "seatsShowAvailabilityCount": kind.seats.show_count if kind.seats else True,
        "eventTypeColor": None,
        "customReplyToEmail": None,
        "allowReschedulingPastBookings": False,
        "hideOrganizerEmail": False,
        "disableCancelling": False,
        "disableRescheduling": False,
        "minimumRescheduleNotice": None,
        "teamId": None,
        "parentId": None,
        "schedulingType": None,
        "hosts": [],
        "length": kind.minutes,
        "team": None,
        "hostGroups": [],
    }
