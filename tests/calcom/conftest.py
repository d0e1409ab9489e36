"""Several Greenrooms beside each other, to compare what they make of the same news."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from greenroom.calcom.intake import Intake
from greenroom.database import Database
from world import World, connect


@pytest.fixture
async def other_worlds(postgres, queue):
    """Call it for one more Greenroom on an empty database of its own."""
    opened = []

    async def open_one():
        name = f"other_{uuid4().hex[:12]}"
        with psycopg.connect(
            postgres.replace("/greenroom?", "/postgres?"), autocommit=True
        ) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE greenroom_template")
        url = postgres.replace("/greenroom?", f"/{name}?")
        database, intake = Database(url), Intake(url)
        task = asyncio.create_task(intake.run())
        opened.append((database, task))
        return World(database, intake, await connect(database))

    yield open_one
    for database, task in opened:
        task.cancel()
        await database.close()
