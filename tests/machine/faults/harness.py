"""What was sent and answered, and the promise that is held against it; a wire that can be cut."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from itertools import count
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from builders import HOUR, delivery
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from house import House, opened

HUNT = os.environ.get("GREENROOM_HUNT", "0") != "0"
"""Whether faults are looked for at length, as `make hunt` does."""
KEPT = 200
AWAY = 503
DEADLINE = 20.0
"""Seconds within which every request is answered although the database is not: 5, and some more
for a machine that has other things to do."""
_PATIENCE = 30.0


@dataclass
class Log:
    """Every delivery that a test sent, by its digest, and how it was answered.

    A status of None stands for no answer: the connection or the process ended before one.
    """

    database: Database
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    answers: dict[bytes, list[int | None]] = field(default_factory=dict)
    slowest: float = 0.0
    """Seconds that an answer took."""

    def sent(self, body: bytes, status: int | None) -> None:
        digest = sha256(body).digest()
        self.bodies[digest] = body
        self.answers.setdefault(digest, []).append(status)

    @property
    def statuses(self) -> list[int | None]:
        """Every answer there was."""
        return [status for answers in self.answers.values() for status in answers]

    async def deliver(self, house: House, body: bytes) -> int:
        """Post `body`, and note what came of it."""
        digest = sha256(body).digest()
        self.bodies[digest] = body
        began = time.monotonic()
        answer = await house.deliver(body)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.sent(body, answer.status_code)
        if answer.status_code == AWAY:
            assert int(answer.headers["retry-after"]) > 0
        return answer.status_code

    @asynccontextmanager
    async def pouring(self, house: House, *, senders: int = 8) -> AsyncIterator[None]:
        """New deliveries all the time, `senders` at once, until the block ends."""
        numbers, ended = count(), asyncio.Event()

        async def pour() -> None:
            while not ended.is_set():
                await self.deliver(house, delivery(uid=f"poured{next(numbers)}"))
                await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(pour())
            try:
                yield
            finally:
                ended.set()

    async def well_again(self, house: House, name: str) -> float:
        """Deliver until it is answered 200; give the seconds that took."""
        began = time.monotonic()
        while await self.deliver(house, delivery(uid=name)) != KEPT:
            assert time.monotonic() - began < _PATIENCE
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def nothing_is_lost(self) -> None:
        """What was answered 200 is kept once with its own bytes; nothing is kept that none sent."""
        async with self.database.transaction() as tx:
            rows = list(await tx.execute(text("SELECT digest, body FROM deliveries")))
        kept = [bytes(digest) for digest, _ in rows]
        answered = {digest for digest, answers in self.answers.items() if KEPT in answers}

        assert len(kept) == len(set(kept)), "something is kept twice"
        assert answered <= set(kept), "something that was answered is not there"
        assert set(kept) <= set(self.bodies), "something is kept that nobody sent"
        assert all(bytes(body) == self.bodies[bytes(digest)] for digest, body in rows)


class Moment(Enum):
    """When the wire is cut: the message has not left, has left, or has been carried out."""

    BEFORE = "before the message left"
    AFTER = "after the message left"
    ANSWERED = "when the answer came"


class Wire:
    """A way to PostgreSQL over TCP that is cut, by reset, at messages that contain a word."""

    def __init__(self, url: str) -> None:
        self._there = conninfo_to_dict(url)
        self._server: asyncio.Server | None = None
        self._word: bytes | None = None
        self._moment = Moment.BEFORE
        self._skip, self._left = 0, 0
        self._mute: set[asyncio.Task[None]] = set()
        self._carriers: set[asyncio.Task[None]] = set()
        self.cuts = 0
        """How often it was cut."""

    @property
    def url(self) -> str:
        """PostgreSQL, by this way."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user, name = self._there.get("user", "postgres"), self._there["dbname"]
        password = quote(str(self._there.get("password") or ""), safe="")
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{name}?sslmode=disable"

    def cut_at(self, word: bytes, moment: Moment, *, skip: int = 0, times: int = 1) -> None:
        """Cut at the next message with `word` after `skip` others, and at so many in all."""
        self._word, self._moment, self._skip, self._left = word, moment, skip, times
        self.cuts = 0

    def fall_silent(self) -> None:
        """Carry nothing any more over the connections there are; new ones are as good as ever."""
        self._mute |= self._carriers

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Wire"]:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()

    async def _carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, there = await self._reach()
        carrier = asyncio.current_task()
        self._carriers.add(carrier)
        returning = asyncio.create_task(_copy(answers, back))
        with suppress(OSError):
            while chunk := await here.read(1 << 16):
                if carrier in self._mute:
                    continue
                if self._is_fatal(chunk):
                    returning.cancel()
                    await asyncio.wait([returning])
                    if self._moment is not Moment.BEFORE:
                        there.write(chunk)
                        await there.drain()
                    if self._moment is Moment.ANSWERED:
                        await answers.read(1 << 16)
                    _reset(back)
                    break
                there.write(chunk)
                await there.drain()
        self._carriers.discard(carrier)
        there.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._there.get("host", "localhost")), self._there.get("port") or 5432
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    def _is_fatal(self, chunk: bytes) -> bool:
        if self._word is None or self._word not in chunk or self._left == 0:
            return False
        if self._skip > 0:
            self._skip -= 1
            return False
        self._left -= 1
        self.cuts += 1
        return True


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(1 << 16):
            sink.write(chunk)
            await sink.drain()
        sink.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that has lost it: no goodbye."""
    plug: socket.socket = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def working_house(url, place):
    """A house that works until the end of the block; then nothing it was given is left undone."""
    async with opened(url, place, works=True) as house:
        yield house
    database = Database(url)
    # What a drain held that lost its database is free when the lease is over.
    while await deliveries.drain(database, now=datetime.now(UTC) + HOUR):
        pass
    async with database.transaction() as tx:
        left = text("SELECT state, outcome, body FROM deliveries WHERE state <> 'done'")
        assert list(await tx.execute(left)) == []
    await database.close()
