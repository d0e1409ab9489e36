"""Deliveries as people see them: listed, filtered, opened, replayed."""

import re
from datetime import timedelta

import pytest
from markupsafe import escape
from sqlalchemy import text
from structlog.testing import capture_logs

from builders import NOW, delivery
from greenroom.accounts.model import Role
from greenroom.calcom.webhook import Refusal
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import retention
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


async def test_a_page_that_is_open_learns_of_refused_requests_at_once(house, viewer):
    _, html = await listed(house, viewer)
    (address,) = re.findall(r'id="refused" hx-get="([^"]+)" hx-trigger="delivery ', html)
    assert Refusal.WRONG.what not in html

    house.parts.announcer._waiting.clear()
    await house.deliver(delivery(), signature="0" * 64)
    assert "delivery" in house.parts.announcer._waiting
    answer = await house.http.get(address, headers={**viewer, "hx-request": "true"})

    assert f"<b>1×</b> {escape(Refusal.WRONG.what)}" in answer.text
    assert "<html" not in answer.text


async def test_a_delivery_covers_people_until_a_recruiter_asks(house, viewer, recruiter, world):
    (id_,) = await world.deliver(delivery())
    path = f"/deliveries/{id_}"

    covered = (await house.http.get(path, headers=recruiter)).text
    with capture_logs() as logs:
        shown = (await house.http.get(f"{path}?show=all", headers=recruiter)).text
    refused = await house.http.get(f"{path}?show=all", headers=viewer)

    assert "ada@example.org" not in covered
    assert "2026-11-25T10:00:00Z" in covered
    assert "ada@example.org" in shown
    assert refused.status_code == 403
    assert [each for each in logs if each["event"] == "Showed people's data"] == [
        {
            "event": "Showed people's data",
            "log_level": "info",
            "delivery": id_,
            "to": "a token",
        }
    ]


async def test_a_delivery_can_be_replayed(house, recruiter, viewer, world):
    (id_,) = await world.deliver(delivery())

    answer = await house.http.post(f"/deliveries/{id_}/replay", headers=recruiter)
    refused = await house.http.post(f"/deliveries/{id_}/replay", headers=viewer)

    there = f"/deliveries/{id_}?replayed=1"
    assert (answer.status_code, answer.headers["location"]) == (303, there)
    assert (await world.delivery(id_)).attempts == 0
    assert refused.status_code == 403


async def test_a_delivery_that_is_taken_in_again_says_so_until_it_is_read(house, recruiter, world):
    (id_,) = await world.deliver(delivery())
    there = f"/deliveries/{id_}?replayed=1"
    part = {**recruiter, "hx-request": "true"}
    assert "taken in again" not in (await house.http.get(f"/deliveries/{id_}", headers=part)).text
    await house.http.post(f"/deliveries/{id_}/replay", headers=recruiter)

    waits = (await house.http.get(there, headers=recruiter)).text
    await deliveries.drain(house.parts.database, now=NOW)
    read = (await house.http.get(there, headers=part)).text

    assert "It is being taken in again." in waits
    assert f'hx-get="{there}" hx-trigger="delivery ' in waits
    assert f'<a href="{there}">Look again</a>' in waits
    assert "It was taken in again." in read
    assert "hx-get" not in read
    assert "<html" not in read


async def test_hostile_deliveries_stay_text(house, recruiter, world):
    attack = "<script>alert(1)</script>"
    (id_,) = await world.deliver(delivery(attack, title=attack, **{attack: attack}))

    for path in ("/deliveries", f"/deliveries/{id_}", f"/deliveries/{id_}?show=all"):
        html = (await house.http.get(path, headers=recruiter)).text

        assert attack not in html, path


async def listed(house, headers, query=""):
    html = (await house.http.get(f"/deliveries{query}", headers=headers)).text
    return [int(id_) for id_ in re.findall(r'<tr id="delivery-(\d+)"', html)], html


async def test_filters_and_pages_stand_in_the_address(house, viewer, world):
    await world.deliver(*(delivery(uid=f"b{n}", bookingId=n) for n in range(1, 6)), b"false")

    ids, html = await listed(house, viewer, "?trigger=BOOKING_CREATED&limit=3")
    assert ids == [5, 4, 3]
    older = re.search(r'rel="next" href="/deliveries([^"]*)"', html)[1].replace("&amp;", "&")
    assert "trigger=BOOKING_CREATED" in older
    assert (await listed(house, viewer, older))[0] == [2, 1]

    assert (await listed(house, viewer, "?q=b2"))[0] == [2]
    assert (await listed(house, viewer, "?from=2026-11-24&to=2026-11-24&state="))[0] == [
        *range(6, 0, -1)
    ]
    ids, html = await listed(house, viewer, "?from=2026-11-25")
    assert ids == []
    assert "No delivery fits" in html


async def test_a_person_is_named_where_the_booking_is_theirs(house, viewer, world):
    row = await world.send(await world.candidate("Ada <b>Lovelace"), await world.event_type())
    ours = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    (id_,) = await world.deliver(ours)

    for path in ("/deliveries", f"/deliveries/{id_}"):
        html = (await house.http.get(path, headers=viewer)).text

        assert f'<a href="/interviews/{row.id}"><bdi>Ada &lt;b&gt;Lovelace</bdi></a>' in html
        assert '<time datetime="2026-11-25T10:00:00Z">' in html
        assert "10:00 UTC." not in re.sub(r"<time.*?</time>", "", html)


async def test_how_it_was_signed_and_how_often_it_came_is_shown(house, viewer, world):
    for _ in range(3):
        await house.deliver(delivery())

    _, html = await listed(house, viewer)
    page = (await house.http.get("/deliveries/1", headers=viewer)).text

    assert "Signed with the current secret" in html
    assert re.search(r"2, <small>last .* ago</small>", html)
    assert "The same bytes came 2 more times, last" in page


async def test_picked_deliveries_are_replayed_without_javascript(house, recruiter, viewer, world):
    ids = await world.deliver(b"1", b"2", b"3")
    ticked = {"id": [str(ids[0]), str(ids[2])]}

    _, html = await listed(house, recruiter)
    assert html.count('name="id"') == 3
    answer = await house.http.post("/deliveries/replays", data=ticked, headers=recruiter)
    refused = await house.http.post("/deliveries/replays", data=ticked, headers=viewer)
    nothing = await house.http.post("/deliveries/replays", headers=recruiter)

    assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries?replayed=2")
    assert [(await world.delivery(id_)).state.value for id_ in ids] == ["new", "unread", "new"]
    assert (refused.status_code, nothing.status_code) == (403, 303)
    assert "2 deliveries are taken in again" in (await listed(house, recruiter, "?replayed=2"))[1]
    assert 'name="id"' not in (await listed(house, viewer))[1]


async def test_all_that_failed_are_replayed_at_once(house, recruiter, world):
    answer = await house.http.post("/deliveries/replays", data={"all": "failed"}, headers=recruiter)

    location = answer.headers["location"]
    assert location == "/deliveries?replayed=0&of=failed"
    html = (await house.http.get(location, headers=recruiter)).text
    assert "None has failed." in html
    assert "Replay all that failed" not in html

    (id_,) = await world.deliver(delivery())
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("UPDATE deliveries SET state = 'dead'"))
    assert "Replay all that failed" in (await listed(house, recruiter))[1]
    again = await house.http.post("/deliveries/replays", data={"all": "failed"}, headers=recruiter)
    assert again.headers["location"] == "/deliveries?replayed=1&of=failed"
    assert (await world.delivery(id_)).state.value == "new"


async def test_a_booking_of_nobody_we_know_leads_to_saying_whose_it_is(house, viewer, world):
    await world.deliver(delivery(uid="stranger"))

    _, html = await listed(house, viewer)

    whose = "/unmatched/booking?connection_id=1&amp;uid=stranger"
    assert f'<a href="{whose}"><code>stranger</code></a>' in html
    address = whose.replace("&amp;", "&")
    assert (await house.http.get(address, headers=viewer)).status_code == 200


async def test_a_span_that_ends_before_it_begins_is_refused_in_words(house, viewer):
    answer = await house.http.get("/deliveries?from=2026-11-25&to=2026-11-24", headers=viewer)

    assert answer.status_code == 422
    assert "`from` comes after `to`" in answer.text


async def test_an_emptied_delivery_says_so_and_offers_nothing(house, world):
    admin = {**await house.token(Role.ADMIN), "accept": "text/html"}
    (id_,) = await world.deliver(delivery())
    path = f"/deliveries/{id_}"
    assert f"{path}/body" in (await house.http.get(path, headers=admin)).text

    await retention.tidy(house.parts.database, keep_days=1, now=NOW + timedelta(days=2))

    html = (await house.http.get(path, headers=admin)).text
    assert "emptied after 90 days" in html
    for offered in (f"{path}/body", f"{path}/replay", "show=all"):
        assert offered not in html
    assert 'name="id"' not in (await listed(house, admin))[1]


async def test_refusals_of_the_last_days_are_told(house, viewer):
    await house.deliver(delivery(), signature=None)
    await house.parts.secrets.flush()

    assert re.search(r"In the last 14 days:\s+<span><b>1</b> on ", (await listed(house, viewer))[1])
