"""Unmatched: bookings that belong to no interview, and saying whose they are."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import HTMLResponse, RedirectResponse

from greenroom.accounts.guard import Recruiter, viewer
from greenroom.bookings import inbox, places, settling, verdicts
from greenroom.bookings.inbox import COUNTED, Unmatched
from greenroom.bookings.match import Match
from greenroom.bookings.model import Uid
from greenroom.bookings.oddities import at_calcom
from greenroom.database import Database, Transaction
from greenroom.event_types import actions as event_types
from greenroom.interviews import overview
from greenroom.interviews.overview import Asked, Row
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_FOUND = 20
"""Interviews a search shows."""
_GLANCE = 5
"""Of those that are over, shown below those ahead."""

_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
_MaybeId = Annotated[_Id | None, BeforeValidator(lambda given: None if given == "" else given)]
_Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


class _Tab(StrEnum):
    AHEAD = "ahead"
    PAST = "past"
    IGNORED = "ignored"


class _About(BaseModel):
    """Which booking, or which seat of it. `made`: the interview just made for it."""

    connection_id: _Id
    uid: _Text
    seat: _Text = ""
    made: _MaybeId = None

    @property
    def key(self) -> Uid:
        return (self.connection_id, self.uid)

    def address(self, path: str = "/unmatched", **more: str | int | None) -> str:
        """The page, and that it is to say how this booking stands now."""
        given = {"connection_id": self.connection_id, "uid": self.uid, "seat": self.seat, **more}
        return f"{path}?{urlencode({name: each for name, each in given.items() if each})}"


class _Whose(_About):
    interview_id: _Id


class _Wanted(_About):
    event_type_id: _MaybeId = None
    instead_of: _MaybeId = None
    """The interview whose booking it was when the person looked."""


class _Looked(BaseModel):
    """A page of the list, and perhaps a booking about which something was just said."""

    show: _Tab = _Tab.AHEAD
    after: Annotated[str, Field(max_length=1200)] = ""
    connection_id: _MaybeId = None
    uid: _Text = ""
    seat: _Text = ""
    made: _MaybeId = None

    @property
    def address(self) -> str:
        """The same page, with what it says of the booking."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return f"/unmatched?{urlencode(given)}"

    @property
    def about(self) -> _About | None:
        if self.connection_id is None or not self.uid:
            return None
        return _About(
            connection_id=self.connection_id, uid=self.uid, seat=self.seat, made=self.made
        )


class _Searched(_About):
    q: Annotated[str, Field(max_length=200)] = ""


@router.get("/unmatched", dependencies=[Depends(viewer)])
async def unmatched_page(request: Request, looked: Annotated[_Looked, Query()]) -> HTMLResponse:
    """List bookings of nobody we know, with suggestions; to htmx the list alone."""
    now = datetime.now(UTC)
    after = places.read(looked.after) if looked.after else None
    async with _database(request).transaction() as tx:
        match looked.show:
            case _Tab.AHEAD:
                found = await inbox.ahead(tx, now=now, after=after)
                ends_here = not after and not found.next
                past = (await inbox.over(tx, now=now, limit=_GLANCE)).items if ends_here else ()
            case _Tab.PAST:
                found, past = await inbox.over(tx, now=now, after=after), ()
            case _Tab.IGNORED:
                found, past = await inbox.ignored(tx, after=after), ()
        count = await inbox.count(tx, now=now)
        news = await _news(tx, looked.about) if looked.about else None
    return page(
        request,
        "bookings/_inbox.html" if "hx-request" in request.headers else "bookings/inbox.html",
        listed=found.items,
        past=past,
        more=places.write(found.next) if found.next else None,
        is_first=after is None,
        show=looked.show,
        again=looked.address,
        count=_in_words(count),
        about=looked.about,
        news=news,
        now=now,
    )


@router.get("/unmatched/count", dependencies=[Depends(viewer)])
async def unmatched_count(request: Request) -> HTMLResponse:
    """Answer with the number beside the word; nothing for none."""
    async with _database(request).transaction() as tx:
        return HTMLResponse(_in_words(await inbox.count(tx, now=datetime.now(UTC))))


@router.get("/unmatched/booking", dependencies=[Depends(viewer)])
async def booking_page(request: Request, looked: Annotated[_Searched, Query()]) -> HTMLResponse:
    """Show one booking and everything that can be said about it; `q` finds other interviews."""
    async with _database(request).transaction() as tx:
        news = await _news(tx, looked)
        rows = (await overview.page(tx, Asked(q=looked.q), limit=_FOUND)).rows if looked.q else []
        offered = await event_types.offered(tx)
    kind = news.each.event_type
    return page(
        request,
        "bookings/booking.html",
        each=news.each,
        news=news,
        about=looked,
        q=looked.q,
        rows=rows,
        types=[each for each in offered if each.connection_id == looked.connection_id],
        at_calcom=at_calcom(looked.uid, kind.booking_url) if kind else "",
        now=datetime.now(UTC),
    )


@router.post("/unmatched/match")
async def match_booking(
    request: Request, user: Recruiter, form: Annotated[_Whose, Form()]
) -> RedirectResponse:
    """Keep whose it is."""
    async with _database(request).transaction() as tx:
        await verdicts.judge(
            tx,
            form.key,
            form.interview_id,
            address=form.seat,
            by=user.name,
            now=datetime.now(UTC),
        )
    return RedirectResponse(form.address(), 303)


@router.post("/unmatched/candidate")
async def make_candidate(
    request: Request, user: Recruiter, form: Annotated[_Wanted, Form()]
) -> RedirectResponse:
    """Make a candidate of whoever booked, with an interview."""
    async with _database(request).transaction() as tx:
        made = await settling.make_candidate(
            tx,
            form.key,
            form.event_type_id,
            seat=form.seat,
            by=user.name,
            now=datetime.now(UTC),
            instead_of=form.instead_of,
        )
    return RedirectResponse(form.address(made=made), 303)


@router.post("/unmatched/ignore")
async def ignore_booking(
    request: Request, user: Recruiter, form: Annotated[_About, Form()]
) -> RedirectResponse:
    """Keep that it is nobody's."""
    async with _database(request).transaction() as tx:
        await verdicts.judge(
            tx, form.key, None, address=form.seat, by=user.name, now=datetime.now(UTC)
        )
    return RedirectResponse(form.address(), 303)


@router.post("/unmatched/undo")
async def undo(
    request: Request, user: Recruiter, form: Annotated[_About, Form()]
) -> RedirectResponse:
    """Take back what was said."""
    async with _database(request).transaction() as tx:
        await settling.undo(
            tx, form.key, seat=form.seat, made=form.made, by=user.name, now=datetime.now(UTC)
        )
    return RedirectResponse(form.address(), 303)


class _Address(BaseModel):
    address: Annotated[str, Field(max_length=1000)]


@router.post("/interviews/{interview_id}/address")
async def add_address(
    request: Request,
    user: Recruiter,
    interview_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    form: Annotated[_Address, Form()],
) -> RedirectResponse:
    """Keep that the candidate has this address too."""
    async with _database(request).transaction() as tx:
        await settling.add_address(
            tx, interview_id, form.address, by=user.name, now=datetime.now(UTC)
        )
    return RedirectResponse(f"/interviews/{interview_id}", 303)


@dataclass(frozen=True, slots=True)
class _News:
    """How a booking stands about which something was just said: its interview, or set aside.

    `made` is that interview's id, if it was made for it as far as the address says.
    """

    each: Unmatched
    match: Match | None
    row: Row | None
    made: int | None


async def _news(tx: Transaction, about: _About) -> _News:
    found = await inbox.one(tx, about.key, about.seat)
    match = found.kept.match_of(found.seat)
    row = None if match is None else await overview.row(tx, match.interview_id)
    made = about.made if match is not None and match.interview_id == about.made else None
    return _News(found, match, row, made)


def _in_words(count: int) -> str:
    if count >= COUNTED:
        return f"{COUNTED - 1}+"
    return str(count) if count else ""


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
