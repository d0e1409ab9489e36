"""The Scheduling page, the drawer of one interview, and the page candidates see."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime
from starlette.responses import HTMLResponse

from greenroom.accounts.guard import viewer
from greenroom.booking_links import actions as booking_links
from greenroom.booking_links.model import BookingLink, booking_address
from greenroom.bookings import timeline
from greenroom.bookings.match import Kept
from greenroom.bookings.model import Booking
from greenroom.bookings.oddities import oddities
from greenroom.candidates import actions as candidates
from greenroom.errors import BadRequest
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions, drawer_pages, overview, send_pages
from greenroom.interviews.filters import MOST, TAB_LABELS, Filters
from greenroom.interviews.model import Status
from greenroom.interviews.overview import Asked, Row
from greenroom.mail import outbox, wording
from greenroom.parts import Parts
from greenroom.syncs.freshness import freshness
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)
router.include_router(send_pages.router)
router.include_router(drawer_pages.router)

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_Ids = Annotated[
    list[Annotated[int, Query(ge=1, le=2**63 - 1)]], Query(alias="id", max_length=MOST)
]
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_LONGEST_RANGE = 400
"""Days of calendar in one answer."""


@router.get("/", dependencies=[Depends(viewer)])
async def scheduling_page(request: Request, filters: Annotated[Filters, Query()]) -> HTMLResponse:
    """Show the list and the calendar; to htmx the list and the tabs alone."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await overview.page(tx, filters.asked, before=filters.place, limit=filters.limit)
        counts = await overview.counts(tx, filters.asked)
        fresh = await freshness(tx, parts.seal)
        types = await event_types.offered(tx)
        known = bool(found.rows) or bool((await candidates.find(tx, limit=1)).items)
    name = "interviews/index.html"
    if "hx-request" in request.headers:
        name = "interviews/_board.html" if filters.before is None else "interviews/_more.html"
    return page(
        request,
        name,
        filters=filters,
        tabs=TAB_LABELS,
        origin=parts.address.origin,
        rows=found.rows,
        more=filters.after(found.next),
        counts=counts,
        freshness=fresh,
        types=types,
        has_candidates=known,
        now=datetime.now(UTC),
    )


@router.get("/interviews/changed", dependencies=[Depends(viewer)])
async def changed_rows(
    request: Request,
    filters: Annotated[Filters, Query()],
    ids: _Ids = [],  # noqa: B006  (FastAPI copies it)
) -> HTMLResponse:
    """Answer with these rows as they are now, whatever the tab, and the counts on the tabs."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        known = await actions.by_ids(tx, ids)
        rows = await overview.rows(tx, list(known.values()))
        counts = await overview.counts(tx, filters.asked)
    return page(
        request,
        "interviews/_changed.html",
        rows=rows,
        counts=counts,
        filters=filters,
        tabs=TAB_LABELS,
        origin=parts.address.origin,
        now=datetime.now(UTC),
    )


@router.get("/calendar/events", dependencies=[Depends(viewer)])
async def calendar_events(
    request: Request,
    start: AwareDatetime,
    end: AwareDatetime,
    filters: Annotated[Filters, Query()],
) -> list[dict[str, object]]:
    """Meetings that overlap [start, end), in FullCalendar's field names."""
    if not 0 <= (end - start).days <= _LONGEST_RANGE:
        raise BadRequest(
            "The calendar cannot show this span of time.",
            do=f"Ask for at most {_LONGEST_RANGE} days, the earlier one first.",
        )
    asked = Asked(q=filters.q, event_type_id=filters.event_type_id)
    async with _parts(request).database.transaction() as tx:
        return [_event(row) for row in await overview.between(tx, start, end, asked)]


def _event(row: Row) -> dict[str, object]:
    meeting = row.interview.meeting
    assert meeting is not None  # `between` gives interviews with a meeting only
    return {
        "id": str(row.id),
        "title": row.candidate.name,
        "start": meeting.starts_at,
        "end": meeting.ends_at,
        "url": f"/interviews/{row.id}",
        "extendedProps": {
            "status": row.status.value,
            "word": row.status.label,
            "kind": row.event_type.title,
        },
    }


@router.get("/interviews/{interview_id}", dependencies=[Depends(viewer)])
async def interview_page(request: Request, interview_id: _Id) -> HTMLResponse:
    """Show one interview and what its status rests on; to htmx only the inside of the drawer."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        row = await overview.row(tx, interview_id)
        chain = await timeline.chain(tx, interview_id)
        links = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
        written = await outbox.of_interview(tx, interview_id)
    inner = "hx-request" in request.headers
    return page(
        request,
        "interviews/_interview.html" if inner else "interviews/interview.html",
        row=row,
        chain=chain,
        word=timeline.word,
        odd=oddities(
            chain.bookings,
            addresses=row.candidate.addresses,
            booking_url=row.event_type.booking_url,
        ),
        clocks=_clocks(row, chain.bookings),
        links=links,
        letters=written,
        origin=parts.address.origin,
        now=datetime.now(UTC),
    )


def _current(row: Row, bookings: Sequence[Kept]) -> Booking | None:
    meeting = row.interview.meeting
    known = (kept.booking for kept in bookings)
    return next((each for each in known if meeting and each.uid == meeting.uid), None)


def _clocks(row: Row, bookings: Sequence[Kept]) -> Sequence[tuple[str, str]]:
    """The meeting's start by the clocks of those who meet, with zone and offset."""
    meeting, booking = row.interview.meeting, _current(row, bookings)
    if meeting is None:
        return []
    host = booking.host.zone if booking and booking.host else None
    zones: Mapping[str, str | None] = {"Candidate": _zone(row, booking), "Host": host}
    return [
        (whose, wording.moment(meeting.starts_at, zone)) for whose, zone in zones.items() if zone
    ]


def _zone(row: Row, booking: Booking | None) -> str | None:
    """The zone the candidate chose when booking, else the one we know them by."""
    chosen = booking.attendees[0].zone if booking and booking.attendees else None
    return chosen or row.candidate.zone


@router.get("/i/{token}")
async def guest_page(request: Request, token: str) -> HTMLResponse:
    """Show a candidate their interview. Changes nothing: mail scanners open links."""
    now = datetime.now(UTC)
    async with _parts(request).database.transaction() as tx:
        link = await booking_links.by_token(tx, token) if _TOKEN.fullmatch(token) else None
        if link is None:
            return page(request, "interviews/guest_unknown.html", status=404)
        row = await overview.row(tx, link.interview_id)
        bookings = await timeline.bookings(tx, link.interview_id)
    return _guest(request, row, link, zone=_zone(row, _current(row, bookings)), now=now)


def _guest(
    request: Request, row: Row, link: BookingLink, *, zone: str | None, now: datetime
) -> HTMLResponse:
    booked = row.status in {Status.CONFIRMED, Status.REQUESTED, Status.DONE, Status.NO_SHOW}
    works = link.is_live(now)
    meeting = row.interview.meeting
    return page(
        request,
        "interviews/guest.html",
        status=200 if booked or works else 410,
        row=row,
        link=link,
        booked=booked,
        works=works,
        when=wording.moment(meeting.starts_at, zone) if booked and meeting else None,
        until=wording.moment(link.expires_at, zone) if link.expires_at else None,
        length=wording.length(row.event_type.length_minutes),
        address=booking_address(
            link.target_url or row.event_type.booking_url,
            token=link.token,
            name=row.candidate.name,
            address=next(iter(row.candidate.addresses), None),
        ),
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
