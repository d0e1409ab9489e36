"""A town to be hostile to, its log, and the stage of the journeys for what only a browser tells."""

import pytest
from structlog.testing import capture_logs

from hostile import town as towns
from journeys.conftest import browser, signed_in, stage

__all__ = ["browser", "signed_in", "stage"]


@pytest.fixture
def logs():
    """What is logged; drawing it for a terminal takes longer than the requests."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def town(house):
    return await towns.build(house)


@pytest.fixture
def routes(house):
    return towns.routes(house.app)
