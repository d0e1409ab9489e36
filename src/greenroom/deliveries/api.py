"""Deliveries over the JSON API: listed, read, replayed, exported."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from greenroom.accounts.guard import Recruiter, Viewer, admin, recruiter, viewer
from greenroom.accounts.model import Role, User
from greenroom.bookings.model import Uid
from greenroom.calcom import connections
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import export, listing
from greenroom.deliveries.export import Kind
from greenroom.deliveries.filters import Filters, Listed
from greenroom.deliveries.store import Delivery, Signature, State
from greenroom.errors import Invalid, NotAllowed, NotFound
from greenroom.interviews.filters import write_place
from greenroom.parts import Parts

router = APIRouter(prefix="/api/admin/scheduling/deliveries", tags=["Deliveries"])

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_MOST = 1_000
_log = structlog.get_logger()


class DeliveryOut(BaseModel):
    """A webhook request as received. `outcome` says what it did, or why not."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    received_at: datetime
    connection_id: int
    connection: str | None = Field(description="The connection's name.")
    trigger: str | None
    state: State
    signature: Signature | None = Field(
        description="The secret it was signed with; null for those of before that was noted."
    )
    uid: str | None
    interview_ids: Sequence[int] = Field(description="Whose booking it is about, where known.")
    outcome: str | None
    attempts: int
    duplicates: int = Field(description="How often the same bytes came again.")
    last_duplicate_at: datetime | None
    bytes: int
    is_emptied: bool = Field(description="Whether the body was too old to be kept.")


class DeliveryPage(BaseModel):
    """Newest first; `next` is the cursor of the next page."""

    items: Sequence[DeliveryOut]
    next: str | None


class Replays(BaseModel):
    """Which deliveries to take in again: some by number, or all in a state."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[
        Sequence[Annotated[int, Field(ge=1, le=2**63 - 1)]] | None,
        Field(min_length=1, max_length=_MOST),
    ] = None
    state: Literal["failed", "dead"] | None = None


class Replayed(BaseModel):
    """How many deliveries are taken in again; those without a body are not."""

    replayed: int


@router.get("", dependencies=[Depends(viewer)])
async def list_deliveries(request: Request, asked: Annotated[Listed, Query()]) -> DeliveryPage:
    """Every delivery with what it did."""
    async with _parts(request).database.transaction() as tx:
        found = await listing.page(tx, asked.wanted, before=asked.place, limit=asked.limit + 1)
        shown = found[: asked.limit]
        names = await connections.names(tx)
        interviews = await listing.interview_ids(tx, shown)
    more = len(found) > asked.limit
    return DeliveryPage(
        items=[_out(each, names, interviews) for each in shown],
        next=write_place(listing.place_of(shown[-1])) if more else None,
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {each.media_type: {} for each in Kind}}},
)
async def export_deliveries(
    request: Request,
    user: Viewer,
    asked: Annotated[Filters, Query()],
    kind: Annotated[Kind, Query(alias="format")] = Kind.CSV,
    bodies: Annotated[
        Literal["", "0", "1"], Query(description="1: with bodies; admins only.")
    ] = "",
) -> Response:
    """All that the filters let through, as one file; one at a time for each user."""
    parts = _parts(request)
    if bodies == "1":
        if not user.role.covers(Role.ADMIN):
            raise NotAllowed(
                f"The role {user.role.label} does not cover the bodies of deliveries.",
                do="Leave out bodies=1, or ask an admin.",
            )
        _log.info("Exported the bodies of deliveries", by=_who(user))
    pieces = await export.begun(
        parts.database,
        asked.wanted,
        kind,
        bodies=bodies == "1",
        turn=parts.exports.of((user.id, user.name)),
    )
    name = f"deliveries-{datetime.now(UTC):%Y-%m-%d}.{kind.value}"
    return StreamingResponse(
        pieces,
        media_type=kind.media_type,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.post("/replays", status_code=202, dependencies=[Depends(recruiter)])
async def replay_deliveries(request: Request, given: Replays) -> Replayed:
    """Take them in again, as if new. It cannot do harm: the same news never counts twice."""
    parts = _parts(request)
    if (given.ids is None) == (given.state is None):
        raise Invalid("It is not said what to replay.", do="Send either ids or state.")
    if given.state is not None:
        count = await deliveries.replay_failed(parts.database, [State(given.state)])
    else:
        async with parts.database.transaction() as tx:
            count = await deliveries.replay(tx, given.ids or ())
    parts.intake.news.set()
    return Replayed(replayed=count)


@router.get("/{delivery_id}", dependencies=[Depends(viewer)])
async def get_delivery(request: Request, delivery_id: _Id) -> DeliveryOut:
    """One delivery, without its body: that may hold secrets."""
    return await _one(request, delivery_id)


@router.get(
    "/{delivery_id}/body",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_body(
    request: Request, delivery_id: _Id, user: Annotated[User, Depends(admin)]
) -> Response:
    """The bytes as they were received, secrets and all."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await deliveries.get(tx, delivery_id)
    if found.body is None:
        raise NotFound(
            f"The body of delivery {delivery_id} is no longer kept.",
            do=f"Bodies are emptied after {parts.settings.keep_bodies_days} days.",
        )
    _log.info("Gave out the body of a delivery", delivery=delivery_id, by=_who(user))
    return Response(
        found.body,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f'attachment; filename="delivery-{delivery_id}.bin"',
            "x-content-type-options": "nosniff",
        },
    )


@router.post("/{delivery_id}/replay", status_code=202)
async def replay_delivery(request: Request, delivery_id: _Id, _: Recruiter) -> DeliveryOut:
    """Take it in again, as if new. It cannot do harm: the same news never counts twice."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await deliveries.replay(tx, [delivery_id])
    found = await _one(request, delivery_id)
    parts.intake.news.set()
    return found


async def _one(request: Request, delivery_id: int) -> DeliveryOut:
    async with _parts(request).database.transaction() as tx:
        found = await deliveries.get(tx, delivery_id)
        names = await connections.names(tx)
        interviews = await listing.interview_ids(tx, [found])
    return _out(found, names, interviews)


def _out(
    each: Delivery, names: Mapping[int, str], interviews: Mapping[Uid, Sequence[int]]
) -> DeliveryOut:
    own = {name: getattr(each, name) for name in DeliveryOut.model_fields if hasattr(each, name)}
    return DeliveryOut(
        **own,
        connection=names.get(each.connection_id),
        interview_ids=interviews.get((each.connection_id, each.uid or ""), ()),
    )


def _who(user: User) -> int | str:
    # Not by name: logs hold no personal data.
    return user.id or "a token"


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
