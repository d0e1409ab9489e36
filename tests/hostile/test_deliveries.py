"""Deliveries that are signed and hostile: kept, explained, and shown as text wherever they show."""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from greenroom.accounts.model import Role
from greenroom.calcom import webhook
from greenroom.deliveries import actions as deliveries
from hostile import corpus, hunt, looks, values
from hostile.corpus import Case
from hostile.markup import Pages
from hostile.shown import API, Reader
from house import House

pytestmark = pytest.mark.anyio

CASES = {"size": 20, "surrogates": 9, "modules": 6, "places": 35, "markup": 80}
"""Of each generator; of the others 47, so that each value comes up.

When hunting, of each as many as there are people.
"""
_PEOPLE = hunt.sized(80, 200)
_AT_ONCE = 60


@dataclass(frozen=True)
class Place:
    """A house whose every candidate has a name made to break pages, and a link of their own."""

    house: House
    headers: Mapping[str, str]
    interviews: Sequence[Mapping[str, Any]]

    async def take(self, cases: Sequence[Case]) -> Mapping[int, Case]:
        """Deliver them and take them in; give the number of each delivery."""
        found: dict[int, Case] = {}
        for begin in range(0, len(cases), _AT_ONCE):
            batch = cases[begin : begin + _AT_ONCE]
            answers = await asyncio.gather(*(self.house.deliver(each.body) for each in batch))
            for each, answer in zip(batch, answers, strict=True):
                assert answer.status_code == each.status, f"{each}: {answer.text}"
                if answer.is_success:
                    assert answer.json()["status"] == "received", f"{each}: {answer.text}"
                    found[int(answer.json()["delivery"])] = each
        while await deliveries.drain(self.house.parts.database, now=datetime.now(UTC)):
            pass
        return found


@pytest.fixture(scope="module")
def pages():
    return Pages()


@pytest.fixture
async def empty_place(house, logs):
    return Place(house, await house.token(Role.ADMIN), [])


@pytest.fixture
async def place(empty_place):
    house, headers = empty_place.house, empty_place.headers
    await _import(house, headers, _PEOPLE)
    kind = {
        "title": values.SCRIPTS[1],
        "length_minutes": 30,
        "booking_url": "https://cal.example/m",
    }
    event_type = await house.http.post(f"{API}/event-types", json=kind, headers=headers)
    people = await house.http.get(
        f"{API}/candidates", params={"limit": _PEOPLE, "order": "newest"}, headers=headers
    )
    wanted = {
        "candidate_ids": [each["id"] for each in people.json()["items"]],
        "event_type_id": event_type.json()["id"],
        "send": False,
    }
    sent = await house.http.post(f"{API}/interviews", json=wanted, headers=headers)
    assert not sent.json()["skipped"]
    return Place(house, headers, sent.json()["created"])


async def _import(house, headers, count):
    texts = [*values.SCRIPTS, *values.OTHER_MARKUP]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["name", "email", "role"])
    for number in range(count):
        name, role = texts[number % len(texts)], texts[(number * 7) % len(texts)]
        writer.writerow([f"{name} {number}", f"c{number}@example.org", role])
    answer = await house.http.post(
        f"{API}/candidates/import", content=file.getvalue().encode(), headers=headers
    )
    assert (answer.json()["created"], answer.json()["problems"]) == (count, [])


@pytest.mark.parametrize(("generator", "number"), hunt.rounds(corpus.generators()))
async def test_what_a_hostile_booker_has_cal_com_sign_is_kept_explained_and_shown_as_text(
    place, pages, logs, generator, number
):
    count = hunt.sized(CASES.get(generator, 47), _PEOPLE)
    links = [each["link"]["token"] for each in place.interviews]
    cases = [corpus.case(generator, number * count + n, links[n]) for n in range(count)]

    taken = await place.take(cases)

    assert _unfit(logs) == []
    reader = Reader(place.house, place.headers, pages)
    await looks.at_deliveries(reader, taken)
    await looks.at_exports(reader, taken)
    await looks.at_interviews(reader, place.interviews, cases)
    await looks.at_lists(reader)
    assert not reader.problems, "\n".join(reader.problems[:20])


async def test_any_place_of_a_recorded_delivery_may_hold_anything_or_be_gone(
    empty_place, pages, logs
):
    cases = [
        case
        for fixture in corpus.REPLACED
        for case in corpus.replacements(fixture, every=hunt.HUNTING)
    ]
    assert len(cases) > 400

    taken = await empty_place.take(cases)

    assert _unfit(logs) == []
    reader = Reader(empty_place.house, empty_place.headers, pages)
    await looks.at_deliveries(reader, taken, pages_of=10)
    await looks.at_unmatched(reader)
    assert not reader.problems, "\n".join(reader.problems[:20])


async def test_nothing_hostile_is_kept_that_is_not_signed_or_is_compressed(empty_place):
    house = empty_place.house
    cases = [corpus.case(each, 0) for each in corpus.generators()]
    for each in cases:
        for wrong in (None, "", "0" * 64, "é", b"\xff" * 64, webhook.signature("", each.body)):
            answer = await house.deliver(each.body, signature=wrong)
            assert answer.status_code == 401, f"{each} signed {wrong!r}"
        answer = await house.deliver(each.body, content_encoding="gzip")
        assert answer.status_code == 415, each

    async with house.parts.database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM deliveries"))).scalar_one() == 0


def _unfit(logs: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Lines about mistakes of ours, and lines that name somebody of the recorded deliveries."""
    return [
        each
        for each in logs
        if each["log_level"] == "error" or any(name in repr(each) for name in corpus.people())
    ]
