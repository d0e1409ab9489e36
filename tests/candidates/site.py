"""The two rooms on a small application of their own, with real accounts, errors and templates."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx2
from fastapi import FastAPI

from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.candidates import api, pages
from greenroom.database import Database
from greenroom.mail import pages as mail_pages
from greenroom.settings import Settings
from greenroom.web import render

ORIGIN = "http://localhost:8000"


def application(database: Database, **settings: object) -> FastAPI:
    app = FastAPI()
    chosen = Settings(_env_file=None, public_url=ORIGIN, **settings)
    app.state.parts = SimpleNamespace(settings=chosen, database=database)
    for router in (api.router, pages.router, mail_pages.router):
        app.include_router(router)
    render.install(app, chosen)
    return app


@asynccontextmanager
async def somebody(app: FastAPI, role: Role | None) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser signed in with the role; None: nobody is signed in."""
    headers = {"accept": "text/html"}
    if role is not None:
        async with app.state.parts.database.transaction() as tx:
            token = await accounts.create_token(tx, f"Test {role}", role, datetime.now(UTC))
        headers["authorization"] = f"Bearer {token}"
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client
