"""What a running Greenroom is made of, handed to pages, API and jobs."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from greenroom.addresses import looking
from greenroom.addresses.address import Address
from greenroom.addresses.model import Look, Place, Source
from greenroom.addresses.watching import Watch
from greenroom.calcom.budget import Budget, Urgency
from greenroom.calcom.client import Calcom, guarded_client, http_client
from greenroom.calcom.connections import Connection
from greenroom.database import Database
from greenroom.deliveries.export import Exports
from greenroom.deliveries.intake import Intake
from greenroom.deliveries.secrets import Secrets
from greenroom.live.feed import Announcer, Feed
from greenroom.seal import Seal
from greenroom.settings import Settings
from greenroom.syncs.leading import Leader


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Made once per process; everything with a connection or a key."""

    settings: Settings
    database: Database
    seal: Seal
    http: httpx2.AsyncClient
    """For addresses of the command line and the settings: they may be in our own network."""
    guarded: httpx2.AsyncClient
    """For addresses typed in on a page: only the internet's."""
    intake: Intake
    secrets: Secrets
    exports: Exports
    feed: Feed
    announcer: Announcer
    address: Address
    watch: Watch
    urgency: Urgency = Urgency.PERSON
    """Of what `calcom` is asked."""

    def calcom(self, connection: Connection) -> Calcom:
        """Cal.com's API as this connection sees it, for something somebody waits for a while."""
        gate = self._budget(connection, self.urgency, patience=10.0)
        return self._asking(connection, gate)

    async def look(self, place: Place) -> Look:
        """Whether `place` leads to us; one that was typed is asked only on the internet."""
        http = self.guarded if place.source is Source.TYPED else self.http
        # They are one where the pages may lead into our own network.
        only_public = http is not self.http
        return await looking.look(http, place.origin, self.address.proof, only_public=only_public)

    def leader(self, connection: Connection) -> Leader:
        """Who syncs this connection, if nobody else does."""
        gate = self._budget(connection, Urgency.NEWS, patience=20.0)
        return Leader(
            name=secrets.token_hex(8),
            database=self.database,
            calcom=self._asking(connection, gate),
            budget=gate,
            connection=connection,
            clock=lambda: datetime.now(UTC),
        )

    def _asking(self, connection: Connection, gate: Budget) -> Calcom:
        http = self.http if connection.allows_private else self.guarded
        worked = connection.account is not None
        return Calcom(http, connection.api_url, connection.api_key, gate, worked=worked)

    def _budget(self, connection: Connection, urgency: Urgency, *, patience: float) -> Budget:
        return Budget(
            self.database,
            connection.id,
            renewals=connection.renewals,
            per_minute=self.settings.calcom_requests_per_minute,
            urgency=urgency,
            patience=patience,
            random=random.SystemRandom().random,
        )


@asynccontextmanager
async def opened(settings: Settings, database_url: str) -> AsyncIterator[Parts]:
    """Make the parts on a migrated database, and put them away in the end."""
    database = Database(database_url)
    seal = Seal(settings.sealing_key(), former=settings.former_keys())
    announcer = Announcer()
    database.heard = announcer.tell
    http = http_client()
    guarded = http if settings.allow_private_calcom else guarded_client()
    signed = Secrets(database, seal, accept_unsigned=settings.unsigned_webhooks == "accept")
    address = Address(settings, database)
    watch = Watch(database, address, http, settings.find_tunnel)
    try:
        await address.refresh()
        yield Parts(
            settings=settings,
            database=database,
            seal=seal,
            http=http,
            guarded=guarded,
            intake=Intake(database_url),
            secrets=signed,
            exports=Exports(),
            feed=Feed(),
            announcer=announcer,
            address=address,
            watch=watch,
        )
    finally:
        await signed.flush()
        await announcer.flush(database_url)
        await watch.close()
        await http.aclose()
        await guarded.aclose()
        await database.close()
