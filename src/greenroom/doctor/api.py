"""The doctor in the JSON API."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from greenroom.accounts.guard import admin, recruiter, viewer
from greenroom.accounts.model import User
from greenroom.doctor import actions as doctor
from greenroom.doctor.model import Area, Light
from greenroom.parts import Parts

router = APIRouter(tags=["Health"])


class CheckOut(BaseModel):
    """What one check found about one thing. `connection_id` is null where it is about all.

    `light` is green, amber, red, or off: not set up yet, or not known. `since` is when the light
    became that one; it and `looked_at` are null where the check has never looked. `do` is the
    fix, and `offer` the word on the button that mends it, null where Greenroom cannot.
    `unanswered_since` is since when nobody answers what it asks; null where somebody does.
    """

    id: str
    title: str
    area: Area
    light: Light
    what: str
    do: str
    offer: str | None
    connection_id: int | None
    since: datetime | None
    looked_at: datetime | None
    unanswered_since: datetime | None
    means: str


class HealthOut(BaseModel):
    """Every check; `worst` is the light that counts, `count` how many things need somebody."""

    worst: Light
    summary: str
    count: int
    looked_at: datetime | None
    checks: Sequence[CheckOut]


class FixIn(BaseModel):
    """Which connection to mend it for, where the finding names one."""

    model_config = ConfigDict(extra="forbid")

    connection_id: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None


class FixOut(HealthOut):
    """What was done, and what the doctor finds now."""

    done: str


@router.get("/api/admin/scheduling/health")
async def get_health(request: Request, _: Annotated[User, Depends(viewer)]) -> HealthOut:
    """What the doctor found when it last looked."""
    return HealthOut(**await _read(request))


@router.post("/api/admin/scheduling/health")
async def examine(request: Request, _: Annotated[User, Depends(recruiter)]) -> HealthOut:
    """Look at everything now; it may take some seconds."""
    await request.app.state.again.examine(request.app.state.parts, datetime.now(UTC))
    return HealthOut(**await _read(request))


@router.post("/api/admin/scheduling/health/{check}/fix")
async def fix(
    request: Request,
    check: Annotated[str, Path(max_length=100)],
    user: Annotated[User, Depends(admin)],
    given: FixIn | None = None,
) -> FixOut:
    """Mend what a check found, and look again."""
    parts: Parts = request.app.state.parts
    connection_id = None if given is None else given.connection_id
    done = await doctor.mend(parts, check, connection_id, by=user.name, now=datetime.now(UTC))
    return FixOut(done=done, **await _read(request))


async def _read(request: Request) -> dict[str, Any]:
    parts: Parts = request.app.state.parts
    awake_since = request.app.state.glance.awake_since
    async with parts.database.transaction() as tx:
        health = await doctor.health(tx, now=datetime.now(UTC), awake_since=awake_since)
    return health.as_data()
