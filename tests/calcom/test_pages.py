"""Deliveries, how fresh everything is, and connections, as people see them."""

import json

import pytest
from markupsafe import escape

from builders import delivery
from greenroom.accounts.model import Role
from greenroom.calcom.redaction import readable
from greenroom.calcom.webhook import Refusal
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


async def test_every_delivery_is_listed_with_what_it_did(house, viewer, world):
    await world.deliver(delivery(), b"false")

    html = (await house.http.get("/deliveries", headers=viewer)).text

    assert "BOOKING_CREATED" in html
    assert "Kept, not read" in html
    assert html.index('id="delivery-2"') < html.index('id="delivery-1"')


async def test_deliveries_are_filtered_by_state(house, viewer, world):
    await world.deliver(delivery(), b"false")

    html = (await house.http.get("/deliveries?state=unread", headers=viewer)).text

    assert 'id="delivery-2"' in html
    assert 'id="delivery-1"' not in html


async def test_without_deliveries_the_page_says_where_they_come_from(house, viewer):
    html = (await house.http.get("/deliveries", headers=viewer)).text

    assert "No delivery yet" in html


async def test_refused_requests_are_counted_with_what_to_do(house, viewer):
    await house.deliver(delivery(), signature=None)
    await house.deliver(delivery(), signature="0" * 64)
    await house.parts.secrets.flush()

    html = (await house.http.get("/deliveries", headers=viewer)).text

    for refusal in (Refusal.MISSING, Refusal.WRONG):
        assert f"<b>1×</b> {escape(refusal.what)}" in html
        assert str(escape(refusal.do)) in html


async def test_a_delivery_covers_people_until_a_recruiter_asks(house, viewer, recruiter, world):
    (id_,) = await world.deliver(delivery())
    path = f"/deliveries/{id_}"

    covered = (await house.http.get(path, headers=recruiter)).text
    shown = (await house.http.get(f"{path}?show=all", headers=recruiter)).text
    refused = await house.http.get(f"{path}?show=all", headers=viewer)

    assert "ada@example.org" not in covered
    assert "2026-11-25T10:00:00Z" in covered
    assert "ada@example.org" in shown
    assert refused.status_code == 403


async def test_a_delivery_can_be_replayed(house, recruiter, viewer, world):
    (id_,) = await world.deliver(delivery())

    answer = await house.http.post(f"/deliveries/{id_}/replay", headers=recruiter)
    refused = await house.http.post(f"/deliveries/{id_}/replay", headers=viewer)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/deliveries/{id_}")
    assert (await world.delivery(id_)).attempts == 0
    assert refused.status_code == 403


async def test_hostile_deliveries_stay_text(house, recruiter, world):
    attack = "<script>alert(1)</script>"
    (id_,) = await world.deliver(delivery(attack, title=attack, **{attack: attack}))

    for path in ("/deliveries", f"/deliveries/{id_}", f"/deliveries/{id_}?show=all"):
        html = (await house.http.get(path, headers=recruiter)).text

        assert attack not in html, path


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


def covered(**payload):
    return json.loads(readable(json.dumps(payload).encode(), everything=False))


def test_secrets_are_covered_whatever_their_kind():
    said = {"oneTimePassword": 123456, "videoCallData": {"password": "1234", "type": "daily"}}

    assert covered(**said) == {
        "oneTimePassword": "••• secret",
        "videoCallData": {"password": "••• secret", "type": "daily"},
    }


def test_texts_are_covered_unless_they_are_known_to_hold_no_person():
    said = {
        "triggerEvent": "BOOKING_CREATED",
        "startTime": "2026-11-25T10:00:00Z",
        "title": "Intro call with Ada",
        "attendees": [{"email": "ada@example.org", "timeZone": "Europe/London", "id": 7}],
        "metadata": {"greenroom": "the-token"},
    }

    assert covered(**said) == {
        "triggerEvent": "BOOKING_CREATED",
        "startTime": "2026-11-25T10:00:00Z",
        "title": "••• 19 characters",
        "attendees": [{"email": "••• 15 characters", "timeZone": "Europe/London", "id": 7}],
        "metadata": {"greenroom": "••• 9 characters"},
    }


def test_names_of_fields_may_be_peoples_words_too():
    assert covered(**{"ada@example.org": 1}) == {"•••": 1}


def test_characters_that_steer_the_screen_are_written_out():
    assert readable('{"a": "\u202eevil"}'.encode(), everything=True) == '{\n  "a": "\\u202eevil"\n}'


@pytest.mark.parametrize("body", [b"not json", b"[" * 1000, b"\xff\xfe"])
def test_a_body_that_is_no_json_is_shown_whole_or_not_at_all(body):
    assert readable(body, everything=False) is None
    assert readable(body, everything=True) is not None
