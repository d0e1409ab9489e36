"""What people and Cal.com can write, in a real browser: all of it text, nothing of it runs."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from playwright.sync_api import Page

from builders import delivery
from greenroom.calcom import webhook
from greenroom.settings import WEBHOOK_PATH
from hostile import values

pytestmark = pytest.mark.browser

SECRET = "whsec_browser_0123456789abcdef"
TEXTS = (
    *values.SCRIPTS[:18],
    *values.SCRIPTS[24:26],
    values.SCRIPTS[32],
    "{{7*7}}",
    "&lt;b data-canary&gt;",
    "\u202egpj.exe",
)

# What a script of somebody else's would do, and what the policy says of it.
_WATCH = """
    window.seen = [];
    window.canary = () => window.seen.push("ran");
    window.alert = window.confirm = window.prompt = () => window.seen.push("dialog");
    document.addEventListener("securitypolicyviolation", (event) =>
        window.seen.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
_STRANGE = """
    [...document.querySelectorAll("*")].filter((each) =>
        each.localName.includes("canary") || each.getAttributeNames().some((name) =>
            name.includes("canary") || /^on|^hx-on/.test(name)
            || /^\\s*(javascript|data|vbscript):/i.test(each.getAttribute(name))
            && ["href", "src", "action", "formaction", "srcdoc"].includes(name))
    ).map((each) => each.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def people(stage) -> Sequence[dict]:
    """A candidate for each text, invited, most of them booked, with texts in every field."""
    said = stage.command(
        "connect", "--name", TEXTS[1], "--webhook-secret", SECRET, "--api-url", stage.calcom.api_url
    )
    assert "webhook" in said
    file = io.StringIO()
    rows = [(text, f"p{number}@example.org", TEXTS[-number]) for number, text in enumerate(TEXTS)]
    csv.writer(file).writerows([("name", "email", "role"), *rows])
    report = stage.api("POST", "/candidates/import", content=file.getvalue().encode()).json()
    assert (report["created"], report["problems"]) == (len(TEXTS), [])
    listed = stage.api("GET", "/candidates", params={"limit": 200}).json()["items"]
    ids = [each["id"] for each in listed]
    kind = {"title": TEXTS[1], "length_minutes": 30, "booking_url": "https://cal.example/m/x"}
    event_type = stage.api("POST", "/event-types", json={**kind, "connection_id": 2}).json()
    given = {"candidate_ids": ids, "event_type_id": event_type["id"], "send": True}
    sent = stage.api("POST", "/interviews", json={**given, "message": "\n".join(TEXTS)})
    assert sent.status_code == 201, sent.text
    created = sent.json()["created"]
    _book(stage, 0, "", uid="nobodys", email="nobody@example.org")
    for number, each in enumerate(created):
        _book(stage, number, each["link"]["token"])
    _wait(stage, len(created))
    return created


def _book(stage, number: int, token: str, *, uid: str = "", email: str = "") -> None:
    text, other = TEXTS[number], TEXTS[-number]
    starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(
        days=1 + number % 5, hours=number // 5
    )
    trigger = "BOOKING_CANCELLED" if number % 6 == 5 else "BOOKING_CREATED"
    body = delivery(
        trigger,
        uid=uid or f"xss{number}",
        bookingId=1_000_000 + number + (999 if uid else 0),
        startTime=starts.strftime("%Y-%m-%dT%H:%M:%SZ"),
        endTime=(starts + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        title=text,
        type=text,
        location=text,
        cancellationReason=other,
        organizer={"name": other, "email": "host@example.org", "timeZone": text},
        attendees=[{"name": text, "email": email or f"p{number}@example.org", "timeZone": other}],
        metadata={"greenroom": token, text: text},
    )
    signed = {"x-cal-signature-256": webhook.signature(SECRET, body)}
    answer = httpx2.post(f"{stage.url}{WEBHOOK_PATH}", content=body, headers=signed)
    assert answer.status_code == 200, answer.text


def _wait(stage, count: int) -> None:
    for _ in range(100):
        known = stage.api("GET", "/interviews", params={"limit": 200}).json()["items"]
        if sum(each["booking"] is not None for each in known) >= count:
            return
    message = "the bookings were not taken in"
    raise AssertionError(message)


@pytest.fixture
def page(browser, stage, signed_in) -> Iterator[Page]:
    """A browser that notes whatever runs or is kept from running."""
    context = browser.new_context(storage_state=signed_in, viewport={"width": 1400, "height": 900})
    context.add_init_script(_WATCH)
    page = context.new_page()
    page.heard = []
    page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: page.heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    yield page
    context.close()


def _look(page: Page, address: str | None = None) -> None:
    """What is there is ours, and nothing has run."""
    if address is not None:
        page.goto(address, wait_until="load")
    assert page.evaluate(_STRANGE) == [], address
    for frame in page.frames:
        if frame.url.startswith("http") and frame is page.main_frame:
            assert frame.evaluate("window.seen") == [], address
    assert page.heard == [], address


def test_the_scheduling_page_shows_everything_as_text(stage, page, people):
    _look(page, f"{stage.url}/?limit=200")
    page.locator(".meeting").first.wait_for()
    shown = page.locator(".row__name").all_text_contents()
    meetings = page.locator(".meeting__name").all_text_contents()

    assert sorted(shown) == sorted(each["candidate"]["name"] for each in people)
    assert meetings
    assert set(meetings) <= set(shown)
    for view in ("Month", "List", "Week"):
        page.locator(".calbar__button", has_text=view).first.click()
        page.locator(".meeting").first.wait_for()
        _look(page)


def test_drawers_show_everything_as_text(stage, page, people):
    page.goto(f"{stage.url}/?limit=200")
    for each in people[::7]:
        page.locator(f"#interview-{each['id']} .row__name").click()
        title = page.locator("#drawer-content #drawer-title")
        title.wait_for()
        assert title.text_content() == each["candidate"]["name"]
        assert page.title() == f"{each['candidate']['name'].strip()} · Greenroom"
        _look(page)
        page.keyboard.press("Escape")
        page.locator("#drawer-content #drawer-title").wait_for(state="detached")


def test_the_page_of_each_interview_and_of_each_candidate_shows_text(stage, page, people):
    items = stage.api("GET", "/interviews", params={"limit": 200}).json()["items"]
    for each in items[::4]:
        _look(page, f"{stage.url}/interviews/{each['id']}")
        facts = page.locator(".facts dd").all_text_contents()
        booking = each["booking"]
        if each["status"] == "confirmed":
            assert booking["host"] in facts
            assert booking["location"] in [text.strip() for text in facts]
        _look(page, each["link"]["url"])
        if each["status"] == "confirmed":
            assert booking["host"] in page.locator(".facts dd").all_text_contents()


def test_lists_deliveries_letters_and_forms_show_text(stage, page, people):
    ids = [each["candidate"]["id"] for each in people]
    picked = "&candidate=".join(map(str, ids))
    delivered = stage.api("GET", "/deliveries", params={"limit": 200}).json()["items"]
    for path in (
        "/candidates?order=newest", "/deliveries", "/outbox", "/connections", "/syncs",
        "/unmatched", "/unmatched/booking?connection_id=2&uid=nobodys",
        f"/candidates?q={TEXTS[1]}", f"/?q={TEXTS[4]}", f"/send?candidate={picked}",
        *(f"/deliveries/{each['id']}?show=all" for each in delivered[:3]),
        *(f"/candidates/{id_}" for id_ in ids[:4]),
    ):  # fmt: skip
        _look(page, stage.url + path)
    page.goto(f"{stage.url}/candidates?order=newest")
    names = page.locator("th[scope=row] bdi").all_text_contents()
    assert set(names) >= {each["candidate"]["name"] for each in people}


def test_letters_are_shown_in_a_frame_where_nothing_runs(stage, page, people):
    page.goto(f"{stage.url}/outbox")
    letters = page.locator("th[scope=row] a").evaluate_all("all => all.map((a) => a.href)")
    assert len(letters) == len(people)
    for address in letters[:2]:
        _look(page, address)
        frame = page.frame_locator("iframe.letter")
        assert "Choose a time" in frame.locator("body").text_content()
        assert frame.locator("[data-canary], canary-x, script").count() == 0
        _look(page, f"{address}/html")
