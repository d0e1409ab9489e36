"""An account at Cal.com as tests of asking it use it: connect, ask, look at what came of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx2
from sqlalchemy import text

from calcom_desk import KEY
from greenroom.calcom import budget, connecting, connections
from greenroom.calcom.budget import Budget, Urgency
from greenroom.calcom.client import Calcom, http_client
from greenroom.calcom.connections import Connection
from greenroom.event_types import actions as event_types
from greenroom.syncs import actions as syncs
from greenroom.syncs import drift, runs
from greenroom.syncs.leading import Leader
from greenroom.syncs.runs import Kind, SyncRun
from world import SEAL, World

__all__ = ["KEY", "Account", "clock", "connected", "http_client", "ungated"]


def clock():
    return datetime.now(UTC)


def ungated(http, url, key=KEY):
    """Cal.com's API for a key that is not kept."""
    return Calcom(http, url, key, budget.Unlimited())


@dataclass(frozen=True)
class Account:
    """A connection of a world, and hands to ask about it. Pauses after failures are none."""

    world: World
    http: httpx2.AsyncClient
    connection: Connection

    @property
    def id(self):
        return self.connection.id

    async def fresh(self) -> Connection:
        async with self.world.database.transaction() as tx:
            return await connections.get(tx, SEAL, self.id)

    def gate(self, *, per_minute=60_000, urgency=Urgency.NEWS, patience=5.0, random=lambda: 0.0):
        return Budget(
            self.world.database,
            self.id,
            renewals=self.connection.renewals,
            per_minute=per_minute,
            urgency=urgency,
            patience=patience,
            random=random,
        )

    def api(self, connection: Connection, gate=None):
        gate = gate or self.gate()
        return Calcom(self.http, connection.api_url, connection.api_key, gate)

    async def leader(self, *, at=clock, name="a test", **how):
        connection = await self.fresh()
        gate = replace(self, connection=connection).gate(**how)
        return Leader(
            name=name,
            database=self.world.database,
            calcom=self.api(connection, gate),
            budget=gate,
            connection=connection,
            clock=at,
        )

    async def wish(self, kind=Kind.INCREMENTAL, *, since=None) -> SyncRun:
        async with self.world.database.transaction() as tx:
            begun, _ = await runs.begin(
                tx, self.id, kind, asked_by="a test", since=since, now=clock()
            )
        return begun

    async def ask(self, kind=Kind.INCREMENTAL, *, since=None, **how) -> SyncRun:
        """Have it asked once; give how that went."""
        begun = await self.wish(kind, since=since)
        await syncs.carry_on(await self.leader(**how))
        return await self.run(begun.id)

    async def run(self, run_id) -> SyncRun:
        async with self.world.database.transaction() as tx:
            return await runs.run(tx, run_id)

    async def aim(self, url) -> None:
        """Have the API at that address asked from now on."""
        async with self.world.database.transaction() as tx:
            await connections.learn(tx, self.id, api_url=url)

    async def rested(self) -> None:
        """The time of a rate limit, or of a failure, has gone by."""
        await self.execute("UPDATE budgets SET rests_until = NULL")

    async def execute(self, statement, **values):
        async with self.world.database.transaction() as tx:
            found = await tx.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    async def known(self):
        return [uid for (uid,) in await self.execute("SELECT uid FROM bookings ORDER BY uid")]

    async def drift(self, run: SyncRun):
        """(kind, uid) of what the run found."""
        async with self.world.database.transaction() as tx:
            found = await drift.of_run(tx, run.id, limit=500)
        return sorted((each.kind.value, each.uid) for _, each in found)

    async def standing(self):
        async with self.world.database.transaction() as tx:
            return (await budget.standings(tx)).get(self.id, budget.Standing())

    async def offered(self):
        async with self.world.database.transaction() as tx:
            return [each.slug for each in await event_types.offered(tx)]

    async def invited(self, slug="intro-call"):
        """The row of an interview whose link is out."""
        async with self.world.database.transaction() as tx:
            kind = next(each for each in await event_types.offered(tx) if each.slug == slug)
        return await self.world.send(await self.world.candidate(), kind, now=clock())

    async def since_long(self, days=30) -> "Account":
        """The same, connected so many days ago and asked ever since."""
        at = clock() - timedelta(days=days)
        await self.execute("UPDATE connections SET created_at = :at", at=at)
        return replace(self, connection=await self.fresh())


async def connected(world, http, api_url, *, key=KEY, name="Mara") -> Account:
    """The simulator's host, connected."""
    done = await connecting.connect(
        world.database,
        SEAL,
        http,
        name=name,
        api_url=api_url,
        api_key=key,
        secret=None,
        check=True,
        webhook_url="http://127.0.0.1:1/nobody-listens",
        reachable=False,
        now=clock(),
    )
    return Account(world, http, done.connection)
