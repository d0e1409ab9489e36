"""Several accounts, their keys, their teams, and what owners do behind a client's back."""

import dataclasses
from pathlib import Path

import pytest

from calcom_simulator import control_api
from calcom_simulator.editions import EDITIONS, NEWER, SELF_HOSTED, Edition

pytestmark = pytest.mark.anyio

_HIDDEN = {"title": "Probe", "slug": "probe", "lengthInMinutes": 30, "hidden": True}
_TEAM = "/teams/1/event-types"
_KINDS = "2024-06-14"


async def asked(cal, path, key, *, version=None):
    """The answer to a GET with somebody's key."""
    headers = {"authorization": f"Bearer {key}"} | ({"cal-api-version": version} if version else {})
    return await cal.browser.get(f"/v2{path}", headers=headers)


async def subscription(cal):
    (only,) = await cal.data("GET", "/webhooks")
    return only


# Accounts and keys


async def test_each_key_is_of_its_own_account(cal):
    await cal.book()
    me = (await asked(cal, "/me", "cal_simulator_jonas")).json()["data"]
    kinds = await asked(cal, "/event-types", "cal_simulator_jonas", version=_KINDS)
    bookings = await asked(cal, "/bookings", "cal_simulator_jonas", version="2024-08-13")
    webhooks = await asked(cal, "/webhooks", "cal_simulator_jonas")

    assert (me["username"], me["email"]) == ("jonas", "jonas@studio.example")
    assert [one["slug"] for one in kinds.json()["data"]] == ["portfolio-review", "coffee"]
    assert (bookings.json()["data"], webhooks.json()["data"]) == ([], [])


async def test_a_revoked_key_is_refused_and_a_new_one_works(cal):
    await cal.control("keys/revoke", {"username": "mara"})
    refused = await cal.call("GET", "/me")
    nobody = await asked(cal, "/me", "")
    made = await cal.control("keys", {"username": "mara"})

    assert (refused.status_code, nobody.status_code) == (401, 401)
    assert "Invalid API Key" in refused.json()["error"]["message"]
    assert made["key"] == "cal_simulator_mara_2"
    assert (await asked(cal, "/me", made["key"])).json()["data"]["username"] == "mara"
    assert (await cal.call("GET", "/me")).status_code == 401


# Webhooks behind one's back


async def test_a_subscription_can_be_edited_switched_off_and_deleted(cal):
    there = await subscription(cal)
    path = f"subscriptions/{there['id']}"
    await cal.control(path, {"active": False, "secret": "other", "triggers": ["BOOKING_CREATED"]})
    await cal.book()
    edited = await subscription(cal)

    assert cal.receiver.received == []
    assert (edited["active"], edited["secret"]) == (False, "other")
    assert edited["triggers"] == ["BOOKING_CREATED"]
    await cal.control(f"{path}/delete", {})
    assert await cal.data("GET", "/webhooks") == []
    assert (await cal.browser.post(f"/control/api/{path}", json={})).status_code == 400


async def test_the_buttons_for_owners_work(cal):
    there = await subscription(cal)
    fields = {"webhook": there["id"], "url": there["subscriberUrl"], "secret": ""}
    fields |= {"template": '{"a":1}', "triggers": "BOOKING_CREATED, BOOKING_PAID"}
    answer = await cal.submit("/control/owners/edit", **fields)
    edited = await subscription(cal)

    assert answer.status_code == 200
    assert (edited["active"], edited["secret"], edited["payloadTemplate"]) == (
        False,
        None,
        '{"a":1}',
    )
    assert edited["triggers"] == ["BOOKING_CREATED", "BOOKING_PAID"]
    for deed, given in (
        ("delete", {"webhook": there["id"]}),
        ("subscribe", {"url": "http://receiver/team", "secret": "s", "whose": "team-1"}),
        ("revoke-key", {"username": "mara"}),
        ("make-key", {"username": "mara"}),
        ("event-type", {"username": "mara", "slug": "greenroom-probe", "hidden": "on"}),
    ):
        assert (await cal.submit(f"/control/owners/{deed}", **given)).status_code == 200, deed
    page = (await cal.browser.get("/control")).text
    assert "cal_simulator_mara_2" in page
    assert "greenroom-probe (hidden)" in page
    assert "of team Studio" in page
    assert (await cal.submit("/control/owners/delete", webhook="none")).status_code == 404


async def test_one_address_is_subscribed_once_also_when_moved(cal):
    body = {"subscriberUrl": "http://receiver/b", "active": True, "triggers": ["BOOKING_PAID"]}
    other = await cal.data("POST", "/webhooks", body)
    path = f"/webhooks/{other['id']}"
    taken = await cal.call("PATCH", path, {"subscriberUrl": "http://receiver/main"})
    same = await cal.call("PATCH", path, {"subscriberUrl": "http://receiver/b", "active": False})

    assert (taken.status_code, same.status_code) == (409, 200)


async def test_a_webhook_is_its_owners_and_of_its_own_level(cal):
    body = {"subscriberUrl": "http://receiver/b", "active": True, "triggers": ["BOOKING_PAID"]}
    mine = await subscription(cal)
    of_a_kind = await cal.data("POST", "/event-types/2/webhooks", body)

    strange = await asked(cal, f"/webhooks/{mine['id']}", "cal_simulator_jonas")
    assert strange.status_code == 403
    assert (await cal.call("GET", f"/webhooks/{of_a_kind['id']}")).status_code == 403
    assert of_a_kind["eventTypeId"] == 2
    assert [one["id"] for one in await cal.data("GET", "/webhooks")] == [mine["id"]]
    await cal.data("DELETE", "/event-types/2/webhooks")
    assert await cal.data("GET", "/event-types/2/webhooks") == []


async def test_lists_of_webhooks_have_pages(cal):
    for number in range(3):
        body = {"subscriberUrl": f"http://receiver/{number}", "active": True}
        await cal.data("POST", "/webhooks", body | {"triggers": ["BOOKING_PAID"]})
    first = await cal.data("GET", "/webhooks?take=2")
    rest = await cal.data("GET", "/webhooks?take=250&skip=2")

    assert (len(first), len(rest)) == (2, 2)
    assert (await cal.call("GET", "/webhooks?take=251")).status_code == 400


async def test_a_cal_com_that_wants_public_addresses_refuses_others(cal):
    await cal.control("edition", {"webhook_urls": "public"})
    triggers = {"active": True, "triggers": ["BOOKING_PAID"]}
    for url, status in (
        ("http://hooks.example.org/x", 400),
        ("https://localhost/x", 400),
        ("https://192.168.1.4/x", 400),
        ("https://hooks.example.org/x", 201),
    ):
        answer = await cal.call("POST", "/webhooks", {"subscriberUrl": url} | triggers)
        assert answer.status_code == status, url
        assert status == 201 or "Webhook URL is not allowed" in answer.text


# Teams


async def test_a_persons_webhook_hears_nothing_of_a_teams_event_type(cal):
    booking = await cal.book(kind=9)
    seen = await cal.data("GET", "/bookings")

    assert cal.receiver.received == []
    assert [one["uid"] for one in seen] == [booking["uid"]]
    assert 9 not in [one["id"] for one in await cal.data("GET", "/event-types", version=_KINDS)]


async def test_a_teams_event_type_tells_its_own_webhooks_and_the_teams(cal):
    body = {"subscriberUrl": "http://receiver/team", "active": True, "secret": "t"}
    body |= {"triggers": ["BOOKING_CREATED"]}
    made = await cal.data("POST", f"{_TEAM}/9/webhooks", body)
    await cal.control("subscriptions", {"url": "http://receiver/all", "team_id": 1})
    await cal.book(kind=9)
    await cal.book(kind=2, start="2026-11-26T09:00:00Z")

    assert made["eventTypeId"] == 9
    told = [(one.path, one.about["eventTypeId"]) for one in cal.receiver.received]
    assert sorted(told) == [("/all", 9), ("/main", 2), ("/team", 9)]
    team = next(one.about["team"] for one in cal.receiver.received if one.path == "/team")
    assert [one["name"] for one in team["members"]] == ["Jonas Weber"]


async def test_members_see_their_team_and_only_admins_its_webhooks(cal):
    (team,) = await cal.data("GET", "/teams")
    (kind,) = await cal.data("GET", _TEAM, version=_KINDS)
    other = await asked(cal, f"/teams/{team['id']}/event-types/9/webhooks", "cal_simulator_jonas")

    assert (team["slug"], kind["slug"], kind["teamId"]) == ("studio", "team-interview", 1)
    assert kind["schedulingType"] == "collective"
    assert kind["bookingUrl"].endswith("/team/studio/team-interview")
    assert other.status_code == 403
    assert (await cal.call("GET", "/event-types/9", version=_KINDS)).status_code == 403
    await cal.control("edition", {"has_teams": False})
    assert (await cal.call("GET", "/teams")).status_code == 404


async def test_a_team_is_free_when_all_of_it_is(cal):
    await cal.book(kind=7)  # Jonas alone
    attendee = {"name": "Ada", "email": "ada@client.example", "timeZone": "UTC"}
    body = {"eventTypeId": 9, "start": "2026-11-25T09:00:00Z", "attendee": attendee}
    taken = await cal.call("POST", "/bookings", body)
    page = await cal.browser.get("/team/studio/team-interview")

    assert taken.status_code == 400
    assert "Team interview" in page.text


# What an end-to-end test through Cal.com needs


async def test_a_hidden_event_type_is_booked_told_and_cancelled_like_any_other(cal):
    kind = await cal.data("POST", "/event-types", _HIDDEN, version=_KINDS)
    public = await asked(cal, "/event-types?username=mara", "cal_simulator_jonas", version=_KINDS)
    query = f"/slots?eventTypeId={kind['id']}&start=2026-11-25&end=2026-11-26"
    days = await cal.data("GET", query, version="2024-09-04")
    first = days["2026-11-25"][0]["start"]
    booking = await cal.book(kind=kind["id"], start=first, metadata={"probe": "1"})
    path = f"/bookings/{booking['uid']}/cancel"
    await cal.data("POST", path, {"cancellationReason": "Only a test"})

    assert kind["hidden"] is True
    assert "probe" not in [one["slug"] for one in public.json()["data"]]
    assert booking["metadata"] == {"probe": "1"}
    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_CANCELLED"]


# Other Cal.coms


async def test_an_older_one_names_no_version_and_knows_fewer_events(cal):
    cal.world.edition = SELF_HOSTED
    body = {"subscriberUrl": "http://receiver/b", "active": True, "version": "2026-07-27"}

    assert "version" not in await subscription(cal)
    made = await cal.data("POST", "/webhooks", body | {"triggers": ["BOOKING_PAID"]})
    assert "version" not in made


async def test_a_newer_one_has_more_fields_events_and_versions(cal):
    cal.world.edition = NEWER
    body = {"subscriberUrl": "http://receiver/b", "active": True}
    made = await cal.data("POST", "/webhooks", body | {"triggers": ["BOOKING_WAITLISTED"]})
    booking = await cal.book()

    assert (made["version"], made["revision"]) == ("2027-03-01", 3)
    assert booking["links"]["self"]
    assert (await cal.data("GET", "/me"))["username"] == "mara"


@pytest.mark.parametrize(
    ("answer", "path", "version"),
    [
        ("me", "/me", None),
        ("event-types", "/event-types", _KINDS),
        ("bookings", "/bookings", "2024-08-13"),
        ("webhooks", "/webhooks", None),
    ],
)
async def test_one_answer_can_have_another_shape(cal, answer, path, version):
    usual = await cal.data("GET", path, version=version)
    await cal.control("edition", {"reshaped": answer})
    now = await cal.data("GET", path, version=version)
    other = await cal.data("GET", "/event-types/2", version=_KINDS)

    assert usual in (now.get("items"), now.get("result"))
    assert ("slug" in other) is (answer != "event-types")


async def test_a_dropped_version_is_answered_in_the_oldest_shape(cal):
    await cal.control("edition", {"dropped_versions": ["2024-08-13"]})

    assert "bookings" in await cal.data("GET", "/bookings")
    assert (await cal.call("GET", "/event-types", version=_KINDS)).status_code == 200


async def test_the_api_can_be_behind_a_prefix(cal):
    await cal.control("edition", {"api_prefix": "/api"})
    me = await cal.browser.get("/api/v2/me", headers={"authorization": "Bearer cal_simulator_mara"})
    bare = await cal.call("GET", "/me")
    unknown = await cal.browser.get("/api/v2/nothing")

    assert me.json()["data"]["username"] == "mara"
    assert (bare.status_code, unknown.status_code) == (404, 404)
    assert unknown.json()["error"]["message"] == "Cannot GET /api/v2/nothing"


async def test_private_links_can_be_missing_altogether(cal):
    await cal.control("edition", {"private_links": "none"})
    for version in ("2024-09-04", None):
        answer = await cal.call("POST", "/event-types/2/private-links", {}, version=version)
        assert answer.status_code == 404


async def test_a_newer_one_switches_a_gone_receiver_off(cal):
    await cal.control("edition", {"on_gone": "switch_off"})
    cal.receiver.status = 410
    await cal.book()

    assert (await subscription(cal))["active"] is False


@pytest.mark.parametrize(
    "wrong", [{"reshaped": "everything"}, {"api_prefix": "api"}, {"first_page": 2}]
)
async def test_an_edition_that_cannot_be_is_refused(cal, wrong):
    answer = await cal.browser.post("/control/api/edition", json=wrong)
    assert answer.status_code == 400


def test_the_reference_names_every_difference_and_every_control():
    page = (Path(__file__).parents[2] / "docs/reference/simulator.md").read_text()
    names = {field.name for field in dataclasses.fields(Edition)} - {"name"}
    controls = {route.path.removeprefix("/control/api/") for route in control_api.ROUTES}

    said = page.replace("<uid>", "{uid}").replace("<id>", "{id}")
    assert {name for name in names if name not in page} == set()
    assert {one for one in controls if one.replace(":int", "") not in said} == set()
    assert all(f"`{name}`" in page for name in EDITIONS)
