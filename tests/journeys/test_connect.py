"""Connecting Cal.com in a browser: from nothing to a verified delivery in three clicks, timed."""

import re
import time

import pytest
from playwright.sync_api import expect

import program
from calcom_desk import KEY

pytestmark = pytest.mark.browser

PASSWORD = "seven lanterns over marmalade"
IN_TIME = 15.0
"""Seconds; on an idle machine it takes three."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A Greenroom that was just started, where nothing is connected."""
    place = tmp_path_factory.mktemp("fresh") / "data"
    with program.serving(
        place, GREENROOM_ALLOW_PRIVATE_CALCOM="1", GREENROOM_FIND_TUNNEL="off"
    ) as served:
        yield served


@pytest.fixture(params=[True, False], ids=["", "without JavaScript"], scope="module")
def scripted(request):
    return request.param


@pytest.fixture(scope="module")
def cookies(fresh, browser, tmp_path_factory):
    link = re.search(r"http\S+/set-up/\S+", fresh.said)[0]
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Name").fill("Robin Admin")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill("robin@northpier.example")
    page.get_by_label(re.compile("^(New )?password", re.IGNORECASE)).first.fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    page.wait_for_url(f"{fresh.url}/")
    kept = tmp_path_factory.mktemp("cookies") / "cookies.json"
    context.storage_state(path=kept)
    context.close()
    return kept


@pytest.fixture
def admin(fresh, browser, cookies, scripted):
    context = browser.new_context(storage_state=cookies, java_script_enabled=scripted)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_three_clicks_from_nothing_to_a_verified_delivery(fresh, admin, calcom, scripted):
    began = time.monotonic()
    admin.goto(f"{fresh.url}/connections")

    admin.get_by_role("link", name="Connect Cal.com").click()
    admin.get_by_role("radio", name="Our own server").check()
    admin.get_by_label("Address of your own server").fill(calcom.url)
    admin.get_by_label("API key", exact=True).fill(KEY)
    admin.get_by_role("button", name="Check").click()
    expect(admin.locator("main")).to_contain_text("It belongs to Mara Lindqvist")
    expect(admin.get_by_role("checkbox", name="Intro call")).to_be_checked()
    admin.get_by_role("button", name="Connect", exact=True).click()
    expect(admin.locator("main")).to_contain_text("Waiting for the first delivery")

    calcom.book()
    if not scripted:
        time.sleep(1)
        admin.reload()
    expect(admin.locator("main")).to_contain_text("Heard from Cal.com", timeout=10_000)
    taken = time.monotonic() - began
    print(f"Connected, and heard, after {taken:.1f} s.")  # noqa: T201  (for whoever runs it with -s)
    assert taken < IN_TIME

    # And away again, so that the next one begins with nothing.
    admin.get_by_role("link", name="Disconnect…").click()
    admin.get_by_role("button", name="Disconnect").click()
    expect(admin.locator("main")).to_contain_text("Its webhook at Cal.com is deleted.")
