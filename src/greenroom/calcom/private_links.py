"""Making the private link at Cal.com that stands behind one of our booking links."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.booking_links import actions as booking_links
from greenroom.booking_links.model import BookingLink
from greenroom.calcom import connections
from greenroom.calcom.client import Calcom, CalcomError, KeyRefused, Missing
from greenroom.calcom.connections import Connection
from greenroom.database import Database
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Attention
from greenroom.seal import Seal

_FOR_EVER = timedelta(days=3650)
"""Cal.com knows no link without an end that works more than once."""
_FOR_GOOD = (KeyRefused, Missing)
"""Answers that asking again does not change."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    link: BookingLink
    event_type: EventType
    connection: Connection


async def prepare(
    database: Database,
    seal: Seal,
    link_id: int,
    *,
    calcom: Callable[[Connection], Calcom],
    now: datetime,
) -> None:
    """Have the booking link lead to a private link of its own at Cal.com.

    Where Cal.com has none to give (no API key, an event type entered by hand, an instance
    without the endpoint) it leads to the public page; our token in the address still tells
    whose booking it is. Raises CalcomError for what may work later.
    """
    wanted = await _load(database, seal, link_id)
    if wanted is None:
        return
    link, event_type = wanted.link, wanted.event_type
    if wanted.connection.api_key is None or event_type.calcom_id is None:
        async with database.transaction() as tx:
            await booking_links.aim(tx, link, target_url=event_type.booking_url, private_link=None)
        return
    try:
        made = await calcom(wanted.connection).create_private_link(
            event_type.calcom_id, event_type.slug, expires_at=link.expires_at or now + _FOR_EVER
        )
    except _FOR_GOOD as error:
        await _fall_back(database, wanted, error.what, now)
        return
    except CalcomError as error:
        if error.code is None or error.code >= 500 or error.code == 429:  # noqa: PLR2004
            raise
        await _fall_back(database, wanted, error.what, now)
        return
    async with database.transaction() as tx:
        await booking_links.aim(tx, link, target_url=made.url, private_link=made.id)


async def give_up(database: Database, seal: Seal, *, now: datetime) -> int:
    """Have links whose jobs failed for good lead to the public page; return how many there were."""
    async with database.transaction() as tx:
        link_ids = await booking_links.given_up(tx)
    for link_id in link_ids:
        wanted = await _load(database, seal, link_id)
        if wanted is not None:
            await _fall_back(database, wanted, "Cal.com gave no private link.", now)
    return len(link_ids)


async def _load(database: Database, seal: Seal, link_id: int) -> _Wanted | None:
    async with database.transaction() as tx:
        link = await booking_links.get(tx, link_id)
        if link is None or link.target_url is not None:
            return None
        interview = await interviews.get(tx, link.interview_id)
        event_type = await event_types.get(tx, interview.event_type_id)
        connection = await connections.get(tx, seal, event_type.connection_id)
    return _Wanted(link, event_type, connection)


async def _fall_back(database: Database, wanted: _Wanted, why: str, now: datetime) -> None:
    interview_id = wanted.link.interview_id
    async with database.transaction() as tx:
        if not await booking_links.aim(
            tx, wanted.link, target_url=wanted.event_type.booking_url, private_link=None
        ):
            return
        await interviews.note(
            tx, interview_id, f"used the public page: {why}", by="Greenroom", now=now
        )
        await interviews.flag(tx, interview_id, Attention.LINK_FAILED, now=now)
