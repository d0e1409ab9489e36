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
from greenroom.addresses import actions as addresses
from greenroom.addresses import following
from greenroom.booking_links import actions as booking_links
from greenroom.bookings import standing
from greenroom.calcom import connections, drafts, private_links, readable
from greenroom.calcom.connections import Connection
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import heard, hours, retention
from greenroom.doctor import actions as doctor
from greenroom.doctor import probe, pulse
from greenroom.doctor.pulse import Pulse
from greenroom.errors import GreenroomError
from greenroom.interviews import invitations
from greenroom.mail import outbox
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.syncs import listening, runs, silence_store

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
        if connection.disconnected_at is not None:
            await syncs.give_up(tx, connection_id, "It was disconnected.", datetime.now(UTC))
            return
    await syncs.carry_on(parts.leader(connection))
    await _look_into_silence(parts, connection)


@jobs.job(addresses.FOLLOW, attempts=2, queue_name="calcom")
async def follow_address(parts: Parts) -> None:
    """Have each Cal.com deliver to where we are now; whom it could not tell is told later."""
    await following.follow(
        parts.database, parts.seal, parts.address, calcom=parts.calcom, now=datetime.now(UTC)
    )


@jobs.each("* * * * *", "remind_of_the_address")
async def remind_of_the_address(parts: Parts) -> None:
    """Each minute: a Cal.com that could not be told of our webhook is told again, when due."""
    async with parts.database.transaction() as tx:
        await following.remind(tx, parts.seal, parts.address, datetime.now(UTC))


@jobs.each("* * * * * */15", "reconcile_by_the_clock")
async def reconcile_by_the_clock(parts: Parts) -> None:
    """Each 15 seconds: have Cal.com asked what is due, whatever its webhooks said."""
    async with parts.database.transaction() as tx:
        await pulse.beat(tx, pulse.CLOCK, datetime.now(UTC))
    async with parts.database.transaction() as tx:
        await syncs.tick(tx, parts.seal, datetime.now(UTC))


@jobs.each("* * * * *", "listen_for_silence")
async def listen_for_silence(parts: Parts) -> None:
    """Each minute: whether a Cal.com has been silent for unusually long, and why."""
    async with parts.database.transaction() as tx:
        await listening.listen(tx, parts.seal, datetime.now(UTC))
        silent = {each.connection_id for each in await silence_store.every(tx)}
        known = await readable.every(tx, parts.seal)
    for connection in known:
        if connection.id not in silent:
            continue
        try:
            await _look_into_silence(parts, connection)
        except GreenroomError as error:  # whatever is wrong with one, the others are looked into
            _log.warning("A silence was not looked into", connection=connection.id, why=error.what)


async def _look_into_silence(parts: Parts, connection: Connection) -> None:
    is_news = await listening.look_into(
        parts.database,
        parts.seal,
        connection,
        parts.calcom(connection),
        parts.address.webhook_url,
        now=datetime.now(UTC),
    )
    if is_news:
        async with parts.database.transaction() as tx:
            await doctor.ask(tx)


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


@jobs.job(jobs.EXAMINE, attempts=1)
async def examine(parts: Parts) -> None:
    """Look at everything, because something has changed that the doctor looks at."""
    await doctor.examine(parts, which="all", now=datetime.now(UTC))


@jobs.job(probe.RUN, attempts=1, queue_name="calcom")
async def run_probe(parts: Parts, token: str) -> None:
    """Book at Cal.com, follow the news of it, cancel; then say how that went."""
    async with asyncio.TaskGroup() as group:

        async def show(_: object) -> None:
            # Beside the trial: it measures how long each step takes.
            group.create_task(_look_at_probe(parts))

        await probe.carry_out(parts, token, clock=lambda: datetime.now(UTC), tell=show)
    await doctor.examine(parts, which=["probe"], now=datetime.now(UTC))


async def _look_at_probe(parts: Parts) -> None:
    with suppress(GreenroomError):  # the trial goes on without being watched
        await doctor.examine(parts, which=["probe"], now=datetime.now(UTC))


@jobs.each("* * * * *", "examine_by_the_clock")
async def examine_by_the_clock(parts: Parts) -> None:
    """Each minute: the doctor looks at what is due."""
    await doctor.examine(parts, which="due", now=datetime.now(UTC))


@jobs.each("*/5 * * * *", "tidy_up")
async def tidy_up(parts: Parts) -> None:
    """Each 5 minutes: jobs of killed workers go back, old failures and dead sessions go away."""
    rescued = await jobs.rescue_stalled()
    if rescued:
        _log.warning("Gave jobs of a killed worker back to the queue", jobs=rescued)
    await jobs.forget_failures()
    await private_links.give_up(parts.database, parts.seal, now=datetime.now(UTC))
    await probe.clear_up(parts, now=datetime.now(UTC))
    async with parts.database.transaction() as tx:
        await heard.settle(tx, datetime.now(UTC))
        await drafts.sweep(tx, datetime.now(UTC))
        await accounts.sweep(tx, datetime.now(UTC))
        await runs.sweep(tx, datetime.now(UTC))
        await silence_store.sweep(tx, datetime.now(UTC))
        await hours.forget(tx, datetime.now(UTC))
        await pulse.sweep(tx, datetime.now(UTC))


@jobs.each("23 * * * *", "empty_old_deliveries")
async def empty_old_deliveries(parts: Parts) -> None:
    """Each hour: the bodies of old deliveries go, some thousand at a time."""
    await retention.tidy(
        parts.database, keep_days=parts.settings.keep_bodies_days, now=datetime.now(UTC)
    )


async def drain(parts: Parts, felt: Pulse) -> None:
    """Take in deliveries until cancelled: at once when one is kept here, else each second.

    A batch under way is finished first, so that nobody has to wait out its lease.
    """
    while True:
        felt.feel(pulse.DRAIN)
        # Not wait_for: told to stop in the moment news comes, Python 3.11's goes on for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await parts.intake.news.wait()
        parts.intake.news.clear()
        while await _finished(deliveries.drain(parts.database, now=datetime.now(UTC))):
            felt.feel(pulse.DRAIN)


async def _finished(step: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def run(parts: Parts) -> None:
    """All background work of one process, until cancelled."""
    felt = Pulse()
    async with asyncio.TaskGroup() as group:
        group.create_task(forever("deliveries", drain, parts, felt))
        for name in jobs.AT_ONCE:
            group.create_task(forever(pulse.queue(name), _work, parts, felt, name))
        group.create_task(forever("pulse", felt.run, parts.database))


async def _work(parts: Parts, felt: Pulse, queue_name: str) -> None:
    with felt.running(pulse.queue(queue_name)):
        await jobs.work(parts, queue_name)


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
