"""What an interview is, where it stands, and whom we may invite. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


class Status(StrEnum):
    """Where an interview stands. Values are stored and are the API's: never rename one."""

    TO_INVITE = "to_invite"
    PENDING = "pending"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    RESCHEDULE_REQUESTED = "reschedule_requested"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"
    DONE = "done"
    NO_SHOW = "no_show"

    @property
    def label(self) -> str:
        """The word on the badge."""
        return _LABELS[self]

    @property
    def waits_for_booking(self) -> bool:
        """Whether a booking that turns up may be this interview's."""
        return self in _WAITING


_LABELS = {
    Status.TO_INVITE: "To invite",
    Status.PENDING: "Pending",
    Status.REQUESTED: "Awaiting confirmation",
    Status.CONFIRMED: "Confirmed",
    Status.RESCHEDULE_REQUESTED: "Reschedule requested",
    Status.CANCELLED: "Cancelled",
    Status.DECLINED: "Declined",
    Status.EXPIRED: "Expired",
    Status.DONE: "Done",
    Status.NO_SHOW: "No-show",
}

_WAITING = frozenset(
    {
        Status.TO_INVITE,
        Status.PENDING,
        Status.RESCHEDULE_REQUESTED,
        Status.CANCELLED,
        Status.DECLINED,
        Status.EXPIRED,
    }
)


class Attention(StrEnum):
    """Why a person should look. Values are stored."""

    BOUNCED = "bounced_letter"
    SECOND_BOOKING = "second_booking"
    OTHER_ADDRESS = "other_address"
    LATE_BOOKING = "late_booking"
    OUTCOME_MISSING = "outcome_missing"
    LINK_FAILED = "link_failed"

    @property
    def label(self) -> str:
        """The reason in words."""
        return _REASONS[self]


_REASONS = {
    Attention.BOUNCED: "The letter could not be delivered",
    Attention.SECOND_BOOKING: "Two bookings on one link",
    Attention.OTHER_ADDRESS: "Booked with another address",
    Attention.LATE_BOOKING: "Booked on a link that was revoked",
    Attention.OUTCOME_MISSING: "Nobody said how it went",
    Attention.LINK_FAILED: "Cal.com made no private link; the public one is used",
}


DERIVED = frozenset({Attention.SECOND_BOOKING, Attention.OTHER_ADDRESS, Attention.LATE_BOOKING})
"""Flags that follow from links and bookings; the others are raised and cleared by name."""


class MeetingStatus(StrEnum):
    """A booking's status, as this room needs it."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    DECLINED = "declined"

    @property
    def is_live(self) -> bool:
        """Whether the slot is still taken, or asked for."""
        return self in {MeetingStatus.REQUESTED, MeetingStatus.CONFIRMED}


class Outcome(StrEnum):
    """How a meeting went, as a person here says. Values are stored and are the API's."""

    ATTENDED = "attended"
    CANDIDATE_NO_SHOW = "candidate_no_show"
    HOST_NO_SHOW = "host_no_show"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A booking of this interview, as far as the interview's status goes. Times are UTC.

    `since` is when its status came to be: a booking's `status_since`, never its `as_of`,
    which moves on with each look at Cal.com and would make every new link look old.
    """

    uid: str
    status: MeetingStatus
    starts_at: datetime
    ends_at: datetime
    since: datetime
    is_moved: bool = False
    successor_expected: bool = False
    is_no_show: bool = False
    host: str | None = None
    location: str | None = None
    series: str | None = None
    """What several occurrences of one booking have in common; None for a single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingLink:
    """The address behind an interview: `/i/<token>`, in front of a Cal.com link."""

    id: int
    interview_id: int
    token: str
    target_url: str | None
    private_link: str | None
    created_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None = None
    opened_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether a candidate can still book with it."""
        return self.revoked_at is None and not self.is_expired(now)

    def is_expired(self, now: datetime) -> bool:
        """Whether its time has run out."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """One meeting wanted with one candidate; survives reschedules.

    What follows from links, bookings and the clock (`status` to `reschedules`) is kept for
    queries and written by one function. `reschedules` counts the bookings moved away.
    """

    id: int
    candidate_id: int
    event_type_id: int
    owner: str
    status: Status
    status_since: datetime
    attention: frozenset[Attention]
    withdrawn_at: datetime | None
    outcome: Outcome | None
    turns_at: datetime | None
    meeting: Meeting | None
    reschedules: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an interview stands, the booking that says so, and when time alone will change it."""

    status: Status
    meeting: Meeting | None
    turns_at: datetime | None


def current(meetings: Iterable[Meeting], *, now: datetime) -> Meeting | None:
    """The booking that counts: ahead of us, else over, else dead; among equals the newest.

    One that was moved away counts only where nothing else is known: its slot is free, and
    we have not heard of the booking that took its place.
    """
    known = list(meetings)
    standing = [meeting for meeting in known if not meeting.is_moved]
    moved = [
        replace(meeting, status=MeetingStatus.CANCELLED, successor_expected=True)
        for meeting in known
        if meeting.is_moved
    ]
    return max(standing or moved, key=lambda meeting: _weight(meeting, now), default=None)


def _weight(meeting: Meeting, now: datetime) -> tuple[bool, bool, bool, datetime, str]:
    is_live = meeting.status.is_live
    return (
        is_live and meeting.ends_at > now and not meeting.is_no_show,
        is_live,
        meeting.status is MeetingStatus.CONFIRMED,
        meeting.starts_at if is_live else meeting.since,
        meeting.uid,
    )


def stand(
    links: Sequence[BookingLink],
    meetings: Sequence[Meeting],
    *,
    now: datetime,
    withdrawn: bool = False,
    outcome: Outcome | None = None,
) -> Standing:
    """Derive where an interview stands from its links, its bookings and the clock.

    `withdrawn`: the candidate said they are no longer interested. `outcome` is what a person
    here said about the meeting; it counts more than what Cal.com says about absences.
    """
    meeting = current(meetings, now=now)
    if meeting is not None and meeting.status.is_live:
        return _booked(meeting, outcome, now)
    if withdrawn:
        return Standing(Status.DECLINED, meeting, None)
    fresh = [link for link in links if meeting is None or link.created_at > meeting.since]
    if meeting is not None and not any(link.revoked_at is None for link in fresh):
        return Standing(_ended(meeting), meeting, None)
    return _waiting(fresh, meeting, now)


def _booked(meeting: Meeting, outcome: Outcome | None, now: datetime) -> Standing:
    if meeting.is_no_show if outcome is None else outcome is not Outcome.ATTENDED:
        return Standing(Status.NO_SHOW, meeting, None)
    if meeting.ends_at <= now or outcome is Outcome.ATTENDED:
        return Standing(Status.DONE, meeting, None)
    confirmed = meeting.status is MeetingStatus.CONFIRMED
    status = Status.CONFIRMED if confirmed else Status.REQUESTED
    return Standing(status, meeting, meeting.ends_at)


def _ended(meeting: Meeting) -> Status:
    if meeting.status is MeetingStatus.DECLINED:
        return Status.DECLINED
    return Status.RESCHEDULE_REQUESTED if meeting.successor_expected else Status.CANCELLED


def _waiting(links: Sequence[BookingLink], meeting: Meeting | None, now: datetime) -> Standing:
    kept = [link for link in links if link.revoked_at is None]
    live = [link for link in kept if not link.is_expired(now)]
    if live:
        ends = [link.expires_at for link in live if link.expires_at is not None]
        forever = len(ends) < len(live)
        return Standing(Status.PENDING, meeting, None if forever else max(ends))
    if kept:
        return Standing(Status.EXPIRED, meeting, None)
    return Standing(Status.TO_INVITE, meeting, None)


def flags(
    links: Sequence[BookingLink],
    meetings: Sequence[Meeting],
    *,
    attendees: Mapping[str, Collection[str]],
    addresses: Collection[str],
) -> frozenset[Attention]:
    """What about the bookings of one interview wants a person's look.

    `attendees` are addresses by booking uid, `addresses` the candidate's.
    """
    live = [each for each in meetings if each.status.is_live and not each.is_moved]
    found: set[Attention] = set()
    if len({each.series or each.uid for each in live}) > 1:
        found.add(Attention.SECOND_BOOKING)
    own = {address.casefold() for address in addresses}
    for each in live:
        there = {address.casefold() for address in attendees.get(each.uid, ())}
        if own and there and not own & there:
            found.add(Attention.OTHER_ADDRESS)
    if live and links and all(link.revoked_at is not None for link in links):
        found.add(Attention.LATE_BOOKING)
    return frozenset(found)


def booking_address(base: str, *, token: str, name: str, address: str | None) -> str:
    """Cal.com's booking page with the candidate and our token filled in.

    The token travels twice, as metadata and as a booking field: each is lost by some of
    Cal.com's events, and a field that the event type does not have is ignored.
    """
    parts = urlsplit(base)
    given = {"name": name, "email": address or "", "metadata[greenroom]": token, "greenroom": token}
    query = [*parse_qsl(parts.query), *((key, value) for key, value in given.items() if value)]
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


class Skip(StrEnum):
    """Why a candidate was left out of a round."""

    UNKNOWN = "is not in the list of candidates any more"
    NO_ADDRESS = "has no e-mail address"
    HAS_LIVE_LINK = "already has a booking link for this event type"
    ALREADY_BOOKED = "has already booked this interview"


@dataclass(frozen=True, slots=True)
class Person:
    """A candidate, as far as inviting goes."""

    id: int
    address: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """Whom to invite, and whom not, with the reason."""

    invite: Sequence[Person]
    skip: Sequence[tuple[int, Skip]]


def plan(
    wanted: Iterable[int],
    people: Iterable[Person],
    *,
    waiting: Collection[int],
    booked: Collection[int],
) -> Round:
    """Decide whom to invite. Everyone wanted lands in `invite` or in `skip`, once.

    `waiting` and `booked` are candidates who have an open link for the event type, or have
    booked it.
    """
    known = {person.id: person for person in people}
    invite: list[Person] = []
    skip: list[tuple[int, Skip]] = []
    for candidate_id in dict.fromkeys(wanted):
        person = known.get(candidate_id)
        if person is None:
            skip.append((candidate_id, Skip.UNKNOWN))
        elif candidate_id in booked:
            skip.append((candidate_id, Skip.ALREADY_BOOKED))
        elif candidate_id in waiting:
            skip.append((candidate_id, Skip.HAS_LIVE_LINK))
        elif not person.address:
            skip.append((candidate_id, Skip.NO_ADDRESS))
        else:
            invite.append(person)
    return Round(invite, skip)


DEFAULT_EXPIRY = timedelta(days=14)
"""How long a booking link works unless said otherwise."""
