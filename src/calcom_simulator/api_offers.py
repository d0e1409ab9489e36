"""API v2: oneself, event types, slots."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import catalogue, legacy, shapes
from calcom_simulator.door import (
    EVENT_TYPES,
    OLDEST,
    SLOTS,
    Answer,
    body_of,
    invalid,
    key_owner,
    not_routed,
    only_in,
    signed_in,
    version_of,
    world_of,
)
from calcom_simulator.model import (
    JSON,
    EventType,
    Question,
    Recurrence,
    Refused,
    Seats,
)
from calcom_simulator.moments import js, parse
from calcom_simulator.slots import openings, seated_booking

_NO_ONE = (
    "PermissionsGuard - no authentication provided. Provide either authorization bearer token "
    "containing managed user access token or oAuth client id in 'x-cal-client-id' header."
)
_SYSTEM_FIELDS = frozenset(
    {"name", "email", "location", "title", "notes", "guests", "rescheduleReason"}
)


async def get_me(request: Request) -> Response:
    """GET /v2/me"""
    return Answer(shapes.success(shapes.me(signed_in(request))))


# Event types


async def list_event_types(request: Request) -> Response:
    """GET /v2/event-types: one's own, or somebody's by `username`; not paginated."""
    world, user = world_of(request), key_owner(request)
    version, query = version_of(request), request.query_params
    if version == OLDEST and user is None:
        raise Refused(403, _NO_ONE)
    if version not in EVENT_TYPES | {OLDEST}:
        raise not_routed(request)
    owner = world.user_named(query["username"]) if "username" in query else signed_in(request)
    mine = world.event_types_of(owner) if owner else []
    if "eventSlug" in query:
        mine = [one for one in mine if one.slug == query["eventSlug"]]
    if version == OLDEST:
        username = owner.username if owner else query["username"]
        return Answer(shapes.success(legacy.event_types(world, username, mine)))
    as_owner = user is not None and owner is not None and user.id == owner.id
    shown = [one for one in mine if as_owner or not one.hidden]
    told = [catalogue.event_type(world, one, as_owner=as_owner) for one in shown]
    return Answer(shapes.success(told))


async def get_event_type(request: Request) -> Response:
    """GET /v2/event-types/{id}"""
    kind = own_event_type(request)
    if version_of(request) == OLDEST:
        return Answer(shapes.success({"eventType": legacy.event_type(kind)}))
    if version_of(request) not in EVENT_TYPES:
        raise not_routed(request)
    return _told(request, kind)


@only_in(EVENT_TYPES)
async def create_event_type(request: Request) -> Response:
    """POST /v2/event-types"""
    user, world, body = signed_in(request), world_of(request), await body_of(request)
    for name in ("title", "slug"):
        if not isinstance(body.get(name), str):
            raise invalid(body, **{name: f"{name} must be a string"})
    if not isinstance(body.get("lengthInMinutes"), int):
        raise invalid(body, lengthInMinutes="lengthInMinutes must be an integer number")
    if world.event_type_at(user.username, body["slug"]):
        raise Refused.bad_request("User already has an event type with this slug.")
    blank = EventType(0, user.id, body["title"], body["slug"], body["lengthInMinutes"])
    blank = replace(blank, locations=({"type": "integration", "integration": "cal-video"},))
    return _told(request, world.add_event_type(_changed(blank, body)), 201)


@only_in(EVENT_TYPES)
async def update_event_type(request: Request) -> Response:
    """PATCH /v2/event-types/{id}; `bookingFields` replaces all of the owner's questions."""
    kind, body = own_event_type(request), await body_of(request)
    world_of(request).event_types[kind.id] = changed = _changed(kind, body)
    return _told(request, changed)


@only_in(EVENT_TYPES)
async def delete_event_type(request: Request) -> Response:
    """DELETE /v2/event-types/{id}"""
    kind = own_event_type(request)
    del world_of(request).event_types[kind.id]
    told = {"id": kind.id, "lengthInMinutes": kind.minutes, "slug": kind.slug, "title": kind.title}
    return Answer(shapes.success(told))


def own_event_type(request: Request) -> EventType:
    """The event type in the path, if it is one's own. Raises Refused."""
    user, number = signed_in(request), request.path_params["id"]
    kind = world_of(request).event_type(number)
    if kind.owner_id != user.id or kind.team_id is not None:
        raise Refused(403, f"User with ID={user.id} does not own event type with ID={number}")
    return kind


def _told(request: Request, kind: EventType, status: int = 200) -> Response:
    told = catalogue.event_type(world_of(request), kind, as_owner=True)
    return Answer(shapes.success(told), status)


def _changed(kind: EventType, body: JSON) -> EventType:
    changes: dict[str, Any] = {
        ours: body[theirs]
        for theirs, ours in (
            ("title", "title"),
            ("slug", "slug"),
            ("lengthInMinutes", "minutes"),
            ("description", "description"),
            ("minimumBookingNotice", "notice_minutes"),
            ("hidden", "hidden"),
        )
        if theirs in body
    }
    for theirs, ours in (("locations", "locations"), ("lengthInMinutesOptions", "lengths")):
        if theirs in body:
            changes[ours] = tuple(body[theirs])
    if "bookingFields" in body:
        changes["questions"] = _questions(body["bookingFields"])
    if "recurrence" in body:
        every = _enabled(body["recurrence"])
        changes["recurrence"] = every and Recurrence(
            every["interval"], every["occurrences"], every["frequency"]
        )
    if "seats" in body:
        seats = _enabled(body["seats"])
        changes["seats"] = seats and Seats(
            seats["seatsPerTimeSlot"], seats["showAttendeeInfo"], seats["showAvailabilityCount"]
        )
    if "confirmationPolicy" in body:
        changes["needs_confirmation"] = _enabled(body["confirmationPolicy"]) is not None
    return replace(kind, **changes)


def _enabled(part: JSON | None) -> JSON | None:
    return None if part is None or part.get("disabled") else part


def _questions(fields: list[JSON]) -> tuple[Question, ...]:
    own = [one for one in fields if one.get("slug", one.get("type")) not in _SYSTEM_FIELDS]
    for one in own:
        missing = [name for name in ("type", "slug", "label", "required") if name not in one]
        if missing:
            raise invalid(one, **{name: f"{name} should not be empty" for name in missing})
    return tuple(
        Question(
            slug=one["slug"],
            label=one["label"],
            type=one["type"],
            required=one["required"],
            hidden=one.get("hidden", False),
            placeholder=one.get("placeholder"),
            options=tuple(one.get("options", ())),
            disable_on_prefill=one.get("disableOnPrefill", False),
        )
        for one in own
    )


# Slots


@only_in(SLOTS)
async def list_slots(request: Request) -> Response:
    """GET /v2/slots: free starts by day, in UTC or in `timeZone`; `end` is a whole day."""
    world, query = world_of(request), request.query_params
    zone = _zone(query.get("timeZone", "UTC"))
    first, last = _span(query, zone)
    if query.get("eventTypeId", "").isdigit():
        kind = world.event_type(int(query["eventTypeId"]))
    else:
        slug = query.get("eventTypeSlug", "")
        named = world.event_type_at(query.get("username", ""), slug)
        named = named or world.team_event_type_at(query.get("teamSlug", ""), slug)
        if named is None:
            raise Refused(404, "Event type not found")
        kind = named
    minutes = int(query["duration"]) if query.get("duration", "").isdigit() else None
    ignoring = query.get("bookingUidToReschedule")
    days: dict[str, list[JSON]] = {}
    for start in openings(world, kind, first, last, minutes=minutes, ignoring=ignoring):
        slot: JSON = {"start": _local(start, zone)}
        if query.get("format") == "range":
            slot["end"] = _local(start + timedelta(minutes=minutes or kind.minutes), zone)
        if kind.seats:
            taken = seated_booking(world, kind, start)
            used = len(taken.attendees) if taken else 0
            slot |= {
                "seatsBooked": used,
                "seatsRemaining": kind.seats.per_slot - used,
                "seatsTotal": kind.seats.per_slot,
                **({"bookingUid": taken.uid} if taken else {}),
            }
        days.setdefault(start.astimezone(zone).date().isoformat(), []).append(slot)
    return Answer({"data": days, "status": "success"})


def _span(query: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime, datetime]:
    def moment(name: str) -> datetime:
        text = query[name]
        whole_day = "T" not in text
        return datetime.fromisoformat(text).replace(tzinfo=zone) if whole_day else parse(text)

    try:
        first, last = moment("start"), moment("end")
    except (KeyError, ValueError) as error:
        raise Refused.bad_request("start and end must be valid ISO 8601 dates") from error
    return first, last if "T" in query["end"] else last + timedelta(days=1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused.bad_request(f"timeZone {name} is not a known time zone") from error


def _local(moment: datetime, zone: ZoneInfo) -> str:
    if zone.key == "UTC":
        return js(moment)
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


ROUTES = [
    Route("/v2/me", get_me, methods=["GET"]),
    Route("/v2/event-types", list_event_types, methods=["GET"]),
    Route("/v2/event-types", create_event_type, methods=["POST"]),
    Route("/v2/event-types/{id:int}", get_event_type, methods=["GET"]),
    Route("/v2/event-types/{id:int}", update_event_type, methods=["PATCH"]),
    Route("/v2/event-types/{id:int}", delete_event_type, methods=["DELETE"]),
    Route("/v2/slots", list_slots, methods=["GET"]),
]
