"""Health at a glance, for the top of every page: kept in memory, asked for by none of them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from greenroom.database import Database
from greenroom.doctor import actions
from greenroom.doctor.health import Health
from greenroom.doctor.model import Light
from greenroom.errors import Unavailable
from greenroom.live.feed import RESYNC, Feed

EACH = 15.0
"""Seconds after which it is read again, whatever was announced."""
_FRESH = 1.0
"""Seconds for which it is not read again: each open page asks when something has turned."""
_SLEPT = timedelta(minutes=1)
"""Who was not awake for so long, when it should each 15 seconds: its machine slept."""
MOST = 3
"""Red things named at the top of a page."""


class Running(Protocol):
    """The parts it needs."""

    @property
    def database(self) -> Database:
        """Where findings are kept."""

    @property
    def feed(self) -> Feed:
        """Where their turning is told."""


@dataclass(frozen=True, slots=True)
class Red:
    """One thing that is broken."""

    check_id: str
    what: str


class Glance:
    """What the doctor found, in a word, for one process that serves pages.

    `awake_since` is when the process began, or its machine last woke.
    """

    def __init__(self) -> None:
        self.awake_since = self._awake_at = datetime.now(UTC)
        self.light = Light.OFF
        self.summary = "Not looked at yet"
        self.reds: Sequence[Red] = ()
        self._read_at = float("-inf")

    async def run(self, parts: Running) -> None:
        """Keep it fresh until cancelled."""
        async with parts.feed.topics() as topics:
            coming = asyncio.ensure_future(anext(topics, None))
            try:
                while True:
                    self.tick(datetime.now(UTC))
                    await self.read(parts.database)
                    await asyncio.wait({coming}, timeout=EACH)
                    while coming.done():
                        topic = coming.result()
                        if topic is None:  # the feed has closed; this process ends soon
                            await asyncio.sleep(EACH)
                            break
                        if topic in {actions.TOPIC, RESYNC}:
                            self._read_at = float("-inf")
                        coming = asyncio.ensure_future(anext(topics, None))
                        await asyncio.sleep(0)
            finally:
                coming.cancel()

    def tick(self, now: datetime) -> None:
        """It is awake."""
        if now - self._awake_at > _SLEPT:
            self.awake_since = now
        self._awake_at = now

    @property
    def named(self) -> Sequence[Red]:
        """Those of the red things that are named at the top of a page."""
        return self.reds[:MOST]

    async def read(self, database: Database) -> None:
        """Read it, unless that was just done. A database that is away leaves it as it was."""
        if time.monotonic() - self._read_at < _FRESH:
            return
        self._read_at = time.monotonic()
        try:
            async with database.transaction() as tx:
                now = datetime.now(UTC)
                health = await actions.health(tx, now=now, awake_since=self.awake_since)
        except Unavailable:
            return
        self._take(health)

    def _take(self, health: Health) -> None:
        self.light, self.summary = health.light, health.summary
        self.reds = [
            Red(each.check.id, one.finding.what)
            for each in health.looked
            for one in each.found
            if one.finding.light is Light.RED
        ]
