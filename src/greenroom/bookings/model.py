"""What a booking is, and how it is computed from what was said about it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

CREDIBLE_SKEW = timedelta(minutes=1)
"""How far ahead of our clock Cal.com's word about the time is believed."""

UNSETTLED = timedelta(seconds=60)
"""Cal.com sends some deliveries before it commits: for this long an API answer may still be old."""


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
    """Someone who booked or was added. `zone` is an IANA name as received, maybe an old one."""

    email: str
    name: str = ""
    zone: str | None = None
    absent: bool = False


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

    @property
    def is_moved(self) -> bool:
        """Whether another booking has taken its place: not a cancellation."""
        return bool(self.replaced_by)

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


def fold(facts: Iterable[Fact]) -> Booking:
    """Compute the booking from all facts about it; their order and repetition do not matter.

    Each field comes from the highest fact that claims it. What the API does not tell is kept
    from deliveries: why a booking was declined, that a successor is expected, and the
    attendees it hides. Raises ValueError without facts, or when they are about different
    bookings.
    """
    ranked = sorted(set(facts), key=order, reverse=True)
    if len({fact.uid for fact in ranked}) != 1:
        message = "A booking is computed from the facts about it, and only those."
        raise ValueError(message)
    top = ranked[0]
    return Booking(
        uid=top.uid,
        calcom_id=_said(ranked, lambda fact: fact.calcom_id),
        status=_claimed(ranked, lambda fact: fact.status),
        status_since=_status_since(ranked),
        starts_at=_claimed(ranked, lambda fact: fact.starts_at),
        ends_at=_claimed(ranked, lambda fact: fact.ends_at),
        title=_claimed(ranked, lambda fact: fact.title),
        host=_claimed(ranked, lambda fact: fact.host),
        location=_claimed(ranked, lambda fact: fact.location),
        reason=_said(ranked, lambda fact: fact.reason),
        attendees=_attendees(ranked),
        host_absent=bool(_claimed(ranked, lambda fact: fact.host_absent)),
        replaces=frozenset(fact.replaces for fact in ranked if fact.replaces),
        replaced_by=frozenset(fact.replaced_by for fact in ranked if fact.replaced_by),
        successor_expected=bool(_said(ranked, lambda fact: fact.successor_expected)),
        tokens=frozenset(fact.token for fact in ranked if fact.token),
        private_links=frozenset(fact.private_link for fact in ranked if fact.private_link),
        event_type_id=_said(ranked, lambda fact: fact.event_type_id),
        event_type_slug=_said(ranked, lambda fact: fact.event_type_slug),
        series=_said(ranked, lambda fact: fact.series),
        as_of=top.as_of,
        unconfirmed=top.source is not Source.API,
    )


def _claimed(ranked: Sequence[Fact], field: Callable[[Fact], T | None]) -> T | None:
    """The field in the highest fact that claims it; an API answer claims every field."""
    for fact in ranked:
        if (value := field(fact)) is not None or fact.source is Source.API:
            return value
    return None


def _said(ranked: Sequence[Fact], field: Callable[[Fact], T | None]) -> T | None:
    """The field in the highest fact that has a value for it."""
    return next((value for fact in ranked if (value := field(fact)) is not None), None)


def _status_since(ranked: Sequence[Fact]) -> datetime:
    """When the unbroken run of facts that claim the status of today began."""
    since = ranked[0].as_of
    status: Status | None = None
    for fact in ranked:
        if fact.status is None:
            continue
        if status not in {None, fact.status}:
            break
        said_at = fact.changed_at or fact.as_of
        since = said_at if status is None else min(since, said_at)
        status = fact.status
    return since


def _attendees(ranked: Sequence[Fact]) -> tuple[Attendee, ...]:
    people: dict[str, Attendee] = {}
    absent: dict[str, bool] = {}
    for fact in reversed(ranked):
        named = {_key(attendee.email): attendee for attendee in fact.attendees or ()}
        if named and fact.source is Source.API:
            people, absent = named, {key: each.absent for key, each in named.items()}
        elif fact.seated:
            people |= named
        elif named:
            people = named
        for address in fact.departed:
            people.pop(_key(address), None)
        absent |= {_key(address): missing for address, missing in fact.absences}
    return tuple(
        replace(attendee, absent=absent.get(key, False)) for key, attendee in people.items()
    )


def _key(address: str) -> str:
    return address.strip().casefold()
