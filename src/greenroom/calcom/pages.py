"""How fresh what we show is, and what we are connected to."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from greenroom.accounts.guard import viewer
from greenroom.calcom import budget, connections
from greenroom.event_types import actions as event_types
from greenroom.parts import Parts
from greenroom.syncs import drift, runs
from greenroom.syncs.freshness import freshness
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)


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
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        known = await connections.every(tx, parts.seal)
        standings = await budget.standings(tx)
        found = await runs.latest(tx, limit=10)
        drifted = await drift.counts(tx, [each.id for each in found])
        types = await event_types.offered(tx)
    return page(
        request,
        "calcom/connections.html",
        connections=known,
        standings=standings,
        new_key=connections.new_key,
        runs=found,
        drift=drifted,
        types=types,
        names={each.id: each.name for each in known},
        webhook_url=parts.settings.webhook_url,
        now=datetime.now(UTC),
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
