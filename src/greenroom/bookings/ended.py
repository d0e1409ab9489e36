"""An interview whose meeting was over before a booking came to be is not open to it. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from greenroom.bookings.match import Evidence, Kept, Node, Open
from greenroom.bookings.model import Booking, Uid
from greenroom.bookings.standing import meetings
from greenroom.interviews.model import Meeting


def weigh(
    evidence: Mapping[Node, Evidence], of: Mapping[Uid, Kept], known: Sequence[Kept]
) -> Mapping[Node, Evidence]:
    """The evidence about the bookings `of`, with what is over for each of them.

    Told from the meetings themselves, the `known`: an interview's status follows from them, and
    is not yet what it will be once these are matched.
    """
    wanted = {one.interview_id for each in evidence.values() for one in each.waiting}
    by_interview: defaultdict[int, list[Kept]] = defaultdict(list)
    for each in known:
        for id_ in {match.interview_id for match in each.matches} & wanted:
            by_interview[id_].append(each)
    held = {id_: meetings(id_, kept) for id_, kept in by_interview.items()}
    return {
        node: replace(each, waiting=_open(of[node[0]], each.waiting, held))
        if each.waiting
        else each
        for node, each in evidence.items()
    }


def _open(
    of: Kept, waiting: Sequence[Open], held: Mapping[int, Sequence[Meeting]]
) -> Sequence[Open]:
    came = _came(of)
    return [
        replace(
            each,
            is_over=any(_is_over(m, of.booking, came) for m in held.get(each.interview_id, ())),
        )
        for each in waiting
    ]


def _came(of: Kept) -> datetime:
    """When it came to be, as far as we know; surely before it starts, so no two end each other."""
    known = [of.booking.status_since, of.first_heard_at]
    return min([*known, of.booking.starts_at] if of.booking.starts_at else known)


def _is_over(meeting: Meeting, booking: Booking, came: datetime) -> bool:
    is_live = meeting.status.is_live and not meeting.is_moved
    return is_live and meeting.ends_at <= came and not _is_same(meeting, booking)


def _is_same(meeting: Meeting, booking: Booking) -> bool:
    """Whether it is that booking's meeting, or one of the same series."""
    if meeting.uid == booking.uid:
        return True
    series = meeting.series is not None and booking.recurring
    return series and booking.series in {None, meeting.series}
