"""Cal.com's API is the truth: what deliveries did not tell, reconcile finds."""

import asyncio
from datetime import timedelta

import pytest

from builders import delivery
from calcom.account import clock
from calcom.odd import Desk, answering, bookings
from greenroom.calcom import connections
from greenroom.deliveries import actions as deliveries
from greenroom.errors import Conflict
from greenroom.interviews.model import Status
from greenroom.syncs import actions as syncs
from greenroom.syncs import hearing, runs
from world import SEAL

pytestmark = pytest.mark.anyio


async def test_everything_arrives_by_reconcile_when_no_delivery_does(world, calcom, account):
    row = await account.invited()

    booked = calcom.book(token=row.link.token)
    run = await account.ask()
    assert (run.error, run.changed) == (None, 1)
    assert (await world.row(row.id)).status is Status.CONFIRMED

    moved = calcom.reschedule(booked["uid"], to=calcom.free("intro-call", days=3)[0])
    await account.ask()
    found = await world.row(row.id)
    assert (found.status, found.interview.meeting.uid) == (Status.CONFIRMED, moved["uid"])
    assert found.interview.reschedules == 1

    calcom.cancel(moved["uid"])
    await account.ask()
    assert (await world.row(row.id)).status is Status.CANCELLED


async def test_a_booking_that_wants_confirmation_is_awaited_then_confirmed(world, calcom, account):
    row = await account.invited("final-round")

    booked = calcom.book("final-round", token=row.link.token)
    await account.ask()
    assert (await world.row(row.id)).status is Status.REQUESTED

    calcom.confirm(booked["uid"])
    await account.ask()
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_asking_twice_changes_nothing_the_second_time(world, calcom, account):
    row = await account.invited()
    calcom.book(token=row.link.token)
    await account.ask()

    again = await account.ask()

    assert (again.seen, again.changed) == (1, 0)


async def test_a_key_that_is_refused_changes_nothing_and_says_what_to_do(world, calcom, account):
    row = await account.invited()
    calcom.book(token=row.link.token)
    await account.ask()
    async with world.database.transaction() as tx:
        await connections.connect(
            tx,
            SEAL,
            name="Mara",
            api_url=calcom.api_url,
            api_key="cal_wrong",
            secret=None,
            now=clock(),
        )

    run = await account.ask()

    assert "refused the API key" in run.error
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_cal_com_that_is_away_changes_nothing(world, calcom, account):
    row = await account.invited()
    calcom.book(token=row.link.token)
    await account.ask()
    async with world.database.transaction() as tx:
        await connections.learn(tx, account.id, api_url="http://127.0.0.1:1/v2")

    run = await account.ask()

    assert "did not answer" in run.error
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_rate_limit_ends_the_run_and_the_next_one_goes_on(world, calcom, account):
    row = await account.invited()
    calcom.book(token=row.link.token)
    calcom.control("rate-limit", limit=1, window_seconds=60, block_seconds=60)
    run = await account.ask()
    assert "rate limit" in run.error

    calcom.control("rate-limit", limit=120, window_seconds=60, block_seconds=60)
    async with world.database.transaction() as tx:
        with pytest.raises(Conflict, match="It opens again at"):
            await syncs.start(tx, SEAL, asked_by="Robin", now=clock())
    await account.rested()
    await account.ask()

    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_first_look_longer_than_the_rate_limit_comes_to_its_end(world, account):
    desk = Desk(bookings(250), patience=2)
    async with answering(desk) as url:
        await account.aim(url)
        errors = []
        for _ in range(3):
            errors.append((await account.ask()).error)
            desk.patience = 2
            await account.rested()

    assert [error is None for error in errors] == [False, False, True]
    changed = [number for field, number in desk.asked if field == "updatedAt"]
    made = [number for field, number in desk.asked if field == "createdAt"]
    assert (changed, made) == ([1, 100, 199], [1, 100, 199])
    assert len(await account.known()) == 250
    assert (await account.fresh()).synced_until is not None


async def test_a_booking_that_changes_while_pages_are_read_hides_no_other(world, account):
    desk = Desk(bookings(150), patience=9)
    real = desk.__call__

    def answer(path, query):
        found = real(path, query)
        if desk.asked == [("updatedAt", 1)]:
            desk.rows[50]["updatedAt"] = "2026-11-23T10:00:00Z"
            desk.rows[100]["createdAt"] = "2026-01-01T00:00:00Z"
        return found

    async with answering(answer) as url:
        await account.aim(url)
        assert (await account.ask()).error is None

    assert len(await account.known()) == 150


async def test_bookings_of_the_same_moment_are_all_seen(world, account):
    rows = bookings(250)
    for each in rows:
        each["createdAt"] = each["updatedAt"] = "2026-11-20T10:00:00.123Z"
    async with answering(Desk(rows, patience=20)) as url:
        await account.aim(url)
        assert (await account.ask()).error is None

    assert len(await account.known()) == 250


async def test_an_older_answer_ends_the_run_and_says_so(world, account):
    def older(path, query):
        data = {"bookings": bookings(1)} if path == "/bookings" else []
        return 200, {"status": "success", "data": data}

    async with answering(older) as url:
        await account.aim(url)
        first = await account.ask()
        second = await account.ask()

    assert first.finished_at is not None
    assert "no list" in first.error
    assert "no list" in second.error


async def test_a_mistake_of_ours_ends_the_run_too(world, calcom, account, monkeypatch):
    def broken(row, *, fetched_at):
        message = "this one breaks"
        raise AttributeError(message)

    calcom.book()
    with monkeypatch.context() as version:
        version.setattr(hearing.answers, "booking", broken)
        with pytest.raises(AttributeError):
            await account.ask()

    async with world.database.transaction() as tx:
        run = (await runs.latest(tx))[0]
    assert run.finished_at is not None
    assert "this one breaks" in run.error
    assert (await account.ask()).error is None


@pytest.mark.parametrize("is_first", [True, False])
async def test_asking_for_the_last_hour_leaves_the_gap_before_it_to_be_asked_for(
    calcom, account, is_first
):
    if not is_first:
        before = clock() - timedelta(days=2)
        await account.execute("UPDATE connections SET synced_until = :at", at=before)
    synced = (await account.fresh()).synced_until

    await account.ask(since=clock() - timedelta(hours=1))
    assert (await account.fresh()).synced_until == synced

    await account.ask(since=clock() - timedelta(days=91))
    assert (await account.fresh()).synced_until > clock() - timedelta(minutes=1)


async def test_what_a_delivery_told_is_not_counted_as_changed(world, calcom, account):
    row = await account.invited()
    booked = calcom.book(token=row.link.token)
    told = delivery(
        uid=booked["uid"],
        bookingId=booked["id"],
        startTime=booked["start"],
        endTime=booked["end"],
        status="ACCEPTED",
    )
    kept = await world.intake.keep(account.id, told, clock())
    await deliveries.drain(world.database, now=clock())
    assert (await world.delivery(kept.id)).state == "done"

    assert (await account.ask()).changed == 0
    calcom.cancel(booked["uid"])
    assert (await account.ask()).changed == 1


@pytest.mark.parametrize("rows", [[], [{"id": "unreadable"}]])
async def test_a_list_without_a_readable_event_type_withdraws_none(world, account, rows):
    before = await account.offered()

    async with answering(lambda *_: (200, {"status": "success", "data": rows})) as url:
        await account.aim(url)
        await account.ask()

    assert before
    assert await account.offered() == before


async def test_two_who_ask_at_once_are_one_run_with_one_set_of_questions(world, account):
    desk = Desk(bookings(150), patience=99)
    async with answering(desk) as url:
        await account.aim(url)
        first, second = [await account.wish() for _ in range(2)]
        leaders = [await account.leader(name=name) for name in ("one", "two")]
        await asyncio.gather(*(syncs.carry_on(each) for each in leaders))

    assert first.id == second.id
    assert [number for field, number in desk.asked if field == "updatedAt"] == [1, 100]
    assert (await account.run(first.id)).error is None


async def test_who_was_taken_for_dead_keeps_nothing_more(world, account):
    desk = Desk(bookings(150), patience=99)

    def answer(path, query):
        if len(desk.asked) == 1:
            taken.append(True)
        return desk(path, query)

    taken = []
    async with answering(answer) as url:
        await account.aim(url)
        begun = await account.wish()
        dead = await account.leader(name="dead")
        real = dead.calcom.bookings

        async def slow(**filters):
            found = await real(**filters)
            if taken:
                await account.execute("UPDATE connections SET syncing_by = 'another'")
            return found

        dead.calcom.bookings = slow
        await syncs.carry_on(dead)

    assert len(await account.known()) == 100
    run = await account.run(begun.id)
    assert (run.finished_at, run.pages) == (None, 1)
    ((by,),) = await account.execute(
        "SELECT syncing_by FROM connections WHERE id = :id", id=account.id
    )
    assert by == "another"


async def test_a_run_whose_process_was_killed_is_gone_on_with(world, account):
    desk = Desk(bookings(150), patience=99)
    async with answering(desk) as url:
        await account.aim(url)
        begun = await account.wish()
        await account.execute(
            "UPDATE connections SET syncing_by = 'killed', syncing_until = now() + interval '1h'"
        )
        await syncs.carry_on(await account.leader())
        assert (await account.run(begun.id)).finished_at is None

        await account.execute("UPDATE connections SET syncing_until = now()")
        await syncs.carry_on(await account.leader())

    assert (await account.run(begun.id)).error is None
    assert len(await account.known()) == 150
