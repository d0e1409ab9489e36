"""The full compare: every booking that is not over, whatever pages do, and whoever is killed."""

import asyncio
import signal
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from builders import DAY, HOUR, MINUTE, answered, delivery
from calcom.account import clock
from calcom.odd import answering, bookings
from greenroom.bookings import actions as recorded
from greenroom.bookings.model import Status, Told
from greenroom.calcom.client import PAGE
from greenroom.deliveries import actions as deliveries
from greenroom.syncs import actions as syncs
from greenroom.syncs import full, looks, runs
from greenroom.syncs.runs import Kind

pytestmark = pytest.mark.anyio


def ahead(count):
    """Rows of bookings that begin a minute after each other, from tomorrow on."""
    first = clock().replace(microsecond=0) + DAY
    rows = bookings(count)
    for number, row in enumerate(rows):
        start = first + number * MINUTE
        row["start"], row["end"] = iso(start), iso(start + HOUR)
    return rows


def iso(at):
    return at.isoformat().replace("+00:00", "Z")


class Pages:
    """Answers as Cal.com does; `before` is called with this and the number of each page."""

    def __init__(self, rows, *, before=lambda *_: None, obeys=True):
        self.rows, self.before, self.obeys = list(rows), before, obeys
        self.pages: list[int] = []
        """The number of each page's first row."""
        self.singly: list[str] = []

    def __call__(self, path, query):
        if path.startswith("/bookings/"):
            self.singly.append(path.rpartition("/")[2])
            found = [row for row in self.rows if row["uid"] == self.singly[-1]]
            if not found:
                return 404, {"error": {"message": "Booking not found"}}
            return 200, {"data": found[0]}
        if path != "/bookings" or "afterStart" not in query:
            return 200, {"data": []}
        self.before(self, len(self.pages))
        return self.page(query)

    def page(self, query):
        after = datetime.fromisoformat(query["afterStart"])
        found = [
            row
            for row in self.rows
            if not self.obeys or datetime.fromisoformat(row["start"]) >= after
        ]
        found.sort(key=lambda row: datetime.fromisoformat(row["start"]))
        skip, take = int(query["skip"]), int(query["take"])
        page = [dict(row) for row in found[skip:][:take]]
        self.pages.append(page[0]["id"] if page else 0)
        left = {"remainingItems": max(0, len(found) - skip - take)}
        return 200, {"status": "success", "data": page, "pagination": left}


async def known_before(account, *uids):
    """Bookings of ours that Cal.com confirmed a week ago."""
    week_ago = clock() - 7 * DAY
    times = {"starts_at": clock() + 2 * DAY, "ends_at": clock() + 2 * DAY + HOUR}
    facts = [
        replace(answered(Status.CONFIRMED, week_ago, **times), uid=uid, digest=uid) for uid in uids
    ]
    async with account.world.database.transaction() as tx:
        told = [Told(connection_id=account.id, fact=fact) for fact in facts]
        await recorded.record(tx, told, now=week_ago)


async def statuses(account):
    return dict(map(tuple, await account.execute("SELECT uid, status FROM bookings")))


async def test_everything_ahead_is_seen_page_by_page_with_progress(account):
    desk = Pages(ahead(250))
    async with answering(desk) as url:
        await account.aim(url)
        run = await account.ask(Kind.FULL)

    assert (run.error, run.kind, run.seen) == (None, Kind.FULL, 252)
    assert (run.pages, run.pages_about) == (3, 3)
    assert desk.pages == [1, 100, 199]
    assert len(await account.known()) == 250
    assert run.requests == 4  # and the event types


async def test_what_of_ours_no_page_shows_is_read_singly_and_only_that_changes_it(account):
    await known_before(account, "cancelled", "gone", "there")
    rows = ahead(3)
    rows[0]["uid"] = "there"
    rows.append({**rows[1], "uid": "cancelled", "id": 9, "status": "cancelled"})

    class Hiding(Pages):
        def page(self, query):
            status, said = super().page(query)[0], {"data": [rows[0]]}
            return status, said

    desk = Hiding(rows)
    async with answering(desk) as url:
        await account.aim(url)
        run = await account.ask(Kind.FULL)

    assert desk.singly == ["cancelled", "gone"]
    assert await statuses(account) == {
        "cancelled": "cancelled",
        "gone": "confirmed",
        "there": "confirmed",
    }
    assert (run.error, run.singly) == (None, 2)


async def test_an_empty_list_cancels_nothing(account):
    await known_before(account, "one", "two")
    async with answering(Pages([])) as url:
        await account.aim(url)
        run = await account.ask(Kind.FULL)

    assert (run.error, run.seen) == (None, 0)
    assert set((await statuses(account)).values()) == {"confirmed"}


def insert_before(desk, number):
    if number == 1:
        desk.rows.insert(0, {**desk.rows[0], "uid": "new", "id": 999})


def remove_before(desk, number):
    if number == 1:
        del desk.rows[10:40]


def move_back(desk, number):
    if number == 1:
        desk.rows[60]["start"] = desk.rows[60]["end"] = iso(clock() + 30 * DAY)


# Where the filter is ignored pages are counted, and so many at once may slip through: those of
# ours are read singly then, and others found the next time.
@pytest.mark.parametrize(
    ("shift", "obeys"),
    [
        (insert_before, True),
        (insert_before, False),
        (remove_before, True),
        (move_back, True),
        (move_back, False),
    ],
)
async def test_pages_that_shift_hide_nothing_that_stays(account, shift, obeys):
    rows = ahead(250)
    desk = Pages(rows, before=shift, obeys=obeys)
    if not obeys:  # an old Cal.com ignores the filter, and begins with what is long over
        for row in rows[:120]:
            row["start"], row["end"] = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"
    async with answering(desk) as url:
        await account.aim(url)
        run = await account.ask(Kind.FULL)

    assert run.error is None
    assert {row["uid"] for row in desk.rows} - set(await account.known()) <= {"new"}
    assert len(desk.pages) <= 4


async def test_the_same_page_for_ever_ends_the_run_and_cancels_nothing(account):
    await known_before(account, "ours")
    rows = ahead(PAGE)
    asked = []

    def stuck(path, query):
        asked.append(path)
        return 200, {"data": rows if path == "/bookings" and "afterStart" in query else []}

    async with answering(stuck) as url:
        await account.aim(url)
        run = await account.ask(Kind.FULL)

    assert "same page" in run.error
    assert len(asked) < 8
    assert (await statuses(account))["ours"] == "confirmed"
    async with account.world.database.transaction() as tx:
        assert await looks.unfinished(tx, account.id, Kind.FULL) is None


async def test_a_failure_in_the_middle_is_gone_on_from_there(account):
    desk, failed = Pages(ahead(350)), []

    def answer(path, query):
        if "afterStart" in query and len(desk.pages) == 2 and len(failed) < 3:
            failed.append(path)
            return 500, {}
        return desk(path, query)

    async with answering(answer) as url:
        await account.aim(url)
        stopped = await account.ask(Kind.FULL)
        assert (stopped.finished_at, stopped.pages) == (None, 2)
        assert "500" in stopped.error

        await syncs.carry_on(await account.leader())

    run = await account.run(stopped.id)
    assert (run.error, run.pages) == (None, 4)
    assert desk.pages == [1, 100, 199, 298]
    assert len(await account.known()) == 350


async def test_what_changed_goes_first_in_the_middle_of_a_full_compare(account, monkeypatch):
    monkeypatch.setattr(full, "_SLICE", timedelta(0))
    questions = []
    desk = Pages(ahead(250))

    def answer(path, query):
        questions.extend(set(query) & {"afterStart", "afterUpdatedAt"})
        return desk(path, query)

    async with answering(answer) as url:
        await account.aim(url)
        whole = await account.wish(Kind.FULL)
        real = account.leader

        async def leading():
            leader = await real()
            page = leader.calcom.bookings

            async def bookings_(**filters):
                if len(desk.pages) == 1:
                    await account.wish(Kind.INCREMENTAL)
                return await page(**filters)

            leader.calcom.bookings = bookings_
            return leader

        await syncs.carry_on(await leading())

    assert questions == ["afterStart", "afterStart", "afterUpdatedAt", "afterStart"]
    assert (await account.run(whole.id)).error is None


_READER = """
import asyncio, sys
from datetime import UTC, datetime
from greenroom.calcom import connections
from greenroom.syncs import actions as syncs
from greenroom.calcom.budget import Budget, Urgency
from greenroom.calcom.client import Calcom, http_client
from greenroom.syncs.leading import Leader
from greenroom.database import Database
from world import SEAL

async def read(url, id_):
    database = Database(url)
    async with database.transaction() as tx:
        connection = await connections.get(tx, SEAL, int(id_))
    gate = Budget(database, int(id_), renewals=connection.renewals, per_minute=600,
                  urgency=Urgency.FULL, patience=9.0, random=lambda: 0.0)
    calcom = Calcom(http_client(), connection.api_url, connection.api_key, gate)
    await syncs.carry_on(Leader(name="killed", database=database, calcom=calcom, budget=gate,
                                connection=connection, clock=lambda: datetime.now(UTC)))

asyncio.run(read(*sys.argv[1:]))
"""


async def test_a_process_killed_in_the_middle_leaves_a_run_that_another_ends(account, database_url):
    desk = Pages(ahead(450))
    reached = asyncio.Event()

    def answer(path, query):
        if len(desk.pages) == 2:
            reached.set()
        return desk(path, query)

    async with answering(answer) as url:
        await account.aim(url)
        begun = await account.wish(Kind.FULL)
        await account.execute("UPDATE budgets SET tokens = 7, filled_at = now()")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _READER,
            database_url,
            str(account.id),
            env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
        )
        await asyncio.wait_for(reached.wait(), 20)
        process.send_signal(signal.SIGKILL)
        await process.wait()

        half = await account.run(begun.id)
        assert half.finished_at is None
        assert 0 < half.pages < 5
        await syncs.carry_on(await account.leader())
        assert (await account.run(begun.id)).pages == half.pages  # its claim still holds

        await account.execute("UPDATE connections SET syncing_until = now()")
        await syncs.carry_on(await account.leader())

    whole = await account.run(begun.id)
    assert (whole.error, whole.pages) == (None, 5)
    assert len(await account.known()) == 450
    assert len(desk.pages) <= 6  # at most the page under way was asked for again


async def test_a_full_compare_left_for_days_begins_anew(account):
    old = looks.begin(Kind.FULL, None, clock() - 5 * DAY)
    async with account.world.database.transaction() as tx:
        await looks.keep(tx, account.id, replace(old, reached=clock() + 300 * DAY))
    async with answering(Pages(ahead(3))) as url:
        await account.aim(url)
        assert (await account.ask(Kind.FULL)).seen == 3


async def test_a_full_compare_begun_days_ago_begins_its_look_anew(account):
    old = looks.begin(Kind.FULL, None, clock() - 9 * DAY)
    begun = await account.wish(Kind.FULL)
    await account.execute("UPDATE sync_runs SET started_at = :at", at=clock() - 7 * DAY)
    async with account.world.database.transaction() as tx:
        await looks.keep(tx, account.id, replace(old, reached=clock() + 300 * DAY))
    async with answering(Pages(ahead(3))) as url:
        await account.aim(url)
        await syncs.carry_on(await account.leader())

    run = await account.run(begun.id)
    assert (run.error, run.seen) == (None, 3)
    assert run.since > clock() - 3 * DAY


@pytest.mark.parametrize("question", ["afterStart", "afterUpdatedAt"])
async def test_a_full_compare_that_does_not_get_on_is_given_up_and_another_may_begin(
    account, question
):
    """Also when it is not its own page that fails, but the one that always goes first."""
    desk = Pages(ahead(150))

    def answer(path, query):
        if question in query and len(desk.pages) != 1:
            return 500, {"error": {"message": "Out of order"}}
        return desk(path, query)

    async with answering(answer) as url:
        await account.aim(url)
        begun = await account.wish(Kind.FULL)
        for stops in range(1, 11):
            await account.rested()
            if question == "afterUpdatedAt":
                await account.wish()
            await syncs.carry_on(await account.leader(patience=0))
            if stops == 5:
                assert (await account.run(begun.id)).finished_at is None
                async with account.world.database.transaction() as tx:
                    await runs.count(tx, begun.id, requests=1)
        given_up = await account.run(begun.id)
        assert given_up.finished_at is not None
        assert given_up.error is not None
        assert (await account.wish(Kind.FULL)).id > begun.id


async def test_a_full_compare_that_gets_on_between_its_stops_goes_on(account):
    begun = await account.wish(Kind.FULL)
    async with account.world.database.transaction() as tx:
        stops = [await runs.stop(tx, begun.id) for _ in range(9)]
        await runs.count(tx, begun.id, pages=1)
        stops.append(await runs.stop(tx, begun.id))

    assert stops == [*range(1, 10), 1]


async def test_a_delivery_that_only_deliveries_tell_of_is_read_back_once_its_minute_is_over(
    account,
):
    rows = ahead(1)
    rows[0].update(uid="booking1", status="cancelled")
    told = delivery(
        uid="booking1", status="ACCEPTED", startTime=rows[0]["start"], endTime=rows[0]["end"]
    )
    at = clock() - 2 * MINUTE
    await account.world.intake.keep(account.id, told, at)
    await deliveries.drain(account.world.database, now=at)

    desk = Pages(rows)
    async with answering(desk) as url:
        await account.aim(url)
        run = await account.ask()

    assert desk.singly == ["booking1"]
    assert (run.singly, run.changed) == (1, 1)
    assert await statuses(account) == {"booking1": "cancelled"}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (502, "<html>Bad gateway</html>"),
        (200, "<html>Sign in</html>"),
        (200, {"data": []}),
        (200, {"data": None}),
        (200, {"data": [{"uid": "ours", "status": "vanished"}]}),
        (401, {}),
        (403, {}),
        (404, {}),
        (429, {}),
    ],
    ids=lambda each: f"{each[0]} {str(each[1])[:24]}",
)
async def test_no_odd_answer_changes_a_booking(account, kind, answer):
    await known_before(account, "ours")
    async with answering(lambda *_: answer) as url:
        await account.aim(url)
        await account.ask(kind)

    assert await statuses(account) == {"ours": "confirmed"}
