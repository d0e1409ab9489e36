"""Bookings that belong to no interview, over JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from greenroom.accounts.guard import Recruiter, viewer
from greenroom.bookings import actions, inbox, places, store, timeline, verdicts
from greenroom.bookings.inbox import Unmatched
from greenroom.bookings.model import Uid
from greenroom.database import Database, Transaction

router = APIRouter(prefix="/api/admin/scheduling", tags=["Unmatched"])

_Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
_Text = Annotated[str, Field(max_length=1000)]
_UidIn = Annotated[str, Path(max_length=1000)]


class Show(StrEnum):
    """Which: those ahead, those of the last 30 days, or those that were set aside."""

    AHEAD = "ahead"
    PAST = "past"
    IGNORED = "ignored"


class SuggestionOut(BaseModel):
    """An interview that may be meant, and why."""

    interview_id: int
    candidate: str
    score: int
    reasons: Sequence[str]


class UnmatchedOut(BaseModel):
    """A booking, or one seat of it, that belongs to no interview. Times are UTC."""

    uid: str
    connection_id: int
    address: str = Field(description='The seat it is about; "" for the booking as a whole.')
    status: str
    starts_at: datetime | None
    ends_at: datetime | None
    name: str | None
    email: str | None
    event_type: str | None
    heard_at: datetime
    suggestions: Sequence[SuggestionOut]
    ignored_by: str | None


class UnmatchedPage(BaseModel):
    """`next` is the cursor of the next page, null at the end."""

    items: Sequence[UnmatchedOut]
    next: str | None


class VerdictIn(BaseModel):
    """Whose booking it is, in a person's judgement; null: nobody's."""

    model_config = ConfigDict(extra="forbid")

    interview_id: _Id | None
    connection_id: _Id | None = Field(None, description="Needed where two connections know it.")
    address: _Text = Field("", description="The seat, of a booking that several share.")


class VerdictOut(BaseModel):
    """Whose booking it is now, and how that is known."""

    uid: str
    connection_id: int
    address: str
    interview_id: int | None
    rung: str | None
    explanation: str | None


@router.get("/unmatched", dependencies=[Depends(viewer)])
async def list_unmatched(
    request: Request,
    show: Show = Show.AHEAD,
    cursor: Annotated[str | None, Query(max_length=1200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> UnmatchedPage:
    """Bookings of nobody we know, with suggestions: ahead soonest first, others latest first."""
    now = datetime.now(UTC)
    after = None if cursor is None else places.read(cursor)
    async with _database(request).transaction() as tx:
        match show:
            case Show.AHEAD:
                found = await inbox.ahead(tx, now=now, after=after, limit=limit)
            case Show.PAST:
                found = await inbox.over(tx, now=now, after=after, limit=limit)
            case Show.IGNORED:
                found = await inbox.ignored(tx, after=after, limit=limit)
    return UnmatchedPage(
        items=[_out(each) for each in found.items],
        next=None if found.next is None else places.write(found.next),
    )


@router.post("/bookings/{uid}/verdict")
async def judge_booking(
    request: Request, user: Recruiter, uid: _UidIn, given: VerdictIn
) -> VerdictOut:
    """Say whose booking it is. A person's word stays, whatever Greenroom would guess."""
    async with _database(request).transaction() as tx:
        key = await _key(tx, uid, given.connection_id)
        await verdicts.judge(
            tx,
            key,
            given.interview_id,
            address=given.address,
            by=user.name,
            now=datetime.now(UTC),
        )
        return await _verdict(tx, key, given.address)


@router.delete("/bookings/{uid}/verdict")
async def take_back_verdict(
    request: Request,
    user: Recruiter,
    uid: _UidIn,
    connection_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    address: Annotated[str, Query(max_length=1000)] = "",
) -> VerdictOut:
    """Take back what a person said; what Greenroom can tell by itself counts again."""
    async with _database(request).transaction() as tx:
        key = await _key(tx, uid, connection_id)
        await verdicts.take_back(tx, key, address=address, by=user.name, now=datetime.now(UTC))
        return await _verdict(tx, key, address)


async def _key(tx: Transaction, uid: str, connection_id: int | None) -> Uid:
    if connection_id is not None:
        return (await inbox.one(tx, (connection_id, uid))).kept.key
    return (await actions.get(tx, uid)).key


async def _verdict(tx: Transaction, key: Uid, address: str) -> VerdictOut:
    kept = (await store.get(tx, [key]))[key]
    seat = inbox.seat_meant(kept, address)
    match = kept.match_of(seat)
    return VerdictOut(
        uid=key[1],
        connection_id=key[0],
        address=seat,
        interview_id=match and match.interview_id,
        rung=match and match.rung.value,
        explanation=match and match.explanation,
    )


def _out(each: Unmatched) -> UnmatchedOut:
    booking = each.kept.booking
    return UnmatchedOut(
        uid=booking.uid,
        connection_id=each.kept.connection_id,
        address=each.seat,
        status=timeline.word(each.kept),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        name=each.guest.name if each.guest else None,
        email=each.guest.email if each.guest else None,
        event_type=booking.event_type_slug,
        heard_at=each.kept.first_heard_at,
        suggestions=[
            SuggestionOut(
                interview_id=guess.row.id,
                candidate=guess.row.candidate.name,
                score=guess.suggestion.score,
                reasons=guess.suggestion.reasons,
            )
            for guess in each.guesses
        ],
        ignored_by=each.ignored[0] if each.ignored else None,
    )


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
