"""What an answer of Cal.com's API v2 says, turned into facts and event types. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from greenroom.bookings.model import Attendee, Fact, Source, api_as_of
from greenroom.calcom.text import (
    LOCATION,
    NAME,
    OUR_FIELD,
    REASON,
    STATUSES,
    TITLE,
    Fields,
    Unreadable,
    attendees,
    host,
)

__all__ = ["EventTypeRow", "Unreadable", "booking", "event_type"]

_NOT_SAID = frozenset({"as_of", "source", "digest", "changed_at"})
"""Fields of a fact that change while Cal.com says the same."""
_LATER = frozenset({"seat_from", "seat_to", "recurring", "token", "private_link"})
"""Fields that came later, or to attendees: empty, they leave the digest as it was before."""


def booking(row: Mapping[str, object], *, fetched_at: datetime) -> Fact:
    """The fact in one booking of an answer in version 2024-08-13.

    `fetched_at` is the Date header of the answer (aware). The same content has the same
    digest, whenever it was fetched. Raises Unreadable, naming the field.
    """
    given = Fields(row)
    uid = given.uid("uid")
    if uid is None:
        given.refuse("uid", "is missing, or not a uid")
    word = given.text("status", NAME) or ""
    status = STATUSES.get(word.casefold())
    if status is None:
        given.refuse("status", f"is “{word}”, which Greenroom does not know")
    starts_at, ends_at = given.moment("start"), given.moment("end")
    if ends_at < starts_at:
        given.refuse("end", "is before start")
    changed_at = given.moment_if_any("updatedAt") or given.moment_if_any("createdAt")
    number = given.number("id")
    event = given.within("eventType")
    fact = Fact(
        uid=uid,
        as_of=api_as_of(changed_at, fetched_at=fetched_at),
        source=Source.API,
        digest="",
        changed_at=changed_at,
        calcom_id=None if number is None else str(number),
        status=status,
        starts_at=starts_at,
        ends_at=ends_at,
        title=given.text("title", TITLE),
        host=next(filter(None, map(host, given.each("hosts"))), None),
        location=given.text("location", LOCATION) or given.text("meetingUrl", LOCATION),
        reason=given.text("cancellationReason", REASON, lines=True),
        # Cal.com hides the attendees of some event types behind an empty list.
        attendees=_seated(given) or None,
        seated=_has_seats(given),
        host_absent=given.flag("absentHost") or False,
        replaces=_relative(given, "rescheduledFromUid"),
        replaced_by=_relative(given, "rescheduledToUid"),
        token=_token(given),
        event_type_id=event.number("id") or given.number("eventTypeId"),
        event_type_slug=event.text("slug", NAME),
        series=given.text("recurringBookingUid", NAME),
    )
    return replace(fact, digest=_digest(fact))


def _relative(given: Fields, name: str) -> str | None:
    found = given.uid(name)
    return None if found == given.uid("uid") else found


def _has_seats(given: Fields) -> bool:
    return "seatUid" in given or any("seatUid" in person for person in given.each("attendees"))


def _seated(given: Fields) -> tuple[Attendee, ...]:
    """The attendees; each with the token of their own seat, where there are seats."""
    people = attendees(given, "attendees")
    tokens = {
        address: token
        for person in given.each("attendees")
        if (address := person.address("email")) and (token := _token(person))
    }
    return tuple(replace(each, token=tokens.get(each.email)) for each in people)


def _token(holder: Fields) -> str | None:
    return holder.within("metadata").token(OUR_FIELD) or holder.within(
        "bookingFieldsResponses"
    ).token(OUR_FIELD)


def _digest(fact: Fact) -> str:
    said = {
        name: value
        for name, value in asdict(fact).items()
        if name not in _NOT_SAID and (value or name not in _LATER)
    }
    said["attendees"] = fact.attendees and [_spoken_of(each) for each in fact.attendees]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=datetime.isoformat)
    return hashlib.sha256(text.encode()).hexdigest()


def _spoken_of(attendee: Attendee) -> Mapping[str, object]:
    return {name: each for name, each in asdict(attendee).items() if each or name not in _LATER}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTypeRow:
    """A bookable template as the API tells it in version 2024-06-14.

    `seats` is None where one person books the slot. `booking_field_slugs`: what is asked, our
    own field among it once it is set up.
    """

    id: int
    slug: str
    title: str
    length_minutes: int
    booking_url: str
    hidden: bool
    requires_confirmation: bool
    seats: int | None
    recurring: bool
    booking_field_slugs: tuple[str, ...]


def event_type(row: Mapping[str, object]) -> EventTypeRow:
    """One event type of an answer. Raises Unreadable, naming the field."""
    given = Fields(row)
    id_, length = given.number("id"), given.number("lengthInMinutes")
    slug, url = given.text("slug", NAME), given.text("bookingUrl", LOCATION)
    if id_ is None:
        given.refuse("id", "is missing, or not a number")
    if length is None or length > _LONGEST:
        given.refuse("lengthInMinutes", "is missing, or no length")
    if slug is None:
        given.refuse("slug", "is missing")
    if url is None or not url.startswith(("https://", "http://")):
        given.refuse("bookingUrl", "is missing, or not an address")
    return EventTypeRow(
        id=id_,
        slug=slug,
        title=given.text("title", TITLE) or slug,
        length_minutes=length,
        booking_url=url,
        hidden=given.flag("hidden") or False,
        requires_confirmation=_is_on(given, "confirmationPolicy"),
        seats=given.within("seats").number("seatsPerTimeSlot") if _is_on(given, "seats") else None,
        recurring=_is_on(given, "recurrence"),
        booking_field_slugs=tuple(
            slug for field in given.each("bookingFields") if (slug := field.text("slug", NAME))
        ),
    )


_LONGEST = 7 * 24 * 60
"""Minutes; nobody interviews for longer than a week."""


def _is_on(given: Fields, name: str) -> bool:
    """Whether an option is in force. Off is null, or {"disabled": true}."""
    return name in given and given.within(name).flag("disabled") is not True
