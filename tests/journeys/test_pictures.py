"""The pictures in the documentation, taken from the demo; and the demo, seen in a browser.

They are kept in docs/images when GREENROOM_PICTURES is set (`make pictures`).
"""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The sign-in link of a running demo."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        ports = first.getsockname()[1], second.getsockname()[1]
    place = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "greenroom", "demo", "--data-dir", str(place / "data")]
    command += ["--port", str(ports[0]), "--simulator-port", str(ports[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    link = None
    while link is None:
        line = process.stdout.readline()
        assert line, "the demo ended before it said where it is"
        link = re.search(r"http\S+/ticket/\S+", line)
    yield link[0]
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def page(demo, browser):
    context = browser.new_context(viewport={"width": 1360, "height": 820}, locale="en-GB")
    page = context.new_page()
    page.goto(demo)
    page.get_by_role("button", name=re.compile("Sign in")).click()
    expect(page.locator(".row[data-status=cancelled]")).to_be_visible(timeout=20_000)
    yield page
    context.close()


@pytest.fixture
def take(tmp_path):
    """Keep a picture under a name."""
    place = IMAGES if os.environ.get("GREENROOM_PICTURES") else tmp_path

    def take(page: Page, name: str) -> None:
        page.wait_for_timeout(700)  # pulses and calendars come to rest
        page.screenshot(path=place / f"{name}.png")
        assert (place / f"{name}.png").stat().st_size > 10_000

    return take


def test_the_demo_shows_every_kind_of_dot_after_its_candidates_have_booked(page, take):
    for status in ("confirmed", "requested", "pending", "cancelled"):
        expect(page.locator(f".row[data-status={status}]").first).to_be_visible()
    expect(page.locator("#calendar")).to_contain_text("Ada")

    take(page, "scheduling")


def test_the_timeline_says_why(page, take):
    page.locator(".row[data-status=confirmed] .row__name").first.click()
    why = page.get_by_role("heading", name=re.compile("Why"))
    why.scroll_into_view_if_needed()

    take(page, "connect-timeline")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.wait_for_url(re.compile(r"/(\?.*)?$"))


@pytest.mark.parametrize("name", ["connections", "deliveries"])
def test_what_the_guide_shows(page, take, name):
    page.goto(f"{page.url.split('/', 3)[0]}//{page.url.split('/', 3)[2]}/{name}")
    expect(page.locator("main")).to_contain_text(re.compile("Demo|BOOKING_CREATED"))

    take(page, f"connect-{name}")


def test_what_the_tutorial_breaks_is_found_and_mended(page, take):
    greenroom = "/".join(page.url.split("/", 3)[:3])
    page.goto(f"{greenroom}/connections")
    calcom = re.search(r"(http\S+)/v2", page.locator("main").inner_text())[1]
    page.goto(f"{calcom}/control")
    page.get_by_text("Edit or delete").click()
    page.get_by_label("Enabled").uncheck()
    page.get_by_role("button", name="Save").click()

    page.goto(f"{greenroom}/health")
    page.get_by_role("button", name="Check again").click()
    broken = page.locator("#webhook-on[data-light=red]")
    expect(broken).to_contain_text("switched off")
    take(page, "connect-health")
    broken.get_by_role("button", name="Switch it on").click()
    expect(page.locator("#webhook-on[data-light=green]")).to_be_attached()

    page.goto(f"{calcom}/control")
    expect(page.locator("#subscriptions + .sheet .state").first).to_have_text("Active")
    page.goto(greenroom)


def test_the_candidates_page(page, browser, take):
    page.goto(f"{page.url.split('/', 3)[0]}//{page.url.split('/', 3)[2]}/?tab=pending")
    link = page.locator("[data-copy]").first.get_attribute("data-copy")
    phone = browser.new_context(viewport={"width": 640, "height": 720}, locale="en-GB")
    candidate = phone.new_page()
    candidate.goto(link)
    expect(candidate.get_by_role("link", name="Choose a time")).to_be_visible()

    take(candidate, "candidate")
    phone.close()
