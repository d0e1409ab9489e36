"""A Greenroom with people in it, and those who look at it."""

import pytest

from greenroom.accounts.model import Role
from interviews.scheduling import now
from world import World


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def recruiter(house):
    return {**await house.token(Role.RECRUITER), "accept": "text/html"}


@pytest.fixture
async def viewer(house):
    return {**await house.token(Role.VIEWER), "accept": "text/html"}


@pytest.fixture
async def pending(world):
    """Ada Lovelace has a link for an intro call."""
    return await world.send(await world.candidate(), await world.event_type(), now=now())
