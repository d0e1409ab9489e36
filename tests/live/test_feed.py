"""Live updates reach open pages, once committed."""

import asyncio
import contextlib

import psycopg
import pytest
from psycopg import sql

from greenroom.live.feed import Announcer, Feed, announce

pytestmark = pytest.mark.anyio


@pytest.fixture
def slow_notify(database_url):
    """Every NOTIFY of the announcer takes a second."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA slow")
        admin.execute(
            "CREATE FUNCTION slow.pg_notify(text, text) RETURNS void LANGUAGE sql AS"
            " 'SELECT pg_catalog.pg_sleep(1); SELECT pg_catalog.pg_notify($1, $2)'"
        )
        name = sql.Identifier(admin.info.dbname)
        path = "ALTER DATABASE {} SET search_path = slow, pg_catalog, public"
        admin.execute(sql.SQL(path).format(name))


@pytest.fixture
async def feed(database):
    feed, announcer = Feed(), Announcer()
    database.heard = announcer.tell
    tasks = [
        asyncio.create_task(feed.run(database.conninfo)),
        asyncio.create_task(announcer.run(database.conninfo)),
    ]
    async with feed.topics() as topics:
        assert await hear(topics, 2) == ["resync", "resync"]
    yield feed
    for task in tasks:
        task.cancel()


async def hear(topics, count):
    return [await asyncio.wait_for(anext(topics), 5) for _ in range(count)]


async def test_every_open_page_hears_of_a_committed_change(database, feed):
    async with feed.topics() as alice, feed.topics() as bob:
        async with database.transaction() as tx:
            announce(tx, "interview:1")

        assert await hear(alice, 2) == ["resync", "interview:1"]
        assert await hear(bob, 2) == ["resync", "interview:1"]


async def test_a_change_that_is_rolled_back_is_never_heard(database, feed):
    async with feed.topics() as topics:
        with pytest.raises(RuntimeError):
            async with database.transaction() as tx:
                announce(tx, "interview:1")
                raise RuntimeError
        async with database.transaction() as tx:
            announce(tx, "interview:2")

        assert await hear(topics, 2) == ["resync", "interview:2"]


async def test_a_page_that_falls_behind_is_told_to_ask_for_everything(database, feed):
    async with feed.topics() as topics:
        for number in range(0, 400, 40):
            async with database.transaction() as tx:
                for each in range(number, number + 40):
                    announce(tx, f"interview:{each}")
            await asyncio.sleep(0.15)
        await asyncio.sleep(0.3)

        heard = []
        with contextlib.suppress(TimeoutError):
            while True:
                heard.append(await asyncio.wait_for(anext(topics), 0.5))
        assert heard[0] == "resync"
        assert len(heard) <= 100


async def test_more_topics_than_fit_become_one_resync(database, feed):
    async with feed.topics() as topics:
        async with database.transaction() as tx:
            for number in range(2000):
                announce(tx, f"interview:{number}")

        assert await hear(topics, 2) == ["resync", "resync"]


async def test_a_lost_connection_comes_back_and_asks_pages_to_resync(database, feed):
    async with feed.topics() as topics:
        with psycopg.connect(database.conninfo, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'greenroom live'"
            )
        assert await hear(topics, 2) == ["resync", "resync"]
        await asyncio.sleep(1.2)

        async with database.transaction() as tx:
            announce(tx, "interview:1")

        assert await hear(topics, 1) == ["interview:1"]


async def commit(database, *topics):
    async with database.transaction() as tx:
        for topic in topics:
            announce(tx, topic)


@pytest.mark.parametrize(
    ("first", "heard"),
    [
        (["interview:1"], "interview:1"),
        ([f"interview:{number}" for number in range(2000)], "resync"),
    ],
)
async def test_a_change_during_a_notify_is_heard_after_it(
    slow_notify, database, feed, first, heard
):
    async with feed.topics() as topics:
        await commit(database, *first)
        await asyncio.sleep(0.5)
        await commit(database, "interview:1")

        assert await hear(topics, 3) == ["resync", heard, "interview:1"]


async def test_what_a_lost_notify_should_have_told_is_told_by_the_next(slow_notify, database, feed):
    async with feed.topics() as topics:
        await commit(database, "interview:1")
        await asyncio.sleep(0.5)
        await commit(database, "interview:2")
        with psycopg.connect(database.conninfo, autocommit=True) as admin:
            ended = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'SELECT pg_notify%' AND datname = current_database()"
            )
            assert ended.fetchall() == [(True,)]

        assert await hear(topics, 3) == ["resync", "interview:1", "interview:2"]


async def test_closing_the_feed_ends_every_stream(database, feed):
    async with feed.topics() as topics:
        feed.close()

        assert [topic async for topic in topics] == []
