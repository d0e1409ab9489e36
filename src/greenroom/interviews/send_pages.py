"""Sending booking links: who, what, a message, check, send. One form, shown in steps by JS."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import HTMLResponse

from greenroom.accounts.guard import Recruiter
from greenroom.accounts.model import User
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Candidate
from greenroom.database import Database, Transaction
from greenroom.errors import Invalid
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType
from greenroom.interviews import actions, invitations, overview, sending
from greenroom.interviews.model import Status
from greenroom.interviews.sending import Pick
from greenroom.mail import letters
from greenroom.mail.layout import Letter
from greenroom.mail.wording import LONGEST_MESSAGE, VARIABLES, unknown_variable
from greenroom.settings import Settings
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

MOST = 1000
"""Candidates in one round."""
EXPIRIES = (7, 14, 30, 0)
"""Days a link may work; 0 is for ever."""

_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
_Candidates = Annotated[list[_Id], Field(max_length=MOST)]
_EventType = Annotated[_Id | None, BeforeValidator(lambda given: None if given == "" else given)]


class Picked(BaseModel):
    """Who and what, as links to the form and the form itself say it."""

    candidate: _Candidates = []
    event_type_id: _EventType = None
    q: Annotated[str, Field(max_length=200)] = ""


class SendForm(Picked):
    """The whole form."""

    expires_in_days: Annotated[int, Field(ge=0, le=365)] = 14
    message: Annotated[str, Field(max_length=2 * LONGEST_MESSAGE)] = ""
    how: Literal["letter", "link"] = "letter"

    @property
    def expires_in(self) -> timedelta | None:
        """How long the link works; None is for ever."""
        return timedelta(days=self.expires_in_days) if self.expires_in_days else None


@router.get("/send")
async def send_page(
    request: Request, user: Recruiter, picked: Annotated[Picked, Query()]
) -> HTMLResponse:
    """Show the form, with whoever was picked before."""
    form = SendForm(**picked.model_dump())
    return await _form(request, user, form, name="send")


@router.post("/send/check")
async def check_round(
    request: Request, user: Recruiter, form: Annotated[SendForm, Form()]
) -> HTMLResponse:
    """Show what sending would do, with the letter as the first candidate reads it."""
    return await _form(request, user, form, name="check")


@router.post("/send")
async def send_links(
    request: Request, user: Recruiter, form: Annotated[SendForm, Form()]
) -> HTMLResponse:
    """Make the links, write the letters, and show what came of it for each.

    Sending the form again makes nothing twice: who has a live link by then is left out.
    """
    if form.event_type_id is None or not form.candidate:
        raise Invalid(
            "There is nobody to send to, or nothing to book.",
            do="Pick at least one candidate and an event type.",
        )
    now = datetime.now(UTC)
    async with _database(request).transaction() as tx:
        sent = await sending.send(
            tx,
            form.candidate,
            form.event_type_id,
            by=user.name,
            now=now,
            expires_in=form.expires_in,
        )
        if form.how == "letter":
            await invitations.invite(
                tx,
                sent.interview_ids,
                settings=_settings(request),
                origin=_origin(request),
                by=user.name,
                reply_to=user.email or None,
                message=form.message,
                now=now,
            )
        made = await actions.by_ids(tx, sent.interview_ids)
        rows = await overview.rows(tx, [made[id_] for id_ in sent.interview_ids])
        people = await candidates.by_ids(tx, [id_ for id_, _ in sent.round.skip])
        event_type = await event_types.get(tx, form.event_type_id)
    return page(
        request,
        _name(request, "sent"),
        rows=rows,
        skipped=[(people.get(id_), reason) for id_, reason in sent.round.skip],
        event_type=event_type,
        by_letter=form.how == "letter",
        has_server=_settings(request).smtp_url is not None,
        origin=_origin(request),
        now=now,
    )


async def _form(request: Request, user: User, form: SendForm, *, name: str) -> HTMLResponse:
    async with _database(request).transaction() as tx:
        types = await event_types.offered(tx)
        if form.event_type_id is None and types:
            likely = await sending.likely(tx, form.candidate)
            offered = [each.id for each in types]
            form.event_type_id = likely if likely in offered else offered[0]
        picks = await sending.foresee(tx, form.candidate, form.event_type_id)
        found, standing = await _suggested(tx, form)
    chosen = next((each for each in types if each.id == form.event_type_id), None)
    problem = unknown_variable(form.message, VARIABLES)
    return page(
        request,
        _name(request, name),
        form=form,
        types=types,
        chosen=chosen,
        picks=picks,
        found=found,
        standing=standing,
        expiries=EXPIRIES,
        variables=VARIABLES,
        longest=LONGEST_MESSAGE,
        problem=problem,
        letter=_letter(request, user, form, chosen, picks)
        if name == "check" and problem is None
        else None,
        has_server=_settings(request).smtp_url is not None,
        now=datetime.now(UTC),
    )


async def _suggested(
    tx: Transaction, form: SendForm
) -> tuple[Sequence[Candidate], Mapping[int, Status]]:
    """Whom else to pick: what a search finds, or the newest while nobody is picked."""
    if form.candidate and not form.q.strip():
        return [], {}
    found, standing = await sending.suggestions(tx, form.q)
    return [each for each in found if each.id not in form.candidate], standing


def _letter(
    request: Request, user: User, form: SendForm, chosen: EventType | None, picks: Sequence[Pick]
) -> Letter | None:
    first = next((each.candidate for each in picks if each.skip is None), None)
    if first is None or chosen is None:
        return None
    settings = _settings(request)
    until = form.expires_in
    return letters.invitation(
        candidate=first.name,
        role=first.role,
        company=settings.company,
        kind=chosen.title,
        length_minutes=chosen.length_minutes,
        host=None,
        link=f"{_origin(request)}/i/the-link-of-this-candidate",
        expires_at=None if until is None else datetime.now(UTC) + until,
        zone=first.zone,
        sender=user.name,
        message=form.message,
    )


def _name(request: Request, name: str) -> str:
    """The page itself, or only its inner part for the drawer."""
    partial = "hx-request" in request.headers
    return f"interviews/_{name}.html" if partial else f"interviews/{name}.html"


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database


def _origin(request: Request) -> str:
    """Where candidates reach us."""
    origin: str = request.app.state.parts.address.origin
    return origin


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.parts.settings
    return settings
