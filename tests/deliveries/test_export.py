"""Deliveries as files: safe in spreadsheets, whole, and one at a time for each user."""

import csv
import io
import json
import tracemalloc
from base64 import b64decode
from contextlib import nullcontext
from itertools import pairwise

import pytest
from sqlalchemy import text

from builders import NOW, delivery
from greenroom.accounts.model import Role
from greenroom.deliveries import export as delivery_export
from greenroom.deliveries.export import COLUMNS, Exports, Kind
from greenroom.deliveries.listing import Wanted
from greenroom.errors import TooMany
from world import World

pytestmark = pytest.mark.anyio

EXPORT = "/api/admin/scheduling/deliveries/export"
BODY = delivery("BOOKING_CREATED", uid="b1", status="ACCEPTED")


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def admin(house):
    return await house.token(Role.ADMIN)


async def test_csv_has_a_line_for_each_delivery_that_the_filters_let_through(house, admin, world):
    await world.deliver(BODY, b"false")
    await house.deliver(b"false")

    answer = await house.http.get(EXPORT, headers=admin)
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="deliveries-')
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["id"], row["state"], row["duplicates"]) for row in rows] == [
        ("2", "unread", "1"),
        ("1", "done", "0"),
    ]
    assert rows[1]["connection"] == "House"
    assert rows[1]["received_at"] == "2026-11-24T09:00:00.000000Z"
    assert answer.text.count("\r\n") == answer.text.count("\n") == 3

    some = await house.http.get(f"{EXPORT}?state=dead", headers=admin)
    assert some.text == ",".join(COLUMNS) + "\r\n"


STEERING = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


async def test_no_cell_is_taken_for_a_formula(house, admin, world):
    plain = ["a=1", '"=1"', "a\n=1", "a,b", "", " =1"]
    async with house.parts.database.transaction() as tx:
        for number, said in enumerate([*STEERING, *plain]):
            await tx.execute(
                text(
                    "INSERT INTO deliveries (connection_id, digest, received_at, state, trigger,"
                    " outcome) VALUES (1, int4send(:n), :at, 'done', :said, :said)"
                ),
                {"n": number, "at": NOW, "said": said},
            )

    answer = await house.http.get(EXPORT, headers=admin)
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))[::-1]

    assert [row["outcome"] for row in rows] == [*(f"'{each}" for each in STEERING), *plain]
    assert [row["trigger"] for row in rows] == [row["outcome"] for row in rows]


async def test_ndjson_has_one_object_a_line_with_bodies_for_admins_only(house, admin, world):
    await world.deliver(BODY, bytes(range(256)))
    asked = f"{EXPORT}?format=ndjson&bodies=1"

    answer = await house.http.get(asked, headers=admin)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    without = await house.http.get(f"{EXPORT}?format=ndjson", headers=admin)
    refused = await house.http.get(asked, headers=await house.token(Role.RECRUITER))

    assert [b64decode(line["body"]) for line in lines] == [bytes(range(256)), BODY]
    assert list(lines[0]) == [*COLUMNS, "body"]
    assert "body" not in json.loads(without.text.splitlines()[0])
    assert (refused.status_code, "bodies" in refused.json()["title"]) == (403, True)


async def written(database, **given):
    return await delivery_export.begun(
        database, Wanted(), Kind.NDJSON, **({"bodies": False, "turn": nullcontext()} | given)
    )


async def test_a_user_gets_one_file_at_a_time_and_another_when_it_ends(world, monkeypatch):
    monkeypatch.setattr(delivery_export, "_AT_ONCE", 2)
    await world.deliver(*(b"%d" % number for number in range(5)))
    exports = Exports()

    first = await written(world.database, turn=exports.of("robin"))
    with pytest.raises(TooMany):
        await written(world.database, turn=exports.of("robin"))
    other = await written(world.database, turn=exports.of("sam"))

    read = b"".join([piece async for piece in first])
    assert [json.loads(line)["id"] for line in read.splitlines()] == [5, 4, 3, 2, 1]
    again = await written(world.database, turn=exports.of("robin"))
    assert b"".join([piece async for piece in again]) == read
    await other.aclose()


async def test_who_stops_reading_may_ask_again(world, monkeypatch):
    monkeypatch.setattr(delivery_export, "_AT_ONCE", 1)
    await world.deliver(b"1", b"2", b"3")
    exports = Exports()

    stopped = await written(world.database, turn=exports.of("robin"))
    await anext(stopped)
    await stopped.aclose()

    await written(world.database, turn=exports.of("robin"))


async def test_a_file_costs_no_more_memory_the_longer_it_is(world, monkeypatch):
    monkeypatch.setattr(delivery_export, "_AT_ONCE", 200)
    async with world.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO deliveries (connection_id, digest, received_at, state, outcome)"
                " SELECT 1, int4send(n), :at, 'done', repeat('x', 500)"
                " FROM generate_series(1, 4000) AS n"
            ),
            {"at": NOW},
        )
    pieces = await written(world.database)
    tracemalloc.start()
    sizes, peaks = [], []
    async for piece in pieces:
        sizes.append(len(piece))
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()

    assert sum(sizes) > 2_000_000
    assert peaks[-1] < peaks[2] + max(sizes), [b - a for a, b in pairwise(peaks)]
