"""How the evidence behind an interview looks over the wire."""

from collections.abc import Mapping, Sequence

from greenroom.bookings import timeline
from greenroom.bookings.match import Match
from greenroom.bookings.story import plain
from greenroom.bookings.timeline import Chain
from greenroom.database import Transaction
from greenroom.interviews.overview import Row
from greenroom.interviews.wire import (
    BookingOut,
    EntryOut,
    InterviewDetail,
    InterviewOut,
    NewsOut,
    WhyOut,
    shown,
)


async def listed(tx: Transaction, origin: str, rows: Sequence[Row]) -> Sequence[InterviewOut]:
    """The interviews with how their bookings were recognised, in a query for all."""
    found = await timeline.matches(tx, [row.interview for row in rows])
    return [shown(origin, row, why=_why(found, row)) for row in rows]


def detail(origin: str, row: Row, chain: Chain) -> InterviewDetail:
    """One interview with its bookings and everything behind its status."""
    known = {row.id: chain.match} if chain.match else {}
    return InterviewDetail(
        **shown(origin, row, why=_why(known, row)).model_dump(),
        reason=plain(chain.reason),
        bookings=[
            BookingOut(
                uid=kept.booking.uid,
                status=timeline.word(kept),
                starts_at=kept.booking.starts_at,
                ends_at=kept.booking.ends_at,
            )
            for kept in chain.bookings
        ],
        news=[NewsOut(kind=kind, at=at) for at, kind in chain.news],
        timeline=[EntryOut.model_validate(each, from_attributes=True) for each in chain.entries],
    )


def _why(found: Mapping[int, Match], row: Row) -> WhyOut | None:
    is_ = found.get(row.id)
    return None if is_ is None else WhyOut(rung=is_.rung.value, explanation=is_.explanation)
