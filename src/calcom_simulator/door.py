"""What every API v2 request passes: key, rate limit, version, envelope."""

import functools
import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calcom_simulator.chaos import CALM, FINE, hazard
from calcom_simulator.hazards import met
from calcom_simulator.model import JSON, Refused, User
from calcom_simulator.moments import js
from calcom_simulator.newer import renewed
from calcom_simulator.webhooks import Postman, stringify
from calcom_simulator.world import World

OLDEST = "2024-04-15"
_VERSIONS = frozenset(
    {OLDEST, "2024-06-11", "2024-06-14", "2024-08-13", "2024-09-04"}
    | {"2026-02-25", "2026-05-01", "2026-06-12"}
)
BOOKINGS = frozenset({"2024-08-13", "2026-02-25"})
BOOKING_LISTS = BOOKINGS | {"2026-05-01"}
EVENT_TYPES = frozenset({"2024-06-14", "2026-06-12"})
SLOTS = frozenset({"2024-09-04"})

_NAMES = {
    400: ("BadRequestException", "Bad Request"),
    401: ("UnauthorizedException", "Unauthorized"),
    403: ("ForbiddenException", "Forbidden"),
    404: ("NotFoundException", "Not Found"),
    409: ("ConflictException", "Conflict"),
}
_NO_KEY = (
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' "
    "header or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)
_TOO_MANY = "CustomThrottlerGuard - Too many requests. Please try again later."

_NO_USER = "CustomThrottlerGuard - Invalid API Key"
_BUSY = 429
_REFUSALS: dict[int, tuple[str, str, object]] = {
    401: (
        "UnauthorizedException",
        _NO_USER,
        {"message": _NO_USER, "error": "Unauthorized", "statusCode": 401},
    ),
    404: (
        "NotFoundException",
        "Not Found",
        {"message": "Not Found", "error": "Not Found", "statusCode": 404},
    ),
    _BUSY: ("ThrottlerException", _TOO_MANY, _TOO_MANY),
    500: ("INTERNAL_SERVER_ERROR", "Internal server error", {"statusCode": 500}),
}

Endpoint = Callable[[Request], Awaitable[Response]]


class Answer(JSONResponse):
    """JSON as Express sends it."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as the base class has it
        """As JSON.stringify."""
        return stringify(content)


def world_of(request: Request) -> World:
    """The world behind this application."""
    world: World = request.app.state.world
    return world


def postman_of(request: Request) -> Postman:
    """Who carries out verbs and sends what they announce."""
    postman: Postman = request.app.state.postman
    return postman


def version_of(request: Request) -> str:
    """The API version in force: without the header, or with an unknown one, the oldest."""
    asked = request.headers.get("cal-api-version", OLDEST)
    known = _VERSIONS.difference(world_of(request).edition.dropped_versions)
    return asked if asked in known else OLDEST


def only_in(versions: Collection[str]) -> Callable[[Endpoint], Endpoint]:
    """Make an endpoint unknown (404) to all other versions of the API."""

    def wrap(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def checked(request: Request) -> Response:
            if version_of(request) not in versions:
                raise not_routed(request)
            return await endpoint(request)

        return checked

    return wrap


def not_routed(request: Request) -> Refused:
    """What NestJS says of a path it does not know."""
    return Refused(404, f"Cannot {request.method} {_full_path(request)}")


def key_owner(request: Request) -> User | None:
    """Whose key was sent, where none is needed."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    return world_of(request).user_by_key(key.strip()) if kind.lower() == "bearer" else None


def signed_in(request: Request) -> User:
    """Whose key was sent. Raises Refused (401)."""
    user = key_owner(request)
    if user is None:
        raise Refused(401, _NO_KEY)
    return user


async def body_of(request: Request) -> JSON:
    """The JSON object sent, {} if none. Raises Refused (400)."""
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise Refused.bad_request(str(error)) from error
    if not isinstance(body, dict):
        raise Refused.bad_request("Request body must be an object")
    return body


def invalid(body: JSON, **wrong: str) -> Refused:
    """The answer to a body that fails validation: property = what is wrong with it."""
    return Refused(
        400,
        "Bad Request Exception",
        errors=[
            {
                "target": body,
                "value": body.get(name),
                "property": name,
                "children": [],
                "constraints": {_constraint(message): message},
            }
            for name, message in wrong.items()
        ],
    )


async def refuse(request: Request, error: Exception) -> Response:
    """Cal.com's error envelope."""
    assert isinstance(error, Refused)
    name, words = _NAMES.get(error.status, ("HttpException", "Error"))
    told: JSON = {"code": error.code or name, "message": error.message}
    if error.errors is not None:
        told["details"] = {"errors": error.errors}
    elif error.code is None:
        told["details"] = {
            "message": error.message,
            "error": words,
            "statusCode": error.status,
        }
    return Answer(_envelope(request, told), error.status)


class Door:
    """Counts requests, refuses unknown keys, and sets the headers of every answer.

    `Date` tells the world's time, which a client may compare with the times in bodies.
    """

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let API requests pass, with the headers they get, or answer in their place."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        prefix = self._world.edition.api_prefix
        app, headers = self._app, dict[str, str]()
        if scope["path"].startswith(f"{prefix}/v2/"):
            scope = {**scope, "root_path": prefix}
            app, headers = self._judge(scope)
        elif scope["path"].startswith("/v2/"):
            app = self._refusal(Request(scope), 404)
        ahead = timedelta(seconds=self._world.faults.chaos.date_skew_seconds)
        headers["Date"] = format_datetime(self._world.now() + ahead, usegmt=True)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await app(scope, receive, send_with_headers)

    def _judge(self, scope: Scope) -> tuple[ASGIApp, dict[str, str]]:
        world, request = self._world, Request(scope)
        headers = {
            "X-Request-Id": str(uuid.uuid4()),  # not the world's: reading must not change its ids
            "Access-Control-Allow-Origin": "*",
        }
        key = Headers(scope=scope).get("authorization", "").removeprefix("Bearer ").strip()
        if key and world.user_by_key(key) is None:
            return self._refusal(request, 401), headers
        who = key or (request.client.host if request.client else "unknown")
        passes, left, reset = world.rate.count(who, world.now())
        headers |= {
            "X-RateLimit-Limit-Default": str(world.rate.limit),
            "X-RateLimit-Remaining-Default": str(left),
            "X-RateLimit-Reset-Default": str(reset),
        }
        if not passes:
            return self._refusal(request, _BUSY), headers
        name = self._hazard(scope["method"])
        answering = renewed(
            self._app, world.edition, scope["path"].removeprefix(scope["root_path"])
        )
        if name == FINE:
            return answering, headers
        chaos = world.faults.chaos
        if name == "api_429":
            headers["X-RateLimit-Remaining-Default"] = "0"
            headers |= {"Retry-After": chaos.retry_after} if chaos.retry_after else {}
        return met(name, chaos, answering, lambda status: self._refusal(request, status)), headers

    def _hazard(self, method: str) -> str:
        faults = self._world.faults
        if method != "GET" and not faults.chaos.writes_too:
            return FINE
        if faults.api_next:
            return faults.api_next.pop(0)
        if faults.chaos == CALM:
            return FINE
        return hazard(faults.chaos, self._world.chance_of_chaos("api"))

    def _refusal(self, request: Request, status: int) -> Answer:
        code, message, details = _REFUSALS[status]
        told = {"code": code, "message": message, "details": details}
        return Answer(_envelope(request, told, self._world), status)


def _envelope(request: Request, told: JSON, world: World | None = None) -> JSON:
    return {
        "status": "error",
        "timestamp": js((world or world_of(request)).now()),
        "path": _full_path(request),
        "error": told,
    }


def _full_path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _constraint(message: str) -> str:
    return "isEnum" if "following values" in message else "isNotEmpty"
