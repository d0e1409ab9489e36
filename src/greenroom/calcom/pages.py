"""How fresh what we show is, and what we are connected to."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from greenroom.accounts.guard import viewer
from greenroom.addresses.card import card
from greenroom.addresses.model import came_by
from greenroom.calcom import budget, connecting_pages, connection_pages, connections
from greenroom.deliveries import heard
from greenroom.parts import Parts
from greenroom.syncs import drift, runs
from greenroom.syncs.freshness import freshness
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)
router.include_router(connecting_pages.router)
router.include_router(connection_pages.router)


@router.get("/freshness", dependencies=[Depends(viewer)])
async def freshness_line(request: Request) -> HTMLResponse:
    """Answer with the line that says how fresh everything is."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await freshness(tx, parts.seal)
    return page(request, "syncs/_freshness.html", freshness=found, now=datetime.now(UTC))


@router.get("/connections", dependencies=[Depends(viewer)])
async def connections_page(request: Request) -> HTMLResponse:
    """Show the Cal.com accounts we are connected to, and how the last checks went."""
    parts, now = _parts(request), datetime.now(UTC)
    came = came_by(request.url.scheme, request.headers)
    async with parts.database.transaction() as tx:
        known = await connections.every(tx, parts.seal)
        standings = await budget.standings(tx)
        found = await runs.latest(tx, limit=10)
        drifted = await drift.counts(tx, [each.id for each in found])
        parted = await connections.parted(tx)
        listened = {each.id: await heard.of_connection(tx, each.id) for each in known}
        address = await card(tx, parts.address, known, came_by=came, now=now)
    return page(
        request,
        "calcom/connections.html",
        connections=known,
        standings=standings,
        new_key=connections.new_key,
        runs=found,
        drift=drifted,
        parted=parted,
        heard=listened,
        names={each.id: each.name for each in known},
        address=address,
        now=now,
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
