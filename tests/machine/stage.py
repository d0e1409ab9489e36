"""A Cal.com and a Greenroom in one process, on one clock that only tests move.

They meet over HTTP: Cal.com's webhooks come in at a door that verifies and keeps as the
application does, and Greenroom asks the API through its own client. What happens at Cal.com is
done by the simulator's verbs, one after the other, so that each run is the same again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx2
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from calcom_simulator import sample
from calcom_simulator.app import create_app
from calcom_simulator.model import Booking, EventType, Happening, PrivateLink, Refused
from calcom_simulator.slots import is_free
from calcom_simulator.taking import Wish
from calcom_simulator.world import World
from greenroom.bookings import standing
from greenroom.calcom import connections
from greenroom.calcom.client import Calcom
from greenroom.calcom.webhook import BadSignature
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.database import Database, metadata
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.intake import Intake
from greenroom.deliveries.secrets import Secrets
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.interviews import sending
from greenroom.syncs import actions as syncs
from greenroom.syncs import runs
from greenroom.syncs.leading import Leader
from machine.mortal import Boundless, Died, Mortal
from world import SEAL, SECRET

MONDAY = datetime(2026, 6, 1, 7, tzinfo=UTC)
"""Long ago: Greenroom believes no clock of Cal.com's that runs ahead of its own."""
MOMENT, MINUTE = timedelta(seconds=2), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS_A_DAY, SATURDAY = 7, 5  # from nine to four in Berlin's winter, ten to five in its summer
HOOK = "http://greenroom/hook"
KEPT_TABLES = ("connections", "event_types", "webhook_secrets")


@dataclass(frozen=True)
class Guest:
    """A candidate with one interview, and what leads their bookings to it."""

    interview_id: int
    email: str
    token: str
    private_link: str
    slug: str


@dataclass
class Stage:
    """Both of them. `now` is the time everywhere; `acked` counts what was answered 200."""

    database: Database
    intake: Intake
    connection_id: int = 0
    now: datetime = MONDAY
    secret: str = SECRET
    guests: list[Guest] = field(default_factory=list)
    acked: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._slots = HOURS_A_DAY
        self.world = World(clock=lambda: self.now, furnish=sample.furnish)
        self.app = create_app(self.world, httpx2.ASGITransport(self._door))
        self.postman = self.app.state.postman
        self.secrets = Secrets(self.database, SEAL, accept_unsigned=False)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app))

    async def open(self) -> None:
        """Connect the two, with every event type known."""
        await self._accept(SECRET)
        async with self.database.transaction() as tx:
            offers = [_offer(self.world, kind) for kind in self.world.event_types.values()]
            await event_types.mirror(tx, self.connection_id, offers)
        sample.subscribe(self.world, HOOK, SECRET)

    async def reset(self, seed: int) -> None:
        """Nothing has happened yet, on either side."""
        names = [name for name in metadata.tables if name not in KEPT_TABLES]
        async with self.database.transaction() as tx:
            await tx.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
            await tx.execute(text("UPDATE connections SET synced_until = NULL"))
            await tx.execute(text("DELETE FROM webhook_secrets"))
        await self._accept(SECRET)
        self.secret = SECRET
        self.now, self.guests, self.acked = MONDAY, [], set()
        self._slots = HOURS_A_DAY
        self.world.reset(seed)
        sample.subscribe(self.world, HOOK, self.secret)

    # What Greenroom does

    async def invite(self, slug: str) -> Guest:
        """One more candidate, with a booking link for that event type."""
        number = len(self.guests) + 1
        email = f"guest{number}@example.org"
        draft = Draft(name=f"Guest {number}", addresses=(email,), role="Engineer")
        async with self.database.transaction() as tx:
            candidate = await candidates.add(tx, draft, self.now)
            type_ = next(each for each in await event_types.offered(tx) if each.slug == slug)
            sent = await sending.send(
                tx, [candidate.id], type_.id, by="Robin", now=self.now, expires_in=None
            )
            (id_,) = sent.interview_ids
            hash_ = f"link{number}"
            row = {"hash": hash_, "url": f"http://cal/d/{hash_}", "id": id_}
            token = await tx.execute(
                text(
                    "UPDATE booking_links SET private_link = :hash, target_url = :url"
                    " WHERE interview_id = :id RETURNING token"
                ),
                row,
            )
            guest = Guest(id_, email, token.scalar_one(), hash_, slug)
        self.world.links[hash_] = PrivateLink(hash_, self.kind(slug).id, None, -1)
        self.guests.append(guest)
        return guest

    async def drain(self, *, dies_after: int | None = None) -> None:
        """Take in what was delivered; or die on the way."""
        database = self.database if dies_after is None else Mortal(self.database, dies_after)
        with suppress(Died):
            while await deliveries.drain(database, now=self.now):
                pass

    async def replay_all(self) -> None:
        """Have every delivery taken in again."""
        async with self.database.transaction() as tx:
            ids = (await tx.execute(text("SELECT id FROM deliveries"))).scalars().all()
            await deliveries.replay(tx, ids)
        await self.drain()

    async def reconcile(self, *, full: bool = False, dies_after: int | None = None) -> str | None:
        """Ask what changed, or about every booking that is not over; return what went wrong."""
        # Another process's claim has run out.
        await self._run("UPDATE connections SET syncing_until = NULL, syncing_by = NULL")
        kind = runs.Kind.FULL if full else runs.Kind.INCREMENTAL
        async with self.database.transaction() as tx:
            connection = await connections.get(tx, SEAL, self.connection_id)
            begun, _ = await runs.begin(
                tx, self.connection_id, kind, asked_by="a test", now=self.now
            )
        budget = Boundless()
        leader = Leader(
            name="the stage",
            database=self.database if dies_after is None else Mortal(self.database, dies_after),
            calcom=Calcom(self.http, "http://cal/v2", sample.KEY, budget),
            budget=budget,
            connection=connection,
            clock=lambda: self.now,
        )
        with suppress(Died):
            await syncs.carry_on(leader)
        async with self.database.transaction() as tx:
            run = await runs.run(tx, begun.id)
        return run.error if run.finished_at or run.error else "not done"

    async def turn(self) -> None:
        """What time alone changes."""
        async with self.database.transaction() as tx:
            await standing.turn(tx, now=self.now)

    async def rotate(self, secret: str, *, at_calcom: bool) -> None:
        """A new webhook secret: here, and at Cal.com at once or not."""
        await self._accept(secret)
        self.secret = secret
        if at_calcom:
            self.subscribe_anew()

    def subscribe_anew(self) -> None:
        """Cal.com signs with the newest secret from now on."""
        self.world.webhooks.clear()
        sample.subscribe(self.world, HOOK, self.secret)

    # What happens at Cal.com

    def kind(self, slug: str) -> EventType:
        return next(one for one in self.world.event_types.values() if one.slug == slug)

    def slot(self, slug: str) -> datetime:
        """An hour that nobody has, tomorrow or later, and in the weeks after too for a series."""
        weeks = 3 if self.kind(slug).recurrence else 1
        while True:
            day, hour = divmod(self._slots, HOURS_A_DAY)
            self._slots += 1
            start = MONDAY + timedelta(days=day, hours=1 + hour)
            later = [start + week * 7 * DAY for week in range(weeks)]
            if (
                start.weekday() < SATURDAY
                and start > self.now + HOUR
                and all(map(self._free, later))
            ):
                return start

    def _free(self, start: datetime) -> bool:
        return is_free(self.world, self.kind("panel"), start, start + HOUR)

    def wish(self, slug: str, start: datetime, email: str, **more: object) -> Wish:
        name = email.partition("@")[0].title()
        return Wish(self.kind(slug).id, start, name, email, "Europe/Berlin", **more)  # type: ignore[arg-type]

    async def happens(self, verb: Happening[object]) -> object:
        """Have it happen; None if Cal.com refuses."""
        self.now += MOMENT
        try:
            return await self.postman.carry_out(verb)
        except Refused:
            return None

    async def passes(self, time: timedelta) -> None:
        """Time goes by; meetings begin and end, late webhooks come."""
        self.now += time
        await self.postman.ring_alarms()

    def bookings(self) -> list[Booking]:
        return list(self.world.bookings.values())

    # Between them

    async def _door(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = dict(scope["headers"])
        status = 200
        try:
            connection_id, signed = await self.secrets.verify(
                body, headers.get(b"x-cal-signature-256")
            )
            await self.intake.keep(connection_id, body, self.now, signed)
            self.acked.add(sha256(body).digest())
        except BadSignature:
            status = 401
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _accept(self, secret: str) -> None:
        async with self.database.transaction() as tx:
            connection, _ = await connections.connect(
                tx,
                SEAL,
                name="Mara",
                api_url="http://cal/v2",
                api_key=sample.KEY,
                secret=secret,
                now=datetime.now(UTC),
            )
        self.connection_id = connection.id
        self.secrets.forget()

    async def _run(self, statement: str) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(text(statement))


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    """A stage on the migrated database at `url`; the job queue is open."""
    database, intake = Database(url), Intake(url)
    task = asyncio.create_task(intake.run())
    stage = Stage(database, intake)
    await stage.open()
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stage.http.aclose()
        await stage.postman.close()
        await database.close()


def _offer(world: World, kind: EventType) -> Offer:
    return Offer(
        calcom_id=kind.id,
        slug=kind.slug,
        title=kind.title,
        length_minutes=kind.minutes,
        booking_url=f"http://cal/mara/{kind.slug}",
        requires_confirmation=kind.needs_confirmation,
    )
