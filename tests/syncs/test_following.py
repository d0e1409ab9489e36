"""What a person sees who asks Cal.com from the command line, while that goes on."""

import asyncio
from datetime import datetime

import pytest

from builders import HOUR
from calcom.account import clock
from calcom.odd import answering, bookings
from greenroom.calcom import connections
from greenroom.commands import syncing
from greenroom.syncs import runs
from greenroom.syncs.runs import Kind

pytestmark = pytest.mark.anyio

DEADLINE = 30.0


def without_end(path, query):
    """A Cal.com with a hundred bookings more, whatever page is asked for."""
    if path != "/bookings" or "afterStart" not in query:
        return 200, {"data": []}
    first = datetime.fromisoformat(query["afterStart"]) + HOUR
    rows = bookings(100)
    for number, row in enumerate(rows):
        at = (first + number * HOUR).isoformat().replace("+00:00", "Z")
        row.update(uid=f"at{at}", id=int(first.timestamp()) + number, start=at, end=at)
    return 200, {"data": rows}


async def test_who_asked_what_changed_does_not_wait_for_a_full_compare_under_way(house):
    parts, id_ = house.parts, house.connection_id
    async with answering(without_end) as url:
        async with parts.database.transaction() as tx:
            key = parts.seal.close("cal_live_x")
            await connections.learn(tx, id_, api_key=key, api_url=url)
            connection = await connections.get(tx, parts.seal, id_)
            whole, _ = await runs.begin(tx, id_, Kind.FULL, asked_by="the clock", now=clock())
        run = await asyncio.wait_for(
            syncing._follow(parts, connection, Kind.INCREMENTAL, None), DEADLINE
        )

    assert (run.kind, run.error, run.finished_at is not None) == (Kind.INCREMENTAL, None, True)
    async with parts.database.transaction() as tx:
        assert (await runs.run(tx, whole.id)).finished_at is None
        assert await connections.start_sync(tx, id_, "the next one")


async def test_progress_is_no_part_of_what_the_command_says(account, capsys):
    begun = await account.wish(Kind.FULL)
    async with account.world.database.transaction() as tx:
        await runs.count(tx, begun.id, pages=10, seen=1000)
    with syncing._shown("Studio") as shown:
        shown.tell(await account.run(begun.id))

    assert tuple(capsys.readouterr()) == ("", "Studio: page 10, 1000 bookings\n")
