"""What Cal.com delivered: taken in by the drain, explained, replayable."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from greenroom.bookings import actions as bookings
from greenroom.bookings.actions import Change, Recorded
from greenroom.bookings.model import Status, Told
from greenroom.calcom import webhook
from greenroom.calcom.webhook import Reading
from greenroom.database import Database, Transaction
from greenroom.deliveries import claims, store
from greenroom.deliveries.claims import Settled
from greenroom.deliveries.store import Delivery, State, get, last_received, waiting
from greenroom.errors import Unavailable
from greenroom.live.feed import announce

__all__ = [
    "BATCH",
    "LEASE",
    "MOST_ATTEMPTS",
    "Delivery",
    "State",
    "drain",
    "get",
    "last_received",
    "replay",
    "replay_failed",
    "waiting",
]

_log = structlog.get_logger()

BATCH = 400
"""Deliveries taken in by one transaction."""
LEASE = timedelta(seconds=15)
"""How long a claimed delivery is one process's; then another may take it."""
MOST_ATTEMPTS = 8
"""After these a delivery that fails is dead: shown, not tried again by itself."""
_SUSPICIOUS = 50
"""So often a delivery may be claimed in vain because the database did not answer."""
_BREATH = timedelta(seconds=2)
"""Before what could not be taken in for the database's sake is tried again."""
_AT_ONCE = 1_000
"""Deliveries made new again by one transaction."""


class _TakenOverError(Exception):
    """Another process took one of these deliveries up when our lease had run out."""


async def drain(database: Database, *, now: datetime) -> int:
    """Take in up to BATCH new deliveries, and one that was tried before; return how many.

    The attempt is counted and committed before anything is read, so that a body which kills
    the process cannot do so for ever. If they cannot be taken in together, each is alone. What
    was tried before is claimed alone, so that it fells no other with it.
    """
    until = now + LEASE
    async with database.transaction() as tx:
        claimed = await claims.claim(tx, BATCH, now=now, until=until)
    try:
        await _take_in(database, claimed, now)
    except Unavailable:
        await _give_back(database, claimed, now)
        raise
    except Exception:  # noqa: BLE001  (whatever one of them did, the others go on)
        _log.exception("A batch of deliveries failed; taking them in one by one")
        for each in claimed:
            await _take_in_alone(database, each, now)
    async with database.transaction() as tx:
        again = await claims.claim_again(tx, most_attempts=MOST_ATTEMPTS, now=now, until=until)
    for each in again:
        if each.state is not State.DEAD:
            await _take_in_alone(database, each, now)
    return len(claimed) + len(again)


async def replay(tx: Transaction, ids: Collection[int]) -> int:
    """Have these taken in again as if new; return how many there were. Bodies must be kept."""
    found = await store.renew(tx, ids)
    announce(tx, "delivery")
    return found


async def replay_failed(
    database: Database, states: Collection[State] = (State.FAILED, State.DEAD)
) -> int:
    """Have all in these states taken in again, some thousand at a time; return how many."""
    count = 0
    for state in states:
        after: tuple[datetime, int] | None = None
        while True:
            async with database.transaction() as tx:
                places = await store.places_in(tx, state, after=after, limit=_AT_ONCE)
                if not places:
                    break
                after = places[-1]
                count += await replay(tx, [id_ for _, id_ in places])
    return count


async def _take_in(database: Database, claimed: Sequence[Delivery], now: datetime) -> None:
    if not claimed:
        return
    readings = [
        (each, webhook.read(each.body or b"", received_at=each.received_at)) for each in claimed
    ]
    told = [
        Told(connection_id=each.connection_id, fact=fact, delivery_id=each.id)
        for each, reading in readings
        for fact in reading.facts
    ]
    async with database.transaction() as tx:
        recorded = await bookings.record(
            tx, told, deliveries=[each.id for each in claimed], now=now
        )
        settled = [_settled(each, reading, recorded) for each, reading in readings]
        if await claims.settle(tx, settled) < len(settled):
            # Rolled back as a whole: what we read is no longer ours to say.
            raise _TakenOverError
        announce(tx, "delivery")
    for each, reading in readings:
        _log.info(
            "Received Cal.com webhook",
            trigger=reading.trigger,
            uid=reading.uid,
            delivery=each.id,
        )


async def _take_in_alone(database: Database, delivery: Delivery, now: datetime) -> None:
    try:
        await _take_in(database, [delivery], now)
    except _TakenOverError:
        _log.warning("Another process took a delivery over", delivery=delivery.id)
    except Unavailable:
        await _give_back(database, [delivery], now)
        raise
    except Exception as error:  # noqa: BLE001  (kept with the delivery, and tried again)
        dead = delivery.attempts >= MOST_ATTEMPTS
        state = State.DEAD if dead else State.FAILED
        _log.exception("A delivery could not be taken in", delivery=delivery.id, state=state.value)
        outcome = f"It failed: {type(error).__name__}: {_storable(str(error)[:500])}"
        again = now + timedelta(seconds=2**delivery.attempts)
        async with database.transaction() as tx:
            await claims.put_off(tx, delivery, state, outcome, again)
            announce(tx, "delivery")


async def _give_back(database: Database, claimed: Sequence[Delivery], now: datetime) -> None:
    """A database that does not answer is no failure of theirs: the attempt does not count.

    Unless it happens again and again: then one of them may be what the database cannot bear.
    Where even this cannot be written, the lease runs out.
    """
    innocent = [each for each in claimed if each.claims < _SUSPICIOUS]
    with suppress(Unavailable):
        async with database.transaction() as tx:
            await claims.give_back(tx, innocent, now + _BREATH)


def _storable(text: str) -> str:
    # What a body made of an error's words: neither NUL nor a lone surrogate can be stored.
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _settled(delivery: Delivery, reading: Reading, recorded: Recorded) -> Settled:
    changes = [
        change
        for fact in reading.facts
        if (change := recorded.told(delivery.connection_id, fact.uid)) is not None
    ]
    return Settled(
        id=delivery.id,
        claims=delivery.claims,
        state=State.DONE if reading.readable else State.UNREAD,
        trigger=reading.trigger,
        uid=reading.uid,
        outcome=_outcome(reading, changes, before=_read_before(delivery)),
    )


def _read_before(delivery: Delivery) -> str:
    """What it did when it was read before; nothing if it never was."""
    return (delivery.outcome or "").removesuffix(_AGAIN) if delivery.trigger else ""


_AGAIN = " Replayed since: nothing changed."


def _outcome(reading: Reading, changes: Sequence[Change], *, before: str) -> str:
    if not reading.facts:
        return reading.note
    if not changes and before.startswith(reading.note):
        return f"{before}{_AGAIN}"
    if not changes:
        return f"{reading.note} Nothing changed: it was known already, or newer facts stand."
    said = {fact.uid: fact.status for fact in reading.facts}
    return " ".join([reading.note, *(_effect(each, said.get(each.after.uid)) for each in changes)])


def _effect(change: Change, said: Status | None) -> str:
    """What the delivery did to one booking, in a sentence; `said` is the status it claims."""
    after = change.after
    if said is not None and after.status is not said:
        return f"Newer facts stand: the booking is {after.status}."
    if change.before is None:
        return "It was the first we heard of it."
    before = change.before.booking
    if after.status is not before.status:
        return f"Before, it was {before.status or 'unknown'}."
    if after.outcome is not before.outcome:
        return "It counts as a no-show." if after.outcome else "It is no no-show any more."
    return "Its details changed."
