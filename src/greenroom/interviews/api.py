"""Interviews over JSON."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.bookings import timeline
from greenroom.bookings.wire import detail, listed
from greenroom.database import Transaction
from greenroom.errors import Invalid
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions, invitations, overview, sending
from greenroom.interviews.filters import read_place, write_place
from greenroom.interviews.model import Status
from greenroom.interviews.overview import Asked
from greenroom.interviews.wire import (
    ExtensionIn,
    InterviewDetail,
    InterviewOut,
    InterviewPage,
    InvitationIn,
    OutcomeIn,
    SendIn,
    SendOut,
    SkippedOut,
)
from greenroom.parts import Parts

router = APIRouter(prefix="/api/admin/scheduling/interviews", tags=["Interviews"])


@router.post("", status_code=201)
async def send(
    request: Request, given: SendIn, user: Annotated[User, Depends(recruiter)]
) -> SendOut:
    """Create a tracked booking link for each candidate; write to them if `send`."""
    parts: Parts = request.app.state.parts
    now = datetime.now(UTC)
    days = given.expires_in_days
    async with parts.database.transaction() as tx:
        await _check_connection(tx, given)
        sent = await sending.send(
            tx,
            given.candidate_ids,
            given.event_type_id,
            by=user.name,
            now=now,
            expires_in=None if days is None else timedelta(days=days),
        )
        if given.send:
            await invitations.invite(
                tx,
                sent.interview_ids,
                settings=parts.settings,
                origin=parts.address.origin,
                by=user.name,
                reply_to=user.email or None,
                message=given.message,
                now=now,
            )
        found = await actions.by_ids(tx, sent.interview_ids)
        rows = await overview.rows(tx, [found[id_] for id_ in sent.interview_ids])
        created = await listed(tx, parts.address.origin, rows)
    return SendOut(
        created=created,
        skipped=[
            SkippedOut(candidate_id=id_, reason=reason.value) for id_, reason in sent.round.skip
        ],
    )


@router.get("")
async def list_interviews(
    request: Request,
    _: Annotated[User, Depends(viewer)],
    status: Annotated[list[Status] | None, Query(max_length=20)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    event_type_id: int | None = None,
    owner: Annotated[str | None, Query(max_length=200)] = None,
    attention: Annotated[bool, Query(description="Only those a person should look at.")] = False,  # noqa: FBT002  (a query parameter)
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> InterviewPage:
    """Newest change of status first."""
    parts: Parts = request.app.state.parts
    asked = Asked(
        statuses=status or (),
        q=q,
        event_type_id=event_type_id,
        owner=owner,
        attention=attention,
    )
    before = None if cursor is None else read_place(cursor)
    async with parts.database.transaction() as tx:
        page = await overview.page(tx, asked, before=before, limit=limit)
        items = await listed(tx, parts.address.origin, page.rows)
    next_ = None if page.next is None else write_place(page.next)
    return InterviewPage(items=items, next=next_)


@router.get("/{interview_id}")
async def get_interview(
    request: Request, interview_id: int, _: Annotated[User, Depends(viewer)]
) -> InterviewDetail:
    """One interview with its bookings and the evidence for its status."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        row = await overview.row(tx, interview_id)
        chain = await timeline.chain(tx, interview_id)
    return detail(parts.address.origin, row, chain)


@router.post("/{interview_id}/invitation", status_code=202)
async def invite(
    request: Request,
    interview_id: int,
    given: InvitationIn,
    user: Annotated[User, Depends(recruiter)],
) -> InterviewOut:
    """Write to the candidate (again) with the link that is live."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.get(tx, interview_id)
        await invitations.invite(
            tx,
            [interview_id],
            settings=parts.settings,
            origin=parts.address.origin,
            by=user.name,
            reply_to=user.email or None,
            message=given.message,
            now=datetime.now(UTC),
        )
        return await _shown(tx, parts, interview_id)


@router.post("/{interview_id}/revocation", status_code=202)
async def revoke(
    request: Request, interview_id: int, user: Annotated[User, Depends(recruiter)]
) -> InterviewOut:
    """Switch the candidate's link off. A booking that still comes is shown and flagged."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.revoke(tx, interview_id, by=user.name, now=datetime.now(UTC))
        return await _shown(tx, parts, interview_id)


@router.post("/{interview_id}/extension", status_code=202)
async def extend(
    request: Request,
    interview_id: int,
    given: ExtensionIn,
    user: Annotated[User, Depends(recruiter)],
) -> InterviewOut:
    """Let the candidate's link work longer; its address stays."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.extend(tx, interview_id, days=given.days, by=user.name, now=datetime.now(UTC))
        return await _shown(tx, parts, interview_id)


@router.post("/{interview_id}/replacement", status_code=202)
async def replace(
    request: Request, interview_id: int, user: Annotated[User, Depends(recruiter)]
) -> InterviewOut:
    """Switch the old link off and make a new one, without writing to the candidate."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.replace_link(tx, interview_id, by=user.name, now=datetime.now(UTC))
        return await _shown(tx, parts, interview_id)


@router.post("/{interview_id}/outcome", status_code=202)
async def say_outcome(
    request: Request,
    interview_id: int,
    given: OutcomeIn,
    user: Annotated[User, Depends(recruiter)],
) -> InterviewOut:
    """Say how the meeting went; null takes it back."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.say_outcome(
            tx, interview_id, given.outcome, by=user.name, now=datetime.now(UTC)
        )
        return await _shown(tx, parts, interview_id)


async def _shown(tx: Transaction, parts: Parts, interview_id: int) -> InterviewOut:
    row = await overview.row(tx, interview_id)
    (found,) = await listed(tx, parts.address.origin, [row])
    return found


async def _check_connection(tx: Transaction, given: SendIn) -> None:
    event_type = await event_types.get(tx, given.event_type_id)
    if given.connection_id not in {None, event_type.connection_id}:
        raise Invalid(
            f"Event type {event_type.id} belongs to connection {event_type.connection_id}.",
            do="Leave connection_id out; the event type implies it.",
        )
