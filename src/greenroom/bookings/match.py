"""Which interview is this booking? Pure: the evidence is gathered elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from greenroom.bookings.model import Booking, Uid


class Rung(StrEnum):
    """How a booking was recognised, surest first. Values are stored: never rename one."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105  (the name of a rung, not a secret)
    PRIVATE_LINK = "private_link"
    LINEAGE = "lineage"
    KNOWN = "known"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Match:
    """The interview a booking belongs to, and the sentence that says why."""

    interview_id: int
    rung: Rung
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A booking as it stands in the table, with its match."""

    connection_id: int
    booking: Booking
    match: Match | None
    is_moved: bool
    changed_at: datetime
    first_heard_at: datetime

    @property
    def key(self) -> Uid:
        """What the booking is known by."""
        return (self.connection_id, self.booking.uid)


@dataclass(frozen=True, slots=True)
class Open:
    """An interview that waits for a booking, of a candidate who has one of the addresses."""

    interview_id: int
    address: str
    same_event_type: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What we know that may tell whose booking it is; ids are interviews'.

    `relatives`: (uid, interview) of bookings it replaces or is replaced by. `known`: the
    match stored for the same Cal.com booking, if any. `waiting`: open interviews of
    candidates with an attendee's address.
    """

    by_token: int | None = None
    by_private_link: int | None = None
    relatives: Sequence[tuple[str, int]] = ()
    known: Match | None = None
    waiting: Sequence[Open] = ()


def continues(uid: str, interview_id: int) -> Match:
    """The match of a booking that replaces, or is replaced by, the one of that uid."""
    return Match(
        interview_id, Rung.LINEAGE, f"it continues booking {uid}, which is this interview's"
    )


def match(evidence: Evidence) -> Match | None:
    """The first rung that fits; None when no rung does, or when two people fit equally.

    A match made by a person stays, and so does one with a reason of its own when a relative
    has the same interview: that may have it from this very booking.
    """
    if evidence.known is not None and evidence.known.rung is Rung.PERSON:
        return evidence.known
    if evidence.by_token is not None:
        return Match(evidence.by_token, Rung.TOKEN, "it carries our token for this interview")
    if evidence.by_private_link is not None:
        return Match(
            evidence.by_private_link,
            Rung.PRIVATE_LINK,
            "it was booked through this interview's private link",
        )
    if evidence.relatives:
        continued = continues(*min(evidence.relatives))
        if not _stands_alone(evidence.known, continued.interview_id):
            return continued
    if evidence.known is not None:
        return evidence.known
    return _by_address(evidence.waiting)


def _stands_alone(known: Match | None, interview_id: int) -> bool:
    """Whether that interview was found without any relative."""
    return (
        known is not None and known.rung is not Rung.LINEAGE and known.interview_id == interview_id
    )


def _by_address(waiting: Sequence[Open]) -> Match | None:
    same = [each for each in waiting if each.same_event_type]
    fitting = same or waiting
    if len({each.interview_id for each in fitting}) != 1:
        return None
    found = min(fitting, key=lambda each: each.address)
    why = "of this event type" if found.same_event_type else "and no other"
    return Match(
        found.interview_id,
        Rung.EMAIL,
        f"an attendee has the candidate's address, and the candidate has one open interview {why}",
    )
