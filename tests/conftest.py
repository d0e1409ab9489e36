"""What every test may ask for: a real PostgreSQL, migrated once and copied for each test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

import calcom_desk
from calcom.account import connected
from calcom_desk import Calcom
from greenroom import jobs
from greenroom.calcom.client import http_client
from greenroom.database import Database, embedded, migrate
from greenroom.deliveries.intake import Intake
from house import House, opened
from world import World, connect

TEMPLATE = f"greenroom_template_{os.getpid()}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with a migrated template database; durable it need not be.

    GREENROOM_TEST_DATABASE_URL names another server than the embedded one; its user makes
    databases there.
    """
    if (given := os.environ.get("GREENROOM_TEST_DATABASE_URL")) is not None:
        yield _with_template(given)
        return
    with embedded.running(tmp_path_factory.mktemp("pg")) as url:
        with psycopg.connect(_named(url, "postgres"), autocommit=True) as admin:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"ALTER SYSTEM SET {setting} = off")
            admin.execute("SELECT pg_reload_conf()")
        yield _with_template(url)


def _with_template(url: str) -> str:
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate.upgrade(_named(url, TEMPLATE))
    return url


@pytest.fixture
def new_database(postgres: str) -> Iterator[Callable[[], str]]:
    """Call it for the URL of a database of its own, with every table and no rows."""
    made: list[str] = []
    with psycopg.connect(_named(postgres, "postgres"), autocommit=True) as admin:

        def make() -> str:
            made.append(f"test_{uuid4().hex[:12]}")
            admin.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {TEMPLATE}")
            return _named(postgres, made[-1])

        yield make
        for name in made:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """A database for one test, with every table and no rows."""
    return new_database()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Calcom]:
    with calcom_desk.running() as calcom:
        yield calcom


@pytest.fixture
def calcom(simulator: Calcom) -> Calcom:
    """Cal.com, empty but for its host and event types, telling nobody anything."""
    simulator.control("reset")
    return simulator


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[None]:
    """The job queue, for what is queued in a transaction."""
    async with jobs.opened(database_url):
        yield


@pytest.fixture
async def intake(database_url: str) -> AsyncIterator[Intake]:
    intake = Intake(database_url)
    task = asyncio.create_task(intake.run())
    yield intake
    task.cancel()


@pytest.fixture
async def world(database: Database, intake: Intake, queue: None) -> World:
    return World(database, intake, await connect(database))


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The application, answering; deliveries are kept and wait."""
    async with opened(database_url, tmp_path) as house:
        yield house


@pytest.fixture
async def working_house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The application with its background work."""
    async with opened(database_url, tmp_path, works=True) as house:
        yield house


@pytest.fixture
async def other_worlds(new_database, queue):
    """Call it for one more Greenroom on an empty database of its own."""
    opened = []

    async def open_one():
        url = new_database()
        database, intake = Database(url), Intake(url)
        task = asyncio.create_task(intake.run())
        opened.append((database, task))
        return World(database, intake, await connect(database))

    yield open_one
    for database, task in opened:
        task.cancel()
        await database.close()


@pytest.fixture
async def http():
    client = http_client()
    yield client
    await client.aclose()


@pytest.fixture
async def account(world, calcom, http):
    """The simulator's host, connected."""
    return await connected(world, http, calcom.api_url)


def _named(url: str, name: str) -> str:
    before, _, after = url.partition("?")
    return (
        f"{before.rpartition('/')[0]}/{name}?{after}"
        if after
        else f"{before.rpartition('/')[0]}/{name}"
    )
