"""Every background job and its schedule, on one screen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ParamSpec

import structlog

from greenroom import jobs
from greenroom.accounts import actions as accounts
from greenroom.booking_links import actions as booking_links
from greenroom.bookings import standing
from greenroom.calcom import connections, private_links
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import retention
from greenroom.interviews import invitations
from greenroom.mail import outbox
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.syncs import runs

P = ParamSpec("P")

_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 5.0
_WELL = 60.0
"""Seconds after which a part that began again is taken to be well."""

_log = structlog.get_logger()


@jobs.job(booking_links.PREPARE, queue_name="calcom")
async def prepare_link(parts: Parts, link_id: int) -> None:
    """Make the private link behind a booking link at Cal.com."""
    await private_links.prepare(
        parts.database, parts.seal, link_id, calcom=parts.calcom, now=datetime.now(UTC)
    )


@jobs.job(outbox.SEND, queue_name="mail")
async def send_letter(parts: Parts, letter_id: int) -> None:
    """Send one letter, and tell the interview it has gone."""
    await invitations.send_letter(
        parts.database, letter_id, settings=parts.settings, now=datetime.now(UTC)
    )


@jobs.job(syncs.CARRY_ON, attempts=1, queue_name="sync")
async def sync_connection(parts: Parts, connection_id: int) -> None:
    """Ask Cal.com what was asked for about a connection; what fails is kept with its run."""
    async with parts.database.transaction() as tx:
        connection = await connections.get(tx, parts.seal, connection_id)
    await syncs.carry_on(parts.leader(connection))


@jobs.each("* * * * * */15", "reconcile_by_the_clock")
async def reconcile_by_the_clock(parts: Parts) -> None:
    """Each 15 seconds: have Cal.com asked what is due, whatever its webhooks said."""
    async with parts.database.transaction() as tx:
        await syncs.tick(tx, parts.seal, datetime.now(UTC))


@jobs.each("* * * * * */15", "turn_interviews")
async def turn_interviews(parts: Parts) -> None:
    """Each 15 seconds: meetings end and links run out."""
    async with parts.database.transaction() as tx:
        await standing.turn(tx, now=datetime.now(UTC))


@jobs.each("* * * * *", "send_due_letters")
async def send_due_letters(parts: Parts) -> None:
    """Each minute: letters that the mail server did not take are tried again when due."""
    now = datetime.now(UTC)
    async with parts.database.transaction() as tx:
        due = await outbox.waiting(tx, now)
        await jobs.enqueue_missing(tx, outbox.SEND, *({"letter_id": id_} for id_ in due))


@jobs.each("*/5 * * * *", "tidy_up")
async def tidy_up(parts: Parts) -> None:
    """Each 5 minutes: jobs of killed workers go back, old failures and dead sessions go away."""
    rescued = await jobs.rescue_stalled()
    if rescued:
        _log.warning("Gave jobs of a killed worker back to the queue", jobs=rescued)
    await jobs.forget_failures()
    await private_links.give_up(parts.database, parts.seal, now=datetime.now(UTC))
    async with parts.database.transaction() as tx:
        await accounts.sweep(tx, datetime.now(UTC))
        await runs.sweep(tx, datetime.now(UTC))


@jobs.each("23 * * * *", "empty_old_deliveries")
async def empty_old_deliveries(parts: Parts) -> None:
    """Each hour: the bodies of old deliveries go, some thousand at a time."""
    await retention.tidy(
        parts.database, keep_days=parts.settings.keep_bodies_days, now=datetime.now(UTC)
    )


async def drain(parts: Parts) -> None:
    """Take in deliveries until cancelled: at once when one is kept here, else each second.

    A batch under way is finished first, so that nobody has to wait out its lease.
    """
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(parts.intake.news.wait(), 1.0)
        parts.intake.news.clear()
        while await _finished(deliveries.drain(parts.database, now=datetime.now(UTC))):
            pass


async def _finished(step: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def run(parts: Parts) -> None:
    """All background work of one process, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(forever("deliveries", drain, parts))
        for queue_name in jobs.AT_ONCE:
            group.create_task(forever(f"jobs: {queue_name}", jobs.work, parts, queue_name))


async def forever(
    name: str, part: Callable[P, Awaitable[None]], /, *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run `part` until cancelled: when it returns or raises, it begins again 1 to 5 seconds later.

    Each kind of end is logged once, until the part has gone on for a minute.
    """
    pause, said = _SHORTEST_PAUSE, set[str]()
    while True:
        began, error = time.monotonic(), None
        try:
            await part(*args, **kwargs)
        except Exception as raised:  # noqa: BLE001  (no end of a part may be the last)
            error = raised
        _end_if_cancelled()
        if time.monotonic() - began > _WELL:
            pause, said = _SHORTEST_PAUSE, set()
        kind = type(error).__name__
        if kind not in said:
            said.add(kind)
            _log.error("The background work ended, and begins again", part=name, exc_info=error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _end_if_cancelled() -> None:
    # A part that fails while it is cancelled raises that in place of CancelledError.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
