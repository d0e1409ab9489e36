"""Why an interview stands where it stands, in one sentence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.booking_links.model import BookingLink
from greenroom.bookings.model import Source
from greenroom.bookings.story import Words
from greenroom.interviews.model import Interview, Outcome, Status


@dataclass(frozen=True, slots=True)
class Telling:
    """Who told us something, and when we heard it."""

    source: Source
    heard_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the status of an interview may rest on.

    `decides` told the status of the booking that counts, `earlier` is the first of the other
    kind that told the same. `said_by` is who said how the meeting went. `moved_away`: all that
    is known is that the booking gave way to another.
    """

    decides: Telling | None = None
    earlier: Telling | None = None
    said_by: str = ""
    moved_away: bool = False
    missing: str = "somebody"


def because(interview: Interview, links: Sequence[BookingLink], grounds: Grounds) -> Words:
    """The sentence at the top of the evidence: "Confirmed, because ..."."""
    return (f"{interview.status.label}, because ", *_why(interview, links, grounds))


def _why(interview: Interview, links: Sequence[BookingLink], grounds: Grounds) -> Words:
    match interview.status:
        case Status.TO_INVITE | Status.PENDING | Status.EXPIRED:
            return _link(interview.status, links)
        case Status.DONE | Status.NO_SHOW:
            return _over(interview, grounds)
        case Status.DECLINED if interview.withdrawn_at is not None:
            return ("the candidate said at ", interview.withdrawn_at, " that they go no further")
        case Status.RESCHEDULE_REQUESTED if grounds.moved_away:
            return ("the booking was moved, and the new one is not known yet",)
        case _:
            return _told(grounds)


def _link(status: Status, links: Sequence[BookingLink]) -> Words:
    newest = links[-1] if links else None
    if newest is None:
        return ("there is no booking link yet",)
    if status is Status.EXPIRED and newest.expires_at is not None:
        return ("the booking link ended at ", newest.expires_at, " and nobody had booked with it")
    if newest.revoked_at is not None:
        return ("the booking link was revoked at ", newest.revoked_at)
    made, at = ("sent", newest.sent_at) if newest.sent_at else ("made", newest.created_at)
    until: Words = (" works until ", newest.expires_at) if newest.expires_at else (" works",)
    return (f"the booking link {made} at ", at, *until, " and nobody has booked with it yet")


_SAID = {
    Outcome.ATTENDED: "it took place",
    Outcome.CANDIDATE_NO_SHOW: "the candidate was absent",
    Outcome.HOST_NO_SHOW: "the host was absent",
}


def _over(interview: Interview, grounds: Grounds) -> Words:
    meeting = interview.meeting
    if interview.outcome is not None:
        by = grounds.said_by or "a colleague"
        return (f"{by} said that {_SAID[interview.outcome]}",)
    if interview.status is Status.NO_SHOW:
        return (f"Cal.com says that {grounds.missing} was absent",)
    if meeting is None:
        return ("the meeting is over",)
    return ("the meeting ended at ", meeting.ends_at, *_confirmed(grounds))


def _confirmed(grounds: Grounds) -> Words:
    return ("; it was booked: ", *_told(grounds)) if grounds.decides else ()


def _told(grounds: Grounds) -> Words:
    decides, earlier = grounds.decides, grounds.earlier
    if decides is None:
        return ("that is what is known of the booking",)
    if decides.source is Source.API:
        said: Words = ("Cal.com’s API said so at ", decides.heard_at)
        if earlier:
            return (*said, "; a delivery told us at ", earlier.heard_at)
        return said
    said = ("a delivery told us at ", decides.heard_at)
    if earlier:
        return (*said, "; Cal.com’s API said the same at ", earlier.heard_at)
    return (*said, "; Cal.com’s API has not been asked since")
