"""What can be done to one interview from its drawer. Each answers with the way back to it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from greenroom.accounts.guard import Recruiter
from greenroom.database import Database
from greenroom.interviews import actions, invitations
from greenroom.interviews.model import Outcome
from greenroom.settings import Settings

router = APIRouter(prefix="/interviews/{interview_id}", include_in_schema=False)

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class _Extension(BaseModel):
    days: Annotated[int, Field(ge=1, le=365)] = 14


class _HowItWent(BaseModel):
    outcome: Outcome


@router.post("/invitation")
async def send_again(request: Request, user: Recruiter, interview_id: _Id) -> RedirectResponse:
    """Write to the candidate with the link that works."""
    settings: Settings = request.app.state.parts.settings
    origin: str = request.app.state.parts.address.origin
    async with _database(request).transaction() as tx:
        await invitations.invite(
            tx,
            [interview_id],
            settings=settings,
            origin=origin,
            by=user.name,
            reply_to=user.email or None,
            now=datetime.now(UTC),
        )
    return _back(interview_id)


@router.post("/extension")
async def extend_link(
    request: Request, user: Recruiter, interview_id: _Id, form: Annotated[_Extension, Form()]
) -> RedirectResponse:
    """Let the newest link work for some days from now."""
    async with _database(request).transaction() as tx:
        await actions.extend(tx, interview_id, days=form.days, by=user.name, now=datetime.now(UTC))
    return _back(interview_id)


@router.post("/replacement")
async def replace_link(request: Request, user: Recruiter, interview_id: _Id) -> RedirectResponse:
    """Switch the old link off and make another, without writing to the candidate."""
    async with _database(request).transaction() as tx:
        await actions.replace_link(tx, interview_id, by=user.name, now=datetime.now(UTC))
    return _back(interview_id)


@router.post("/revocation")
async def revoke_link(request: Request, user: Recruiter, interview_id: _Id) -> RedirectResponse:
    """Switch the candidate's links off."""
    async with _database(request).transaction() as tx:
        await actions.revoke(tx, interview_id, by=user.name, now=datetime.now(UTC))
    return _back(interview_id)


@router.post("/outcome")
async def say_outcome(
    request: Request, user: Recruiter, interview_id: _Id, form: Annotated[_HowItWent, Form()]
) -> RedirectResponse:
    """Keep how the meeting went."""
    async with _database(request).transaction() as tx:
        await actions.say_outcome(
            tx, interview_id, form.outcome, by=user.name, now=datetime.now(UTC)
        )
    return _back(interview_id)


def _back(interview_id: int) -> RedirectResponse:
    return RedirectResponse(f"/interviews/{interview_id}", 303)


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
