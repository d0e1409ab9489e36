"""What a running Greenroom is made of, handed to pages, API and jobs."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from greenroom.calcom.budget import Budget, Urgency
from greenroom.calcom.client import Calcom, http_client
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
    intake: Intake
    secrets: Secrets
    exports: Exports
    feed: Feed
    announcer: Announcer

    def calcom(self, connection: Connection) -> Calcom:
        """Cal.com's API as this connection sees it, for something somebody waits for."""
        gate = self._budget(connection, Urgency.PERSON, patience=10.0)
        return Calcom(self.http, connection.api_url, connection.api_key, gate)

    def leader(self, connection: Connection) -> Leader:
        """Who syncs this connection, if nobody else does."""
        gate = self._budget(connection, Urgency.NEWS, patience=20.0)
        return Leader(
            name=secrets.token_hex(8),
            database=self.database,
            calcom=Calcom(self.http, connection.api_url, connection.api_key, gate),
            budget=gate,
            connection=connection,
            clock=lambda: datetime.now(UTC),
        )

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
    seal = Seal(settings.sealing_key())
    announcer = Announcer()
    database.heard = announcer.tell
    http = http_client()
    signed = Secrets(database, seal, accept_unsigned=settings.unsigned_webhooks == "accept")
    try:
        yield Parts(
            settings=settings,
            database=database,
            seal=seal,
            http=http,
            intake=Intake(database_url),
            secrets=signed,
            exports=Exports(),
            feed=Feed(),
            announcer=announcer,
        )
    finally:
        await signed.flush()
        await announcer.flush(database_url)
        await http.aclose()
        await database.close()
