"""The whole story, as recruiter and candidate live it, in a browser."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

AT_ONCE = 1_000
"""Milliseconds in which the recruiter's page follows what happens at Cal.com."""


def row(page: Page, name: str):
    return page.locator(".row", has_text=name)


def send_link(page: Page, name: str, event_type: str) -> str:
    """Through the four steps of the dialog; give the link to copy."""
    page.get_by_role("link", name="Send links").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("searchbox").fill(name)
    drawer.get_by_role("checkbox", name=re.compile(name)).check()
    drawer.get_by_role("button", name="Next").click()
    drawer.get_by_label("Event type").select_option(label=event_type)
    drawer.get_by_role("button", name="Next").click()
    drawer.get_by_label("A personal line").fill("Looking forward to meeting you, {name}.")
    drawer.get_by_role("button", name="Next").click()
    drawer.get_by_role("button", name="Send", exact=True).click()
    expect(drawer.get_by_role("heading", name="on the way")).to_be_visible()
    link = drawer.locator("[data-copy]").first.get_attribute("data-copy")
    drawer.get_by_role("link", name="Done").click()
    return link


def choose_a_time(candidate: Page, link: str) -> None:
    """From our page to Cal.com's, and through it."""
    candidate.goto(link)
    candidate.get_by_role("link", name="Choose a time").click()
    take_first_time(candidate)
    candidate.get_by_role("button", name=re.compile("Confirm|Book|Request")).click()
    expect(candidate.get_by_role("heading", level=1)).to_contain_text(re.compile("booked|request"))


def take_first_time(candidate: Page) -> None:
    candidate.locator("a", has_text=re.compile(r"^\s*\d{1,2}:\d\d")).first.click()


def add_candidate(stage, name: str, address: str) -> None:
    answer = stage.api("POST", "/candidates", json={"name": name, "email": address})
    assert answer.status_code == 201, answer.text


def uid_of(stage, name: str) -> str:
    items = stage.api("GET", "/interviews", params={"q": name}).json()["items"]
    return items[0]["booking"]["uid"]


@pytest.fixture(scope="module")
def ada(stage):
    add_candidate(stage, "Ada Byron", "ada@harbor.example")
    return "Ada Byron"


def test_a_candidate_books_and_the_open_page_turns_green_by_itself(
    stage, recruiter, candidate, ada
):
    link = send_link(recruiter, ada, "Technical interview, 45 min")
    expect(row(recruiter, ada)).to_have_attribute("data-status", "pending")
    recruiter.evaluate("window.stayed = true")

    choose_a_time(candidate, link)

    expect(row(recruiter, ada)).to_have_attribute("data-status", "confirmed", timeout=AT_ONCE)
    expect(row(recruiter, ada)).to_contain_text("Confirmed")
    assert recruiter.evaluate("window.stayed"), "the page was loaded anew"
    dot = row(recruiter, ada).locator("svg.dot[data-status=confirmed]")
    expect(dot).to_be_visible()
    red, green, blue = (int(part) for part in re.findall(r"\d+", dot.evaluate(RGB))[:3])
    assert green > red
    assert green > blue
    expect(recruiter.locator("#calendar")).to_contain_text(ada, timeout=5_000)
    expect(recruiter.locator("#calendar")).to_contain_text("Confirmed")


RGB = """element => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = getComputedStyle(element).color;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).join(",");
}"""


def test_why_the_dot_is_green_is_said(recruiter, ada):
    row(recruiter, ada).get_by_role("link", name=ada).click()

    drawer = recruiter.get_by_role("dialog")
    expect(drawer).to_contain_text("Cal.com’s webhook")
    expect(drawer).to_contain_text(f"{ada} booked")
    expect(drawer).to_contain_text("Confirmed, because a delivery told us at")
    assert "/interviews/" in recruiter.url


def test_the_candidates_page_shows_the_booking_in_their_own_zone(stage, candidate, ada):
    items = stage.api("GET", "/interviews", params={"q": ada}).json()["items"]
    candidate.goto(items[0]["link"]["url"])

    expect(candidate.locator("main")).to_contain_text(re.compile("UTC|GMT"))
    expect(candidate.get_by_role("link", name=re.compile("Choose a time"))).to_have_count(0)


def test_a_new_time_and_a_request_for_another_are_seen_as_they_are(stage, recruiter, ada):
    calcom, first = stage.calcom, uid_of(stage, ada)

    moved = calcom.reschedule(first, to=calcom.free("technical-interview", days=4)[0])
    expect(row(recruiter, ada)).to_contain_text("moved", timeout=AT_ONCE)
    expect(row(recruiter, ada)).to_have_attribute("data-status", "confirmed")

    calcom.request_reschedule(moved["uid"])
    expect(row(recruiter, ada)).to_have_attribute(
        "data-status", "reschedule_requested", timeout=AT_ONCE
    )


def test_a_cancelled_booking_turns_red_at_once(stage, recruiter):
    add_candidate(stage, "Ivy Chen", "ivy@harbor.example")
    link = send_link(recruiter, "Ivy Chen", "Intro call, 30 min")
    token = link.rpartition("/")[2]
    booked = stage.calcom.book("intro-call", email="ivy@harbor.example", token=token)
    expect(row(recruiter, "Ivy Chen")).to_have_attribute(
        "data-status", "confirmed", timeout=AT_ONCE
    )

    stage.calcom.cancel(booked["uid"])

    expect(row(recruiter, "Ivy Chen")).to_have_attribute(
        "data-status", "cancelled", timeout=AT_ONCE
    )


def test_a_request_waits_for_the_host_who_confirms_it(stage, recruiter):
    add_candidate(stage, "Otto Lind", "otto@harbor.example")
    link = send_link(recruiter, "Otto Lind", "Final round, 60 min")
    token = link.rpartition("/")[2]
    booked = stage.calcom.book("final-round", email="otto@harbor.example", token=token)
    expect(row(recruiter, "Otto Lind")).to_have_attribute(
        "data-status", "requested", timeout=AT_ONCE
    )

    stage.calcom.confirm(booked["uid"])
    expect(row(recruiter, "Otto Lind")).to_have_attribute(
        "data-status", "confirmed", timeout=AT_ONCE
    )


def test_a_declined_request_is_shown_as_declined(stage, recruiter):
    add_candidate(stage, "Lena Brandt", "lena@harbor.example")
    link = send_link(recruiter, "Lena Brandt", "Final round, 60 min")
    token = link.rpartition("/")[2]
    booked = stage.calcom.book("final-round", email="lena@harbor.example", token=token)
    expect(row(recruiter, "Lena Brandt")).to_have_attribute(
        "data-status", "requested", timeout=AT_ONCE
    )

    stage.calcom.decline(booked["uid"])

    expect(row(recruiter, "Lena Brandt")).to_have_attribute(
        "data-status", "declined", timeout=AT_ONCE
    )


def test_with_the_webhook_switched_off_sync_now_finds_the_booking(stage, recruiter):
    add_candidate(stage, "Kenji Abe", "kenji@harbor.example")
    link = send_link(recruiter, "Kenji Abe", "Intro call, 30 min")
    token = link.rpartition("/")[2]
    stage.calcom.control("webhooks", enabled=False)
    try:
        stage.calcom.book("intro-call", email="kenji@harbor.example", token=token)
        time.sleep(1.5)
        expect(row(recruiter, "Kenji Abe")).to_have_attribute("data-status", "pending")

        recruiter.get_by_role("button", name="Sync now").first.click()

        expect(row(recruiter, "Kenji Abe")).to_have_attribute(
            "data-status", "confirmed", timeout=10_000
        )
    finally:
        stage.calcom.control("webhooks", enabled=True)


def test_the_letter_waits_in_the_outbox_when_there_is_no_mail_server(recruiter):
    recruiter.get_by_role("link", name="Messages").click()

    expect(recruiter.locator("main")).to_contain_text("Ada Byron")
    expect(recruiter.locator("main")).to_contain_text("Pick a time")


def test_a_no_show_is_shown(stage, recruiter):
    booked = uid_of(stage, "Otto Lind")
    stage.calcom.control("clock", advance_seconds=10 * 24 * 3600)
    try:
        stage.calcom.mark_no_show(booked, "otto@harbor.example")
        expect(row(recruiter, "Otto Lind")).to_have_attribute(
            "data-status", "no_show", timeout=AT_ONCE
        )
    finally:
        stage.calcom.control("clock", advance_seconds=-10 * 24 * 3600)
