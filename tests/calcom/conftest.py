"""Several Greenrooms beside each other, to compare what they make of the same news."""

import asyncio

import pytest

from calcom.account import connected
from greenroom.calcom.client import http_client
from greenroom.calcom.intake import Intake
from greenroom.database import Database
from world import World, connect


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
