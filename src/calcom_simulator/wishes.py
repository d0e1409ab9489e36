"""Reading what POST /v2/bookings asks for, with Cal.com's objections."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcom_simulator.door import invalid
from calcom_simulator.model import JSON, EventType, Refused
from calcom_simulator.moments import parse
from calcom_simulator.taking import Wish
from calcom_simulator.world import World

_INNER = "BAD_REQUEST"
_TYPES = {"number": int, "boolean": bool, "multiselect": list, "checkbox": list, "multiemail": list}
_JS_NAMES: dict[type, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    list: "array",
}


def wanted(world: World, body: JSON) -> EventType:
    """The event type, by id or by slug and username. Raises Refused."""
    if isinstance(body.get("eventTypeId"), int):
        number: int = body["eventTypeId"]
        if number not in world.event_types:
            raise Refused(404, f"Event type with id={number} not found")
        return world.event_types[number]
    slug, username = str(body.get("eventTypeSlug", "")), str(body.get("username", ""))
    kind = world.event_type_at(username, slug)
    kind = kind or world.team_event_type_at(str(body.get("teamSlug", "")), slug)
    if kind is not None:
        return kind
    if slug and username:
        raise Refused(404, f"Event type with slug {slug} belonging to user {username} not found")
    raise Refused.bad_request(
        "Either eventTypeId or eventTypeSlug + username or eventTypeSlug + teamSlug"
        " must be provided"
    )


def wish_of(kind: EventType, body: JSON) -> Wish:
    """The whole wish. Raises Refused, naming what is missing or wrong."""
    attendee = body.get("attendee")
    if not isinstance(attendee, dict):
        raise invalid(body, attendee="attendee should not be empty")
    missing = [name for name in ("name", "timeZone") if not isinstance(attendee.get(name), str)]
    if missing:
        raise invalid(attendee, **{name: f"{name} must be a string" for name in missing})
    answers = dict(body.get("bookingFieldsResponses") or {})
    _refuse_wrong_answers(kind, answers)
    if body.get("guests") is not None:
        answers["guests"] = list(body["guests"])
    phone = attendee.get("phoneNumber")
    place, answer = _place(kind, body.get("location") or {}, phone)
    if answer is not None:
        answers["location"] = answer
    return Wish(
        event_type_id=kind.id,
        start=start_of(body),
        name=attendee["name"],
        email=attendee.get("email") or f"{phone}@sms.cal.com",
        zone=_zone(attendee),
        language=attendee.get("language") or "en",
        phone=phone,
        guests=tuple(answers["guests"]) if "guests" in answers else None,
        responses=answers,
        metadata=dict(body.get("metadata") or {}),
        location=place,
        minutes=body.get("lengthInMinutes"),
    )


def _refuse_wrong_answers(kind: EventType, answers: JSON) -> None:
    for question in kind.questions:
        wanted_type, given = _TYPES.get(question.type, str), answers.get(question.slug)
        if given is not None and not isinstance(given, wanted_type):
            expected, got = _JS_NAMES[wanted_type], _JS_NAMES.get(type(given), "object")
            raise Refused.bad_request(
                f"Invalid type for booking field '{question.slug}'. Expected type {expected}"
                f" (compatible with field type '{question.type}'), but received {got}."
            )
        if question.type == "number" and given is not None:
            # Cal.com checks it twice, against itself: no answer to a number gets through.
            raise Refused(400, f"responses - {{{question.slug}}}Invalid string, ", code=_INNER)
        if question.required and answers.get(question.slug) in (None, ""):
            raise Refused.bad_request(
                f"Missing required booking field response: {question.slug} - it is required by"
                " the event type booking fields, but missing in the bookingFieldsResponses. You"
                f" can fetch the event type with ID {kind.id} to see the required fields."
            )


def _place(kind: EventType, location: JSON, phone: str | None) -> tuple[str | None, JSON | None]:
    sort = location.get("type") or (kind.locations[0].get("type") if kind.locations else None)
    if sort == "attendeePhone" and (number := location.get("phone") or phone):
        return number, {"value": "phone", "optionValue": number}
    if sort == "attendeeAddress" and (address := location.get("address")):
        return address, {"value": "attendeeInPerson", "optionValue": address}
    if sort == "attendeeDefined" and (somewhere := location.get("location")):
        return somewhere, {"value": "somewhereElse", "optionValue": somewhere}
    return None, None


def occurrences(kind: EventType, body: JSON) -> int:
    """How often, at most as often as the event type allows. Raises Refused."""
    assert kind.recurrence is not None
    most, count = kind.recurrence.occurrences, body.get("recurrenceCount")
    if count is None:
        return most
    if not isinstance(count, int) or not 1 <= count <= most:
        raise Refused.bad_request(
            f"recurrenceCount must be between 1 and {most} for event type with ID {kind.id}."
        )
    return count


def start_of(body: JSON) -> datetime:
    """When. Raises Refused."""
    try:
        return parse(str(body["start"]))
    except (KeyError, ValueError) as error:
        raise invalid(body, start="start must be a valid ISO 8601 date string") from error


def _zone(attendee: JSON) -> str:
    zone = str(attendee["timeZone"])
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise invalid(attendee, timeZone="timeZone must be a valid IANA time-zone") from error
    return zone
