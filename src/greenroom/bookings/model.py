"""What a booking is, and what may be said about one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CREDIBLE_SKEW = timedelta(minutes=1)
"""How far ahead of our clock Cal.com's word about the time is believed."""

UNSETTLED = timedelta(seconds=60)
"""Cal.com sends some deliveries before it commits: for this long an API answer may still be old."""

BY_NUMBER = "id:"
"""Before the number of a booking whose uid is not known yet."""


class Status(StrEnum):
    """Where a booking stands. Values are stored: never rename one. Later means more final."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    DECLINED = "declined"

    @property
    def is_live(self) -> bool:
        """Whether the slot is still taken, or asked for."""
        return self in {Status.REQUESTED, Status.CONFIRMED}


class Source(StrEnum):
    """Who said it. At the same moment the API's word counts more than a delivery's."""

    WEBHOOK = "webhook"
    API = "api"


class Outcome(StrEnum):
    """What became of a meeting."""

    ATTENDED = "attended"
    CANDIDATE_NO_SHOW = "candidate_no_show"
    HOST_NO_SHOW = "host_no_show"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """Someone who booked or was added. `zone` is an IANA name as received, maybe an old one.

    `token` and `private_link` are how this one came to a booking with seats.
    """

    email: str
    name: str = ""
    zone: str | None = None
    absent: bool = False
    token: str | None = None
    private_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Departed:
    """Someone who had a seat, and since when (aware UTC) it is not theirs any more."""

    attendee: Attendee
    at: datetime


def seat_of(address: str) -> str:
    """What makes two addresses the same seat of a booking; also a seat's name in tables."""
    return address.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The Cal.com user who holds the meeting."""

    name: str
    email: str
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one delivery or one API answer says about one booking at one moment.

    `as_of` (aware UTC) is when it was true by Cal.com's clock; it orders facts, the time at
    which we heard them does not. A webhook's field that is None says nothing about that
    field; an API answer says everything, its None means "none", but for the few fields it does
    not have (`fold` names them). `digest` is the sha256 hex of what was said and settles ties
    the same way everywhere.
    """

    uid: str
    as_of: datetime
    source: Source
    digest: str
    changed_at: datetime | None = None
    """When Cal.com last changed the booking (its `updatedAt`); an API answer's only."""
    calcom_id: str | None = None
    status: Status | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    title: str | None = None
    host: Host | None = None
    location: str | None = None
    reason: str | None = None
    """Why it was cancelled or declined, in somebody's words."""
    attendees: tuple[Attendee, ...] | None = None
    """Never empty: None where nobody is named, for Cal.com hides the attendees of some types."""
    seated: bool = False
    """Several people share the slot, and a delivery names only the one it is about."""
    departed: tuple[str, ...] = ()
    """Addresses of attendees of a seated booking who gave their seat back."""
    seat_from: str | None = None
    """The booking in which the attendees named sat before; the others there stay."""
    seat_to: str | None = None
    """The booking to which the departed took their seat."""
    absences: tuple[tuple[str, bool], ...] = ()
    """(address, absent) as a no-show delivery names them."""
    host_absent: bool | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    successor_expected: bool | None = None
    token: str | None = None
    private_link: str | None = None
    event_type_id: int | None = None
    event_type_slug: str | None = None
    series: str | None = None
    recurring: bool = False
    """One of a series; which one only the API tells."""


Uid = tuple[int, str]
"""(connection id, Cal.com's uid): what a booking is known by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact, the connection it is about, and where we heard it."""

    connection_id: int
    fact: Fact
    delivery_id: int | None = None
    sync_run_id: int | None = None

    @property
    def key(self) -> Uid:
        """What the booking is known by."""
        return (self.connection_id, self.fact.uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Cal.com's record of one taken slot, as far as the facts about it go.

    Of a booking with seats, `attendees` are those who sit there now, `departed` those who did
    once; `seats_from` and `seats_to` are (seat, uid) of bookings they came from or went to.

    `status`, `starts_at` and `ends_at` are None only while nothing has been said about them,
    for example when a no-show was the first we heard. `status_since` is when the status came
    to be, as far as we know; it stays, while `as_of` moves on each time the API says the same
    again. `unconfirmed`: the highest fact is a delivery, not the API.
    """

    uid: str
    calcom_id: str | None
    status: Status | None
    status_since: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    title: str | None
    host: Host | None
    location: str | None
    reason: str | None
    attendees: tuple[Attendee, ...]
    host_absent: bool
    replaces: frozenset[str]
    replaced_by: frozenset[str]
    successor_expected: bool
    tokens: frozenset[str]
    private_links: frozenset[str]
    event_type_id: int | None
    event_type_slug: str | None
    series: str | None
    as_of: datetime
    unconfirmed: bool
    seated: bool = False
    departed: tuple[Departed, ...] = ()
    seats_from: frozenset[tuple[str, str]] = frozenset()
    seats_to: frozenset[tuple[str, str]] = frozenset()
    recurring: bool = False

    @property
    def seats(self) -> tuple[str, ...]:
        """By what those who share it are told apart; "" stands for a booking as a whole."""
        there = [each.email for each in self.attendees] if self.seated else []
        left = [each.attendee.email for each in self.departed]
        return tuple(dict.fromkeys(map(seat_of, [*there, *left]))) or ("",)

    @property
    def is_moved(self) -> bool:
        """Whether it says that another has its place; `Kept.is_moved` knows what others say."""
        return bool(self.replaced_by) and not self.is_settled

    @property
    def is_settled(self) -> bool:
        """Whether the newest word is Cal.com's API saying that the slot is taken, or asked for."""
        return not self.unconfirmed and self.status is not None and self.status.is_live

    @property
    def outcome(self) -> Outcome | None:
        """Who was missing, when somebody said so."""
        if self.host_absent:
            return Outcome.HOST_NO_SHOW
        if any(attendee.absent for attendee in self.attendees[:1]):
            return Outcome.CANDIDATE_NO_SHOW
        return None


_FINALITY: Mapping[Status | None, int] = {
    None: 0,
    **{status: rank for rank, status in enumerate(Status, start=1)},
}


def order(fact: Fact) -> tuple[datetime, bool, int, str]:
    """The place of `fact` among all facts about its booking: total, whatever came first."""
    return (fact.as_of, fact.source is Source.API, _FINALITY[fact.status], fact.digest)


def webhook_as_of(said_at: datetime | None, *, received_at: datetime) -> datetime:
    """When a delivery's news was true: its own word, unless it says none or a time to come."""
    if said_at is None or said_at > received_at + CREDIBLE_SKEW:
        return received_at
    return said_at


def api_as_of(changed_at: datetime | None, *, fetched_at: datetime) -> datetime:
    """When an API answer was true. `fetched_at` is the Date header of Cal.com's answer.

    A change in a time to come is not believed, as a delivery's word is not.
    """
    settled = fetched_at - UNSETTLED
    if changed_at is None or changed_at > fetched_at + CREDIBLE_SKEW:
        return settled
    return max(changed_at, settled)
