"""Asking the application as a server does: with bytes that no client library would send."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is as much as came until the answer ended, or was cut off."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    app: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    streams: bool = False,
) -> Answer:
    """One request for `target`, a path with or without a query, percent-encoded as on the wire.

    `streams`: be content with the head of an answer that never ends.
    """
    path, _, query = target.partition("?")
    given = {"host": "localhost:8000", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(key.lower().encode(), text.encode("latin-1")) for key, text in given.items()],
        "client": ("127.0.0.1", 9),
        "server": ("localhost", 8000),
    }
    said: list[Message] = []
    begun, asked = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        if asked.is_set():
            await asyncio.Event().wait()
        asked.set()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)
        begun.set()

    answering = asyncio.ensure_future(app(scope, receive, send))
    if streams:
        beginning = asyncio.ensure_future(begun.wait())
        await asyncio.wait({answering, beginning}, return_when=asyncio.FIRST_COMPLETED)
        for each in (answering, beginning):
            each.cancel()
        await asyncio.gather(answering, beginning, return_exceptions=True)
    else:
        await answering
    head, *rest = said
    return Answer(
        head["status"],
        {name.decode().lower(): value.decode("latin-1") for name, value in head["headers"]},
        b"".join(each.get("body", b"") for each in rest),
    )
