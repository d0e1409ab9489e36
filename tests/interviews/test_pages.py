"""The Scheduling page, the calendar and the drawer."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.interviews.filters import Filters, read_place, write_place
from interviews.scheduling import DAY, book, counts, iso, now, page, revoke, rows

pytestmark = pytest.mark.anyio

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>"""


async def test_whoever_is_not_signed_in_is_sent_to_sign_in(house):
    answer = await house.http.get("/?tab=pending", headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/%3Ftab%3Dpending"


async def test_the_list_shows_who_for_what_and_where_it_stands(house, recruiter, pending):
    html = await page(house, "/", recruiter)

    assert rows(html) == [(str(pending.id), "pending")]
    assert "Ada Lovelace" in html
    assert "Intro call" in html
    assert f"http://localhost:8000/i/{pending.link.token}" in html


async def test_a_booking_turns_the_dot_green_and_shows_the_time(house, recruiter, world, pending):
    _, starts = await book(world, pending)

    html = await page(house, "/?tab=confirmed", recruiter)

    assert rows(html) == [(str(pending.id), "confirmed")]
    assert f'<time datetime="{iso(starts)}">' in html


async def test_tabs_say_how_many_and_hold_only_theirs(house, recruiter, world, pending):
    other = await world.candidate("Bob Moses", "bob@example.org")
    booked = await world.send(other, pending.event_type, now=now())
    await book(world, booked)

    html = await page(house, "/?tab=pending", recruiter)

    assert rows(html) == [(str(pending.id), "pending")]
    assert counts(html) == {
        "attention": 1,  # the address that booked is Ada's
        "to_invite": 0,
        "pending": 1,
        "confirmed": 1,
        "done": 0,
        "all": 2,
    }


async def test_a_search_narrows_list_and_counts(house, recruiter, world, pending):
    other = await world.candidate("Bob Moses", "bob@example.org")
    await world.send(other, pending.event_type, now=now())

    html = await page(house, "/?q=love", recruiter)

    assert rows(html) == [(str(pending.id), "pending")]
    assert counts(html)["all"] == 1


async def test_an_empty_choice_in_the_filter_means_any(house, recruiter, pending):
    html = await page(house, "/?q=&event_type_id=", recruiter)

    assert len(rows(html)) == 1


async def test_show_more_goes_on_after_the_last_row(house, recruiter, world, pending):
    for name in ("Bob Moses", "Eve Moneypenny"):
        other = await world.candidate(name, f"{name[:3]}@example.org")
        await world.send(other, pending.event_type, now=now())

    first = await page(house, "/?limit=2", recruiter)
    more = unescape(re.search(r'id="more"><a [^>]*href="([^"]+)"', first)[1])
    second = await page(house, f"{more}&limit=2", recruiter)

    assert len(rows(first)) == 2
    assert rows(second) == [(str(pending.id), "pending")]
    assert 'id="more"' not in second


async def test_htmx_gets_tabs_and_list_alone(house, recruiter, pending):
    html = await page(house, "/", recruiter, **{"hx-request": "true"})

    assert "<html" not in html
    assert re.findall(r'<hx-partial hx-target="#(\w+)"', html) == ["tabs", "list"]


async def test_changed_rows_come_whatever_the_tab(house, recruiter, world, pending):
    await book(world, pending)

    html = await page(house, f"/interviews/changed?tab=pending&id={pending.id}", recruiter)

    assert rows(html) == [(str(pending.id), "confirmed")]
    assert counts(html)["pending"] == 0


async def test_without_candidates_the_page_says_how_to_begin(house, recruiter):
    html = await page(house, "/", recruiter)

    assert "Three steps to the first green dot" in html
    assert 'href="/candidates/import"' in html


async def test_viewers_are_offered_nothing_that_changes(house, viewer, world, pending):
    await revoke(world, pending)

    html = await page(house, "/", viewer)

    assert 'href="/send' not in html
    assert 'action="/sync"' not in html
    assert 'type="checkbox"' not in html


async def test_the_calendar_is_given_meetings_in_its_own_words(house, recruiter, world, pending):
    _, starts = await book(world, pending)
    query = {"start": iso(now()), "end": iso(now() + 7 * DAY), "tab": "pending"}

    answer = await house.http.get("/calendar/events", params=query, headers=recruiter)

    assert answer.json() == [
        {
            "id": str(pending.id),
            "title": "Ada Lovelace",
            "start": iso(starts),
            "end": iso(starts + timedelta(minutes=30)),
            "url": f"/interviews/{pending.id}",
            "extendedProps": {"status": "confirmed", "word": "Confirmed", "kind": "Intro call"},
        }
    ]


async def test_the_calendar_refuses_a_span_of_years(house, recruiter):
    query = {"start": iso(now()), "end": iso(now() + 500 * DAY)}

    answer = await house.http.get("/calendar/events", params=query, headers=recruiter)

    assert answer.status_code == 400


async def test_the_drawer_says_why_the_dot_is_green(house, recruiter, world, pending):
    delivery_id, _ = await book(world, pending)

    html = await page(house, f"/interviews/{pending.id}", recruiter)

    assert "Why is this dot green?" in html
    assert f'href="/deliveries/{delivery_id}"' in html
    assert "data-decides" in html
    assert "Europe/London" in html  # the zone Ada booked in
    assert "it carries our token for this interview" in html


async def test_the_drawer_is_a_page_too(house, recruiter, pending):
    whole = await page(house, f"/interviews/{pending.id}", recruiter)
    inner = await page(house, f"/interviews/{pending.id}", recruiter, **{"hx-request": "true"})

    assert "<html" in whole
    assert inner.lstrip().startswith("<article")


async def test_an_interview_that_is_not_there_is_said_to_be_missing(house, recruiter):
    html = await page(house, "/interviews/4711", recruiter, 404)

    assert "There is no interview 4711." in html


async def test_names_are_words_and_never_markup(house, recruiter, world):
    draft = Draft(name=HOSTILE, addresses=("x@example.org",), role=HOSTILE)
    async with world.database.transaction() as tx:
        hostile = await candidates.add(tx, draft, now())
    event_type = await world.event_type()
    row = await world.send(hostile, event_type, now=now())
    await book(world, row)

    for path in (
        "/",
        f"/interviews/{row.id}",
        f"/send?candidate={hostile.id}",
        f"/i/{row.link.token}",
    ):
        html = await page(house, path, recruiter)

        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
        assert "&lt;script&gt;" in html, path


def test_the_address_of_a_page_leaves_out_what_is_as_usual():
    assert Filters().address() == "/"
    assert Filters(tab="pending", q=" ada ").address() == "/?tab=pending&q=ada"
    assert Filters(tab="pending", q="ada").address(tab="all") == "/?q=ada"


def test_a_place_in_the_list_survives_the_address():
    place = (datetime(2026, 11, 24, 9, 30, 1, 123456, tzinfo=UTC), 17)

    assert read_place(write_place(place)) == place


@pytest.mark.parametrize("text", ["", "x", "1-2", "20261124093001123456-0", "9" * 60, "-", "٣-1"])
async def test_a_place_that_is_not_ours_is_refused(house, recruiter, text):
    await page(house, f"/?before={text}", recruiter, 400)
