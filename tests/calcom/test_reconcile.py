"""Cal.com's API is the truth: what deliveries did not tell, reconcile finds."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from builders import delivery
from calcom.odd import Desk, answering, bookings
from calcom_desk import KEY
from greenroom.calcom import connecting, connections, deliveries, looks, reconcile
from greenroom.calcom.client import Calcom, KeyRefused, http_client
from greenroom.errors import Conflict
from greenroom.event_types import actions as event_types
from greenroom.interviews.model import Status
from world import SEAL

pytestmark = pytest.mark.anyio


def clock():
    return datetime.now(UTC)


@pytest.fixture
async def http():
    client = http_client()
    yield client
    await client.aclose()


@pytest.fixture
async def account(world, calcom, http):
    """The simulator's host, connected; give the connection."""
    done = await connecting.connect(
        world.database,
        SEAL,
        http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url="http://127.0.0.1:1/nobody-listens",
        reachable=False,
        now=clock(),
    )
    return done.connection


@pytest.fixture
def ask(world, http):
    """Reconcile once, as if the connection were read anew."""

    async def ask(connection):
        return await ask_as(world, http, await fresh(world, connection))

    return ask


async def ask_as(world, http, connection):
    async with world.database.transaction() as tx:
        begun = await reconcile.begin(tx, connection, asked_by="a test", now=clock())
    api = Calcom(http, connection.api_url, connection.api_key)
    return await reconcile.reconcile(world.database, api, connection, begun, clock=clock)


async def fresh(world, connection):
    async with world.database.transaction() as tx:
        return await connections.get(tx, SEAL, connection.id)


async def aimed_at(world, connection, url):
    async with world.database.transaction() as tx:
        await connections.learn(tx, connection.id, api_url=url)


async def rested(world, connection):
    """The rate limit's time has gone by."""
    async with world.database.transaction() as tx:
        await looks.wake(tx, connection.id)


async def known(world):
    async with world.database.transaction() as tx:
        return list((await tx.execute(text("SELECT uid FROM bookings"))).scalars())


async def all_offered(world):
    async with world.database.transaction() as tx:
        return [each.slug for each in await event_types.offered(tx)]


async def offered(world, slug):
    async with world.database.transaction() as tx:
        return next(each for each in await event_types.offered(tx) if each.slug == slug)


async def invited(world, slug="intro-call"):
    return await world.send(await world.candidate(), await offered(world, slug), now=clock())


async def test_everything_arrives_by_reconcile_when_no_delivery_does(world, calcom, account, ask):
    row = await invited(world)

    booked = calcom.book(token=row.link.token)
    run = await ask(account)
    assert (run.error, run.changed) == (None, 1)
    assert (await world.row(row.id)).status is Status.CONFIRMED

    moved = calcom.reschedule(booked["uid"], to=calcom.free("intro-call", days=3)[0])
    await ask(account)
    found = await world.row(row.id)
    assert (found.status, found.interview.meeting.uid) == (Status.CONFIRMED, moved["uid"])
    assert found.interview.reschedules == 1

    calcom.cancel(moved["uid"])
    await ask(account)
    assert (await world.row(row.id)).status is Status.CANCELLED


async def test_a_booking_that_wants_confirmation_is_awaited_then_confirmed(
    world, calcom, account, ask
):
    row = await invited(world, "final-round")

    booked = calcom.book("final-round", token=row.link.token)
    await ask(account)
    assert (await world.row(row.id)).status is Status.REQUESTED

    calcom.confirm(booked["uid"])
    await ask(account)
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_asking_twice_changes_nothing_the_second_time(world, calcom, account, ask):
    row = await invited(world)
    calcom.book(token=row.link.token)
    await ask(account)

    again = await ask(account)

    assert (again.seen, again.changed) == (1, 0)


async def test_a_key_that_is_refused_changes_nothing_and_says_what_to_do(
    world, calcom, account, ask, http
):
    row = await invited(world)
    calcom.book(token=row.link.token)
    await ask(account)
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

    run = await ask(account)

    assert "refused the API key" in run.error
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_cal_com_that_is_away_changes_nothing(world, calcom, account, ask):
    row = await invited(world)
    calcom.book(token=row.link.token)
    await ask(account)
    async with world.database.transaction() as tx:
        await connections.learn(tx, account.id, api_url="http://127.0.0.1:1/v2")

    run = await ask(account)

    assert "did not answer" in run.error
    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_rate_limit_ends_the_run_and_the_next_one_goes_on(world, calcom, account, ask):
    row = await invited(world)
    calcom.book(token=row.link.token)
    calcom.control("rate-limit", limit=1, window_seconds=60, block_seconds=60)
    run = await ask(account)
    assert "rate limit" in run.error

    calcom.control("rate-limit", limit=120, window_seconds=60, block_seconds=60)
    with pytest.raises(Conflict, match="It opens again at"):
        await ask(account)
    await rested(world, account)
    await ask(account)

    assert (await world.row(row.id)).status is Status.CONFIRMED


async def test_a_first_look_longer_than_the_rate_limit_comes_to_its_end(world, account, ask):
    desk = Desk(bookings(250), patience=2)
    async with answering(desk) as url:
        await aimed_at(world, account, url)
        errors = []
        for _ in range(3):
            errors.append((await ask(account)).error)
            desk.patience = 2
            await rested(world, account)

    assert [error is None for error in errors] == [False, False, True]
    changed = [number for field, number in desk.asked if field == "updatedAt"]
    made = [number for field, number in desk.asked if field == "createdAt"]
    assert (changed, made) == ([1, 100, 199], [1, 100, 199])
    assert len(await known(world)) == 250
    assert (await fresh(world, account)).synced_until is not None


async def test_a_booking_that_changes_while_pages_are_read_hides_no_other(world, account, ask):
    desk = Desk(bookings(150), patience=9)
    real = desk.__call__

    def answer(path, query):
        found = real(path, query)
        if desk.asked == [("updatedAt", 1)]:
            desk.rows[50]["updatedAt"] = "2026-11-23T10:00:00Z"
            desk.rows[100]["createdAt"] = "2026-01-01T00:00:00Z"
        return found

    async with answering(answer) as url:
        await aimed_at(world, account, url)
        assert (await ask(account)).error is None

    assert len(await known(world)) == 150


async def test_bookings_of_the_same_moment_are_all_seen(world, account, ask):
    rows = bookings(250)
    for each in rows:
        each["createdAt"] = each["updatedAt"] = "2026-11-20T10:00:00.123Z"
    async with answering(Desk(rows, patience=20)) as url:
        await aimed_at(world, account, url)
        assert (await ask(account)).error is None

    assert len(await known(world)) == 250


async def test_an_older_answer_ends_the_run_and_says_so(world, account, ask):
    def older(path, query):
        data = {"bookings": bookings(1)} if path == "/bookings" else []
        return 200, {"status": "success", "data": data}

    async with answering(older) as url:
        await aimed_at(world, account, url)
        first = await ask(account)
        second = await ask(account)

    assert first.finished_at is not None
    assert "no list" in first.error
    assert "no list" in second.error


async def test_a_mistake_of_ours_ends_the_run_too(world, calcom, account, ask, monkeypatch):
    def broken(row, *, fetched_at):
        message = "this one breaks"
        raise AttributeError(message)

    calcom.book()
    with monkeypatch.context() as version:
        version.setattr(reconcile.answers, "booking", broken)
        with pytest.raises(AttributeError):
            await ask(account)

    async with world.database.transaction() as tx:
        run = (await reconcile.latest(tx))[0]
    assert run.finished_at is not None
    assert "this one breaks" in run.error
    assert (await ask(account)).error is None


@pytest.mark.parametrize("is_first", [True, False])
async def test_asking_for_the_last_hour_leaves_the_gap_before_it_to_be_asked_for(
    world, calcom, account, ask, http, is_first
):
    if not is_first:
        before = clock() - timedelta(days=2)
        async with world.database.transaction() as tx:
            await connections.learn(tx, account.id, synced_until=before)
    synced = (await fresh(world, account)).synced_until

    by_hand = connections.asked_since(account, clock() - timedelta(hours=1))
    await ask_as(world, http, by_hand)
    assert (await fresh(world, account)).synced_until == synced

    longer = connections.asked_since(account, clock() - timedelta(days=91))
    await ask_as(world, http, longer)
    assert (await fresh(world, account)).synced_until > clock() - timedelta(minutes=1)


async def test_what_a_delivery_told_is_not_counted_as_changed(world, calcom, account, ask):
    row = await invited(world)
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

    assert (await ask(account)).changed == 0
    calcom.cancel(booked["uid"])
    assert (await ask(account)).changed == 1


@pytest.mark.parametrize("rows", [[], [{"id": "unreadable"}]])
async def test_a_list_without_a_readable_event_type_withdraws_none(world, account, ask, rows):
    before = await all_offered(world)

    async with answering(lambda *_: (200, {"status": "success", "data": rows})) as url:
        await aimed_at(world, account, url)
        await ask(account)

    assert before
    assert await all_offered(world) == before


async def test_two_reconciles_of_one_account_do_not_run_at_once(world, account):
    async with world.database.transaction() as tx:
        await reconcile.begin(tx, account, asked_by="one", now=clock())

    with pytest.raises(Conflict, match="being asked"):
        async with world.database.transaction() as tx:
            await reconcile.begin(tx, account, asked_by="two", now=clock())


async def test_a_wrong_key_is_refused_before_anything_is_kept(world, calcom, http):
    with pytest.raises(KeyRefused, match="API key"):
        await connecting.connect(
            world.database,
            SEAL,
            http,
            name="Wrong",
            api_url=calcom.api_url,
            api_key="cal_wrong",
            secret=None,
            check=True,
            webhook_url="http://127.0.0.1:1/x",
            reachable=False,
            now=clock(),
        )

    async with world.database.transaction() as tx:
        assert [each.name for each in await connections.every(tx, SEAL)] == ["Test"]


async def test_connecting_makes_the_webhook_and_mends_it_when_it_was_changed(world, calcom, http):
    async def connect():
        return await connecting.connect(
            world.database,
            SEAL,
            http,
            name="Mara",
            api_url=calcom.api_url,
            api_key=KEY,
            secret=None,
            check=True,
            webhook_url="http://127.0.0.1:1/hook",
            reachable=True,
            now=clock(),
        )

    first = await connect()
    second = await connect()
    async with world.database.transaction() as tx:
        webhook_id = (await connections.get(tx, SEAL, first.connection.id)).webhook_id
    calcom_api = Calcom(http, calcom.api_url, KEY)
    await calcom_api.change_webhook(webhook_id, active=False)
    third = await connect()

    assert first.new_secret is not None
    assert second.new_secret is None
    assert [first.webhook, second.webhook, third.webhook] == [
        "Made at Cal.com.",
        "There already, and in order.",
        "Mended at Cal.com.",
    ]
    assert [each["active"] for each in await calcom_api.webhooks()] == [True]
