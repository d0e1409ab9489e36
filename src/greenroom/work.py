"""Every background job and its schedule, on one screen."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from greenroom import jobs
from greenroom.accounts import actions as accounts
from greenroom.booking_links import actions as booking_links
from greenroom.calcom import connections, deliveries, private_links, reconcile, syncs
from greenroom.errors import Invalid, Unavailable
from greenroom.interviews import actions as interviews
from greenroom.interviews import invitations
from greenroom.mail import outbox
from greenroom.parts import Parts

_log = structlog.get_logger()


@jobs.job(booking_links.PREPARE)
async def prepare_link(parts: Parts, link_id: int) -> None:
    """Make the private link behind a booking link at Cal.com."""
    await private_links.prepare(
        parts.database, parts.seal, link_id, calcom=parts.calcom, now=datetime.now(UTC)
    )


@jobs.job(outbox.SEND)
async def send_letter(parts: Parts, letter_id: int) -> None:
    """Send one letter, and tell the interview it has gone."""
    await invitations.send_letter(
        parts.database, letter_id, settings=parts.settings, now=datetime.now(UTC)
    )


@jobs.job(syncs.RECONCILE, attempts=1)
async def run_reconcile(parts: Parts, run_id: int) -> None:
    """Carry out a reconcile that was begun; what fails is kept with the run."""
    async with parts.database.transaction() as tx:
        begun = await reconcile.run(tx, run_id)
        connection = await connections.get(tx, parts.seal, begun.connection_id)
    await reconcile.reconcile(
        parts.database,
        parts.calcom(connection),
        connection,
        begun,
        clock=lambda: datetime.now(UTC),
    )


@jobs.each("* * * * *", "reconcile_by_the_clock")
async def reconcile_by_the_clock(parts: Parts) -> None:
    """Each minute: ask Cal.com what changed, whatever its webhooks said."""
    with suppress(Invalid):  # no connection has an API key: there is nobody to ask
        async with parts.database.transaction() as tx:
            await syncs.start_all(tx, parts.seal, asked_by="the clock", now=datetime.now(UTC))


@jobs.each("* * * * * */15", "turn_interviews")
async def turn_interviews(parts: Parts) -> None:
    """Each 15 seconds: meetings end and links run out."""
    async with parts.database.transaction() as tx:
        await interviews.turn(tx, now=datetime.now(UTC))


@jobs.each("* * * * *", "send_due_letters")
async def send_due_letters(parts: Parts) -> None:
    """Each minute: letters that the mail server did not take are tried again when due."""
    now = datetime.now(UTC)
    async with parts.database.transaction() as tx:
        due = await outbox.waiting(tx, now)
    for letter_id in due:
        await invitations.send_letter(
            parts.database, letter_id, settings=parts.settings, now=datetime.now(UTC)
        )


@jobs.each("*/5 * * * *", "tidy_up")
async def tidy_up(parts: Parts) -> None:
    """Each 5 minutes: jobs of killed workers go back, dead sessions go away."""
    rescued = await jobs.rescue_stalled()
    if rescued:
        _log.warning("Gave jobs of a killed worker back to the queue", jobs=rescued)
    async with parts.database.transaction() as tx:
        await accounts.sweep(tx, datetime.now(UTC))


async def drain(parts: Parts) -> None:
    """Take in deliveries until cancelled: at once when one is kept here, else each second."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(parts.intake.news.wait(), 1.0)
        parts.intake.news.clear()
        try:
            while await deliveries.drain(parts.database, now=datetime.now(UTC)):
                pass
        except Unavailable as error:
            _log.warning("Deliveries wait for the database", error=error.what)
            await asyncio.sleep(1)


async def run(parts: Parts) -> None:
    """All background work of one process, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(drain(parts))
        group.create_task(jobs.work(parts))
