"""Looking at everything a Greenroom shows of deliveries; what is wrong is in `reader.problems`."""

import csv
import io
import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from greenroom.deliveries.words import pieces
from hostile.corpus import Case
from hostile.shown import API, Reader

_SHOWN = frozenset({"confirmed", "requested", "done", "no_show"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\x00")


async def at_deliveries(reader: Reader, taken: Mapping[int, Case], *, pages_of: int = 1) -> None:
    """Each is kept as it came, was read or says why not, and every `pages_of`th page shows it."""
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
        said = [part for kind, part in pieces(told["outcome"], told["uid"]) if kind == "text"]
        if id_ % pages_of == 0:
            await reader.page(f"/deliveries/{id_}?show=all", each, *said, told["trigger"])
        # Some of the covered ones as pages: all would take twice the time for the same template.
        if id_ % 8 == 0:
            await reader.page(f"/deliveries/{id_}", each, *said)


async def at_exports(reader: Reader, taken: Mapping[int, Case]) -> None:
    """Both files give every body back as it came, and no cell is a formula."""
    lines = (await reader.bytes(f"{API}/deliveries/export?format=ndjson&bodies=1")).splitlines()
    table = (await reader.bytes(f"{API}/deliveries/export?format=csv&bodies=1")).decode()
    csv.field_size_limit(1024 * 1024)  # of all readers: a body in base64 is longer than usual
    records = list(csv.DictReader(io.StringIO(table, newline="")))
    for found in ([json.loads(line) for line in lines], records):
        bodies = {int(each["id"]): b64decode(each["body"]) for each in found}
        if bodies != {id_: each.body for id_, each in taken.items()}:
            reader.problems.append("an export has not the bodies that came")
    reader.problems += [
        f"a formula in the export: {cell!r:.100}"
        for each in records
        for cell in each.values()
        if cell.startswith(_FORMULA)
    ]
    for id_ in list(taken)[::20]:
        if await reader.bytes(f"{API}/deliveries/{id_}/body") != taken[id_].body:
            reader.problems.append(f"{taken[id_]}: its body is not given out as it came")


async def at_interviews(
    reader: Reader, interviews: Sequence[Mapping[str, Any]], cases: Sequence[Case]
) -> None:
    """Drawer and candidate's page of each interview that is told something of its own."""
    of = {each["id"]: case for each, case in zip(interviews, cases, strict=False)}
    known = {each["id"]: each for each in await reader.every("/interviews")}
    for id_ in _different(await reader.every("/bookings")):
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


def _different(bookings: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    """The interviews of bookings that differ: uids and numbers are each case's own."""
    found = {
        json.dumps([each[name] for name in _TELLING]): each["interview_id"]
        for each in bookings
        if each["interview_id"] is not None
    }
    return sorted(set(found.values()))


_TELLING = (
    "status", "starts_at", "ends_at", "outcome", "attendees", "host", "location", "event_type",
)  # fmt: skip


async def at_lists(reader: Reader) -> None:
    """Every page of every list, the calendar, and the bookings of nobody."""
    interviews = await reader.every("/interviews")
    names = [each["candidate"]["name"] for each in interviews]
    hosts = [each["booking"]["host"] for each in interviews if each["status"] in _SHOWN]
    await reader.list_of_pages("/?limit=200", *names, *hosts)
    await reader.list_of_pages("/candidates", *names)
    await reader.list_of_pages("/deliveries")
    await at_unmatched(reader)
    starts = {each["starts_at"] for each in await reader.every("/bookings")} - {None}
    booked = {each["candidate"]["name"] for each in interviews if each["booking"]}
    assert await _calendar(reader, starts) == booked


async def at_unmatched(reader: Reader) -> None:
    """The inbox, as pages and by the API."""
    for show in ("ahead", "past", "ignored"):
        await reader.page(f"/unmatched?show={show}", f"unmatched, {show}")
        await reader.every(f"/unmatched?show={show}", limit=50)


async def _calendar(reader: Reader, starts: set[str]) -> set[str]:
    """The names of all meetings, in stretches the calendar answers."""
    shown: set[str] = set()
    upto = datetime.min.replace(tzinfo=UTC)
    for start in sorted(map(datetime.fromisoformat, starts)):
        if start < upto:
            continue
        begin, upto = start - timedelta(days=1), start + timedelta(days=390)
        events = await reader.json(
            "/calendar/events", start=begin.isoformat(), end=upto.isoformat()
        )
        shown |= {each["title"] for each in events}
    return shown
