"""Bookings over JSON."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.bookings import actions, timeline, verdicts
from greenroom.bookings.match import Kept
from greenroom.errors import BadRequest
from greenroom.parts import Parts

router = APIRouter(prefix="/api/admin/scheduling/bookings", tags=["Bookings"])

_Connection = Annotated[int | None, Query(ge=1, lt=2**63)]
"""Where several Cal.com accounts see a booking: which of them is meant."""


class Wanted(StrEnum):
    """Which bookings a list shows."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    MOVED = "moved"


class AttendeeOut(BaseModel):
    """Someone who booked or was added."""

    name: str
    email: str
    zone: str | None
    absent: bool


class MatchOut(BaseModel):
    """How the booking was recognised."""

    rung: str
    explanation: str


class SeatOut(MatchOut):
    """Whose one seat of a booking is; `address` is "" for a booking as a whole."""

    address: str
    interview_id: int


class BookingOut(BaseModel):
    """Cal.com's record of one taken slot, as far as we know. Times are UTC.

    `interview_id` and `match` are of the first of `matches`: there are several only where
    several people share the booking.

    `unconfirmed`: the newest word came by webhook and Cal.com's API has not been asked yet.
    """

    uid: str
    id: str | None
    status: str
    starts_at: datetime | None
    ends_at: datetime | None
    replaces: Sequence[str]
    replaced_by: Sequence[str]
    outcome: str | None
    attendees: Sequence[AttendeeOut]
    host: str | None
    location: str | None
    event_type: str | None
    connection_id: int
    interview_id: int | None
    match: MatchOut | None
    matches: Sequence[SeatOut]
    as_of: datetime
    unconfirmed: bool


class BookingPage(BaseModel):
    """Earliest start first; `next` is the cursor of the next page."""

    items: Sequence[BookingOut]
    next: str | None


class MatchIn(BaseModel):
    """Whose booking it is, in a person's judgement; null: nobody's.

    `address` says whose seat is meant where several people share the booking.
    """

    model_config = ConfigDict(extra="forbid")

    interview_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None
    address: Annotated[str, Field(max_length=320)] = ""


@router.get("")
async def list_bookings(
    request: Request,
    _: Annotated[User, Depends(viewer)],
    start: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    status: Wanted | None = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BookingPage:
    """Bookings that start in [from, to)."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        found = await actions.between(
            tx,
            start,
            end,
            status=status and status.value,
            after=None if cursor is None else _read_cursor(cursor),
            limit=limit + 1,
        )
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return BookingPage(items=[_out(each) for each in shown], next=last and _cursor(last))


@router.get("/{uid}")
async def get_booking(
    request: Request,
    uid: str,
    _: Annotated[User, Depends(viewer)],
    connection_id: _Connection = None,
) -> BookingOut:
    """One booking by Cal.com's uid; without a connection, one that is an interview's first."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        return _out(await actions.get(tx, uid, connection_id=connection_id))


@router.post("/{uid}/match")
async def match_booking(
    request: Request,
    uid: str,
    given: MatchIn,
    user: Annotated[User, Depends(recruiter)],
    connection_id: _Connection = None,
) -> BookingOut:
    """Say whose booking it is. A person's word stays, whatever Greenroom would guess."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        key = (await actions.get(tx, uid, connection_id=connection_id)).key
        await verdicts.judge(
            tx,
            key,
            given.interview_id,
            address=given.address,
            by=user.name,
            now=datetime.now(UTC),
        )
        return _out(await actions.get(tx, uid, connection_id=key[0]))


_CURSOR = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6})-([0-9]{1,18})-([\x20-\x7e]+)")


def _cursor(last: Kept) -> str | None:
    if (start := last.booking.starts_at) is None:
        return None
    # A moment as a number would lose its last digits.
    return f"{start:%Y%m%dT%H%M%S.%f}-{last.connection_id}-{last.booking.uid}"


def _read_cursor(cursor: str) -> tuple[datetime, str, int]:
    try:
        start, connection_id, uid = _CURSOR.fullmatch(cursor).groups()  # type: ignore[union-attr]
        return datetime.strptime(f"{start}+0000", "%Y%m%dT%H%M%S.%f%z"), uid, int(connection_id)
    except (ValueError, AttributeError) as error:
        raise BadRequest(
            "The cursor cannot be read.", do="Take it unchanged from `next`, or leave it out."
        ) from error


def _out(kept: Kept) -> BookingOut:
    booking = kept.booking
    return BookingOut(
        uid=booking.uid,
        id=booking.calcom_id,
        status=timeline.word(kept),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        replaces=sorted(booking.replaces),
        replaced_by=sorted(booking.replaced_by),
        outcome=booking.outcome and booking.outcome.value,
        attendees=[AttendeeOut.model_validate(a, from_attributes=True) for a in booking.attendees],
        host=booking.host.name if booking.host else None,
        location=booking.location,
        event_type=booking.event_type_slug,
        connection_id=kept.connection_id,
        interview_id=kept.match.interview_id if kept.match else None,
        match=MatchOut(rung=kept.match.rung.value, explanation=kept.match.explanation)
        if kept.match
        else None,
        matches=[SeatOut.model_validate(each, from_attributes=True) for each in kept.matches],
        as_of=booking.as_of,
        unconfirmed=booking.unconfirmed,
    )
