"""Interviews over JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.bookings import timeline
from greenroom.errors import BadRequest
from greenroom.interviews import actions, invitations, overview, sending
from greenroom.interviews.model import Attention, Outcome, Status
from greenroom.interviews.overview import Asked, Row
from greenroom.parts import Parts

router = APIRouter(prefix="/api/admin/scheduling/interviews", tags=["Interviews"])


class CandidateOut(BaseModel):
    """Who."""

    id: int
    name: str
    email: str | None


class EventTypeOut(BaseModel):
    """What."""

    id: int
    title: str
    length_minutes: int


class LinkOut(BaseModel):
    """The candidate's own address, and what became of it."""

    url: str
    token: str
    expires_at: datetime | None
    sent_at: datetime | None
    opened_at: datetime | None
    revoked_at: datetime | None


class MeetingOut(BaseModel):
    """The booking that counts."""

    uid: str
    status: str
    starts_at: datetime
    ends_at: datetime
    location: str | None
    host: str | None


class WhyOut(BaseModel):
    """How the booking was recognised as this interview's."""

    rung: str
    explanation: str


class InterviewOut(BaseModel):
    """One meeting wanted with one candidate. Times are UTC."""

    id: int
    status: Status
    attention: Sequence[Attention]
    candidate: CandidateOut
    event_type: EventTypeOut
    owner: str
    link: LinkOut | None
    booking: MeetingOut | None
    why: WhyOut | None
    created_at: datetime
    updated_at: datetime


class InterviewPage(BaseModel):
    """Newest change of status first; `next` is the cursor of the next page."""

    items: Sequence[InterviewOut]
    next: str | None


class BookingOut(BaseModel):
    """One booking of the interview's chain."""

    uid: str
    status: str
    starts_at: datetime | None
    ends_at: datetime | None


class EntryOut(BaseModel):
    """Something that was said or done. `decides`: the status shown comes from it."""

    said_at: datetime
    heard_at: datetime
    source: str
    text: str
    uid: str | None
    delivery_id: int | None
    sync_run_id: int | None
    decides: bool


class InterviewDetail(InterviewOut):
    """With its chain of bookings and everything behind the status."""

    bookings: Sequence[BookingOut]
    timeline: Sequence[EntryOut]


class SendIn(BaseModel):
    """Whom to give a booking link, and for what."""

    candidate_ids: Annotated[Sequence[int], Field(min_length=1, max_length=1000)]
    event_type_id: int
    connection_id: int | None = Field(None, description="Implied by the event type.")
    send: bool = Field(description="Whether to write to the candidates now.")
    message: str = Field("", max_length=5000, description="A personal line for the letter.")
    expires_in_days: Annotated[int, Field(ge=1, le=365)] | None = 14


class SkippedOut(BaseModel):
    """A candidate who got no link, and why."""

    candidate_id: int
    reason: str


class SendOut(BaseModel):
    """Everyone asked for is in one of the two."""

    created: Sequence[InterviewOut]
    skipped: Sequence[SkippedOut]


class InvitationIn(BaseModel):
    """A letter with the link that is there already."""

    message: str = Field("", max_length=5000)


class ExtensionIn(BaseModel):
    """How long the link is to work from now on."""

    days: Annotated[int, Field(ge=1, le=365)] = 14


class OutcomeIn(BaseModel):
    """How the meeting went."""

    outcome: Outcome | None


@router.post("", status_code=201)
async def send(
    request: Request, given: SendIn, user: Annotated[User, Depends(recruiter)]
) -> SendOut:
    """Create a tracked booking link for each candidate; write to them if `send`."""
    parts: Parts = request.app.state.parts
    now = datetime.now(UTC)
    days = given.expires_in_days
    async with parts.database.transaction() as tx:
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
                by=user.name,
                reply_to=user.email or None,
                message=given.message,
                now=now,
            )
        found = await actions.by_ids(tx, sent.interview_ids)
        rows = await overview.rows(tx, [found[id_] for id_ in sent.interview_ids])
    return SendOut(
        created=[_out(parts, row) for row in rows],
        skipped=[
            SkippedOut(candidate_id=id_, reason=reason.value) for id_, reason in sent.round.skip
        ],
    )


@router.get("")
async def list_interviews(
    request: Request,
    _: Annotated[User, Depends(viewer)],
    status: Annotated[list[Status] | None, Query()] = None,
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
    before = None if cursor is None else read_cursor(cursor)
    async with parts.database.transaction() as tx:
        page = await overview.page(tx, asked, before=before, limit=limit)
    next_ = None if page.next is None else write_cursor(page.next)
    return InterviewPage(items=[_out(parts, row) for row in page.rows], next=next_)


@router.get("/{interview_id}")
async def get_interview(
    request: Request, interview_id: int, _: Annotated[User, Depends(viewer)]
) -> InterviewDetail:
    """One interview with its bookings and the evidence for its status."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        row = await overview.row(tx, interview_id)
        chain = await timeline.chain(tx, interview_id)
    shown = row.interview.meeting
    why = next(
        (
            WhyOut(rung=kept.match.rung.value, explanation=kept.match.explanation)
            for kept in chain.bookings
            if kept.match and shown and kept.booking.uid == shown.uid
        ),
        None,
    )
    return InterviewDetail(
        **{**_out(parts, row).model_dump(), "why": why},
        bookings=[
            BookingOut(
                uid=kept.booking.uid,
                status=timeline.word(kept),
                starts_at=kept.booking.starts_at,
                ends_at=kept.booking.ends_at,
            )
            for kept in chain.bookings
        ],
        timeline=[EntryOut.model_validate(each, from_attributes=True) for each in chain.entries],
    )


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
            by=user.name,
            reply_to=user.email or None,
            message=given.message,
            now=datetime.now(UTC),
        )
        return _out(parts, await overview.row(tx, interview_id))


@router.post("/{interview_id}/revocation", status_code=202)
async def revoke(
    request: Request, interview_id: int, user: Annotated[User, Depends(recruiter)]
) -> InterviewOut:
    """Switch the candidate's link off. A booking that still comes is shown and flagged."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.revoke(tx, interview_id, by=user.name, now=datetime.now(UTC))
        return _out(parts, await overview.row(tx, interview_id))


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
        return _out(parts, await overview.row(tx, interview_id))


@router.post("/{interview_id}/replacement", status_code=202)
async def replace(
    request: Request, interview_id: int, user: Annotated[User, Depends(recruiter)]
) -> InterviewOut:
    """Switch the old link off and make a new one, without writing to the candidate."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await actions.replace_link(tx, interview_id, by=user.name, now=datetime.now(UTC))
        return _out(parts, await overview.row(tx, interview_id))


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
        return _out(parts, await overview.row(tx, interview_id))


def write_cursor(place: tuple[datetime, int]) -> str:
    """The keyset as text that fits in a URL."""
    moment, id_ = place
    return f"{moment.timestamp():.6f}-{id_}"


def read_cursor(cursor: str) -> tuple[datetime, int]:
    """Raises BadRequest for one that was not ours."""
    moment, _, id_ = cursor.partition("-")
    try:
        return datetime.fromtimestamp(float(moment), UTC), int(id_)
    except (ValueError, OverflowError, OSError) as error:
        raise BadRequest(
            "The cursor cannot be read.", do="Take it unchanged from `next`, or leave it out."
        ) from error


def _out(parts: Parts, row: Row) -> InterviewOut:
    interview, link, meeting = row.interview, row.link, row.interview.meeting
    addresses = row.candidate.addresses
    return InterviewOut(
        id=interview.id,
        status=interview.status,
        attention=row.attention,
        candidate=CandidateOut(
            id=row.candidate.id,
            name=row.candidate.name,
            email=addresses[0] if addresses else None,
        ),
        event_type=EventTypeOut.model_validate(row.event_type, from_attributes=True),
        owner=interview.owner,
        link=None
        if link is None
        else LinkOut(
            url=f"{parts.settings.origin}/i/{link.token}",
            token=link.token,
            expires_at=link.expires_at,
            sent_at=link.sent_at,
            opened_at=link.opened_at,
            revoked_at=link.revoked_at,
        ),
        booking=None
        if meeting is None
        else MeetingOut.model_validate(meeting, from_attributes=True),
        why=None,
        created_at=interview.created_at,
        updated_at=interview.updated_at,
    )
