"""What can be done to one interview from its drawer."""

from datetime import timedelta

import pytest

from interviews.scheduling import DAY, book, now, page

pytestmark = pytest.mark.anyio


async def do(house, row, what, headers, **form):
    answer = await house.http.post(f"/interviews/{row.id}/{what}", data=form, headers=headers)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/interviews/{row.id}"


async def test_a_revoked_link_stops_working_for_the_candidate(house, recruiter, pending):
    await do(house, pending, "revocation", recruiter)
    html = await page(house, f"/i/{pending.link.token}", {"accept": "text/html"}, 410)

    assert "This link is no longer in use" in html
    assert "Choose a time" not in html


async def test_a_replaced_link_gives_way_to_another(house, recruiter, world, pending):
    await do(house, pending, "replacement", recruiter)
    after = await world.row(pending.id)

    assert after.link.token != pending.link.token
    await page(house, f"/i/{pending.link.token}", {"accept": "text/html"}, 410)
    await page(house, f"/i/{after.link.token}", {"accept": "text/html"})


async def test_an_extended_link_works_from_now_on(house, recruiter, world):
    row = await world.send(await world.candidate(), await world.event_type(), now=now() - 20 * DAY)

    await do(house, row, "extension", recruiter, days=7)

    left = (await world.row(row.id)).link.expires_at - now()
    assert 6 * DAY < left <= 7 * DAY
    await page(house, f"/i/{row.link.token}", {"accept": "text/html"})


async def test_the_letter_can_be_written_again(house, recruiter, pending):
    await do(house, pending, "invitation", recruiter)

    assert "Pick a time" in await page(house, f"/interviews/{pending.id}", recruiter)


async def test_how_a_meeting_went_can_be_said(house, recruiter, world, pending):
    over = now() - timedelta(hours=2)
    ended = {"startTime": over.isoformat(), "endTime": (over + timedelta(minutes=30)).isoformat()}
    await book(world, pending, **ended)

    before = await page(house, f"/interviews/{pending.id}", recruiter)
    await do(house, pending, "outcome", recruiter, outcome="candidate_no_show")

    assert "How did it go?" in before
    assert (await world.row(pending.id)).status == "no_show"


@pytest.mark.parametrize(
    "what", ["revocation", "replacement", "extension", "invitation", "outcome"]
)
async def test_viewers_do_none_of_it(house, viewer, pending, what):
    answer = await house.http.post(f"/interviews/{pending.id}/{what}", headers=viewer)

    assert answer.status_code == 403
