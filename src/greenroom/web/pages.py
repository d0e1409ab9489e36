"""What machines and developers ask a web application for: is it up, is it ready, what can it do."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from greenroom.accounts.guard import viewer
from greenroom.accounts.model import User
from greenroom.database import migrate
from greenroom.errors import GreenroomError, Unavailable
from greenroom.parts import Parts
from greenroom.web import render
from greenroom.web.remembered import Remembered

router = APIRouter(include_in_schema=False)

_REMEMBERED = 1.0
"""Seconds for which readiness is not asked again: anyone may call, and it costs a query."""
_PATIENCE = 2.0
_FIELDS_OF_HTTP = ("get", "post", "put", "patch", "delete")


@router.get("/healthz", response_model=None)
async def healthz() -> Response:
    """Whether the process answers at all."""
    return JSONResponse({"status": "up"})


@router.get("/readyz", response_model=None)
async def readyz(request: Request) -> Response:
    """Whether the process can do its work: the database answers, and has the tables it needs."""
    state = request.app.state
    if not hasattr(state, "readiness"):
        parts: Parts = state.parts
        state.readiness = Remembered(lambda: _problem(parts), seconds=_REMEMBERED)
    known: Remembered[str | None] = state.readiness
    if (problem := await known.now()) is not None:
        raise Unavailable(problem, do="See the log of this process.")
    return JSONResponse({"status": "ready"})


@router.get("/api/openapi.json", response_model=None)
async def openapi(request: Request, _: Annotated[User, Depends(viewer)]) -> Response:
    """The JSON API, described for programs."""
    return JSONResponse(request.app.openapi())


@router.get("/api/docs", response_model=None)
async def api_docs(request: Request, _: Annotated[User, Depends(viewer)]) -> Response:
    """The JSON API, described for people."""
    schema = request.app.openapi()
    return render.page(request, "api_docs.html", groups=_groups(schema), origin=_origin(request))


async def _problem(parts: Parts) -> str | None:
    try:
        async with asyncio.timeout(_PATIENCE), parts.database.transaction() as tx:
            if await migrate.is_behind(tx):
                return "The database's tables are older than this Greenroom."
    except GreenroomError as error:
        return error.what
    except TimeoutError:
        return "The database takes too long to answer."
    return None


def _origin(request: Request) -> str:
    parts: Parts = request.app.state.parts
    return parts.settings.origin


def _groups(schema: Mapping[str, Any]) -> Mapping[str, list[dict[str, Any]]]:
    """Operations by tag, each with what a reader wants to see."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method in _FIELDS_OF_HTTP:
            if (operation := methods.get(method)) is not None:
                tag = (operation.get("tags") or ["Other"])[0]
                found.setdefault(tag, []).append(
                    {
                        "method": method.upper(),
                        "path": path,
                        "summary": operation.get("summary", ""),
                        "description": operation.get("description", ""),
                        "fields": [*_parameters(operation), *_body(schema, operation)],
                    }
                )
    return found


def _parameters(operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": each["name"],
            "place": each["in"],
            "type": _type(each.get("schema", {})),
            "required": each.get("required", False),
            "description": each.get("description", ""),
        }
        for each in operation.get("parameters", [])
    ]


def _body(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    named = schema.get("components", {}).get("schemas", {}).get(reference.rpartition("/")[2], {})
    return [
        {
            "name": name,
            "place": "body",
            "type": _type(field),
            "required": name in named.get("required", []),
            "description": field.get("description", ""),
        }
        for name, field in named.get("properties", {}).items()
    ]


def _type(schema: Mapping[str, Any]) -> str:
    """A schema's type in a word or two."""
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")
