"""Comparing every booking that is not over, in slices: what changed goes first in between."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from greenroom.bookings import actions as bookings
from greenroom.bookings.model import UNSETTLED, Source
from greenroom.database import Transaction
from greenroom.syncs import hearing, leading, looks, offering, readback, runs
from greenroom.syncs.leading import Leader
from greenroom.syncs.looks import SINGLY, GoesInCircles, Look
from greenroom.syncs.reconcile import TRIES, circle, forget_circle, patiently
from greenroom.syncs.runs import Kind, SyncRun

_BACK = timedelta(days=1)
"""Bookings that ended longer ago are left alone."""
_LONGEST = timedelta(days=1)
"""Of a meeting: Cal.com can be asked for what starts after a moment, not for what ends."""
_SLICE = timedelta(seconds=20)
"""How long others wait for their turn."""
_BATCH = 200
"""Bookings of ours looked at together."""


async def go_on(leader: Leader, run: SyncRun) -> None:
    """Take the full compare on for a slice of time; the run is closed when it came to its end.

    It begins where it was left, whoever left it and why. Nothing is cancelled because a page
    lacks it: what of ours was not seen is read one by one, and only an answer about a booking
    changes it. Raises CalcomError, and the run is open then.
    """
    ends = leader.clock() + _SLICE
    look = await _look(leader, run)
    try:
        if run.requests == 0:
            await offering.mirror(leader, run)
        while look.question != SINGLY:
            answer = await patiently(leader.calcom, look)
            following = look.after(answer)
            assert following is not None
            await hearing.page(leader, run, answer, following)
            look = following
            if leader.clock() >= ends:
                return
    except GoesInCircles as error:
        await forget_circle(leader, Kind.FULL)
        raise circle() from error
    await _read_unseen(leader, run, look, ends)


async def _look(leader: Leader, run: SyncRun) -> Look:
    # Not by when the run was begun: that may be long ago.
    since = leader.clock() - _BACK - _LONGEST
    async with leader.database.transaction() as tx:
        kept = await looks.unfinished(tx, leader.connection.id, Kind.FULL)
        # One that was left for a day has seen what is old by now.
        look = kept if kept and kept.since > since - _BACK else looks.begin(Kind.FULL, None, since)
        await runs.learn(tx, run.id, since=look.since)
    return look


async def _read_unseen(leader: Leader, run: SyncRun, look: Look, ends: datetime) -> None:
    while True:
        async with leader.database.transaction() as tx:
            ours = await bookings.live(
                tx,
                leader.connection.id,
                ends_after=leader.clock() - _BACK,
                beyond=look.beyond,
                limit=_BATCH,
            )
            unseen = await _unseen(tx, leader, ours, look)
        for uid in unseen:
            for _ in range(TRIES):
                if await readback.one(leader, run, uid):
                    break
            look = await _beyond(leader, look, uid)
            if leader.clock() >= ends:
                return
        if len(ours) < _BATCH:
            break
        look = await _beyond(leader, look, ours[-1])
    await _end(leader, run)


async def _unseen(
    tx: Transaction, leader: Leader, ours: Sequence[str], look: Look
) -> Sequence[str]:
    """Those about which the API has not said anything since this compare began."""
    assert look.until is not None
    known = {(leader.connection.id, uid) for uid in ours}
    seen = {
        each.fact.uid
        for each in await bookings.evidence(tx, known)
        if each.fact.source is Source.API and each.fact.as_of >= look.until - UNSETTLED
    }
    return [uid for uid in ours if uid not in seen]


async def _beyond(leader: Leader, look: Look, uid: str) -> Look:
    following = replace(look, beyond=uid)
    async with leader.database.transaction() as tx:
        await leading.stay(tx, leader)
        await looks.keep(tx, leader.connection.id, following)
    return following


async def _end(leader: Leader, run: SyncRun) -> None:
    async with leader.database.transaction() as tx:
        await leading.stay(tx, leader)
        await looks.finish(tx, leader.connection.id, Kind.FULL)
        await runs.count(tx, run.id, requests=leader.budget.settle())
        await runs.close(tx, run.id, error=None, now=leader.clock())
