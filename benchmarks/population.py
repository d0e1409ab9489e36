"""An installation in use: a connection, an event type, people with a booking link, deliveries."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks import journeys
from benchmarks.journeys import Invited
from greenroom import jobs, parts
from greenroom.booking_links import actions as booking_links
from greenroom.calcom import connections
from greenroom.candidates import actions as candidates
from greenroom.candidates.csv_import import read_csv
from greenroom.candidates.model import address_key
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.interviews import sending
from greenroom.parts import Parts
from greenroom.settings import Settings

_AT_ONCE = 64
"""Deliveries kept at the same time."""


@asynccontextmanager
async def opened(url: str, place: Path) -> AsyncIterator[Parts]:
    """The parts of the application on a migrated database, without its web side."""
    settings = Settings(_env_file=None, data_dir=place)
    async with jobs.opened(url), parts.opened(settings, url) as running:
        yield running


async def invite(url: str, place: Path, count: int) -> Sequence[Invited]:
    """Connect, and send so many people a booking link; with the tokens they got."""
    now = datetime.now(UTC)
    people = list(journeys.people(1, count))
    lines = ["name,email", *(f"{who.name},{who.email}" for who in people)]
    async with opened(url, place) as running, running.database.transaction() as tx:
        connection, _ = await connections.connect(
            tx,
            running.seal,
            name="Benchmark",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret=journeys.SECRET,
            now=now,
        )
        await event_types.mirror(tx, connection.id, [_OFFER])
        (event_type,) = await event_types.offered(tx)
        await candidates.import_csv(tx, read_csv("\n".join(lines).encode()), now)
        known = await candidates.of_addresses(tx, [who.email for who in people])
        ids = [known[address_key(who.email)] for who in people]
        sent = await sending.send(tx, ids, event_type.id, by="Robin", now=now)
        links = await booking_links.of_interviews(tx, sent.interview_ids)
    _settle(url)
    return [
        replace(who, token=links[interview_id][-1].token)
        for who, interview_id in zip(people, sent.interview_ids, strict=True)
    ]


async def fill(running: Parts, bodies: Iterable[bytes]) -> None:
    """Keep deliveries, as the webhook's address does."""
    async with running.database.transaction() as tx:
        (connection,) = await connections.every(tx, running.seal)
    keeper = asyncio.create_task(running.intake.run())
    left = iter(bodies)

    async def keep() -> None:
        for body in left:
            await running.intake.keep(connection.id, body, datetime.now(UTC))

    await asyncio.gather(*(keep() for _ in range(_AT_ONCE)))
    keeper.cancel()


def _settle(url: str) -> Mapping[int, str]:
    """Leave no job behind, and let the planner know the tables, as hours of rest would.

    Gives the tokens by interview.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE procrastinate_jobs CASCADE")
        connection.execute("VACUUM ANALYZE")
        return dict(connection.execute("SELECT interview_id, token FROM booking_links").fetchall())


_OFFER = Offer(
    calcom_id=1,
    slug="intro-call",
    title="Intro call",
    length_minutes=30,
    booking_url="https://cal.example/mara/intro-call",
)
