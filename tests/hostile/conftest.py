"""A town to be hostile to, its log, and the stage of the journeys for what only a browser tells."""

import pytest
from structlog.testing import capture_logs

from greenroom.calcom import connecting_pages
from hostile import town as towns
from journeys.conftest import browser, signed_in, stage

__all__ = ["browser", "signed_in", "stage"]


@pytest.fixture(autouse=True)
def cal_com_is_nowhere(monkeypatch):
    """Hosted Cal.com, for the tests: whoever asks it gets no answer, which is then a 503."""
    for place in connecting_pages._PLACES:
        monkeypatch.setitem(connecting_pages._PLACES, place, "http://127.0.0.1:1/v2")


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
