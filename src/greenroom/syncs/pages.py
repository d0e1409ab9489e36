"""When Cal.com was asked, how that goes, and what deliveries had not told."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import Recruiter, viewer
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Uid
from greenroom.calcom import connections
from greenroom.database import Transaction
from greenroom.deliveries import listing as delivery_list
from greenroom.deliveries import rejections
from greenroom.deliveries.words import pieces
from greenroom.errors import GreenroomError, NotFound
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.syncs import drift, runs
from greenroom.syncs.freshness import freshness
from greenroom.syncs.runs import Kind
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_LARGEST_ID = 2**63 - 1
_Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
_PER_PAGE = 50
_JUST_BEFORE = timedelta(minutes=1)
"""A request that was refused so long before a booking changed may have been about it."""


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
    return page(request, "syncs/_freshness.html", freshness=found, now=datetime.now(UTC))


@router.post("/syncs")
async def full_check(request: Request, user: Recruiter) -> Response:
    """Have every booking that is not over compared, then show how that goes."""
    parts = _parts(request)
    try:
        async with parts.database.transaction() as tx:
            asked = await syncs.start(
                tx, parts.seal, Kind.FULL, asked_by=user.name, now=datetime.now(UTC)
            )
    except GreenroomError as error:
        return await _listed(request, None, error)
    return RedirectResponse(f"/syncs/{asked[0]}", 303)


@router.get("/syncs", dependencies=[Depends(viewer)])
async def syncs_page(
    request: Request, before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None
) -> HTMLResponse:
    """List runs, newest first; to htmx the list alone."""
    return await _listed(request, before)


async def _listed(
    request: Request, before: int | None, problem: GreenroomError | None = None
) -> HTMLResponse:
    """The list, and above it what could not be done."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        found = await runs.latest(tx, limit=_PER_PAGE + 1, before=before)
        drifted = await drift.counts(tx, [each.id for each in found])
        known = await connections.every(tx, parts.seal)
    inner = "hx-request" in request.headers
    return page(
        request,
        "syncs/_list.html" if inner else "syncs/index.html",
        runs=found[:_PER_PAGE],
        more=found[_PER_PAGE - 1].id if len(found) > _PER_PAGE else None,
        drift=drifted,
        names={each.id: each.name for each in known},
        asks=any(each.api_key for each in known),
        is_first=before is None,
        problem=problem,
        status=problem.status if problem else 200,
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
        shown = [each for _, each in found[:_PER_PAGE]]
        keys = {(each.connection_id, each.uid) for each in shown}
        about = await delivery_list.about_bookings(tx, keys)
        guests = await _guests(tx, {key for key in keys if not about.get(key)})
        gap = await drift.gap(tx, run_id)
        refused_at = await rejections.last(tx) if gap else None
    inner = "hx-request" in request.headers
    return page(
        request,
        "syncs/_sync.html" if inner else "syncs/sync.html",
        run=run,
        connection=connection,
        drift=counted.get(run_id, {}),
        found=shown,
        about=about,
        guests=guests,
        pieces=pieces,
        more=found[_PER_PAGE - 1][0] if len(found) > _PER_PAGE else None,
        gap=gap,
        refused_at=refused_at
        if gap and refused_at and refused_at >= gap[0] - _JUST_BEFORE
        else None,
        after=after,
        now=datetime.now(UTC),
    )


async def _guests(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, str]:
    """Who booked these, in Cal.com's words; those that are gone are left out."""
    found: dict[Uid, str] = {}
    for connection_id, uid in keys:
        with suppress(NotFound):
            kept = await bookings.get(tx, uid, connection_id=connection_id)
            people = [each.name or each.email for each in kept.booking.attendees]
            found[connection_id, uid] = ", ".join(people)
    return found


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
