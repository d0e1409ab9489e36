"""What goes wrong by chance when the API is asked, and the switches for all of it."""

import asyncio
import dataclasses
import json
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from calcom_simulator import chaos, chaos_form
from calcom_simulator.chaos import CALM, Chaos

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 11, 23, 7, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("api_429", 429, "json"),
        ("api_500", 500, "json"),
        ("api_401", 401, "json"),
        ("api_404", 404, "json"),
        ("api_502", 502, "html"),
        ("api_html", 200, "html"),
    ],
)
async def test_a_request_can_be_refused(cal, name, status, kind):
    await cal.control("api-faults", {"next": ["fine", name]})
    fine, refused, after = [await cal.call("GET", "/bookings") for _ in range(3)]

    assert (fine.status_code, refused.status_code, after.status_code) == (200, status, 200)
    assert kind in refused.headers["content-type"]
    if kind == "json":
        assert refused.json()["status"] == "error"


async def test_an_answer_can_be_no_json_half_or_nothing(cal):
    await cal.book()
    names = ["api_garbage", "api_truncated", "api_empty"]
    await cal.control("api-faults", {"next": names})
    garbage, half, empty = [await cal.call("GET", "/bookings") for _ in range(3)]

    for answer in (garbage, half):
        assert answer.status_code == 200
        with pytest.raises(ValueError):  # noqa: PT011 - either error of JSON or of UTF-8
            json.loads(answer.content)
    assert empty.json()["data"] == []


async def test_an_answer_can_be_late_slow_and_huge(cal):
    given = {"hang_seconds": 0.05, "slow_seconds": 0.05, "huge_megabytes": 2}
    await cal.control("chaos", given)
    await cal.control("api-faults", {"next": ["api_hang", "api_slow", "api_huge"]})
    clock = asyncio.get_running_loop().time
    began = clock()
    late, slow = [await cal.call("GET", "/bookings") for _ in range(2)]
    took = clock() - began
    huge = await cal.call("GET", "/bookings")

    assert (late.status_code, slow.json()["data"]) == (504, [])
    assert took >= 0.1
    assert len(huge.content) > 2 * 1024 * 1024


async def test_a_429_says_when_to_come_again_only_if_it_is_told_to(cal):
    await cal.control("api-faults", {"next": ["api_429"]})
    usual = await cal.call("GET", "/bookings")
    await cal.control("chaos", {"api_429": 1, "retry_after": "-3"})
    odd = await cal.call("GET", "/bookings")

    assert "retry-after" not in usual.headers
    assert (odd.headers["retry-after"], odd.headers["x-ratelimit-remaining-default"]) == ("-3", "0")


async def test_writing_is_spared_unless_asked_for(cal):
    await cal.control("chaos", {"api_500": 1})
    assert (await cal.book())["status"] == "accepted"
    await cal.control("chaos", {"api_500": 1, "writes_too": True})

    assert (await cal.call("POST", "/bookings", {}, key=False)).status_code == 500


async def test_chances_come_about_as_often_as_they_say():
    luck = random.Random(7)
    given = Chaos(api_429=0.2, api_500=0.3)
    drawn = Counter(chaos.hazard(given, luck) for _ in range(2000))

    assert set(drawn) == {"api_429", "api_500", "fine"}
    assert 340 < drawn["api_429"] < 460
    assert 540 < drawn["api_500"] < 660


async def test_pages_that_shift_miss_a_row(cal):
    await cal.book_many(6)
    for uid in list(cal.world.bookings):
        await cal.data("POST", f"/bookings/{uid}/cancel", {"cancellationReason": "Ill"})
    pages = "/bookings?sortUpdatedAt=asc&take=2&skip="
    calm = [one["uid"] for at in (0, 2, 4) for one in await cal.data("GET", f"{pages}{at}")]
    await cal.control("chaos", {"pages_shift": 1})
    stirred = [one["uid"] for at in (0, 2, 4) for one in await cal.data("GET", f"{pages}{at}")]

    assert len(set(calm)) == 6
    assert set(stirred) < set(calm)


@pytest.mark.parametrize("skew", [7200, -7200])
async def test_clocks_can_be_wrong(cal, skew):
    await cal.control("chaos", {"date_skew_seconds": skew, "stamp_skew_seconds": -skew})
    booked = await cal.book()
    answer = await cal.call("GET", f"/bookings/{booked['uid']}")
    ahead, behind = MONDAY + timedelta(seconds=skew), MONDAY - timedelta(seconds=skew)

    assert parsedate_to_datetime(answer.headers["date"]) == ahead
    made = datetime.fromisoformat(answer.json()["data"]["createdAt"])
    sent = datetime.fromisoformat(cal.receiver.received[0].json["createdAt"])
    assert abs(made - behind) < timedelta(seconds=1)
    assert abs(sent - behind) < timedelta(seconds=1)
    await cal.control("chaos", {})
    later = await cal.book(start="2026-11-25T10:00:00Z")
    assert abs(datetime.fromisoformat(later["createdAt"]) - MONDAY) < timedelta(seconds=1)


# Switches


async def test_the_switches_are_shown_replaced_and_cleared(cal):
    await cal.control("chaos", {"drop": 0.5, "seed": 9})
    assert (await cal.control("chaos"))["drop"] == 0.5
    await cal.control("chaos", {"delay": 0.1})
    assert [(await cal.control("chaos"))[name] for name in ("drop", "delay", "seed")] == [0, 0.1, 1]
    await cal.control("chaos", {})

    assert cal.world.faults.chaos == CALM


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("chaos", {"dorp": 1}, "There is no switch dorp."),
        ("chaos", {"drop": 1.5}, "drop is a chance: from 0 to 1."),
        ("chaos", {"drop": "often"}, "drop: "),
        ("chaos", {"copies": -1}, "copies must not be negative."),
        ("chaos", {"retries": "always"}, "retries: "),
        ("chaos", {"api_429": 0.6, "api_500": 0.6}, "more than 1"),
        ("api-faults", {"next": ["api_418"]}, "Name a list of these: "),
        ("api-faults", {"next": "api_500"}, "Name a list of these: "),
    ],
)
async def test_a_switch_set_wrongly_says_so(cal, path, body, said):
    answer = await cal.browser.post(f"/control/api/{path}", json=body)

    assert answer.status_code == 400
    assert said in answer.json()["error"]


async def test_the_form_of_the_control_page_sets_every_switch(cal):
    form = {"drop": "30", "copies": "2", "only": "BOOKING_CREATED, PING", "writes_too": "on"}
    answer = await cal.submit("/control/chaos", retries="newer", seed="4", api_slow="", **form)
    assert answer.status_code == 200

    wanted = Chaos(
        seed=4, drop=0.3, copies=2, only=("BOOKING_CREATED", "PING"), writes_too=True,
        retries="newer",
    )  # fmt: skip
    assert cal.world.faults.chaos == wanted
    assert 'name="drop" value="30"' in answer.text
    assert (await cal.submit("/control/chaos", drop="400")).status_code == 400
    assert (await cal.submit("/control/release")).status_code == 200
    await cal.submit("/control/chaos")
    assert cal.world.faults.chaos == CALM


def test_the_form_and_the_reference_have_every_switch():
    switches = {each.name for each in dataclasses.fields(Chaos)}
    page = PAGE.read_text().partition("## What goes wrong by chance")[2]
    rows = {
        row[0]: row[1:]
        for row in re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) \|$", page, re.MULTILINE)
    }

    assert {one.name for group in chaos_form.shown(CALM).values() for one in group} == switches
    assert set(rows) == switches
    for each in dataclasses.fields(Chaos):
        usual = "" if each.default in ((), "") else f"{json.dumps(each.default)}"
        assert rows[each.name] == (each.metadata["words"], usual), each.name
