"""What a running Greenroom is made of, handed to pages, API and jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from greenroom.calcom.client import Calcom, http_client
from greenroom.calcom.connections import Connection
from greenroom.calcom.intake import Intake
from greenroom.calcom.secrets import Secrets
from greenroom.database import Database
from greenroom.live.feed import Announcer, Feed
from greenroom.seal import Seal
from greenroom.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Made once per process; everything with a connection or a key."""

    settings: Settings
    database: Database
    seal: Seal
    http: httpx2.AsyncClient
    intake: Intake
    secrets: Secrets
    feed: Feed
    announcer: Announcer

    def calcom(self, connection: Connection) -> Calcom:
        """Cal.com's API as this connection sees it."""
        return Calcom(self.http, connection.api_url, connection.api_key)


@asynccontextmanager
async def opened(settings: Settings, database_url: str) -> AsyncIterator[Parts]:
    """Make the parts on a migrated database, and put them away in the end."""
    database = Database(database_url)
    seal = Seal(settings.sealing_key())
    announcer = Announcer()
    database.heard = announcer.tell
    http = http_client()
    secrets = Secrets(database, seal, accept_unsigned=settings.unsigned_webhooks == "accept")
    try:
        yield Parts(
            settings=settings,
            database=database,
            seal=seal,
            http=http,
            intake=Intake(database_url),
            secrets=secrets,
            feed=Feed(),
            announcer=announcer,
        )
    finally:
        await secrets.flush()
        await announcer.flush(database_url)
        await http.aclose()
        await database.close()
