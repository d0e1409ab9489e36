"""What an interview is, and where it stands. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from greenroom.booking_links.model import BookingLink


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
    Attention.SECOND_BOOKING: "Two bookings for one interview",
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
    first_known: datetime | None = None
    """When we first heard of the booking; its status may have changed since."""

    @property
    def came(self) -> datetime:
        """When the booking came to be, as far as we know."""
        return self.since if self.first_known is None else min(self.since, self.first_known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """One meeting wanted with one candidate; survives reschedules.

    What follows from links, bookings and the clock (`status` to `reschedules`) is kept for
    queries and written by one function. `reschedules` counts the bookings moved away.
    `said` is what a person said about the meeting `said_of`, which need not be today's.
    """

    id: int
    candidate_id: int
    event_type_id: int
    owner: str
    status: Status
    status_since: datetime
    attention: frozenset[Attention]
    withdrawn_at: datetime | None
    said: Outcome | None
    said_of: str | None
    turns_at: datetime | None
    meeting: Meeting | None
    reschedules: int
    created_at: datetime
    updated_at: datetime

    @property
    def outcome(self) -> Outcome | None:
        """What a person said about the meeting there is now."""
        return self.said if self.meeting and self.meeting.uid == self.said_of else None


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
    outcome_of: str | None = None,
) -> Standing:
    """Derive where an interview stands from its links, its bookings and the clock.

    `withdrawn`: the candidate said they are no longer interested. `outcome` is what a person
    here said about the meeting `outcome_of`; it counts more than what Cal.com says about
    absences, and nothing for another meeting.
    """
    meeting = current(meetings, now=now)
    if meeting is not None and meeting.status.is_live:
        return _booked(meeting, outcome if meeting.uid == outcome_of else None, now)
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
    if links and any(_is_late(each, links) for each in live):
        found.add(Attention.LATE_BOOKING)
    return frozenset(found)


def _is_late(meeting: Meeting, links: Sequence[BookingLink]) -> bool:
    return all(link.revoked_at is not None and link.revoked_at < meeting.came for link in links)
