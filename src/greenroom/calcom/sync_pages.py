"""When Cal.com was asked, how that goes, and what deliveries had not told."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import Recruiter, viewer
from greenroom.bookings import actions as bookings
from greenroom.calcom import connections, drift, runs, syncs
from greenroom.calcom.freshness import freshness
from greenroom.calcom.runs import Kind
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_LARGEST_ID = 2**63 - 1
_Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
_PER_PAGE = 50


@router.post("/sync")
async def sync_now(request: Request, user: Recruiter) -> Response:
    """Have Cal.com asked now."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await syncs.start(tx, parts.seal, asked_by=user.name, now=datetime.now(UTC))
    if "hx-request" not in request.headers:
        return RedirectResponse("/", 303)
    async with parts.database.transaction() as tx:
        found = await freshness(tx, parts.seal)
    return page(request, "calcom/_freshness.html", freshness=found, now=datetime.now(UTC))


@router.post("/syncs")
async def full_check(request: Request, user: Recruiter) -> Response:
    """Have every booking that is not over compared, then show how that goes."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        asked = await syncs.start(
            tx, parts.seal, Kind.FULL, asked_by=user.name, now=datetime.now(UTC)
        )
    return RedirectResponse(f"/syncs/{asked[0]}", 303)


@router.get("/syncs", dependencies=[Depends(viewer)])
async def syncs_page(
    request: Request, before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None
) -> HTMLResponse:
    """List runs, newest first; to htmx the list alone."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await runs.latest(tx, limit=_PER_PAGE + 1, before=before)
        drifted = await drift.counts(tx, [each.id for each in found])
        known = await connections.every(tx, parts.seal)
    inner = "hx-request" in request.headers
    return page(
        request,
        "calcom/_syncs.html" if inner else "calcom/syncs.html",
        runs=found[:_PER_PAGE],
        more=found[_PER_PAGE - 1].id if len(found) > _PER_PAGE else None,
        drift=drifted,
        names={each.id: each.name for each in known},
        asks=any(each.api_key for each in known),
        is_first=before is None,
        now=datetime.now(UTC),
    )


@router.get("/syncs/{run_id}", dependencies=[Depends(viewer)])
async def sync_page(
    request: Request,
    run_id: _Id,
    after: Annotated[int, Query(ge=0, le=_LARGEST_ID)] = 0,
) -> HTMLResponse:
    """Show how one run goes or went, and what it found; to htmx the inner part alone."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        run = await runs.run(tx, run_id)
        connection = await connections.get(tx, parts.seal, run.connection_id)
        found = await drift.of_run(tx, run_id, after=after, limit=_PER_PAGE + 1)
        counted = await drift.counts(tx, [run_id])
        gap = await drift.gap(tx, run_id)
    inner = "hx-request" in request.headers
    return page(
        request,
        "calcom/_sync.html" if inner else "calcom/sync.html",
        run=run,
        connection=connection,
        drift=counted.get(run_id, {}),
        found=[each for _, each in found[:_PER_PAGE]],
        more=found[_PER_PAGE - 1][0] if len(found) > _PER_PAGE else None,
        gap=gap,
        after=after,
        now=datetime.now(UTC),
    )


@router.get("/syncs/{run_id}/bookings/{uid}", dependencies=[Depends(viewer)])
async def booking_of_sync(request: Request, run_id: _Id, uid: str) -> Response:
    """Lead to the interview of a booking that a run was off about; without one to the run."""
    async with _parts(request).database.transaction() as tx:
        kept = await bookings.get(tx, uid)
    if kept.match is None:
        return RedirectResponse(f"/syncs/{run_id}", 303)
    return RedirectResponse(f"/interviews/{kept.match.interview_id}", 303)


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
