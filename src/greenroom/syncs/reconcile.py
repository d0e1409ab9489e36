"""Asking Cal.com what changed since the last time."""

from contextlib import suppress
from datetime import timedelta

from greenroom.calcom import connections
from greenroom.calcom.client import Answer, Calcom, CalcomError, Failing
from greenroom.syncs import hearing, leading, looks, offering, readback, runs
from greenroom.syncs.leading import Leader
from greenroom.syncs.looks import GoesInCircles, Look
from greenroom.syncs.runs import Kind, SyncRun

OVERLAP = timedelta(minutes=15)
"""Cal.com's clock and ours may differ, and rows commit late; facts heard twice cost nothing."""
FIRST_LOOK = timedelta(days=90)
"""How far back the first reconcile of a connection asks."""
TRIES = 3
"""Of a page that does not come."""


async def incremental(leader: Leader, run: SyncRun) -> None:
    """Take in what changed since the last reconcile, and close the run.

    Goes on where one was ended by an error or the rate limit. An error, an empty page or a
    404 never changes a booking. Raises CalcomError, and the run is open then.
    """
    look = await _look(leader, run)
    try:
        await offering.mirror(leader, run)
        following: Look | None = look
        while following is not None:
            look = following
            answer = await patiently(leader.calcom, look)
            following = look.after(answer)
            await hearing.page(leader, run, answer, following)
    except GoesInCircles as error:
        await forget_circle(leader, Kind.INCREMENTAL)
        raise circle() from error
    except CalcomError:
        async with leader.database.transaction() as tx:
            await looks.keep(tx, leader.connection.id, look)
        raise
    await readback.unconfirmed(leader, run)
    await _end(leader, run, look)


async def patiently(calcom: Calcom, look: Look) -> Answer:
    """Ask for a page, again when Cal.com fails; the budget keeps the pauses. Raises CalcomError."""
    for _ in range(TRIES - 1):
        with suppress(Failing):
            return await calcom.bookings(**look.filters)
    return await calcom.bookings(**look.filters)


async def forget_circle(leader: Leader, kind: Kind) -> None:
    """Have the next look of that kind start anew."""
    async with leader.database.transaction() as tx:
        await looks.finish(tx, leader.connection.id, kind)


def circle() -> CalcomError:
    """The error of pages that repeat."""
    return CalcomError(
        "Cal.com gives the same page of bookings again and again.",
        do="What is known stays as it is; the next look starts anew.",
    )


async def _look(leader: Leader, run: SyncRun) -> Look:
    connection = leader.connection
    basis = run.wanted_since or connection.synced_until
    since = (basis or run.started_at - FIRST_LOOK) - OVERLAP
    async with leader.database.transaction() as tx:
        kept = await looks.unfinished(tx, connection.id, Kind.INCREMENTAL)
        # One that began elsewhere is another look.
        if kept is None or kept.basis != basis:
            kept = looks.begin(Kind.INCREMENTAL, basis, since)
        await runs.learn(tx, run.id, since=kept.since)
    return kept


async def _end(leader: Leader, run: SyncRun, look: Look) -> None:
    now = leader.clock()
    async with leader.database.transaction() as tx:
        await leading.stay(tx, leader)
        await connections.mark_synced(
            tx,
            leader.connection.id,
            since=look.basis or look.since,
            until=look.until or run.started_at,
            horizon=run.started_at - FIRST_LOOK,
        )
        await looks.finish(tx, leader.connection.id, Kind.INCREMENTAL)
        await runs.count(tx, run.id, requests=leader.budget.settle())
        await runs.close(tx, run.id, error=None, now=now)
