"""Reading bookings one by one: those that only deliveries told of, and those no page showed."""

from datetime import datetime, timedelta

from greenroom.bookings import actions as bookings
from greenroom.calcom.client import Busy, CalcomError, Failing, KeyRefused
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.syncs import hearing, leading, runs
from greenroom.syncs.leading import Leader
from greenroom.syncs.runs import SyncRun

_AT_ONCE = 20
"""Bookings read back in one run."""
_SOONEST, _LATEST = timedelta(minutes=2), timedelta(hours=6)
"""Between two tries to read one back: as long again as its delivery is old."""
_HOPELESS = timedelta(days=14)
"""After this long it is not asked about any more; a full compare still does."""


async def unconfirmed(leader: Leader, run: SyncRun) -> None:
    """Read back what is due, and has only been told by deliveries.

    One that cannot be read stays as it is, and is asked about later: that it is not found does
    not mean that it is gone, for the key may see less than the webhook told.
    """
    async with leader.database.transaction() as tx:
        due = await bookings.to_ask(tx, leader.connection.id, now=leader.clock(), limit=_AT_ONCE)
    for uid in due:
        try:
            went_on = await one(leader, run, uid)
        except (Busy, KeyRefused):
            return  # It stays due, and the next run goes on with it.
        async with leader.database.transaction() as tx:
            # Where the answer is older than the delivery, it has not confirmed it either.
            await _postpone(tx, leader, uid, leader.clock())
        if not went_on:
            return


async def one(leader: Leader, run: SyncRun, uid: str) -> bool:
    """Read one booking; False when Cal.com fails. Raises Busy, KeyRefused and TakenOver."""
    try:
        answer = await leader.calcom.booking(uid)
    except Busy:
        raise
    except KeyRefused as error:
        if error.code == _NOT_YOURS:
            await _count(leader, run)
            return True
        raise
    except CalcomError as error:
        await _count(leader, run)
        return not isinstance(error, Failing)
    await hearing.one(leader, run, answer)
    return True


_NOT_YOURS = 403
"""Cal.com's answer about a booking that the key may not see."""


async def _count(leader: Leader, run: SyncRun) -> None:
    async with leader.database.transaction() as tx:
        await leading.stay(tx, leader)
        await runs.count(tx, run.id, requests=leader.budget.settle(), singly=1)


async def _postpone(tx: Transaction, leader: Leader, uid: str, now: datetime) -> None:
    try:
        age = now - (await bookings.get(tx, uid)).booking.as_of
    except NotFound:
        return
    at = None if age > _HOPELESS else now + min(max(age, _SOONEST), _LATEST)
    await bookings.ask_again(tx, leader.connection.id, [uid], at=at)
