"""Signs of life of the background work: which parts run, in this process and in the others."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from greenroom.database import Database, Transaction
from greenroom.doctor import store
from greenroom.doctor.model import Beat
from greenroom.errors import Unavailable

DRAIN = "drain"
CLOCK = "clock"
EACH = 15.0
"""Seconds between two signs of life."""
_STUCK = 60.0
"""Seconds after which a part that goes round and round, and has not come round, is stuck."""


def queue(name: str) -> str:
    """What the worker of that queue is called here."""
    return f"jobs: {name}"


class Pulse:
    """Which parts of this process are alive; it says so in the database until cancelled."""

    def __init__(self) -> None:
        self._process = process()
        self._running: set[str] = set()
        self._felt: dict[str, float] = {}

    def feel(self, part: str) -> None:
        """A part that goes round and round has come round."""
        self._felt[part] = time.monotonic()

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        """A part that waits for work is alive as long as it has not ended."""
        self._running.add(part)
        try:
            yield
        finally:
            self._running.discard(part)

    def alive(self) -> frozenset[str]:
        """The parts that are alive now."""
        still = time.monotonic() - _STUCK
        return frozenset(self._running | {part for part, at in self._felt.items() if at > still})

    async def run(self, database: Database) -> None:
        """Say which parts are alive each 15 seconds, until cancelled."""
        await asyncio.sleep(0)  # the others begin in this very moment
        begun = {CLOCK}  # it has not struck yet since this process is there
        while True:
            with suppress(Unavailable):  # who cannot be reached is said to be silent, and is
                async with database.transaction() as tx:
                    await store.beat(tx, self._process, self.alive() | begun, datetime.now(UTC))
                begun.clear()
            await asyncio.sleep(EACH)


def process() -> str:
    """What this process is called among all that share the database."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def beat(tx: Transaction, part: str, now: datetime) -> None:
    """That part is alive, in this process."""
    await store.beat(tx, process(), [part], now)


async def beats(tx: Transaction) -> Sequence[Beat]:
    """Every sign of life, the newest first."""
    return await store.beats(tx)


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget processes that are long gone."""
    await store.sweep(tx, now)
