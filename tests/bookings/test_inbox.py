"""Bookings that belong to no interview: found, explained, settled by a person, and taken back."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from builders import DAY, delivery
from greenroom.accounts.model import Role
from greenroom.bookings import inbox, verdicts
from greenroom.candidates import actions as candidates
from greenroom.interviews import overview
from greenroom.interviews.overview import Asked
from interviews.scheduling import iso, now, page
from world import World

pytestmark = pytest.mark.anyio

MARKUP = (
    "<script canary>alert(1)</script>",
    '"><img canary src=x onerror=alert(1)>',
    "'><iframe canary src=javascript:alert(1)>",
    "</title></template><svg canary onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;b canary&gt;",
    "{{7*7}}${7*7}",
)


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def recruiter(house):
    return {**await house.token(Role.RECRUITER), "accept": "text/html"}


@pytest.fixture
async def waiting(world):
    """Ada Lovelace has a link for an intro call, sent an hour ago."""
    return await world.send(
        await world.candidate(), await world.event_type(), now=now() - timedelta(hours=1)
    )


async def lost(world, uid="lost", email="a.lovelace@home.example", name="Ada Lovelace", **more):
    """Somebody has booked on the public page; give what the booking is known by."""
    starts = more.pop("starts", now() + DAY)
    people = [{"name": name, "email": email, "timeZone": "Europe/London"}]
    given = {"startTime": iso(starts), "endTime": iso(starts + timedelta(minutes=30))}
    kind = {"eventTypeId": 1, "type": "intro-call"}
    number = {"bookingId": abs(hash(uid)) % 10**6}
    await world.deliver(
        delivery(uid=uid, attendees=people, **{**given, **kind, **number, **more}), at=now()
    )
    return (world.connection_id, uid)


async def listed(world):
    async with world.database.transaction() as tx:
        found = await inbox.ahead(tx, now=now())
    return [each.kept.booking.uid for each in found.items]


def form(key, **more):
    return {"connection_id": key[0], "uid": key[1], **more}


async def post(house, path, headers, status=303, **data):
    answer = await house.http.post(path, data=data, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.headers.get("location", "")


async def test_what_nobody_can_be_found_for_waits_soonest_first_with_reasons(
    house, recruiter, world, waiting
):
    await lost(world, "later", starts=now() + 2 * DAY)
    await lost(world, "sooner")

    html = await page(house, "/unmatched", recruiter)

    assert html.count('class="panel section stranger"') == 2
    assert await listed(world) == ["sooner", "later"]
    assert "has the same name" in html
    assert "waits for this event type" in html
    assert "was given a link 1 h before" in html
    assert "Intro call" in html


async def test_only_what_stands_counts(house, recruiter, world, waiting):
    await lost(world, "one")
    await lost(world, "gone", status="CANCELLED", trigger="BOOKING_CANCELLED")
    await lost(world, "over", starts=now() - DAY)

    html = await page(house, "/unmatched", recruiter)

    assert (await page(house, "/unmatched/count", recruiter)) == "1"
    assert await listed(world) == ["one"]
    assert "Already over" in html
    assert html.count('class="panel section stranger"') == 2


async def test_a_match_turns_the_dot_green_and_undo_takes_it_back(house, recruiter, world, waiting):
    key = await lost(world)

    back = await post(house, "/unmatched/match", recruiter, **form(key, interview_id=waiting.id))
    after = await world.row(waiting.id)
    html = await page(house, back, recruiter)

    assert after.status == "confirmed"
    assert await listed(world) == []
    assert "is the interview of" in html
    assert 'action="/unmatched/undo"' in html
    html = await page(
        house, await post(house, "/unmatched/undo", recruiter, **form(key)), recruiter
    )
    assert "belongs to no interview" in html
    assert (await world.row(waiting.id)).status == "pending"
    assert await listed(world) == ["lost"]


async def test_what_is_ignored_stays_so_when_more_is_heard(house, recruiter, world, waiting):
    key = await lost(world)

    html = await page(
        house, await post(house, "/unmatched/ignore", recruiter, **form(key)), recruiter
    )
    await lost(world, location="https://meet.example/new")

    assert "is set aside" in html
    assert await listed(world) == []
    assert "Take back" in await page(house, "/unmatched?show=ignored", recruiter)
    await post(house, "/unmatched/undo", recruiter, **form(key))
    assert await listed(world) == ["lost"]


async def test_a_candidate_is_made_of_whoever_booked_and_undone_again(
    house, recruiter, world, waiting
):
    key = await lost(world, name="Grace Hopper", email="grace@navy.example")

    back = await post(house, "/unmatched/candidate", recruiter, **form(key))
    async with world.database.transaction() as tx:
        (made,) = (await overview.page(tx, Asked(q="grace"))).rows

    assert (made.candidate.name, made.candidate.addresses) == (
        "Grace Hopper",
        ("grace@navy.example",),
    )
    assert (made.candidate.zone, made.status, made.link) == ("Europe/London", "confirmed", None)
    assert f"made={made.id}" in back
    await post(house, "/unmatched/undo", recruiter, **form(key, made=made.id))
    assert await listed(world) == ["lost"]
    async with world.database.transaction() as tx:
        assert (await candidates.find(tx, query="grace")).items == []


async def test_nothing_that_has_gone_on_is_undone_with_it(house, recruiter, world, waiting):
    key = await lost(world)

    answer = await house.http.post(
        "/unmatched/undo", data=form(key, made=waiting.id), headers=recruiter
    )

    assert answer.status_code == 409
    assert (await world.row(waiting.id)).link is not None


async def test_another_interview_is_found_by_name(house, recruiter, world, waiting):
    key = await lost(world, name="?", email="x@y.example", type="other", eventTypeId=2)
    address = f"/unmatched/booking?connection_id={key[0]}&uid={key[1]}"

    html = await page(house, f"{address}&q=lovel", recruiter)

    assert f'name="interview_id" value="{waiting.id}"' in html
    assert "No interview found" in await page(house, f"{address}&q=nobody", recruiter)
    await page(house, f"/unmatched/booking?connection_id={key[0]}&uid=none", recruiter, 404)


async def test_viewers_look_and_change_nothing(house, world, waiting):
    viewer = {**await house.token(Role.VIEWER), "accept": "text/html"}
    key = await lost(world)

    html = await page(house, "/unmatched", viewer)

    assert "has the same name" in html
    assert "<form" not in html.partition('id="inbox"')[2].partition("</main>")[0]
    for what in ("match", "candidate", "ignore", "undo"):
        await post(house, f"/unmatched/{what}", viewer, 403, **form(key, interview_id=1))


async def test_an_empty_inbox_teaches_what_comes_here(house, recruiter):
    assert "Every booking has its interview" in await page(house, "/unmatched", recruiter)
    assert "Nothing was missed" in await page(house, "/unmatched?show=past", recruiter)
    assert "Nothing is set aside" in await page(house, "/unmatched?show=ignored", recruiter)


async def test_the_list_is_paged_by_time(house, recruiter, world):
    start = now() + DAY
    for number in range(22):
        await lost(world, f"b{number:02}", starts=start + timedelta(minutes=number // 2))

    first = await page(house, "/unmatched", recruiter)
    later = re.search(r'href="(/unmatched\?after=[^"]+)"', first)
    assert later
    second = await page(house, later[1].replace("&amp;", "&"), recruiter)

    shown = [re.findall(r'name="uid" value="(b\d\d)"', html) for html in (first, second)]
    assert len(set(shown[0])) == 20
    assert set(shown[1]) == {"b20", "b21"}


@pytest.mark.parametrize("show", ["past", "ignored"])
async def test_what_is_over_or_set_aside_is_paged_too(house, recruiter, world, show):
    over = now() - 2 * DAY
    keys = [await lost(world, f"b{number:02}", starts=over) for number in range(22)]
    if show == "ignored":
        async with world.database.transaction() as tx:
            for key in keys:
                await verdicts.judge(tx, key, None, address="", by="Robin", now=now())

    first = await page(house, f"/unmatched?show={show}", recruiter)
    earlier = re.search(rf'href="(/unmatched\?show={show}&[^"]+)"', first)
    assert earlier
    second = await page(house, earlier[1].replace("&amp;", "&"), recruiter)

    shown = [set(re.findall(r'name="uid" value="(b\d\d)"', html)) for html in (first, second)]
    assert [len(each) for each in shown] == [20, 2]
    assert len(set.union(*shown)) == 22


async def test_a_place_that_is_not_ours_is_refused(house, recruiter):
    for place in ("x", "20261124093000000000-0-a", "1-2-3"):
        await page(house, f"/unmatched?after={place}", recruiter, 400)


class _Page(HTMLParser):
    """What a browser would make of a page: its text, its tags, its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.attributes = "", set(), {}
        self.feed(html)

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= dict(attrs)


async def test_names_are_words_and_never_markup(house, recruiter, world, waiting):
    odd = {"title": MARKUP[0], "type": MARKUP[1], "eventTypeId": 9, "location": MARKUP[2]}
    for number, name in enumerate(MARKUP):
        key = await lost(world, f"odd{number}", name=name, **odd)
    await lost(
        world,
        "mine",
        name=MARKUP[1],
        cancellationReason=MARKUP[0],
        metadata={"greenroom": waiting.link.token},
    )
    query = urlencode({"connection_id": key[0], "uid": key[1], "q": MARKUP[0]})

    inbox_, one, drawer = [
        _Page(await page(house, path, recruiter))
        for path in ("/unmatched", f"/unmatched/booking?{query}", f"/interviews/{waiting.id}")
    ]

    for name in MARKUP:
        assert name in inbox_.text
    assert MARKUP[-1] in one.text
    assert f"{MARKUP[1]} booked" in drawer.text
    for shown in (inbox_, one, drawer):
        assert not shown.tags & {"img", "iframe", "object"}
        assert "canary" not in shown.attributes
        assert not {name for name in shown.attributes if name.startswith("on")}
        assert not [v for v in shown.attributes.values() if (v or "").startswith("javascript:")]


async def test_one_seat_of_several_is_settled_by_itself(world, waiting):
    people = [
        {"name": name, "email": f"{name}@x.example", "timeZone": "Europe/London"}
        for name in ("grace", "bob", "carol")
    ]
    for each in people:
        await world.deliver(
            delivery(uid="panel", attendees=[each], seatsPerTimeSlot=5, attendeeSeatId="x"),
            at=now() - 400 * DAY,
        )
    key = (world.connection_id, "panel")
    async with world.database.transaction() as tx:
        await verdicts.judge(tx, key, waiting.id, address="bob@x.example", by="Robin", now=now())
        await verdicts.judge(tx, key, None, address="carol@x.example", by="Robin", now=now())
        found = await inbox.ahead(tx, now=now() - 400 * DAY)

        set_aside = (await inbox.ignored(tx)).items

    assert [each.seat for each in found.items] == ["grace@x.example"]
    assert [(each.guest.name, each.ignored[0]) for each in set_aside] == [("carol", "Robin")]


async def test_programs_settle_bookings_too(house, world, waiting):
    headers = await house.token(Role.RECRUITER)
    await lost(world)
    base = "/api/admin/scheduling"

    found = (await house.http.get(f"{base}/unmatched", headers=headers)).json()
    (one,) = found["items"]
    assert one["suggestions"][0]["interview_id"] == waiting.id
    assert "has the same name" in one["suggestions"][0]["reasons"]

    verdict = {"interview_id": waiting.id}
    said = await house.http.post(f"{base}/bookings/lost/verdict", json=verdict, headers=headers)
    assert (said.json()["interview_id"], said.json()["rung"]) == (waiting.id, "person")
    back = await house.http.delete(f"{base}/bookings/lost/verdict", headers=headers)
    assert back.json()["interview_id"] is None
    set_aside = {"interview_id": None, "connection_id": world.connection_id}
    await house.http.post(f"{base}/bookings/lost/verdict", json=set_aside, headers=headers)
    listed_ = await house.http.get(f"{base}/unmatched?show=ignored", headers=headers)
    assert listed_.json()["items"][0]["ignored_by"] == "a recruiter"
    assert (await house.http.get(f"{base}/unmatched", headers=headers)).json()["items"] == []


async def test_an_address_is_added_and_the_flag_goes(house, recruiter, world, waiting):
    token = {"metadata": {"greenroom": waiting.link.token}}
    await lost(world, name="Ada L.", email="ada@home.example", **token)
    drawer = f"/interviews/{waiting.id}"

    before = await page(house, drawer, recruiter)
    await post(house, f"{drawer}/address", recruiter, address="ada@home.example")
    row = await world.row(waiting.id)

    assert "Booked with another address" in before
    assert "which is no address of" in before
    assert row.candidate.addresses == ("ada@example.org", "ada@home.example")
    assert row.attention == []
    assert "Add as second address" not in await page(house, drawer, recruiter)


async def test_an_address_of_somebody_else_is_not_taken_away(house, recruiter, world, waiting):
    await world.candidate("Bob Moses", "bob@example.org")

    await post(
        house, f"/interviews/{waiting.id}/address", recruiter, 409, address="bob@example.org"
    )


async def test_the_second_booking_is_shown_with_what_to_do(house, recruiter, world, waiting):
    token = {"metadata": {"greenroom": waiting.link.token}, "email": "ada@example.org"}
    await lost(world, "first", **token)
    await lost(world, "second", starts=now() + 2 * DAY, **token)

    html = await page(house, f"/interviews/{waiting.id}", recruiter)

    assert "Two bookings for one interview" in html
    assert html.count(">counts<") == 1
    assert 'href="https://cal.example/booking/first"' in html
    assert "This is another person’s" in html
    key = (world.connection_id, "first")
    await post(house, "/unmatched/ignore", recruiter, **form(key))
    assert (await world.row(waiting.id)).attention == []
