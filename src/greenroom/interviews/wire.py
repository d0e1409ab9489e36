"""How interviews look over the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from greenroom.interviews.model import Attention, Outcome, Status
from greenroom.interviews.news import Kind
from greenroom.interviews.overview import Row


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
    """Something that was said or done. `decides`: the status shown comes from it.

    `still_at` is until when Cal.com's API has said the same again.
    `before` and `after` are the booking's status; `effect` is `news`, `nothing_new` or
    `newer_facts_stand`. All three are null for what people did.
    """

    said_at: datetime
    heard_at: datetime
    still_at: datetime | None
    source: str
    text: str
    uid: str | None
    delivery_id: int | None
    sync_run_id: int | None
    effect: str | None
    before: str | None
    after: str | None
    decides: bool


class NewsOut(BaseModel):
    """What became of the interview, when people were told. The same news is told once."""

    kind: Kind
    at: datetime


class InterviewDetail(InterviewOut):
    """With its chain of bookings and everything behind the status; `reason` sums that up."""

    reason: str
    bookings: Sequence[BookingOut]
    news: Sequence[NewsOut]
    timeline: Sequence[EntryOut]


class SendIn(BaseModel):
    """Whom to give a booking link, and for what."""

    model_config = ConfigDict(extra="forbid")

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

    model_config = ConfigDict(extra="forbid")

    message: str = Field("", max_length=5000)


class ExtensionIn(BaseModel):
    """How long the link is to work from now on."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[int, Field(ge=1, le=365)] = 14


class OutcomeIn(BaseModel):
    """How the meeting went."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome | None


def shown(origin: str, row: Row, *, why: WhyOut | None) -> InterviewOut:
    """The interview as the API answers it; `origin` stands before our own addresses."""
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
            url=f"{origin}/i/{link.token}",
            token=link.token,
            expires_at=link.expires_at,
            sent_at=link.sent_at,
            opened_at=link.opened_at,
            revoked_at=link.revoked_at,
        ),
        booking=None
        if meeting is None
        else MeetingOut.model_validate(meeting, from_attributes=True),
        why=why,
        created_at=interview.created_at,
        updated_at=interview.updated_at,
    )
