"""Asking Cal.com, in the JSON API."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel

from greenroom.accounts.guard import recruiter, viewer
from greenroom.accounts.model import User
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.syncs import drift, runs
from greenroom.syncs.drift import Drift
from greenroom.syncs.runs import Kind, SyncRun

router = APIRouter(tags=["Cal.com"])

_MOST_DRIFT = 200
_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class SyncOut(BaseModel):
    """One time Cal.com was asked. `changed` counts what no delivery had told us, `drift` why.

    `error` of a run that has not finished says why it does not get on just now.
    """

    id: int
    connection_id: int
    kind: Kind
    asked_by: str
    since: datetime | None
    started_at: datetime
    finished_at: datetime | None
    requests: int
    pages: int
    pages_about: int | None
    singly: int
    seen: int
    changed: int
    drift: Mapping[drift.Kind, int]
    error: str | None


class DriftOut(BaseModel):
    """One booking about which we were off, and how. `said_at` is when it was so at Cal.com."""

    uid: str
    kind: drift.Kind
    what: str
    said_at: datetime | None
    delivery_id: int | None


class SyncDetail(SyncOut):
    """The same, and what it found, at most 200 of it."""

    found: Sequence[DriftOut]


@router.post("/api/admin/scheduling/sync", status_code=202)
async def start_sync(
    request: Request,
    user: Annotated[User, Depends(recruiter)],
    *,
    full: Annotated[bool, Query(description="Compare every booking that is not over.")] = False,
) -> dict[str, int]:
    """Ask Cal.com now. The answer names the run to watch."""
    parts: Parts = request.app.state.parts
    kind = Kind.FULL if full else Kind.INCREMENTAL
    async with parts.database.transaction() as tx:
        asked = await syncs.start(tx, parts.seal, kind, asked_by=user.name, now=datetime.now(UTC))
    return {"id": asked[0]}


@router.get("/api/admin/scheduling/sync")
async def list_syncs(
    request: Request, _: Annotated[User, Depends(viewer)]
) -> dict[str, Sequence[SyncOut]]:
    """The newest runs first."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        found = await runs.latest(tx)
        drifted = await drift.counts(tx, [each.id for each in found])
    return {"items": [SyncOut(**_fields(each), drift=drifted.get(each.id, {})) for each in found]}


@router.get("/api/admin/scheduling/sync/{run_id}")
async def get_sync(
    request: Request, run_id: _Id, _: Annotated[User, Depends(viewer)]
) -> SyncDetail:
    """How a run goes, or went."""
    parts: Parts = request.app.state.parts
    async with parts.database.transaction() as tx:
        found = await runs.run(tx, run_id)
        drifted = await drift.counts(tx, [run_id])
        each = await drift.of_run(tx, run_id, limit=_MOST_DRIFT)
    return SyncDetail(
        **_fields(found),
        drift=drifted.get(run_id, {}),
        found=[_drift(one) for _, one in each],
    )


def _fields(run: SyncRun) -> dict[str, object]:
    names = SyncOut.model_fields.keys() - {"drift"}
    return {name: getattr(run, name) for name in names}


def _drift(found: Drift) -> DriftOut:
    return DriftOut.model_validate(found, from_attributes=True)
