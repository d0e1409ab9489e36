"""What Cal.com delivered, how fresh that is, and what we are connected to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import Recruiter, Viewer, recruiter, viewer
from greenroom.accounts.model import Role
from greenroom.calcom import connections, deliveries, reconcile, redaction, syncs
from greenroom.calcom.deliveries import State
from greenroom.calcom.freshness import freshness
from greenroom.calcom.webhook import Refusal
from greenroom.database import Transaction
from greenroom.errors import NotAllowed
from greenroom.event_types import actions as event_types
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_LARGEST_ID = 2**63 - 1
_Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
_PER_PAGE = 50


@router.get("/freshness", dependencies=[Depends(viewer)])
async def freshness_line(request: Request) -> HTMLResponse:
    """Answer with the line that says how fresh everything is."""
    return await _freshness(request)


@router.post("/sync")
async def sync_now(request: Request, user: Recruiter) -> Response:
    """Have Cal.com asked now."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await syncs.start_all(tx, parts.seal, asked_by=user.name, now=datetime.now(UTC))
    if "hx-request" in request.headers:
        return await _freshness(request)
    return RedirectResponse("/", 303)


async def _freshness(request: Request) -> HTMLResponse:
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await freshness(tx, parts.seal)
    return page(request, "calcom/_freshness.html", freshness=found, now=datetime.now(UTC))


@router.get("/deliveries", dependencies=[Depends(viewer)])
async def deliveries_page(
    request: Request,
    state: State | Literal[""] = "",
    before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None,
) -> HTMLResponse:
    """List deliveries, newest first; to htmx the list alone."""
    wanted = State(state) if state else None
    async with _parts(request).database.transaction() as tx:
        found = await deliveries.page(tx, state=wanted, before=before, limit=_PER_PAGE + 1)
        refused = await _refused(tx)
    inner = "hx-request" in request.headers
    return page(
        request,
        "calcom/_deliveries.html" if inner else "calcom/deliveries.html",
        deliveries=found[:_PER_PAGE],
        more=found[_PER_PAGE - 1].id if len(found) > _PER_PAGE else None,
        state=wanted,
        states=State,
        is_first=before is None,
        refused=refused,
        now=datetime.now(UTC),
    )


async def _refused(tx: Transaction) -> Sequence[tuple[Refusal, int, datetime]]:
    counted = await deliveries.rejected(tx)
    return [(refusal, *counted[refusal.value]) for refusal in Refusal if refusal.value in counted]


@router.get("/deliveries/{delivery_id}")
async def delivery_page(
    request: Request,
    user: Viewer,
    delivery_id: _Id,
    show: Literal["", "all"] = "",
) -> HTMLResponse:
    """Show one delivery with its body; `show=all` uncovers what it says about people."""
    everything = show == "all"
    if everything and not user.role.covers(Role.RECRUITER):
        raise NotAllowed(
            "The role Viewer does not see people's data in deliveries.",
            do="Ask an admin for the role Recruiter.",
        )
    async with _parts(request).database.transaction() as tx:
        found = await deliveries.get(tx, delivery_id)
    body = found.body
    return page(
        request,
        "calcom/delivery.html",
        delivery=found,
        size=None if body is None else len(body),
        raw=None if body is None else redaction.readable(body, everything=everything),
        everything=everything,
        now=datetime.now(UTC),
    )


@router.post("/deliveries/{delivery_id}/replay", dependencies=[Depends(recruiter)])
async def replay_delivery(request: Request, delivery_id: _Id) -> Response:
    """Have the delivery taken in again, then show it. The same news never counts twice."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await deliveries.get(tx, delivery_id)
        await deliveries.replay(tx, [delivery_id])
    parts.intake.news.set()
    return RedirectResponse(f"/deliveries/{delivery_id}", 303)


@router.get("/connections", dependencies=[Depends(viewer)])
async def connections_page(request: Request) -> HTMLResponse:
    """Show the Cal.com accounts we are connected to, and how the last checks went."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        known = await connections.every(tx, parts.seal)
        runs = await reconcile.latest(tx, limit=10)
        types = await event_types.offered(tx)
        fresh = await freshness(tx, parts.seal)
    return page(
        request,
        "calcom/connections.html",
        connections=known,
        runs=runs,
        types=types,
        freshness=fresh,
        webhook_url=parts.settings.webhook_url,
        now=datetime.now(UTC),
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
