"""Telling open browsers that something changed. Hints only: a page that misses one asks again."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import psycopg
import structlog

from greenroom.database import SIGNS_OF_LIFE, Transaction, remember_topic

CHANNEL = "greenroom_live"
RESYNC = "resync"
"""The topic that means: something may have been missed, ask for everything again."""

_PAUSE = 0.1
"""Seconds between two NOTIFYs of one process: NOTIFY takes a lock shared by all commits."""
_LONGEST = 7000
"""Bytes in one NOTIFY; PostgreSQL refuses 8000."""
_BEHIND = 100
"""Topics a page may fall behind before it is told to ask for everything."""

_log = structlog.get_logger()


def announce(tx: Transaction, topic: str) -> None:
    """Tell browsers about `topic`, for example "interview:17", once `tx` has committed."""
    remember_topic(tx, topic)


class Announcer:
    """Sends the topics that this process commits, gathered, on a connection of its own."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._woken = asyncio.Event()

    def tell(self, topics: Iterable[str]) -> None:
        """Have these sent soon. Never waits, never fails."""
        self._waiting.update(topics)
        self._woken.set()

    async def run(self, conninfo: str) -> None:
        """Send until cancelled; topics that wait at a lost connection are sent on the next."""
        while True:
            with suppress(psycopg.Error, OSError):
                async with await _connect(conninfo) as connection:
                    await self._send_all(connection)
            await asyncio.sleep(1)

    async def flush(self, conninfo: str) -> None:
        """Send what waits, now; for commands that end."""
        if self._waiting:
            with suppress(psycopg.Error, OSError):
                async with await _connect(conninfo) as connection:
                    await self._send(connection)

    async def _send_all(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        while True:
            # What a lost connection did not send still waits; nobody wakes us for it again.
            if not self._waiting:
                await self._woken.wait()
            await self._send(connection)
            await asyncio.sleep(_PAUSE)

    async def _send(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        self._woken.clear()
        if not self._waiting:
            return
        # What is told from here on is news again, also of a topic that is being sent.
        sending, self._waiting = self._waiting, set()
        payload = " ".join(sorted(sending))
        if len(payload.encode()) > _LONGEST:
            payload = RESYNC
        try:
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
        except BaseException:
            self._waiting |= sending
            raise


class Feed:
    """Fans one LISTEN connection out to every open page of this process."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()

    async def run(self, conninfo: str) -> None:
        """Listen until cancelled. Reconnects, and then says "resync" to every page."""
        is_paused = False
        while True:
            try:
                async with await _connect(conninfo) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    is_paused = False
                    self._tell([RESYNC])
                    async for notice in connection.notifies():
                        self._tell(notice.payload.split(" "))
            except (psycopg.Error, OSError) as error:
                if not is_paused:
                    _log.warning("Live updates wait for the database", error=str(error))
                is_paused = True
            await asyncio.sleep(1)

    @asynccontextmanager
    async def topics(self) -> AsyncIterator[AsyncIterator[str]]:
        """Topics as they are announced, until the feed closes; the first is "resync"."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=_BEHIND)
        queue.put_nowait(RESYNC)
        self._queues.add(queue)
        try:
            yield _drain(queue)
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """End every stream, so that a server that shuts down need not wait for its readers."""
        for queue in self._queues:
            _empty(queue)
            queue.put_nowait(None)

    def _tell(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for queue in self._queues:
                if queue.full():
                    _empty(queue)
                    queue.put_nowait(RESYNC)
                elif topic:
                    queue.put_nowait(topic)


def _empty(queue: "asyncio.Queue[str | None]") -> None:
    while not queue.empty():
        queue.get_nowait()


async def _drain(queue: "asyncio.Queue[str | None]") -> AsyncIterator[str]:
    while (topic := await queue.get()) is not None:
        yield topic


async def _connect(conninfo: str) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    return await psycopg.AsyncConnection.connect(
        conninfo,
        autocommit=True,
        connect_timeout=5,
        application_name="greenroom live",
        **SIGNS_OF_LIFE,
    )
