"""`GET /metrics`: how Greenroom is, for Prometheus and whatever reads its format."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from greenroom.accounts import guard
from greenroom.errors import Unavailable
from greenroom.metrics import exposition, facts
from greenroom.metrics.facts import Facts
from greenroom.parts import Parts
from greenroom.web.remembered import Remembered

router = APIRouter(include_in_schema=False)

_REMEMBERED = 5.0
"""Seconds for which the facts are not read again, whoever asks, and however often."""
_PATIENCE = 5.0
"""Seconds to wait for them; a monitor gives up after ten."""


@router.get("/metrics", response_model=None)
async def metrics(request: Request) -> Response:
    """Whoever has a token may ask; everybody, where GREENROOM_METRICS is `open`."""
    state = request.app.state
    parts: Parts = state.parts
    if parts.settings.metrics != "open":
        await guard.viewer(request, None)
    if not hasattr(state, "metrics"):
        state.metrics = Remembered(lambda: _facts(parts), seconds=_REMEMBERED)
    known: Remembered[Facts] = state.metrics
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await known.now()
    except TimeoutError as error:
        why = "The database takes too long to answer."
        raise Unavailable(why, do="Ask again in a moment.") from error
    accept = request.headers.get("accept", "")
    text, kind = exposition.written(found, version=request.app.version, accept=accept)
    return Response(text, headers={"content-type": kind})


async def _facts(parts: Parts) -> Facts:
    per_minute = parts.settings.calcom_requests_per_minute
    async with parts.database.transaction() as tx:
        return await facts.read(tx, per_minute=per_minute, now=datetime.now(UTC))
