"""An application with one route of each kind, dressed by `render.install`."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel
from structlog.testing import capture_logs

from greenroom.errors import NotFound, SignInNeeded, TooMany, Unavailable
from greenroom.settings import WEBHOOK_PATH, Settings
from greenroom.web import render

PUBLIC = "https://interviews.example.org"


class Thing(BaseModel):
    length_minutes: int


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, object]]]:
    """What is logged; drawing it for a terminal takes longer than most tests."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, public_url=PUBLIC)


@pytest.fixture
def app(settings, tmp_path, monkeypatch) -> FastAPI:
    monkeypatch.setattr(render, "_STATIC", _built(tmp_path / "static"))
    app = FastAPI(openapi_url=None)
    _routes(app)
    render.install(app, settings)
    return app


@pytest.fixture
async def client(app) -> AsyncIterator[httpx2.AsyncClient]:
    """A program; with `as_browser` headers, a browser."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        yield client


def _built(folder):
    folder.mkdir()
    (folder / "base-AAAA1111.js").write_text("export {}")
    (folder / "licenses.txt").write_text("free")
    (folder / "manifest.json").write_text(json.dumps({"base.js": "base-AAAA1111.js"}))
    return folder


def _routes(app: FastAPI) -> None:
    _answers(app)
    _problems(app)
    _takers(app)


def _answers(app: FastAPI) -> None:
    @app.get("/page")
    @app.get("/i/{token}")
    async def html(token: str = "") -> HTMLResponse:
        return HTMLResponse(f"<p>{token}")

    @app.get("/api/thing")
    async def thing() -> dict[str, str]:
        return {"a": "thing"}

    @app.get("/live")
    async def live() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: one\n\n"
            await asyncio.sleep(0.01)
            yield b"data: two\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")


def _problems(app: FastAPI) -> None:
    @app.get("/needs-sign-in")
    @app.post("/needs-sign-in")
    @app.get("/api/needs-sign-in")
    async def needs_sign_in() -> None:
        raise SignInNeeded("You are not signed in.", do="Sign in.")

    @app.get("/away")
    async def away() -> None:
        raise Unavailable("The database is <away>.", do="Wait.")

    @app.get("/halved")
    async def halved() -> None:
        raise NotFound("There is no thing “\ud800”.", do="Look again.")

    @app.get("/often")
    async def often() -> None:
        raise TooMany("Too often.", do="Wait.")

    @app.get("/bug")
    @app.get("/api/bug")
    async def bug() -> None:
        secret = "hunter2"
        raise RuntimeError(f"the secret is {secret}")


def _takers(app: FastAPI) -> None:
    @app.post("/api/thing")
    async def make(thing: Thing) -> int:
        return thing.length_minutes

    @app.post("/form")
    @app.post("/i/{token}/decline")
    async def form(word: Annotated[str, Form()] = "", token: str = "") -> str:
        return token + word

    @app.post(WEBHOOK_PATH)
    @app.post("/raw")
    @app.post("/candidates/import")
    async def raw(request: Request) -> int:
        return len(await request.body())
