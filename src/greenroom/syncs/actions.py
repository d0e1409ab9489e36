"""Who has Cal.com asked, and carrying that out: by the clock, by deliveries, by people."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from greenroom import jobs
from greenroom.bookings import actions as bookings
from greenroom.calcom import budget, connections, readable
from greenroom.calcom.budget import Standing, Urgency
from greenroom.calcom.client import Busy, CalcomError, Failing, KeyChanged, KeyRefused
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.errors import Conflict, Invalid, Unavailable
from greenroom.seal import Seal
from greenroom.syncs import full, reconcile, runs
from greenroom.syncs.leading import Leader, TakenOver
from greenroom.syncs.runs import BY_CLOCK, BY_DELIVERY, Kind, SyncRun

CARRY_ON = "sync_connection"
"""The job that carries out what was asked for about a connection."""
EACH = timedelta(seconds=55)
"""Between two looks at what changed, by a clock that ticks each 15 seconds."""
EACH_FULL = timedelta(hours=6)
"""Between two full compares."""
_STOPS = 10
"""After so many in a row without a page a full compare is given up: another may begin."""

_SHORT = timedelta(seconds=15)
"""A pause this short is waited out."""

_log = structlog.get_logger()


async def start(
    tx: Transaction, seal: Seal, kind: Kind = Kind.INCREMENTAL, *, asked_by: str, now: datetime
) -> Sequence[int]:
    """Have every connection with an API key asked now, for a person; give the runs' ids.

    A connection that is being asked already gives the run that is under way. Raises Invalid
    when no connection has a key, and Conflict when none may be asked.
    """
    asked: list[int] = []
    refused: Conflict | None = None
    standings = await budget.standings(tx)
    for connection in await _askable(tx, seal):
        try:
            demand(connection, standings.get(connection.id, Standing()), now)
        except Conflict as error:
            refused = error
            continue
        begun, _ = await runs.begin(tx, connection.id, kind, asked_by=asked_by, now=now)
        asked.append(begun.id)
        await jobs.enqueue_missing(tx, CARRY_ON, {"connection_id": connection.id})
    if not asked and refused is not None:
        raise refused
    if not asked:
        raise Invalid(
            "There is no connection with an API key, so Cal.com cannot be asked.",
            do="Run `greenroom connect --api-key cal_live_...`; webhooks go on without it.",
        )
    return asked


def demand(connection: Connection, standing: Standing, now: datetime) -> None:
    """Raise Conflict where asking Cal.com makes no sense now."""
    if standing.refusal is not None:
        raise Conflict(
            f"Cal.com refuses the API key of “{connection.name}”.",
            do=f"Run `{connections.new_key(connection.name)}` with a key that works.",
        )
    if standing.rests_until is not None and standing.rests_until > now + _SHORT:
        why = "Cal.com's rate limit is reached"
        if standing.is_open:
            why = f"Cal.com failed {standing.failures} times in a row"
        raise Conflict(
            f"{why}: “{connection.name}” cannot be asked now.",
            do=f"It opens again at {standing.rests_until:%H:%M:%S} UTC; Greenroom goes on then "
            "by itself.",
        )


async def tick(tx: Transaction, seal: Seal, now: datetime) -> None:
    """Ask for what is due, and have what was asked for carried out. Twice at once is as once."""
    standings = await budget.standings(tx)
    last, last_full = [await runs.last_started(tx, kind) for kind in Kind]
    for connection in await _askable(tx, seal):
        id_, standing = connection.id, standings.get(connection.id, Standing())
        if standing.refusal is not None:
            await give_up(tx, id_, standing.refusal, now)
        if not standing.may_ask:
            continue
        under_way = {each.kind for each in await runs.unfinished(tx, id_)}
        # A connection that was just made is looked at as a whole by its first run.
        before = last_full.get(id_, connection.created_at)
        if Kind.FULL not in under_way and _is_due(before, EACH_FULL, now):
            await _begin_full(tx, connection, before, now)
        elif _is_due(last.get(id_), EACH, now):
            await runs.begin(tx, id_, asked_by=BY_CLOCK, now=now)
        elif await bookings.to_ask(tx, id_, now=now, limit=1):
            await runs.begin(tx, id_, asked_by=BY_DELIVERY, now=now)
        if await runs.unfinished(tx, id_):
            await jobs.enqueue_missing(tx, CARRY_ON, {"connection_id": id_})


async def _begin_full(
    tx: Transaction, connection: Connection, before: datetime, now: datetime
) -> None:
    """Compare what is ahead, and ask for all that changed since the last compare, at `before`.

    A list that came back empty, and should not have, had moved on how far we are synced.
    """
    since = connection.synced_until and min(before, connection.synced_until)
    await runs.begin(tx, connection.id, asked_by=BY_CLOCK, since=since, now=now)
    await runs.begin(tx, connection.id, Kind.FULL, asked_by=BY_CLOCK, now=now)


async def carry_on(leader: Leader) -> None:
    """Carry out what was asked for about the connection, unless somebody does that already.

    What changed goes before a full compare, also in the middle of one. What fails is kept with
    its run; a full compare that is stopped by the rate limit or by Cal.com's failing goes on later.
    """
    async with leader.database.transaction() as tx:
        if not await connections.start_sync(tx, leader.connection.id, leader.name):
            return
    try:
        while (run := await _next(leader)) is not None:
            if not await _step(leader, run):
                break
    except (TakenOver, KeyChanged):
        return
    finally:
        with suppress(Unavailable):
            async with leader.database.transaction() as tx:
                await connections.end_sync(tx, leader.connection.id, leader.name)


async def _next(leader: Leader) -> SyncRun | None:
    """The next run; when there is none the claim is given back in the same transaction.

    So nobody's wish falls between our last look and that.
    """
    async with leader.database.transaction() as tx:
        waiting = await runs.unfinished(tx, leader.connection.id)
        if not waiting:
            await connections.end_sync(tx, leader.connection.id, leader.name)
        return waiting[0] if waiting else None


async def _step(leader: Leader, run: SyncRun) -> bool:
    """Take the run on; whether others may be tried now."""
    leader.budget.urge(_URGENCY[run.kind])
    try:
        await _DO[run.kind](await _afresh(leader), run)
    except (TakenOver, KeyChanged):
        raise
    except (Busy, Failing) as error:
        await _stop(leader, run, str(error), for_good=run.kind is not Kind.FULL)
        return False
    except KeyRefused as error:
        how = connections.new_key(leader.connection.name)
        what = f"{error.what} Make a key in Cal.com under Settings, Developer, API keys: `{how}`."
        await _stop(leader, run, what, for_good=True)
        async with leader.database.transaction() as tx:
            await give_up(tx, leader.connection.id, what, leader.clock())
        return False
    except CalcomError as error:
        await _stop(leader, run, str(error), for_good=True)
        return False
    except Exception as error:
        # Whatever it was, it does not keep the next one waiting.
        _log.exception("A reconcile failed", run=run.id)
        with suppress(Unavailable):
            await _stop(leader, run, f"{type(error).__name__}: {error}", for_good=True)
        raise
    return True


_DO: Mapping[Kind, Callable[[Leader, SyncRun], Awaitable[None]]] = {
    Kind.INCREMENTAL: reconcile.incremental,
    Kind.FULL: full.go_on,
}
_URGENCY = {Kind.INCREMENTAL: Urgency.NEWS, Kind.FULL: Urgency.FULL}


async def _afresh(leader: Leader) -> Leader:
    async with leader.database.transaction() as tx:
        return replace(leader, connection=await connections.afresh(tx, leader.connection))


async def _stop(leader: Leader, run: SyncRun, error: str, *, for_good: bool) -> None:
    async with leader.database.transaction() as tx:
        await runs.count(tx, run.id, requests=leader.budget.settle())
        if for_good:
            await runs.close(tx, run.id, error=error, now=leader.clock())
        else:
            await runs.learn(tx, run.id, error=error)
        # A full compare waits for its turn: that others stop keeps it from getting on, too.
        for each in await runs.unfinished(tx, run.connection_id):
            if each.kind is Kind.FULL and await runs.stop(tx, each.id) >= _STOPS:
                await runs.close(tx, each.id, error=error, now=leader.clock())


async def give_up(tx: Transaction, connection_id: int, error: str, now: datetime) -> None:
    """End every run: with a key that is refused none gets on."""
    for each in await runs.unfinished(tx, connection_id):
        await runs.close(tx, each.id, error=error, now=now)


async def _askable(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    return [each for each in await readable.every(tx, seal) if each.api_key is not None]


def _is_due(last: datetime | None, each: timedelta, now: datetime) -> bool:
    return last is None or last <= now - each
