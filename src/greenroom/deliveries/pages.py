"""The pages of deliveries: what came, how it was signed, what it did, and taking it in again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Form, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import Viewer, recruiter, viewer
from greenroom.accounts.model import Role
from greenroom.calcom import connections
from greenroom.calcom.webhook import Refusal
from greenroom.database import Transaction
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import listing, redaction, rejections
from greenroom.deliveries.filters import Listed
from greenroom.deliveries.store import State
from greenroom.deliveries.words import pieces
from greenroom.errors import NotAllowed
from greenroom.interviews.filters import write_place
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_LARGEST_ID = 2**63 - 1
_Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
_log = structlog.get_logger()


class DeliveriesPage(Listed):
    """The filters of the page; `replayed` is how many somebody just had taken in again.

    They were picked, or all `of` which there are.
    """

    replayed: Annotated[int | None, Field(ge=0, le=_LARGEST_ID)] = None
    of: Literal["", "failed"] = ""


class Picked(BaseModel):
    """The deliveries that were ticked, or all that failed; `back` is the query of the list."""

    id: Annotated[list[Annotated[int, Field(ge=1, le=_LARGEST_ID)]], Field(max_length=200)] = []
    all: Literal["", "failed"] = ""


@router.get("/deliveries", dependencies=[Depends(viewer)])
async def deliveries_page(
    request: Request, asked: Annotated[DeliveriesPage, Query()]
) -> HTMLResponse:
    """List deliveries, newest first; to htmx the list alone."""
    now = datetime.now(UTC)
    async with _parts(request).database.transaction() as tx:
        found = await listing.page(tx, asked.wanted, before=asked.place, limit=asked.limit + 1)
        shown = found[: asked.limit]
        about = await listing.about(tx, shown)
        names = await connections.names(tx)
        triggers = await listing.triggers(tx)
        refused = await _refused(tx)
        by_day = await rejections.by_day(tx, now)
        has_failed = await listing.has_failed(tx)
    more = len(found) > asked.limit
    return page(
        request,
        "deliveries/_list.html" if "hx-request" in request.headers else "deliveries/index.html",
        deliveries=shown,
        about=about,
        connections=names,
        triggers=triggers,
        has_failed=has_failed,
        refused=refused,
        refused_by_day=by_day,
        more=write_place(listing.place_of(shown[-1])) if more else None,
        asked=asked,
        states=State,
        pieces=pieces,
        now=now,
    )


@router.get("/deliveries/refused", dependencies=[Depends(viewer)])
async def refused_requests(request: Request) -> HTMLResponse:
    """Answer with what was refused, for the page that shows it to keep up with."""
    now = datetime.now(UTC)
    async with _parts(request).database.transaction() as tx:
        refused = await _refused(tx)
        by_day = await rejections.by_day(tx, now)
    return page(
        request, "deliveries/_refused.html", refused=refused, refused_by_day=by_day, now=now
    )


async def _refused(tx: Transaction) -> Sequence[tuple[Refusal, int, datetime]]:
    counted = await rejections.rejected(tx)
    return [(refusal, *counted[refusal.value]) for refusal in Refusal if refusal.value in counted]


@router.post("/deliveries/replays", dependencies=[Depends(recruiter)])
async def replay_deliveries(request: Request, picked: Annotated[Picked, Form()]) -> Response:
    """Have those that were ticked, or all that failed, taken in again, then show the list."""
    parts = _parts(request)
    if picked.all:
        count = await deliveries.replay_failed(parts.database)
    else:
        async with parts.database.transaction() as tx:
            count = await deliveries.replay(tx, picked.id)
    parts.intake.news.set()
    of = f"&of={picked.all}" if picked.all else ""
    return RedirectResponse(f"/deliveries?replayed={count}{of}", 303)


@router.get("/deliveries/{delivery_id}")
async def delivery_page(
    request: Request,
    user: Viewer,
    delivery_id: _Id,
    show: Literal["", "all"] = "",
    replayed: Literal["", "1"] = "",
) -> HTMLResponse:
    """Show one delivery with its body; `show=all` uncovers what it says about people.

    To htmx only what it did; `replayed` says that somebody just had it taken in again.
    """
    everything = show == "all"
    if everything and not user.role.covers(Role.RECRUITER):
        raise NotAllowed(
            "The role Viewer does not see people's data in deliveries.",
            do="Ask an admin for the role Recruiter.",
        )
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await deliveries.get(tx, delivery_id)
        about = await listing.about(tx, [found])
        names = await connections.names(tx)
    if everything:
        # Not by name: logs hold no personal data.
        _log.info("Showed people's data", delivery=delivery_id, to=user.id or "a token")
    body = found.body
    return page(
        request,
        "deliveries/_delivery.html"
        if "hx-request" in request.headers
        else "deliveries/delivery.html",
        delivery=found,
        replayed=replayed == "1",
        about=about,
        connections=names,
        pieces=pieces,
        raw=None if body is None else redaction.readable(body, everything=everything),
        everything=everything,
        keep_days=parts.settings.keep_bodies_days,
        now=datetime.now(UTC),
    )


@router.post("/deliveries/{delivery_id}/replay", dependencies=[Depends(recruiter)])
async def replay_delivery(request: Request, delivery_id: _Id) -> Response:
    """Have the delivery taken in again, then show it. The same news never counts twice."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await deliveries.get(tx, delivery_id)
        found = await deliveries.replay(tx, [delivery_id])
    parts.intake.news.set()
    return RedirectResponse(f"/deliveries/{delivery_id}{'?replayed=1' if found else ''}", 303)


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
