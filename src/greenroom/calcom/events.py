"""What each of Cal.com's events may say about a booking; names and statuses sometimes lie. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from greenroom.bookings.model import Attendee, Fact, Source, Status, seat_of
from greenroom.calcom.text import (
    LOCATION,
    NAME,
    OUR_FIELD,
    REASON,
    STATUSES,
    TITLE,
    Fields,
    attendees,
    host,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery taken out of its envelope.

    `effect` is None for a name we do not know; `about` is what it tells of the booking.
    """

    trigger: str
    effect: "Effect | None"
    about: Fields
    uid: str | None
    calcom_id: str | None
    as_of: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a delivery of one name may say.

    `status` counts where the body has none. Without `says` it says nothing, and `note` why.
    """

    says: Callable[[Delivery, Status | None], Fact] | None = None
    status: Status | None = None
    note: str = ""


def _identified(it: Delivery, status: Status | None) -> Fact:
    """Which booking it is about, and no more than its status."""
    if it.uid is None:
        it.about.refuse("uid", "is missing, or not a uid")
    about = it.about
    return Fact(
        uid=it.uid,
        as_of=it.as_of,
        source=Source.WEBHOOK,
        digest=it.digest,
        calcom_id=it.calcom_id,
        status=status,
        event_type_id=about.number("eventTypeId"),
        event_type_slug=about.text("type", NAME),
    )


def _whole(it: Delivery, status: Status | None) -> Fact:
    """All that is said of the booking, with that status."""
    about, booking = it.about, _identified(it, status)
    starts_at, ends_at = about.moment("startTime"), about.moment("endTime")
    if ends_at < starts_at:
        about.refuse("endTime", "is before startTime")
    seated = _is_seated(about)
    origin = about.uid("rescheduleUid")
    whole = replace(
        booking,
        starts_at=starts_at,
        ends_at=ends_at,
        # A seat's title names who took it; the booking keeps the first one's.
        title=None if seated else about.text("title", TITLE),
        host=host(about.within("organizer")),
        location=_place(about),
        reason=about.text("cancellationReason", REASON, lines=True)
        or about.text("rejectionReason", REASON, lines=True),
        attendees=_people(about) or None,
        replaces=None if origin == it.uid else origin,
        token=_token(about),
        private_link=about.token("hashedLink"),
        recurring="recurringEvent" in about,
    )
    return _of_seats(about, whole) if seated else whole


def _of_seats(about: Fields, whole: Fact) -> Fact:
    """The same about a booking that several share: it tells of the one who took a seat.

    A seat that moves leaves the booking to the others; token and link are the seat's.
    """
    booker = _booker(about, whole.attendees or ())
    if booker is None:
        return replace(whole, seated=True, replaces=None, seat_from=whole.replaces)
    taken = replace(booker, token=whole.token, private_link=whole.private_link)
    people = tuple(taken if each is booker else each for each in whole.attendees or ())
    return replace(
        whole,
        seated=True,
        replaces=None,
        seat_from=whole.replaces,
        attendees=people,
        token=None,
        private_link=None,
    )


def _booker(about: Fields, people: Sequence[Attendee]) -> Attendee | None:
    """Whose the answers, and the link, are: the only one named, or who gave that address."""
    if len(people) == 1:
        return people[0]
    answers = about.within("responses")
    address = answers.address("email") or answers.within("email").address("value") or ""
    return next((each for each in people if seat_of(each.email) == seat_of(address)), None)


def left_behind(fact: Fact) -> Fact | None:
    """What the news of a seat that moved says of the booking in which it was."""
    if fact.seat_from is None or not fact.attendees:
        return None
    return Fact(
        uid=fact.seat_from,
        as_of=fact.as_of,
        source=fact.source,
        digest=fact.digest,
        seated=True,
        departed=tuple(each.email for each in fact.attendees),
        seat_to=fact.uid,
        event_type_id=fact.event_type_id,
        event_type_slug=fact.event_type_slug,
    )


def _booking(it: Delivery, named: Status | None) -> Fact:
    said = it.about.text("status", NAME)
    if "status" not in it.about:
        return _whole(it, named)
    return _whole(it, STATUSES.get((said or "").casefold()))


def _by_name(it: Delivery, named: Status | None) -> Fact:
    return _whole(it, named)


def _cancellation(it: Delivery, named: Status | None) -> Fact:
    if _is_seated(it.about):
        # It says CANCELLED, yet the booking may live on for the others.
        # The answers in it are the first booker's, whoever left.
        left = tuple(person.email for person in attendees(it.about, "attendees"))
        return replace(_identified(it, None), seated=True, departed=left)
    expected = it.about.flag("requestReschedule")
    return replace(_booking(it, named), successor_expected=expected)


def _absences(it: Delivery, _: Status | None) -> Fact:
    named = tuple(
        (address, absent)
        for person in it.about.each("attendees")
        if (address := person.address("email")) and (absent := person.flag("noShow")) is not None
    )
    if not named:
        it.about.refuse("attendees", "names nobody")
    return replace(_identified(it, None), absences=named)


def _is_seated(about: Fields) -> bool:
    return about.number("seatsPerTimeSlot") is not None


def _people(about: Fields) -> tuple[Attendee, ...]:
    """Those named as attendees; else the one who answered the questions."""
    if named := attendees(about, "attendees"):
        return named
    answers = about.within("responses")
    address = answers.address("email") or answers.within("email").address("value")
    if address is None:
        return ()
    name = answers.text("name", NAME) or answers.within("name").text("value", NAME)
    return (Attendee(email=address, name=name or ""),)


def _place(about: Fields) -> str | None:
    """Where it takes place. `location` of a video call is only the name of the application."""
    call = about.within("metadata").text("videoCallUrl", LOCATION) or ""
    is_address = call.startswith(("https://", "http://"))
    return call if is_address else about.text("location", LOCATION)


def _token(about: Fields) -> str | None:
    """Our token. Cal.com loses the metadata after some events, the answers after others."""
    return (
        about.within("metadata").token(OUR_FIELD)
        or about.within("responses").token(OUR_FIELD)
        or about.within("userFieldsResponses").token(OUR_FIELD)
    )


_SNAPSHOT = Effect(
    note="Sent by the clock, with the booking as it was when it was made, also for bookings "
    "moved or cancelled since: nothing is taken from it."
)
_FORM = Effect(note="The answers to a form; it is about no booking.")
_RECORDING = Effect(note="A recording is ready in Cal.com; nothing about the booking changed.")
_INSTANT = Effect(note="Instant meetings are not interviews: nothing is taken from it.")
_NOBODY_JOINED = Effect(
    note="Cal.com saw somebody stay away from its video call; a person says how it went."
)
_ACCESS = Effect(note="About Cal.com's access to calendars; it is about no booking.")

EFFECTS: Mapping[str, Effect] = {
    "BOOKING_CREATED": Effect(_booking, Status.CONFIRMED),
    "BOOKING_CONFIRMED": Effect(_booking, Status.CONFIRMED),
    "BOOKING_REQUESTED": Effect(_booking, Status.REQUESTED),
    "BOOKING_RESCHEDULED": Effect(_booking, Status.CONFIRMED),
    "BOOKING_REJECTED": Effect(_booking, Status.DECLINED),
    "BOOKING_CANCELLED": Effect(_cancellation, Status.CANCELLED),
    "BOOKING_PAID": Effect(_booking),
    "BOOKING_REASSIGNED": Effect(_booking),
    "BOOKING_LOCATION_UPDATED": Effect(_booking),
    # Its own status says ACCEPTED, which is not so until the payment is there.
    "BOOKING_PAYMENT_INITIATED": Effect(_by_name, Status.REQUESTED),
    "BOOKING_NO_SHOW_UPDATED": Effect(_absences),
    "MEETING_STARTED": _SNAPSHOT,
    "MEETING_ENDED": _SNAPSHOT,
    "PING": Effect(note="Cal.com's test of the address; it is about no booking."),
    "OOO_CREATED": Effect(note="A host will be away; it is about no booking."),
    "FORM_SUBMITTED": _FORM,
    "FORM_SUBMITTED_NO_EVENT": _FORM,
    "ROUTING_FORM_FALLBACK_HIT": _FORM,
    "RECORDING_READY": _RECORDING,
    "RECORDING_TRANSCRIPTION_GENERATED": _RECORDING,
    "INSTANT_MEETING": _INSTANT,
    "INSTANT_MEETING_ACCEPTED": _INSTANT,
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW": _NOBODY_JOINED,
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW": _NOBODY_JOINED,
    "WRONG_ASSIGNMENT_REPORT": Effect(note="A complaint about who hosts; nothing changed."),
    "CALENDAR_ENTRY_REJECTED": Effect(note="A calendar refused the entry; nothing changed."),
    "DELEGATION_CREDENTIAL_ERROR": _ACCESS,
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED": _ACCESS,
    "DELEGATION_CREDENTIAL_SECRET_ROTATED": _ACCESS,
    "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED": _ACCESS,
}
"""All that depends on a delivery's name, in Cal.com's own format."""

GUIDE_EFFECTS: Mapping[str, Effect] = {
    name: Effect(_by_name, effect.status)
    for name, effect in EFFECTS.items()
    if name.startswith("BOOKING_") and effect.status is not None
}
"""The same for {"trigger", "data"}, whose status is in its name alone."""
