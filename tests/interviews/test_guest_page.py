"""What candidates see behind their booking link."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from interviews.scheduling import DAY, book, now, page

pytestmark = pytest.mark.anyio


async def test_a_candidate_finds_a_link_to_cal_com_with_everything_filled_in(house, pending):
    html = await page(house, f"/i/{pending.link.token}", {"accept": "text/html"})
    target = urlsplit(unescape(re.search(r'href="(https://cal\.example[^"]+)"', html)[1]))

    assert target.path == "/mara/intro-call"
    assert parse_qs(target.query) == {
        "name": ["Ada Lovelace"],
        "email": ["ada@example.org"],
        "metadata[greenroom]": [pending.link.token],
        "greenroom": [pending.link.token],
    }


async def test_looking_at_a_booking_link_changes_nothing(house, recruiter, world, pending):
    before = await world.row(pending.id)
    for method in ("HEAD", "GET", "GET"):
        await house.http.request(method, f"/i/{pending.link.token}")

    assert await world.row(pending.id) == before


async def test_the_candidate_reads_the_time_in_the_zone_they_booked_in(house, world, pending):
    await book(world, pending)

    html = await page(house, f"/i/{pending.link.token}", {"accept": "text/html"})

    assert "You are booked" in html
    assert "(Europe/London, UTC+00:00)" in unescape(html) or "UTC+01:00" in unescape(html)


async def test_a_link_that_has_run_out_says_what_to_do(house, world):
    row = await world.send(await world.candidate(), await world.event_type(), now=now() - 15 * DAY)

    html = await page(house, f"/i/{row.link.token}", {"accept": "text/html"}, 410)

    assert "This link has run out" in html
    assert "reply to the letter" in html


@pytest.mark.parametrize("token", ["nonsense", "%00", "a" * 300, "%F0%9F%98%80"])
async def test_a_link_nobody_knows_gets_a_kind_page(house, token):
    html = await page(house, f"/i/{token}", {"accept": "text/html"}, 404)

    assert "We do not know this link" in html


async def test_the_candidates_page_tells_nobody_where_it_was(house, pending):
    answer = await house.http.get(f"/i/{pending.link.token}")

    assert answer.headers["referrer-policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text
    assert 'href="/candidates"' not in answer.text
