from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from candidates.site import application, somebody
from greenroom.accounts.model import Role
from greenroom.database import Database


@pytest.fixture
def app(database: Database) -> FastAPI:
    return application(database)


@pytest.fixture
async def recruiter(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with somebody(app, Role.RECRUITER) as client:
        yield client


@pytest.fixture
async def viewer(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with somebody(app, Role.VIEWER) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with somebody(app, None) as client:
        yield client
