"""Having each Cal.com deliver to the address that we have now."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from greenroom import jobs
from greenroom.addresses import tellings
from greenroom.addresses.actions import FOLLOW
from greenroom.addresses.address import Address
from greenroom.addresses.model import Source
from greenroom.calcom import readable, subscribing
from greenroom.calcom.client import Calcom
from greenroom.calcom.connections import Connection
from greenroom.database import Database, Transaction
from greenroom.errors import GreenroomError
from greenroom.seal import Seal

_log = structlog.get_logger()


async def follow(
    database: Database,
    seal: Seal,
    address: Address,
    *,
    calcom: Callable[[Connection], Calcom],
    now: datetime,
) -> None:
    """Move, make or mend the webhooks at Cal.com that do not deliver to our address, or not well.

    What cannot be told now stays with its connection, and is tried again by `remind`.
    """
    await address.refresh()
    async with database.transaction() as tx:
        owed = await _owed(tx, seal, address, now)
    for connection in owed:
        url = address.webhook_url
        try:
            done = await subscribing.see_to(
                database, seal, calcom(connection), connection, url, now=now
            )
        except GreenroomError as error:  # whatever is wrong with one, the others are told
            _log.warning(
                "Cal.com does not know our address yet", connection=connection.id, why=error.what
            )
            async with database.transaction() as tx:
                await tellings.failed(tx, connection, url, now)
                await jobs.enqueue_missing(tx, jobs.EXAMINE, {})
        else:
            _log.info("Told Cal.com our address", connection=connection.id, done=done)
            async with database.transaction() as tx:
                await tellings.done(tx, connection.id)
                await jobs.enqueue_missing(tx, jobs.EXAMINE, {})


def is_behind(connection: Connection, address: Address) -> bool:
    """Whether its Cal.com can be told, and is not yet, where to deliver."""
    return (
        connection.api_key is not None
        and connection.webhook_url != address.webhook_url
        and address.is_reachable_from(connection.api_url)
    )


async def remind(tx: Transaction, seal: Seal, address: Address, now: datetime) -> None:
    """Have those told that could not be told before, after longer and longer pauses.

    A laptop's own address is told once, unless that failed.
    """
    owed = await _owed(tx, seal, address, now)
    if address.source is Source.LOCAL:
        owed = [each for each in owed if each.webhook_problem is not None]
    if owed:
        await jobs.enqueue_missing(tx, FOLLOW, {})


async def _owed(
    tx: Transaction, seal: Seal, address: Address, now: datetime
) -> Sequence[Connection]:
    """Whose Cal.com is to be told now. Nobody's, while two servers disagree about our address."""
    if address.is_disputed:
        return []
    known = [
        each
        for each in await readable.every(tx, seal)
        if is_behind(each, address) or _has_trouble(each, address)
    ]
    return await tellings.due(tx, known, address.webhook_url, now)


def _has_trouble(connection: Connection, address: Address) -> bool:
    """Whether the last try to tell it failed, be it of another secret."""
    return (
        connection.api_key is not None
        and connection.webhook_problem is not None
        and address.is_reachable_from(connection.api_url)
    )
