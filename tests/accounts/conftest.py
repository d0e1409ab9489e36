"""An application with nothing but accounts, and people who use it."""

from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import delete
from structlog.testing import capture_logs

from accounts.cast import NOW, PASSWORD, PUBLIC, TABLES
from greenroom.accounts import actions, pages, passwords, store
from greenroom.accounts.guard import Admin, Recruiter, Viewer
from greenroom.accounts.model import Role, User
from greenroom.database import Database, migrate
from greenroom.settings import Settings
from greenroom.web import render


@pytest.fixture(scope="session")
def accounts_url(postgres: str) -> Iterator[str]:
    """A database for all tests of this room: they are many, and one for each takes longer."""
    name = f"accounts_{uuid4().hex[:12]}"
    url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        migrate.upgrade(url)
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(accounts_url: str) -> AsyncIterator[Database]:
    database = Database(accounts_url, wait=10)
    yield database
    async with database.transaction() as tx:
        for table in reversed(TABLES):
            await tx.execute(delete(table))
    await database.close()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """What is kept of PASSWORD."""
    return passwords._hasher.hash(PASSWORD)


@pytest.fixture
def person(database, password_hash) -> Callable[..., object]:
    """Makes somebody who can sign in with PASSWORD."""

    async def make(name="Ada", role=Role.RECRUITER, *, set_up=True) -> User:
        async with database.transaction() as tx:
            email = f"{name.lower()}@example.org"
            user, _ = await actions.add_user(tx, email=email, name=name, role=role, now=NOW)
            if set_up:
                await store.update_user(tx, user.id, password_hash=password_hash)
            return await actions.get(tx, user.id)

    return make


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, object]]]:
    """What is logged; drawing it for a terminal takes longer than most tests."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, public_url=PUBLIC)


@pytest.fixture
def app(database, settings) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.parts = SimpleNamespace(database=database, settings=settings)
    app.include_router(pages.router)

    @app.get("/")
    async def home(user: Viewer) -> dict[str, str]:
        return {"name": user.name, "role": user.role}

    @app.post("/change")
    async def change(user: Recruiter) -> str:
        return user.name

    @app.post("/install")
    async def install(user: Admin) -> str:
        return user.name

    render.install(app, settings)
    return app


@pytest.fixture
def browse(app) -> Callable[..., httpx2.AsyncClient]:
    """Opens a browser of somebody who has never been here, at an address of theirs."""

    def opened(host="198.51.100.7", headers=None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app, client=(host, 4711)),
            base_url=PUBLIC,
            headers={
                "accept": "text/html",
                "sec-fetch-site": "same-origin",
                "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0",
            }
            | (headers or {}),
        )

    return opened


@pytest.fixture
def program(app) -> Callable[[str], httpx2.AsyncClient]:
    """A program that sends a token."""

    def opened(token: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app, client=("203.0.113.9", 4711)),
            base_url=PUBLIC,
            headers={"authorization": f"Bearer {token}"},
        )

    return opened


@pytest.fixture
def signed_in(database, browse, person) -> Callable[..., object]:
    """A browser somebody is signed in with, and that somebody."""

    async def make(name="Ada", role=Role.RECRUITER, **kwargs) -> tuple[httpx2.AsyncClient, User]:
        user = await person(name, role)
        async with database.transaction() as tx:
            ticket = await actions.sign_in_ticket(tx, user.id, datetime.now(UTC))
        browser = browse(**kwargs)
        await browser.post(f"/ticket/{ticket}")
        return browser, user

    return make
