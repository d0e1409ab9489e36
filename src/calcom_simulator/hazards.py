"""How an API request goes wrong on the wire; which one does is `chaos.hazard`'s choice."""

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calcom_simulator.chaos import Chaos

_PAGE = """<!DOCTYPE html>
<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center>
<hr><center>cloudflare</center></body></html>
"""
_MEGABYTE = 1024 * 1024
_SLICES = 20
_JSON = "application/json; charset=utf-8"
_NOTHING = (
    b'{"status":"success","data":[],"pagination":{"totalItems":0,"remainingItems":0,'
    b'"returnedItems":0,"itemsPerPage":100,"currentPage":0,"totalPages":0,"hasNextPage":false,'
    b'"hasPreviousPage":false}}'
)
_GARBAGE = b'{"status":"success","data":[{"id":\xff\xfe'
Refusal = Callable[[int], Response]
"""An answer of that status in Cal.com's envelope."""


def met(name: str, chaos: Chaos, app: ASGIApp, refusal: Refusal) -> ASGIApp:
    """What answers in the place of `app`, or spoils what it answers."""
    instead: dict[str, Callable[[], ASGIApp]] = {
        "api_502": lambda: _page(502, "502 Bad Gateway"),
        "api_html": lambda: _page(200, "Checking your browser"),
        "api_garbage": lambda: Response(_GARBAGE, media_type=_JSON),
        "api_empty": lambda: Response(_NOTHING, media_type=_JSON),
        "api_huge": lambda: StreamingResponse(_endless(chaos.huge_megabytes), media_type=_JSON),
        "api_hang": lambda: _late(_page(504, "504 Gateway Time-out"), chaos.hang_seconds),
        "api_truncated": lambda: spoilt(app, _halved),
        "api_slow": lambda: spoilt(app, lambda body: _dribbled(body, chaos.slow_seconds)),
    }
    return instead[name]() if name in instead else refusal(int(name.removeprefix("api_")))


def _page(status: int, title: str) -> Response:
    return Response(_PAGE.format(title=title), status, media_type="text/html")


def _late(app: ASGIApp, seconds: float) -> ASGIApp:
    async def waits(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(seconds)
        await app(scope, receive, send)

    return waits


async def _endless(megabytes: int) -> AsyncIterator[bytes]:
    yield b'{"status":"success","data":[],"more":"'
    for _ in range(megabytes):
        yield b"x" * _MEGABYTE
    yield b'"}'


async def _halved(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]


async def _dribbled(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = max(1, len(body) // _SLICES)
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds / _SLICES)
        yield body[start : start + size]


def spoilt(app: ASGIApp, spoil: Callable[[bytes], AsyncIterator[bytes]]) -> ASGIApp:
    """Answer as `app` does, but for the bytes, which `spoil` sends instead."""

    async def spoils(scope: Scope, receive: Receive, send: Send) -> None:
        started: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start":
                started = message
            else:
                body += message.get("body", b"")

        await app(scope, receive, hold)
        kept = [one for one in started["headers"] if one[0].lower() != b"content-length"]
        answer = StreamingResponse(spoil(body), started["status"])
        answer.raw_headers = kept
        await answer(scope, receive, send)

    return spoils
