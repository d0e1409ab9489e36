"""What a Cal.com account is made of. Standard library only."""

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any, Literal, TypeVar

JSON = dict[str, Any]
_T = TypeVar("_T")

SOURCE_API = "API_V2"
SOURCE_WEB = "WEBAPP"


class Refused(Exception):
    """Cal.com says no: an HTTP status, its error class and its sentence."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        errors: list[JSON] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        """Cal.com's inner codes (BAD_REQUEST, ...) come without details."""
        self.errors = errors
        """Validation errors, as class-validator lists them."""

    @classmethod
    def bad_request(cls, message: str) -> "Refused":
        """400, the answer to most things Cal.com does not like."""
        return cls(400, message)

    @classmethod
    def no_booking(cls, uid: str) -> "Refused":
        """404 for a booking uid nobody knows."""
        return cls(404, f"Booking with uid={uid} was not found in the database")


class Status(StrEnum):
    """As in webhooks and the 2024-04-15 API; the newer API says it in lower case."""

    ACCEPTED = "ACCEPTED"
    PENDING = "PENDING"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Hours:
    """When somebody can be booked: weekdays (Monday is 0), from, to, in which zone."""

    days: frozenset[int] = frozenset(range(5))
    opens: time = time(9)
    closes: time = time(17)
    zone: str = "Europe/Berlin"


@dataclass(frozen=True)
class User:
    """A Cal.com user who holds meetings."""

    id: int
    uuid: str
    username: str
    name: str
    email: str
    key: str
    """Empty once it is revoked."""
    zone: str = "Europe/Berlin"
    hours: Hours = Hours()


@dataclass(frozen=True)
class Team:
    """Users who hold meetings together; only an admin sees to its webhooks."""

    id: int
    slug: str
    name: str
    member_ids: tuple[int, ...]
    admin_ids: tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """A booking field that the owner added. `type` is Cal.com's word (text, select, ...)."""

    slug: str
    label: str
    type: str = "text"
    required: bool = False
    hidden: bool = False
    placeholder: str | None = None
    options: tuple[str, ...] = ()
    disable_on_prefill: bool = False


@dataclass(frozen=True)
class Recurrence:
    """Every `interval` `frequency`, `occurrences` times."""

    interval: int
    occurrences: int
    frequency: str


@dataclass(frozen=True)
class Seats:
    """Several people share one slot."""

    per_slot: int
    show_attendees: bool = True
    show_count: bool = True


@dataclass(frozen=True)
class EventType:
    """What can be booked."""

    id: int
    owner_id: int
    title: str
    slug: str
    minutes: int
    description: str = ""
    locations: tuple[JSON, ...] = ()
    questions: tuple[Question, ...] = ()
    lengths: tuple[int, ...] = ()
    recurrence: Recurrence | None = None
    seats: Seats | None = None
    needs_confirmation: bool = False
    notice_minutes: int = 0
    price: int = 0
    currency: str = "usd"
    hidden: bool = False
    team_id: int | None = None
    """A team's, held by all of its members at once; `owner_id` is who organises them."""


@dataclass
class PrivateLink:
    """A link for few: either it ends at a time, or it counts its uses."""

    id: str
    event_type_id: int
    expires_at: datetime | None
    max_uses: int | None
    uses: int = 0

    def is_expired(self, now: datetime) -> bool:
        """Whether nobody can book through it any more. -1 uses means without end."""
        if self.expires_at is not None:
            return self.expires_at <= now
        return self.max_uses is not None and 0 <= self.max_uses <= self.uses


@dataclass
class Attendee:
    """Somebody who comes: the first is the booker, others are guests or seats."""

    id: int
    name: str
    email: str
    zone: str
    language: str = "en"
    phone: str | None = None
    absent: bool = False
    seat_uid: str | None = None
    responses: JSON = field(default_factory=dict)
    metadata: JSON = field(default_factory=dict)


@dataclass
class Booking:
    """One taken slot. A reschedule makes a new booking whose `from_uid` names the old."""

    id: int
    uid: str
    user_id: int
    event_type_id: int
    title: str
    description: str | None
    start: datetime
    end: datetime
    status: Status
    location: str
    attendees: list[Attendee]
    created_at: datetime
    ical_uid: str
    source: str
    responses: JSON = field(default_factory=dict)
    metadata: JSON = field(default_factory=dict)
    updated_at: datetime | None = None
    ical_sequence: int = 0
    series_uid: str | None = None
    from_uid: str | None = None
    moved: bool = False
    """The old half of a reschedule, or asked by the host to choose another time."""
    cancellation_reason: str | None = None
    cancelled_by: str | None = None
    rejection_reason: str | None = None
    rescheduled_by: str | None = None
    private_link: str | None = None
    one_time_password: str | None = None
    payment_id: int | None = None
    paid: bool = False
    host_absent: bool = False
    idempotency_key: str | None = None

    @property
    def minutes(self) -> int:
        """Its length."""
        return int((self.end - self.start).total_seconds() // 60)

    @property
    def is_on(self) -> bool:
        """Whether it takes up the host's time."""
        return self.status in {Status.ACCEPTED, Status.PENDING}


@dataclass(frozen=True)
class Webhook:
    """A subscription of a user, of one event type, or of a team."""

    id: str
    user_id: int
    """Who made it."""
    event_type_id: int | None
    url: str
    triggers: tuple[str, ...]
    active: bool
    secret: str | None
    template: str | None
    version: str
    created_at: datetime
    time: int | None = None
    time_unit: str | None = None
    team_id: int | None = None


@dataclass(frozen=True)
class Announcement:
    """Something that happened, to be told to every subscription that asked for it.

    `flat` bodies (MEETING_*) have no envelope: no `payload`, no time of sending.
    """

    trigger: str
    payload: JSON
    user_id: int
    event_type_id: int | None
    flat: bool = False


@dataclass(frozen=True)
class MeetingAlarm:
    """A MEETING_* delivery that waits for its time, with the body as it was when booked."""

    at: datetime
    booking_uid: str
    announcement: Announcement


@dataclass
class Delivery:
    """One webhook request and what came back."""

    id: int
    webhook_id: str
    url: str
    trigger: str
    uid: str | None
    body: bytes
    headers: dict[str, str]
    at: datetime
    fate: Literal["sending", "waiting", "answered", "failed", "dropped", "switched off"] = "sending"
    status: int | None = None
    answer: str = ""
    ms: int | None = None
    resend_of: int | None = None
    attempts: int = 0
    due: datetime | None = None
    """When a waiting one is sent, by the world's clock."""


Happening = Generator[Announcement, None, _T]
"""A verb of the world: it yields what to tell the receivers, where in its course
Cal.com tells them, and is resumed when they have answered. What it returns is its result."""
