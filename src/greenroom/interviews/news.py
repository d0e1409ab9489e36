"""What is said once when an interview changes: to people, in letters, on the timeline. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from greenroom.interviews.model import Interview, Meeting, Standing, Status


class Kind(StrEnum):
    """What became of an interview. Values are stored: never rename one."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    MOVED = "moved"
    RESCHEDULE_REQUESTED = "reschedule_requested"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    NO_SHOW = "no_show"


_BY_STATUS: Mapping[Status, Kind] = {
    Status.REQUESTED: Kind.REQUESTED,
    Status.CONFIRMED: Kind.CONFIRMED,
    Status.RESCHEDULE_REQUESTED: Kind.RESCHEDULE_REQUESTED,
    Status.CANCELLED: Kind.CANCELLED,
    Status.DECLINED: Kind.DECLINED,
    Status.NO_SHOW: Kind.NO_SHOW,
}
BEGINS = frozenset({Kind.REQUESTED, Kind.CONFIRMED, Kind.MOVED})
"""News of a time; at another time the same words are other news."""
ENDS = frozenset({Kind.RESCHEDULE_REQUESTED, Kind.CANCELLED, Kind.DECLINED})
"""News that there is no such time any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to be said of an interview. The same kind and version is never said again.

    `version` begins with `uid`, the booking it is about; then comes the time, where the news
    is of a time. What begins after an end, or ends after that, is kept as another version.
    """

    interview_id: int
    kind: Kind
    uid: str
    version: str


def news(was: Interview, is_: Standing) -> News | None:
    """What the change says; None for one that time alone makes, or that is no news to anybody."""
    meeting, kind = is_.meeting, _BY_STATUS.get(is_.status)
    if meeting is None or kind is None:
        return None
    if is_.status is was.status and was.meeting is not None:
        if _slot(was.meeting) == _slot(meeting):
            return None
        kind = Kind.MOVED if kind in BEGINS else kind
    elif kind in BEGINS and was.status in _BOOKED and was.meeting is not None:
        kind = kind if _slot(was.meeting) == _slot(meeting) else Kind.MOVED
    version = (
        f"{meeting.uid}@{meeting.starts_at:%Y-%m-%dT%H:%MZ}" if kind in BEGINS else meeting.uid
    )
    return News(interview_id=was.id, kind=kind, uid=meeting.uid, version=version)


_BOOKED = frozenset({Status.REQUESTED, Status.CONFIRMED})


def _slot(meeting: Meeting) -> tuple[str, object]:
    return (meeting.uid, meeting.starts_at)
