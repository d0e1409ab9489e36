"""An API that has moved on: fields nobody knows, and one answer of another shape."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import ASGIApp

from calcom_simulator.editions import Edition
from calcom_simulator.hazards import spoilt
from calcom_simulator.webhooks import stringify

_FURTHER = {"revision": 3, "labels": [], "links": {"self": "https://cal.example/next"}}


def renewed(app: ASGIApp, edition: Edition, path: str) -> ASGIApp:
    """Answer as `app` does, in the manner of the edition. `path` begins with /v2/."""
    reshaped = edition.reshaped != "" and _endpoint(path) == edition.reshaped
    if not reshaped and not edition.further_fields:
        return app

    async def rewritten(body: bytes) -> AsyncIterator[bytes]:
        answer = json.loads(body)
        if answer.get("status") == "success":
            if reshaped:
                answer["data"] = _reshaped(answer.get("data"))
            if edition.further_fields:
                answer = _with_more(answer)
        yield stringify(answer)

    return spoilt(app, rewritten)


def _endpoint(path: str) -> str:
    parts = path.removeprefix("/v2/").split("/")
    return parts[2] if len(parts) > 2 and parts[2] == "private-links" else parts[0]  # noqa: PLR2004 - the third


def _reshaped(data: object) -> object:
    if isinstance(data, list):
        return {"items": data, "nextCursor": None}
    return {"result": data}


def _with_more(told: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(told, list):
        return [_with_more(one) for one in told]
    if not isinstance(told, dict):
        return told
    more = {name: _with_more(one) for name, one in told.items()}
    return more | _FURTHER if {"id", "uid", "status"} & set(told) else more
