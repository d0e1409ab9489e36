"""Deliveries that are signed and hostile: kept, explained, and shown as text wherever they show."""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from greenroom.accounts.model import Role
from greenroom.calcom import deliveries, redaction
from hostile import corpus, values
from hostile.corpus import Case
from hostile.markup import Pages
from hostile.shown import API, Reader
from house import House

pytestmark = pytest.mark.anyio

CASES = {"size": 44, "surrogates": 24, "modules": 24, "structure": 190, "text": 190, "markup": 190}
"""Of each generator; of the others 168."""
_MOST = 200
_BUGS = {
    "surrogates": "pages of deliveries cannot be written with lone surrogates in them",
    "modules": "tzdata's own modules are taken for zones",
}
_SHOWN = frozenset({"confirmed", "requested", "done", "no_show"})
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
def logs():
    """What is logged; drawing it for a terminal takes longer than the requests."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def place(house, logs):
    headers = await house.token(Role.ADMIN)
    await _import(house, headers, _MOST)
    kind = {"title": values.SCRIPTS[1], "length_minutes": 30, "booking_url": "https://cal.example/m"}
    event_type = await house.http.post(f"{API}/event-types", json=kind, headers=headers)
    people = await house.http.get(
        f"{API}/candidates", params={"limit": _MOST, "order": "newest"}, headers=headers
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


def _marks(generator):
    bug = _BUGS.get(generator)
    return [pytest.mark.xfail(strict=True, reason=bug)] if bug else []


@pytest.mark.parametrize(
    "generator", [pytest.param(each, marks=_marks(each)) for each in corpus.generators()]
)
async def test_what_a_hostile_booker_has_cal_com_sign_is_kept_explained_and_shown_as_text(
    place, pages, logs, generator
):
    count = CASES.get(generator, 168)
    links = [each["link"]["token"] for each in place.interviews]
    cases = [corpus.case(generator, seed, links[seed]) for seed in range(count)]

    taken = await place.take(cases)

    assert [each for each in logs if each["log_level"] == "error"] == []
    reader = Reader(place.house, place.headers, pages)
    await _look_at_deliveries(reader, taken)
    await _look_at_interviews(reader, place, cases)
    await _look_at_lists(reader, place)
    assert not reader.problems, "\n".join(reader.problems[:20])


async def _look_at_deliveries(reader: Reader, taken: Mapping[int, Case]) -> None:
    """Each is kept as it came, was read or says why not, and its page shows it."""
    listed = {each["id"]: each for each in await reader.every("/deliveries")}
    async with reader.house.parts.database.transaction() as tx:
        rows = await tx.execute(text("SELECT id, body FROM deliveries"))
        assert {id_: bytes(body) for id_, body in rows} == {
            id_: each.body for id_, each in taken.items()
        }
    for id_, each in taken.items():
        told = listed[id_]
        if told["state"] not in {"done", "unread"} or not told["outcome"]:
            reader.problems.append(f"{each}: {told['state']}, {told['outcome']}")
        await reader.page(f"/deliveries/{id_}?show=all", each, told["outcome"], told["trigger"])
        # A quarter of the covered ones as pages; that is twice the time for the same template.
        if id_ % 4 == 0:
            await reader.page(f"/deliveries/{id_}", each, told["outcome"])
        covered = redaction.readable(each.body, everything=False) or ""
        if covered.encode(errors="replace").decode() != covered:
            reader.problems.append(f"{each}: the covered body is no text")


async def _look_at_interviews(reader: Reader, place: Place, cases: Sequence[Case]) -> None:
    """Drawer and candidate's page of each interview that is told something of its own."""
    async with reader.house.parts.database.transaction() as tx:
        ids = (await tx.execute(text(_DIFFERENT))).scalars().all()
    of = {each["id"]: case for each, case in zip(place.interviews, cases, strict=False)}
    known = {each["id"]: each for each in await reader.every("/interviews")}
    for id_ in ids:
        each, case = known[id_], of[id_]
        booking = each["booking"] if each["status"] in _SHOWN else None
        texts = [each["candidate"]["name"], each["event_type"]["title"]]
        if booking:
            named = (booking["location"] or "").startswith(("integrations:", "phone"))
            texts += [booking["host"], None if named else booking["location"]]
        await reader.page(f"/interviews/{id_}", case, *texts)
        await reader.page(f"/i/{each['link']['token']}", case, *(texts if booking else ()))
        if id_ % 4 == 0:
            await reader.json(f"{API}/interviews/{id_}", case)


# Uids and numbers are each case's own; what differs besides is worth a look.
_DIFFERENT = """
    SELECT DISTINCT ON (details - '{tokens,private_links,replaces,status_since}'::text[],
                        status, starts_at, ends_at) interview_id
      FROM bookings WHERE interview_id IS NOT NULL
"""


async def _look_at_lists(reader: Reader, place: Place) -> None:
    interviews = await reader.every("/interviews")
    names = [each["candidate"]["name"] for each in interviews]
    hosts = [each["booking"]["host"] for each in interviews if each["status"] in _SHOWN]
    await reader.list_of_pages("/?limit=200", *names, *hosts)
    await reader.list_of_pages("/candidates", *names)
    await reader.list_of_pages("/deliveries")
    starts = {each["starts_at"] for each in await reader.every("/bookings")}
    booked = {each["candidate"]["name"] for each in interviews if each["booking"]}
    assert await _calendar(reader, starts) == booked


async def _calendar(reader: Reader, starts: set[str]) -> set[str]:
    """The names of all meetings, in stretches the calendar answers."""
    shown: set[str] = set()
    upto = datetime.min.replace(tzinfo=UTC)
    for start in sorted(map(datetime.fromisoformat, starts)):
        if start < upto:
            continue
        begin, upto = start - timedelta(days=1), start + timedelta(days=390)
        events = await reader.json("/calendar/events", start=begin.isoformat(), end=upto.isoformat())
        shown |= {each["title"] for each in events}
    return shown
