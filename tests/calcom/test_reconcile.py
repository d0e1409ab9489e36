"""Cal.com's API is the truth: what deliveries did not tell, reconcile finds."""

from datetime import UTC, datetime

import pytest

from calcom_desk import KEY
from greenroom.calcom import connecting, connections, reconcile
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
        async with world.database.transaction() as tx:
            connection = await connections.get(tx, SEAL, connection.id)
            begun = await reconcile.begin(tx, connection, asked_by="a test", now=clock())
        api = Calcom(http, connection.api_url, connection.api_key)
        return await reconcile.reconcile(world.database, api, connection, begun, clock=clock)

    return ask


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
    await ask(account)

    assert (await world.row(row.id)).status is Status.CONFIRMED


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
