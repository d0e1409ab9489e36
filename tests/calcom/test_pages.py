"""How fresh everything is, and connections, as people see them."""

import re
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

import house as houses
from builders import delivery
from calcom.account import KEY, ungated
from calcom.odd import answering
from greenroom.accounts.model import Role
from greenroom.calcom import connecting_pages, webhook
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


# Connecting.


@pytest.fixture
async def admin(house):
    return {**await house.token(Role.ADMIN), "accept": "text/html"}


@pytest.fixture
async def home(database_url, tmp_path):
    """A house that may ask a Cal.com on this machine."""
    async with houses.opened(database_url, tmp_path, allow_private_calcom=True) as house:
        yield house


class Desk:
    """An admin's hands on the pages of a house."""

    def __init__(self, house, headers):
        self.house, self.headers = house, headers

    async def get(self, path):
        return await self.house.http.get(path, headers=self.headers)

    async def post(self, path, **fields):
        return await self.house.http.post(path, data=fields, headers=self.headers)

    async def check(self, address, key=KEY, **more):
        return await self.post(
            "/connections/check", where="own", address=address, api_key=key, **more
        )

    async def connect(self, address, **more):
        """Through both steps; give the page's path."""
        html = (await self.check(address)).text
        fields = {"draft": draft_in(html), "name": "Mara", "event_type": slugs_in(html), **more}
        answer = await self.post("/connections", **fields)
        assert answer.status_code == 303, told(answer)
        return answer.headers["location"]


@pytest.fixture
async def desk(home):
    return Desk(home, {**await home.token(Role.ADMIN), "accept": "text/html"})


def draft_in(html):
    return re.search(r'name="draft" value="([^"]*)"', html)[1]


def slugs_in(html):
    return re.findall(r'name="event_type" value="([^"]+)" checked', html)


def told(answer):
    """What the page's notice says."""
    found = re.search(r'notice__words"><b>(.*?)</b>(?:<span>(.*?)</span>)?', answer.text, re.DOTALL)
    return " ".join(filter(None, found.groups())) if found else answer.text


async def test_connecting_in_two_steps_makes_the_webhook_and_shows_that_it_waits(
    desk, calcom, http
):
    checked = await desk.check(calcom.url)
    assert "The key works. It belongs to Mara Lindqvist." in checked.text
    assert {"intro-call", "technical-interview"} <= set(slugs_in(checked.text))
    assert KEY not in checked.text

    where = await desk.connect(calcom.url)

    [row] = await ungated(http, calcom.api_url).webhooks()
    page = await desk.get(where)
    assert row["subscriberUrl"].endswith("/api/admin/scheduling/cal-com/webhook")
    assert "Waiting for the first delivery" in page.text
    assert "Made at Cal.com." in page.text
    for secret in (KEY, row["secret"]):
        assert secret not in page.text


async def test_the_page_turns_green_with_the_first_delivery_that_verifies(desk, calcom, http):
    where = await desk.connect(calcom.url)
    [row] = await ungated(http, calcom.api_url).webhooks()
    body = b'{"triggerEvent":"PING"}'
    await desk.house.deliver(body, signature=webhook.signature("a wrong secret, quite", body))
    assert "Waiting for the first delivery" in (await desk.get(f"{where}/heard")).text

    await desk.house.deliver(body, signature=webhook.signature(row["secret"], body))

    assert "Heard from Cal.com" in (await desk.get(f"{where}/heard")).text


async def test_event_types_that_are_not_ticked_cannot_be_sent(desk, calcom):
    where = await desk.connect(calcom.url, event_type=["intro-call"])
    assert await sendable(desk) == ["Intro call"]

    ids = re.findall(r'name="event_type" value="(\d+)"', (await desk.get(where)).text)
    await desk.post(f"{where}/event-types", event_type=ids)
    assert len(await sendable(desk)) == len(ids)


async def sendable(desk):
    answer = await desk.get("/api/admin/scheduling/event-types")
    return [each["title"] for each in answer.json()["items"]]


async def test_a_key_that_failed_need_not_be_pasted_again(desk, calcom):
    failed = await desk.check("http://127.0.0.1:1")
    assert failed.status_code == 503
    assert "Nothing was kept." in told(failed)
    assert KEY not in failed.text
    draft = draft_in(failed.text)

    again = await desk.check(calcom.url, key="", draft=draft)
    assert "The key works." in again.text

    html = (await desk.post("/connections", draft=draft, name="", event_type="intro-call")).text
    assert "The connection has no name." in html
    assert draft_in(html) == draft
    done = await desk.post("/connections", draft=draft, name="Mara", event_type="intro-call")
    assert done.status_code == 303


async def test_connect_pressed_twice_leads_to_the_connection_that_stands(desk, calcom):
    draft = draft_in((await desk.check(calcom.url)).text)
    first = await desk.post("/connections", draft=draft, name="Mara", event_type="intro-call")
    again = await desk.post("/connections", draft=draft, name="Mara", event_type="intro-call")

    assert (first.status_code, again.status_code) == (303, 303)
    assert again.headers["location"] == first.headers["location"]
    assert "no longer remembered" in told(await desk.check(calcom.url, key="", draft=draft))
    async with desk.house.parts.database.transaction() as tx:
        [(kept,)] = await tx.execute(text("SELECT api_key FROM connection_drafts"))
    assert desk.house.parts.seal.open(bytes(kept)) == ""


async def test_a_key_goes_nowhere_but_where_it_was_checked(desk, calcom):
    draft = draft_in((await desk.check("http://127.0.0.1:1")).text)

    answer = await desk.post("/connections", draft=draft, name="Mara", event_type="intro-call")

    assert "Where is your Cal.com?" in answer.text
    async with desk.house.parts.database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM connections"))).scalar_one() == 1


@asynccontextmanager
async def saying(status, said, headers=None):
    """A server that answers everything so."""
    async with answering(lambda _path, _query: (status, said, headers or {})) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "said", "headers"),
    [
        (200, "a web page", None),
        (302, {}, {"Location": "https://elsewhere.example/login"}),
        (404, {"status": "error", "error": {"message": "Cannot GET /v2/me"}}, None),
        (200, {"status": "success", "data": ["a newer shape"]}, None),
    ],
)
async def test_what_is_not_cal_coms_api_is_told_apart_from_it(desk, status, said, headers):
    async with saying(status, said, headers) as url:
        answer = await desk.check(url)

    assert answer.status_code >= 400
    assert told(answer)
    assert "elsewhere.example" not in answer.headers.get("location", "")


async def test_a_wrong_key_is_refused_and_said(desk, calcom):
    answer = await desk.check(calcom.url, key="cal_wrong")

    assert "refused the API key" in told(answer)
    assert "cal_wrong" not in answer.text


async def test_the_same_account_twice_says_so_at_once(desk, calcom):
    await desk.connect(calcom.url)

    again = await desk.check(calcom.url)

    assert again.status_code == 409
    assert "mara@studio.example is connected already, as “Mara”" in told(again)


@pytest.mark.parametrize("suffix", ["", "/", "/v2", "/v2/", "/api/v2", "/v2/me"])
async def test_the_api_is_found_from_what_people_paste(desk, calcom, suffix):
    answer = await desk.check(f"{calcom.url}{suffix}")

    assert f"<code>{calcom.api_url}</code>" in answer.text


async def test_an_address_of_our_own_network_is_refused_on_the_page(house, admin, calcom):
    desk = Desk(house, admin)

    answer = await desk.check(calcom.url.replace("http:", "https:"))

    assert answer.status_code in {422, 503}
    assert "GREENROOM_ALLOW_PRIVATE_CALCOM" in told(answer)
    assert (await desk.check(calcom.url)).status_code == 422


async def test_only_admins_connect(home):
    desk = Desk(home, {**await home.token(Role.RECRUITER), "accept": "text/html"})

    assert (await desk.check("https://cal.example")).status_code == 403
    assert "Connect another account" not in (await desk.get("/connections")).text


async def test_by_hand_the_secret_is_shown_once(desk):
    made = await desk.post("/connections/by-hand", name="Team")

    secret = re.search(r'aria-label="Secret" value="([^"]{43})"', made.text)[1]
    where = re.search(r"/connections/\d+", made.text)[0]
    assert "Booking No-Show Updated" in made.text
    assert secret not in (await desk.get(where)).text
    body = delivery()
    await desk.house.deliver(body, signature=webhook.signature(secret, body))
    assert "Heard from Cal.com" in (await desk.get(where)).text
    again = await desk.post("/connections/by-hand", name="Team")
    assert again.status_code == 409


async def test_by_hand_an_event_type_is_entered_too(desk):
    made = await desk.post("/connections/by-hand", name="Team")
    where = re.search(r"/connections/\d+", made.text)[0]

    url = "https://cal.example/team/panel"
    fields = {"title": "Panel", "length_minutes": "45", "booking_url": url}
    answer = await desk.post(f"{where}/event-types/by-hand", **fields)

    assert answer.status_code == 303
    assert await sendable(desk) == ["Panel"]
    assert "Panel" in (await desk.get(where)).text


async def test_a_connection_made_by_hand_may_be_given_a_key(desk, calcom):
    made = await desk.post("/connections/by-hand", name="Team")
    where = re.search(r"/connections/\d+", made.text)[0]

    answer = await desk.post(f"{where}/key", api_key=KEY, address=calcom.url)

    assert answer.status_code == 303
    assert "mara@studio.example" in (await desk.get(where)).text


async def test_another_key_is_tried_before_it_is_kept(desk, calcom):
    where = await desk.connect(calcom.url)

    refused = await desk.post(f"{where}/key", api_key="cal_wrong")

    assert refused.status_code == 503
    assert "refused the API key" in told(refused)
    assert f'action="{where}/key"' in refused.text
    assert "cal_wrong" not in refused.text
    assert (await desk.post(f"{where}/webhook")).status_code == 303  # the old one still works


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("cal_live_käse", "That is not an API key."),
        ("cal_live_one\ncal_live_two", "That is not an API key."),
        ("cal_live_one two", "That is not an API key."),
        ("  ", "The API key is missing."),
    ],
)
async def test_what_cannot_be_a_key_is_said_wherever_it_is_pasted(desk, calcom, key, what):
    where = await desk.connect(calcom.url)

    for answer in (
        await desk.post(f"{where}/key", api_key=key),
        await desk.check(calcom.url, key=key),
    ):
        assert answer.status_code == 422
        assert what in told(answer)
        assert key.strip() not in answer.text or not key.strip()


@pytest.mark.parametrize("where", ["hosted", "eu"])
async def test_another_secret_is_not_shown_to_cal_com(desk, calcom, monkeypatch, where):
    monkeypatch.setitem(connecting_pages._PLACES, where, calcom.api_url)
    fields = {"where": where, "address": ""}
    another = await desk.post("/connections/check", api_key="sk_live_0123456789", **fields)
    right = await desk.post("/connections/check", api_key=KEY, **fields)

    assert another.status_code == 422
    assert "those begin with cal_" in told(another)
    assert "sk_live" not in another.text
    assert "The key works." in right.text
    own = await desk.check(calcom.url, key="sk_live_0123456789")
    assert "refused the API key" in told(own), "our own server may give other keys"


async def test_another_accounts_key_is_refused_in_the_form_that_lets_it_be_meant(desk, calcom):
    where = await desk.connect(calcom.url)
    async with desk.house.parts.database.transaction() as tx:
        await tx.execute(
            text("UPDATE connections SET account_id = 4711, account = 'ben@x.example'")
        )

    refused = await desk.post(f"{where}/key", api_key=KEY)
    meant = await desk.post(f"{where}/key", api_key=KEY, other_account="true")

    assert refused.status_code == 409
    label = re.search(r'name="other_account" value="true"> ([^<]+)</label>', refused.text)[1]
    assert f"tick “{label}”" in told(refused)
    assert meant.status_code == 303
    assert "The webhook of ben@x.example" in (await desk.get(where)).text


async def test_a_secret_that_was_given_up_with_a_key_is_good_no_more_at_once(desk, calcom, http):
    where = await desk.connect(calcom.url)
    [row] = await ungated(http, calcom.api_url).webhooks()
    body = b'{"triggerEvent":"PING"}'
    old = webhook.signature(row["secret"], body)
    assert (await desk.house.deliver(body, signature=old)).status_code == 200
    async with desk.house.parts.database.transaction() as tx:
        await tx.execute(
            text("UPDATE connections SET account_id = 4711, account = 'ben@x.example'")
        )

    await desk.post(f"{where}/key", api_key=KEY, other_account="true")

    assert (await desk.house.deliver(body, signature=old)).status_code == 401


async def test_a_new_secret_is_shown_only_where_it_is_asked_for(desk, calcom, http):
    where = await desk.connect(calcom.url)

    quiet = await desk.post(f"{where}/secret")
    shown = await desk.post(f"{where}/secret", show="true")

    assert quiet.status_code == 303
    [row] = await ungated(http, calcom.api_url).webhooks()
    assert row["secret"] in shown.text
    assert row["secret"] not in (await desk.get(where)).text


async def test_disconnecting_asks_first_says_what_stays_and_keeps_the_name(desk, calcom, http):
    where = await desk.connect(calcom.url)
    asked = await desk.get(f"{where}/disconnection")
    assert "All bookings, deliveries and interviews here" in asked.text

    said = await desk.post(f"{where}/disconnection")

    assert "Its webhook at Cal.com is deleted." in said.text
    assert await ungated(http, calcom.api_url).webhooks() == []
    assert "its bookings are still here" in (await desk.get("/connections")).text
    assert (await desk.post(f"{where}/disconnection")).status_code == 409
    assert 'value="Mara"' in (await desk.check(calcom.url)).text
    assert await desk.connect(calcom.url) == where


async def test_a_webhook_that_cal_com_refused_is_said_and_tried_again(desk, calcom, http):
    where = await desk.connect(calcom.url)
    async with desk.house.parts.database.transaction() as tx:
        await tx.execute(text("UPDATE connections SET webhook_problem = 'It was away.'"))
    page = (await desk.get(where)).text
    assert "It was away." in page
    assert "Deliveries signed with the secret before" not in page

    assert (await desk.post(f"{where}/webhook")).status_code == 303

    assert "It was away." not in (await desk.get(where)).text
