"""Having the event types of a connection mirrored, now and then."""

from datetime import timedelta

from greenroom.calcom import offers
from greenroom.syncs import runs
from greenroom.syncs.leading import Leader
from greenroom.syncs.runs import SyncRun

_FRESH = timedelta(minutes=10)
"""Event types change seldom; who presses Sync now has them read at once."""


async def mirror(leader: Leader, run: SyncRun) -> None:
    """Read them where a person asked, or where that was not done for minutes."""
    known, now = leader.connection.offers_read_at, leader.clock()
    by_nobody = run.asked_by in {runs.BY_CLOCK, runs.BY_DELIVERY, runs.BY_SILENCE}
    if by_nobody and known is not None and now - known < _FRESH:
        return
    rows = await offers.readable(leader.calcom)
    async with leader.database.transaction() as tx:
        await offers.learn(tx, leader.connection.id, rows, now=now)
        await runs.count(tx, run.id, requests=leader.budget.settle())
