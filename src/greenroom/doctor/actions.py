"""Examining: look at what is due, keep what was found, mend what can be mended."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from greenroom import jobs
from greenroom.calcom import connections, readable
from greenroom.calcom.budget import Urgency
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.doctor import alive, store
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.examination import Check, Examination
from greenroom.doctor.health import Health, Looked
from greenroom.doctor.model import Finding, Found, Light, worst_first
from greenroom.errors import Conflict, GreenroomError, NotFound
from greenroom.live.feed import announce
from greenroom.parts import Parts
from greenroom.seal import Seal

Which = Literal["all", "due"] | Collection[str]
"""All checks, those that are due, or these."""
TOPIC = "health"
"""Announced when something has turned."""
DEADLINE = 20.0
"""Seconds one look may take."""
_AT_ONCE = 5
"""Looks side by side: fewer than the database has connections for all that goes on here."""
_SLACK = timedelta(seconds=20)
"""A clock that ticks each minute does not tick to the second."""

_log = structlog.get_logger()


async def examine(
    parts: Parts,
    *,
    which: Which,
    now: datetime,
    deadline: float = DEADLINE,
) -> Sequence[Looked]:
    """Look at all checks, at those that are due, or at those named; keep what they found, give it.

    Nothing a check does ends the others: one that raises, or takes longer than `deadline`
    seconds, is a finding too. Raises NotFound for a check that there is not.
    """
    found = await _look_at(parts, which, now, deadline)
    async with parts.database.transaction() as tx:
        turned = await store.keep(tx, found, now)
        gone = await store.drop_others(tx, await readable.names(tx))
        if turned or gone or which != "due":
            announce(tx, TOPIC)
        kept = await listed(tx)
    return [each for each in kept if each.check.id in found]


async def look(parts: Parts, *, which: Which, now: datetime) -> Sequence[Looked]:
    """The same without keeping it, for who may see less than the Greenroom that runs."""
    found = await _look_at(parts, which, now, DEADLINE)
    async with parts.database.transaction() as tx:
        stands = await store.compared(tx, found, now)
    return [
        Looked(CHECKS[id_], worst_first(each for each in stands if each.check_id == id_))
        for id_ in found
    ]


async def _look_at(
    parts: Parts, which: Which, now: datetime, deadline: float
) -> Mapping[str, Sequence[Finding]]:
    # Nobody waits for the clock: what people do at Cal.com goes first.
    asking = replace(parts, urgency=Urgency.NEWS) if which == "due" else parts
    async with parts.database.transaction() as tx:
        checks = await _chosen(tx, which, now)
        exam = Examination(parts=asking, now=now, connections=await readable.every(tx, parts.seal))
    room = asyncio.Semaphore(_AT_ONCE)
    looked = await asyncio.gather(*(_look(each, exam, room, deadline) for each in checks))
    return {each.id: found for each, found in zip(checks, looked, strict=True)}


async def listed(tx: Transaction) -> Sequence[Looked]:
    """Every check in the order of the page, with what it found, the worst first.

    Nothing where it never looked.
    """
    by_check: dict[str, list[Found]] = {}
    for each in await store.every(tx):
        by_check.setdefault(each.check_id, []).append(each)
    return [Looked(check, worst_first(by_check.get(id_, []))) for id_, check in CHECKS.items()]


async def health(tx: Transaction, *, now: datetime, awake_since: datetime | None = None) -> Health:
    """What the doctor found when it last looked, arranged for people.

    Where nobody has looked for minutes, that is red: but not before a process that is awake only
    since then has had these minutes.
    """
    looked, names = await listed(tx), await readable.names(tx)
    is_overdue = alive.is_overdue(looked, now, awake_since)
    if is_overdue:
        looked = alive.overdue(looked, await store.beats(tx), now, is_connected=bool(names))
    return Health(looked=looked, names=names, is_overdue=is_overdue)


async def mend(
    parts: Parts,
    check_id: str,
    connection_id: int | None,
    *,
    by: str,
    now: datetime,
    keeps: bool = True,
) -> str:
    """Mend what a check finds now, then look again at all of its area; say what was done.

    Who does not keep what it finds leaves the looking to the Greenroom that runs.
    Raises NotFound for a check or connection that there is not, Conflict where Greenroom cannot
    mend it or nothing is to be mended, and what the mending itself raises.
    """
    began = time.monotonic()
    check = get(check_id)
    if check.mend is None:
        raise Conflict(
            f"“{check.title}” is nothing that Greenroom can mend by itself.",
            do="Do what stands beside the check, then have it checked again.",
        )
    async with parts.database.transaction() as tx:
        connection = await _connection(tx, parts.seal, connection_id)
        known = await readable.every(tx, parts.seal)
        exam = Examination(parts=parts, now=now, connections=known, by=by)
    area = [each.id for each in CHECKS.values() if each.area is check.area]
    try:
        await _refuse_without_offer(check, exam, connection)
        done = await check.mend(exam, connection)
    finally:
        # Whoever looked meanwhile saw it as it was before.
        later = now + timedelta(seconds=time.monotonic() - began)
        with suppress(GreenroomError):  # how the mending went is what counts here
            if keeps:
                await examine(parts, which=area, now=later)
            else:
                async with parts.database.transaction() as tx:
                    await ask(tx)
    _log.info("Mended", check=check_id, connection=connection_id, by=by)
    return done


async def _refuse_without_offer(
    check: Check, exam: Examination, connection: Connection | None
) -> None:
    """Raise Conflict where the page would have no button: a page may be old, a program wrong."""
    found = await _look(check, exam, asyncio.Semaphore(1), DEADLINE)
    mine = [
        each for each in found if connection is None or each.connection_id in {None, connection.id}
    ]
    # Where nobody answers, the mending says that better.
    if any(each.offer is not None or each.is_unanswered for each in mine):
        return
    raise Conflict(
        f"“{check.title}” has nothing that Greenroom could mend now."
        + "".join(f" {each.what}" for each in mine[:1]),
        do=next((each.do for each in mine if each.do), "Press Check again to see how it is now."),
    )


async def ask(tx: Transaction) -> None:
    """Have everything looked at soon, for what changes what there is to see."""
    await jobs.enqueue_missing(tx, jobs.EXAMINE, {})


def get(check_id: str) -> Check:
    """Raises NotFound."""
    if check_id not in CHECKS:
        raise NotFound(
            f"There is no check “{check_id}”.",
            do=f"There are {', '.join(CHECKS)}.",
        )
    return CHECKS[check_id]


async def _connection(tx: Transaction, seal: Seal, id_: int | None) -> Connection | None:
    return None if id_ is None else await connections.get(tx, seal, id_)


async def _chosen(tx: Transaction, which: Which, now: datetime) -> Sequence[Check]:
    if which == "all":
        return list(CHECKS.values())
    if which == "due":
        last = await store.last_looked(tx)
        return [each for each in CHECKS.values() if _is_due(each, last, now)]
    wanted = {get(each).id for each in which}
    return [each for each in CHECKS.values() if each.id in wanted]


def _is_due(check: Check, last: Mapping[str, datetime], now: datetime) -> bool:
    at = last.get(check.id)
    # A look ahead of now is the word of a clock that was wrong.
    return at is None or at > now or at <= now - check.every + _SLACK


async def _look(
    check: Check, exam: Examination, room: asyncio.Semaphore, deadline: float
) -> Sequence[Finding]:
    async with room:
        try:
            async with asyncio.timeout(deadline):
                found = await check.look(exam)
        except GreenroomError as error:
            return [_not_looked(error.what, error.do)]
        except TimeoutError:
            why = f"It took longer than {deadline:g} seconds, so this could not be looked at."
            return [_not_looked(why, "Press Check again in a minute.")]
        except Exception:  # noqa: BLE001  (a bug in one check is a finding; the others go on)
            _log.exception("A check failed", check=check.id)
            why = "This could not be looked at: Greenroom made a mistake."
            return [_not_looked(why, "See the log of Greenroom, and report what stands there.")]
    return found or [Finding(light=Light.OFF, what="There is nothing to look at here.")]


def _not_looked(why: str, do: str) -> Finding:
    return Finding(light=Light.AMBER, what=why, do=do, is_unanswered=True)
