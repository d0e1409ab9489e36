"""Cal.com's side of the JSON API: the webhook, syncs, deliveries and event types."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AnyHttpUrl, BaseModel, Field
from starlette.responses import JSONResponse, Response

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.calcom import connections, deliveries, reconcile, syncs
from greenroom.calcom.deliveries import Delivery, State
from greenroom.calcom.reconcile import SyncRun
from greenroom.calcom.webhook import BadSignature
from greenroom.errors import Invalid
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType, Offer
from greenroom.parts import Parts
from greenroom.settings import WEBHOOK_PATH

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
        connection_id = await parts.secrets.verify(body, _signature(request))
    except BadSignature as error:
        _log.warning("Refused a webhook", reason=error.refusal.value)
        await parts.secrets.count(error.refusal)
        raise
    kept = await parts.intake.keep(connection_id, body, datetime.now(UTC))
    status = "received" if kept.is_new else "duplicate"
    return JSONResponse({"status": status, "delivery": str(kept.id)})


@router.head(WEBHOOK_PATH, include_in_schema=False, response_model=None)
@router.get(WEBHOOK_PATH, summary="Whether the address works", response_model=None)
async def ready() -> Response:
    """For people who open the address in a browser, and for monitors."""
    return JSONResponse(
        {
            "status": "ready",
            "message": "The address works. Cal.com delivers bookings here, by signed POST.",
        }
    )


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
        if connection.api_key is not None:
            raise Invalid(
                f"“{connection.name}” has an API key: its event types come from Cal.com.",
                do="Make the event type in Cal.com, then press Sync now.",
            )
        offer = Offer(
            calcom_id=None,
            slug=str(given.booking_url).rstrip("/").rpartition("/")[2][:100],
            title=given.title,
            length_minutes=given.length_minutes,
            booking_url=str(given.booking_url),
        )
        return _event_type(await event_types.enter(tx, connection.id, offer))


class SyncOut(BaseModel):
    """One reconcile with Cal.com. `changed` counts bookings that no delivery had told us about."""

    id: int
    connection_id: int
    asked_by: str
    started_at: datetime
    finished_at: datetime | None
    requests: int
    seen: int
    changed: int
    error: str | None


@router.post("/api/admin/scheduling/sync", status_code=202)
async def start_sync(request: Request, user: Annotated[User, Depends(recruiter)]) -> dict[str, int]:
    """Ask Cal.com now. The answer names the run to watch."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        runs = await syncs.start_all(tx, parts.seal, asked_by=user.name, now=datetime.now(UTC))
    return {"id": runs[0]}


@router.get("/api/admin/scheduling/sync")
async def list_syncs(
    request: Request, _: Annotated[User, Depends(viewer)]
) -> dict[str, Sequence[SyncOut]]:
    """The newest runs first."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        return {"items": [_sync(each) for each in await reconcile.latest(tx)]}


@router.get("/api/admin/scheduling/sync/{run_id}")
async def get_sync(request: Request, run_id: int, _: Annotated[User, Depends(viewer)]) -> SyncOut:
    """How a run goes, or went."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        return _sync(await reconcile.run(tx, run_id))


class DeliveryOut(BaseModel):
    """A webhook request as received. `outcome` says what it did, or why not."""

    id: int
    received_at: datetime
    connection_id: int
    trigger: str | None
    state: State
    uid: str | None
    outcome: str | None
    attempts: int
    duplicates: int
    bytes: int


class DeliveryPage(BaseModel):
    """Newest first; `next` is the cursor of the next page."""

    items: Sequence[DeliveryOut]
    next: str | None


@router.get("/api/admin/scheduling/deliveries")
async def list_deliveries(
    request: Request,
    _: Annotated[User, Depends(viewer)],
    state: State | None = None,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Every delivery with what it did."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        before = int(cursor) if cursor else None
        found = await deliveries.page(tx, state=state, before=before, limit=limit + 1)
    next_ = str(found[limit - 1].id) if len(found) > limit else None
    return DeliveryPage(items=[_delivery(each) for each in found[:limit]], next=next_)


@router.get("/api/admin/scheduling/deliveries/{delivery_id}")
async def get_delivery(
    request: Request, delivery_id: int, _: Annotated[User, Depends(viewer)]
) -> DeliveryOut:
    """One delivery, without its body: that may hold secrets."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        return _delivery(await deliveries.get(tx, delivery_id))


@router.post("/api/admin/scheduling/deliveries/{delivery_id}/replay", status_code=202)
async def replay_delivery(
    request: Request, delivery_id: int, _: Annotated[User, Depends(recruiter)]
) -> DeliveryOut:
    """Take it in again, as if new. It cannot do harm: the same news never counts twice."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        await deliveries.replay(tx, [delivery_id])
        found = await deliveries.get(tx, delivery_id)
    parts.intake.news.set()
    return _delivery(found)


def _event_type(each: EventType) -> EventTypeOut:
    return EventTypeOut.model_validate(each, from_attributes=True)


def _sync(each: SyncRun) -> SyncOut:
    return SyncOut.model_validate(each, from_attributes=True)


def _delivery(each: Delivery) -> DeliveryOut:
    return DeliveryOut.model_validate(each, from_attributes=True)
