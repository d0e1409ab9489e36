"""The parts that webhook bodies are put together from: people, answers, identity."""

from calcom_simulator.model import JSON, Attendee, Booking, EventType, Question
from calcom_simulator.moments import short, utc_offset
from calcom_simulator.world import World

_FREQUENCIES = {"yearly": 0, "monthly": 1, "weekly": 2, "daily": 3}
_LABELS = {
    "name": "your_name",
    "email": "email_address",
    "location": "location",
    "title": "what_is_this_meeting_about",
    "notes": "additional_notes",
    "guests": "additional_guests",
    "rescheduleReason": "reason_for_reschedule",
}
_BEFORE_QUESTIONS = ("name", "email", "location")
_AFTER_QUESTIONS = ("title", "notes", "guests", "rescheduleReason")


def title(world: World, kind: EventType, attendee: Attendee) -> str:
    """What Cal.com calls a booking."""
    return f"{kind.title} between {world.users[kind.owner_id].name} and {attendee.name}"


def opening(
    world: World, booking: Booking, kind: EventType, booker: Attendee, answers: JSON
) -> JSON:
    """What every body from the booking form begins with."""
    seats = kind.seats
    return {
        "bookerUrl": world.public_url,
        "title": title(world, kind, booker),
        "startTime": short(booking.start),
        "endTime": short(booking.end),
        "additionalNotes": notes(answers),
        "type": kind.slug,
        "description": kind.description or notes(answers),
        "eventTypeId": kind.id,
        "hideCalendarNotes": False,
        "hideCalendarEventDetails": False,
        "hideOrganizerEmail": False,
        "schedulingType": "COLLECTIVE" if kind.team_id else None,
        "seatsPerTimeSlot": seats.per_slot if seats else None,
        "seatsShowAttendees": seats.show_attendees if seats else True,
        "seatsShowAvailabilityCount": seats.show_count if seats else True,
        "customReplyToEmail": None,
        "disableRescheduling": False,
        "disableCancelling": False,
    }


def identity(
    world: World, booking: Booking, seat: Attendee | None, moved_from: Booking | None
) -> JSON:
    """Which booking, and (for seats) which seat."""
    told: JSON = {}
    if moved_from is None:  # a reschedule loses it, without a connected calendar
        first = seat is None or seat is booking.attendees[0]
        told["iCalUID"] = booking.ical_uid if first else f"{world.new_uid()}@Cal.com"
    told |= {
        "iCalSequence": booking.ical_sequence,
        "requiresConfirmation": booking.one_time_password is not None,
        "oneTimePassword": booking.one_time_password,
        "hashedLink": booking.private_link,
        "uid": booking.uid,
    }
    return told | ({"attendeeSeatId": seat.seat_uid} if seat else {})


def team(world: World, booking: Booking, kind: EventType) -> JSON:
    """Who holds it together; nothing for a person's own event type."""
    if kind.team_id is None:
        return {}
    found = world.teams[kind.team_id]
    members = [world.users[each] for each in found.member_ids if each != booking.user_id]
    told = [
        {"id": one.id, "name": one.name, "email": one.email, "timeZone": one.zone}
        | {"language": {"locale": "en"}, "timeFormat": "HH:mm"}
        for one in members
    ]
    return {"team": {"id": found.id, "name": found.name, "members": told}}


def lineage(moved_from: Booking | None) -> JSON:
    """What it replaces, and who moved it where that was said."""
    if moved_from is None:
        return {}
    by = {"rescheduledBy": moved_from.rescheduled_by} if moved_from.rescheduled_by else {}
    return by | {
        "appsStatus": [],
        "rescheduleId": moved_from.id,
        "rescheduleUid": moved_from.uid,
        "rescheduleStartTime": short(moved_from.start),
        "rescheduleEndTime": short(moved_from.end),
    }


def event_type(kind: EventType, booking: Booking) -> JSON:
    """The event type, as every body repeats it."""
    return {
        "eventTitle": kind.title,
        "eventDescription": kind.description or None,
        "price": kind.price,
        "currency": kind.currency,
        "length": booking.minutes,
        "bookingId": booking.id,
    }


def recurring(kind: EventType) -> JSON:
    """How often, in Cal.com's numbers; the count is left out (6.0.12)."""
    assert kind.recurrence is not None
    frequency = _FREQUENCIES[kind.recurrence.frequency]
    return {"freq": frequency, "interval": kind.recurrence.interval}


# People


def organizer(world: World, booking: Booking) -> JSON:
    """The host, with the offset at the time of the meeting."""
    host = world.host(booking)
    return {
        "id": host.id,
        "name": host.name,
        "email": host.email,
        "username": host.username,
        "timeZone": host.zone,
        "language": {"locale": "en"},
        "timeFormat": "HH:mm",
        "utcOffset": utc_offset(booking.start, host.zone),
    }


def as_typed_in(person: Attendee, booking: Booking) -> JSON:
    """An attendee as the booking form gave them."""
    return {
        "email": person.email,
        "name": person.name,
        **({"phoneNumber": person.phone} if person.phone else {}),
        "firstName": "",
        "lastName": "",
        "timeZone": person.zone,
        "language": {"locale": person.language},
        "utcOffset": utc_offset(booking.start, person.zone),
    }


def as_payer(person: Attendee, booking: Booking) -> JSON:
    """An attendee as payments know them."""
    return {
        "name": person.name,
        "email": person.email,
        "timeZone": person.zone,
        "language": {"locale": person.language},
        "utcOffset": utc_offset(booking.start, person.zone),
    }


def as_stored(person: Attendee, booking: Booking) -> JSON:
    """An attendee read back from the database."""
    return as_payer(person, booking) | {"phoneNumber": person.phone}


def as_person(person: Attendee, booking: Booking) -> JSON:
    """An attendee in a request to reschedule."""
    return {"id": person.id, "username": "", **as_stored(person, booking)}


def as_row(person: Attendee, booking: Booking) -> JSON:
    """An attendee as a whole database row, when one seat of several is given up."""
    row = {"locale": person.language, "bookingId": booking.id, "noShow": person.absent}
    return {"id": person.id, **row, **as_stored(person, booking)}


# Answers


def notes(answers: JSON) -> str:
    """What the booker wrote below the form."""
    return str(answers.get("notes") or "")


def _answer(label: str, value: object, *, hidden: bool) -> JSON:
    told: JSON = {"label": label}
    if value is not None:
        told["value"] = value
    return told | {"isHidden": hidden}


def own_responses(kind: EventType, answers: JSON) -> JSON:
    """The answers to the owner's own questions; unanswered ones have no value."""

    def told(question: Question) -> JSON:
        return _answer(question.label, answers.get(question.slug), hidden=question.hidden)

    return {question.slug: told(question) for question in kind.questions}


def responses(kind: EventType, answers: JSON) -> JSON:
    """Every answer as kept in the database."""

    def told(slug: str) -> JSON:
        return _answer(_LABELS[slug], answers.get(slug), hidden=slug == "title")

    return {
        **{slug: told(slug) for slug in _BEFORE_QUESTIONS},
        **own_responses(kind, answers),
        **{slug: told(slug) for slug in _AFTER_QUESTIONS},
    }


def responses_with_place(kind: EventType, answers: JSON, place: str) -> JSON:
    """Every answer as it comes from the booking form, where the location is filled in."""
    phone = _answer("phone_number", answers.get("attendeePhoneNumber"), hidden=True)
    location = _answer("location", {"value": place, "optionValue": ""}, hidden=False)
    return {"attendeePhoneNumber": phone, **responses(kind, answers), "location": location}
