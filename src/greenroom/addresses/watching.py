"""Watching for tunnels: which one leads to us, whether it still does, what Cal.com is to know."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2

from greenroom.addresses import actions, finding, looking
from greenroom.addresses.address import Address
from greenroom.addresses.model import Look, Place, Standing, choose
from greenroom.database import Database
from greenroom.errors import Unavailable

_EVERY = 15.0
"""Seconds between two looks for tunnels."""
_SEEN = timedelta(minutes=1)
"""How often it is kept that a tunnel is still there."""


class Watch:
    """Looks for tunnels to this process, while nobody has said what our address is.

    `agents` is where tunnel programs tell of themselves; without any it only settles what was
    set and typed. `http` reaches our own address as Cal.com would.
    """

    def __init__(
        self, database: Database, address: Address, http: httpx2.AsyncClient, setting: str
    ) -> None:
        self._database = database
        self._address = address
        self._http = http
        self._agents = finding.agents_of(setting)
        self._port = urlsplit(address.local).port or 80
        self._near: httpx2.AsyncClient | None = None
        self._settled: Place | None = None
        """What was last settled here."""

    async def run(self) -> None:
        """Watch until cancelled. What cannot be kept is looked at again."""
        while True:
            with suppress(Unavailable):
                await self.step(datetime.now(UTC))
            await asyncio.sleep(_EVERY)

    async def close(self) -> None:
        """Return its connections."""
        if self._near is not None:
            await self._near.aclose()

    async def step(self, now: datetime) -> None:
        """Look once, and settle what our address is, should that be news. Raises Unavailable.

        What another server settled is left alone: with other settings it would settle its own
        again.
        """
        await self._address.refresh()
        standing = self._address.standing
        if self._agents and self._address.setting is None and standing.typed is None:
            await self._seek(standing, now)
            await self._address.refresh()
        if self._settled != self._chosen() or self._address.standing.place is None:
            await self.settle(now)

    async def settle(self, now: datetime) -> None:
        """Have our address be the one that counts now, everywhere. Raises Unavailable."""
        async with self._database.transaction() as tx:
            self._settled = await actions.settle(
                tx, self._address.setting, local=self._address.local, now=now
            )
        await self._address.refresh()

    def _chosen(self) -> Place:
        return choose(self._address.setting, self._address.standing, local=self._address.local)

    async def _seek(self, standing: Standing, now: datetime) -> None:
        # Made when it is needed, and once: it reads all certificates, which holds others up.
        if self._near is None:
            self._near = finding.client()
        there = await finding.tunnels(self._near, self._agents, self._port)
        if standing.found is not None and standing.found in there:
            await self._still_there(standing, standing.found, now)
            return
        if standing.found is not None and (await self._look(standing.found)).is_well:
            # Another machine's, or of an agent that was restarted: it leads to us all the same.
            await self._still_there(standing, standing.found, now)
            return
        if not await self._took(there, standing, now) and standing.found and not standing.lost_at:
            async with self._database.transaction() as tx:
                await actions.lost(tx, now)

    async def _still_there(self, standing: Standing, place: Place, now: datetime) -> None:
        if (
            standing.lost_at is None
            and standing.seen_at is not None
            and now - standing.seen_at < _SEEN
        ):
            return
        async with self._database.transaction() as tx:
            await actions.found(tx, place, now)

    async def _took(self, there: Sequence[Place], standing: Standing, now: datetime) -> bool:
        """Take the first that leads to us; keep why another does not, once."""
        if not there and standing.refused is not None:
            async with self._database.transaction() as tx:
                await actions.refuse(tx, None, now)
        for place in there:
            found = await self._look(place)
            async with self._database.transaction() as tx:
                if found.is_well:
                    await actions.found(tx, place, now)
                    return True
                if standing.refused is None or standing.refused.what != found.what:
                    await actions.refuse(tx, found, now)
        return False

    async def _look(self, place: Place) -> Look:
        return await looking.look(self._http, place.origin, self._address.proof)
