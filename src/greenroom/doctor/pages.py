"""The health page: what the doctor found, and the buttons that mend it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import Admin, recruiter, viewer
from greenroom.doctor import actions as doctor
from greenroom.doctor.glance import Glance
from greenroom.doctor.health import Looked
from greenroom.errors import GreenroomError
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_Check = Annotated[str, Path(max_length=100)]
_Shown = Annotated[str | None, Query(max_length=100)]
_LARGEST_ID = 2**63 - 1
_PLACES = {
    "connected": ("/connections/new", "Connect Cal.com", "admin"),
    "public-address": ("/connections#address", "Public address", "admin"),
    "signatures": ("/deliveries/refused", "Refused requests", "viewer"),
    "deliveries-read": ("/deliveries", "Deliveries", "viewer"),
    "drift": ("/syncs", "Checks with Cal.com", "viewer"),
    "outbox": ("/outbox", "Messages", "viewer"),
}
"""Where a person goes on from a check: the page, what it is called, who may see it."""


@router.get("/health", dependencies=[Depends(viewer)])
async def health_page(request: Request, shown: _Shown = None) -> HTMLResponse:
    """Show every check, `shown` apart from the others; to htmx the inner part alone."""
    return await _shown(request, shown)


@router.post("/health", dependencies=[Depends(recruiter)])
async def check_again(request: Request) -> Response:
    """Look at everything now."""
    await request.app.state.again.examine(_parts(request), datetime.now(UTC))
    if "hx-request" not in request.headers:
        return RedirectResponse("/health", 303)
    return await _shown(request)


@router.post("/health/{check_id}/fix")
async def fix(
    request: Request,
    user: Admin,
    check_id: _Check,
    connection_id: Annotated[int | None, Form(ge=1, le=_LARGEST_ID)] = None,
) -> HTMLResponse:
    """Mend what a check found, and say above the checks what was done, or why it was not."""
    try:
        done = await doctor.mend(
            _parts(request), check_id, connection_id, by=user.name, now=datetime.now(UTC)
        )
    except GreenroomError as error:
        return await _shown(request, check_id, problem=error)
    return await _shown(request, check_id, done=done)


@router.get("/health/glance", dependencies=[Depends(viewer)])
async def glance(request: Request) -> HTMLResponse:
    """Answer with the dot of the top bar, and the banner."""
    known: Glance = request.app.state.glance
    await known.read(_parts(request).database)
    return page(request, "doctor/_glance.html", swaps_banner=True)


def _place(looked: Looked) -> tuple[str, str, str] | None:
    first = looked.found[0].finding.connection_id if looked.found else None
    if first is not None and looked.check.id in {"connected", "key"}:
        return f"/connections/{first}", "Open the connection", "viewer"
    return _PLACES.get(looked.check.id)


async def _shown(
    request: Request,
    acted_on: str | None = None,
    *,
    done: str | None = None,
    problem: GreenroomError | None = None,
) -> HTMLResponse:
    parts = _parts(request)
    now, glance = datetime.now(UTC), request.app.state.glance
    async with parts.database.transaction() as tx:
        health = await doctor.health(tx, now=now, awake_since=glance.awake_since)
    if any(each.check.id == acted_on for each in health.looked):
        health = replace(health, acted_on=acted_on)
    inner = "hx-request" in request.headers
    return page(
        request,
        "doctor/_health.html" if inner else "doctor/index.html",
        health=health,
        place_of=_place,
        acted=request.method == "POST",
        done=done,
        problem=problem,
        # To htmx a refusal is part of the page that it swaps in, as success is.
        status=problem.status if problem and not inner else 200,
        now=now,
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
