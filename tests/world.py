"""A Greenroom without its web side, for tests: people, links, deliveries, on a real database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from builders import NOW
from greenroom.calcom import connections
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Candidate, Draft
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.actions import Delivery
from greenroom.deliveries.intake import Intake
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType, Offer
from greenroom.interviews import overview, sending
from greenroom.interviews.overview import Row
from greenroom.seal import Seal

SEAL = Seal(b"a key for tests, 32 bytes long..")
SECRET = "whsec_test_0123456789abcdef"


@dataclass(frozen=True)
class World:
    """What a test does to a Greenroom, in words. Times are `NOW` unless said otherwise."""

    database: Database
    intake: Intake
    connection_id: int

    async def candidate(self, name: str = "Ada Lovelace", *addresses: str) -> Candidate:
        draft = Draft(name=name, addresses=addresses or ("ada@example.org",), role="Engineer")
        async with self.database.transaction() as tx:
            return await candidates.add(tx, draft, NOW)

    async def event_type(self, calcom_id: int | None = 1, slug: str = "intro-call") -> EventType:
        offer = Offer(
            calcom_id=calcom_id,
            slug=slug,
            title=slug.replace("-", " ").capitalize(),
            length_minutes=30,
            booking_url=f"https://cal.example/mara/{slug}",
        )
        async with self.database.transaction() as tx:
            if calcom_id is None:
                return await event_types.enter(tx, self.connection_id, offer)
            await event_types.mirror(tx, self.connection_id, [offer])
            return next(e for e in await event_types.offered(tx) if e.calcom_id == calcom_id)

    async def send(
        self,
        candidate: Candidate,
        event_type: EventType,
        *,
        now: datetime = NOW - timedelta(days=1),
    ) -> Row:
        async with self.database.transaction() as tx:
            sent = await sending.send(tx, [candidate.id], event_type.id, by="Robin", now=now)
        return await self.row(sent.interview_ids[0])

    async def row(self, interview_id: int) -> Row:
        async with self.database.transaction() as tx:
            return await overview.row(tx, interview_id)

    async def deliver(self, *bodies: bytes, at: datetime = NOW) -> Sequence[int]:
        """Keep the bodies one after the other and take them in; give their numbers."""
        kept = [await self.intake.keep(self.connection_id, body, at) for body in bodies]
        while await deliveries.drain(self.database, now=at):
            pass
        return [each.id for each in kept]

    async def delivery(self, id_: int) -> Delivery:
        async with self.database.transaction() as tx:
            return await deliveries.get(tx, id_)


async def connect(database: Database, name: str = "Test", api_key: str | None = None) -> int:
    """Add a connection that signs with SECRET."""
    async with database.transaction() as tx:
        connection, _ = await connections.connect(
            tx,
            SEAL,
            name=name,
            api_url="http://127.0.0.1:1/v2",
            api_key=api_key,
            secret=SECRET,
            now=NOW,
        )
    return connection.id
