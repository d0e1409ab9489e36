"""Sending booking links: who, what, a message, check, send."""

import pytest

from interviews.scheduling import page, revoke, rows

pytestmark = pytest.mark.anyio


async def test_sending_names_who_is_left_out_before_and_after(house, recruiter, world, pending):
    other = await world.candidate("Bob Moses", "bob@example.org")
    ids = [pending.candidate.id, other.id]
    form = {"candidate": ids, "event_type_id": pending.event_type.id, "how": "link"}

    before = await page(house, f"/send?candidate={ids[0]}&candidate={ids[1]}", recruiter)
    after = await house.http.post("/send", data=form, headers=recruiter)

    assert "Left out: already has a booking link for this event type" in before
    assert "1 link ready" in after.text
    assert "Bob Moses" in after.text
    assert "already has a booking link for this event type" in after.text


async def test_sending_twice_makes_one_link(house, recruiter, world):
    somebody, event_type = await world.candidate(), await world.event_type()
    form = {"candidate": [somebody.id], "event_type_id": event_type.id, "how": "letter"}

    await house.http.post("/send", data=form, headers=recruiter)
    again = await house.http.post("/send", data=form, headers=recruiter)

    assert "Nothing was sent" in again.text
    assert len(rows(await page(house, "/", recruiter))) == 1


async def test_the_check_shows_the_letter_with_the_message_filled_in(house, recruiter, world):
    somebody, event_type = await world.candidate(), await world.event_type()
    form = {
        "candidate": [somebody.id],
        "event_type_id": event_type.id,
        "message": "See you soon, {name}!",
    }

    answer = await house.http.post("/send/check", data=form, headers=recruiter)

    assert "See you soon, Ada Lovelace!" in answer.text
    assert "1 candidate gets a link" in answer.text
    assert rows(await page(house, "/", recruiter)) == []


async def test_a_message_with_an_unknown_variable_is_refused_and_nothing_is_sent(
    house, recruiter, world
):
    somebody, event_type = await world.candidate(), await world.event_type()
    form = {"candidate": [somebody.id], "event_type_id": event_type.id, "message": "Hi {nmae}"}

    answer = await house.http.post("/send", data=form, headers=recruiter)

    assert answer.status_code == 422
    assert "There is no variable {nmae} for a message." in answer.text
    assert rows(await page(house, "/", recruiter)) == []


async def test_nobody_picked_is_said_plainly(house, recruiter, world):
    event_type = await world.event_type()

    answer = await house.http.post(
        "/send", data={"event_type_id": event_type.id}, headers=recruiter
    )

    assert answer.status_code == 422
    assert "Pick at least one candidate" in answer.text


@pytest.mark.parametrize("path", ["/send", "/send/check", "/interviews/1/revocation", "/sync"])
async def test_viewers_cannot_change_anything(house, viewer, path):
    answer = await house.http.post(path, headers=viewer)

    assert answer.status_code == 403


async def test_the_event_type_they_wait_for_is_chosen_already(house, recruiter, world, pending):
    await world.event_type(None, "final-round")
    await revoke(world, pending)

    html = await page(house, f"/send?candidate={pending.candidate.id}", recruiter)

    assert f'<option value="{pending.event_type.id}" selected>' in html
