"""Cal.com's side of the JSON API: the webhook and event types."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.calcom import connections, offers
from greenroom.calcom.webhook import BadSignature
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType
from greenroom.parts import Parts
from greenroom.settings import WEBHOOK_PATH

_Nonce = Annotated[
    str | None,
    Query(pattern=r"^[0-9a-f]{32}$", description="32 hex digits, answered as no other can."),
]

router = APIRouter(tags=["Cal.com"])
_log = structlog.get_logger()


async def receive(request: Request) -> Response:
    """Keep a delivery that is signed with a connection's secret, before answering.

    `X-Cal-Signature-256` is the lower-case hex HMAC-SHA256 of the raw body. The same bytes
    again are answered "duplicate" with the first one's id.
    """
    parts: Parts = request.app.state.parts
    body = await request.body()
    try:
        connection_id, signature = await parts.secrets.verify(body, _signature(request))
    except BadSignature as error:
        _log.warning("Refused a webhook", reason=error.refusal.value)
        await parts.secrets.count(error.refusal)
        raise
    kept = await parts.intake.keep(connection_id, body, datetime.now(UTC), signature)
    status = "received" if kept.is_new else "duplicate"
    return JSONResponse({"status": status, "delivery": str(kept.id)})


@router.head(WEBHOOK_PATH, include_in_schema=False, response_model=None)
@router.get(WEBHOOK_PATH, summary="Whether the address works", response_model=None)
async def ready(request: Request, proof: _Nonce = None) -> Response:
    """For people who open the address in a browser, and for monitors.

    With `proof` Greenroom knows itself, where it asks whether an address leads to it.
    """
    parts: Parts = request.app.state.parts
    answer = {
        "status": "ready",
        "message": "The address works. Cal.com delivers bookings here, by signed POST.",
    }
    return JSONResponse(answer | ({"proof": parts.address.proof(proof)} if proof else {}))


def _signature(request: Request) -> bytes | None:
    found = [value for name, value in request.scope["headers"] if name == b"x-cal-signature-256"]
    # Two headers are one too many: which of them was meant cannot be known.
    return b", ".join(found) if found else None


class EventTypeOut(BaseModel):
    """What can be booked."""

    id: int
    connection_id: int
    title: str
    slug: str
    length_minutes: int = Field(description="Minutes.")
    booking_url: str
    requires_confirmation: bool


class EventTypeIn(BaseModel):
    """An event type of a connection without an API key."""

    model_config = ConfigDict(extra="forbid")

    connection_id: int | None = Field(None, description="Needed when there are several.")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    length_minutes: Annotated[int, Field(ge=5, le=24 * 60)]
    booking_url: Annotated[AnyHttpUrl, Field(max_length=500)]


@router.get("/api/admin/scheduling/event-types")
async def list_event_types(
    request: Request, _: Annotated[User, Depends(viewer)]
) -> dict[str, Sequence[EventTypeOut]]:
    """What can be sent now, by title."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        return {"items": [_event_type(each) for each in await event_types.offered(tx)]}


@router.post("/api/admin/scheduling/event-types", status_code=201)
async def enter_event_type(
    request: Request, given: EventTypeIn, _: Annotated[User, Depends(recruiter)]
) -> EventTypeOut:
    """Enter an event type by hand, where the connection has no API key to read them with."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        connection = await connections.only(tx, parts.seal, given.connection_id)
        entered = await offers.enter(
            tx,
            connection,
            title=given.title,
            length_minutes=given.length_minutes,
            booking_url=str(given.booking_url),
        )
    return _event_type(entered)


def _event_type(each: EventType) -> EventTypeOut:
    return EventTypeOut.model_validate(each, from_attributes=True)
