"""How fresh everything is, and connections, as people see them."""

import pytest

from builders import delivery
from greenroom.accounts.model import Role
from world import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def recruiter(house):
    return {**await house.token(Role.RECRUITER), "accept": "text/html"}


@pytest.fixture
async def viewer(house):
    return {**await house.token(Role.VIEWER), "accept": "text/html"}


async def test_the_freshness_line_says_when_cal_com_was_heard(house, viewer, world):
    await world.deliver(delivery())

    html = (await house.http.get("/freshness", headers=viewer)).text

    assert "last Cal.com event" in html
    assert "webhooks only" in html
    assert "<html" not in html


async def test_sync_now_without_an_api_key_says_what_to_do(house, recruiter):
    answer = await house.http.post("/sync", headers={**recruiter, "hx-request": "true"})

    assert answer.status_code == 422
    assert "There is no connection with an API key" in answer.text


async def test_connections_show_where_cal_com_delivers_and_no_secret(house, viewer):
    html = (await house.http.get("/connections", headers=viewer)).text

    assert "http://localhost:8000/api/admin/scheduling/cal-com/webhook" in html
    assert "whsec_house" not in html
