"""How often a connection may ask Cal.com, and whether it may: one count for all processes.

A bucket of tokens in the database, by the database's clock: processes may disagree about theirs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    TypedColumns,
    Update,
    case,
    extract,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom import connections
from greenroom.calcom.replies import Busy, KeyChanged, KeyRefused, Limits, Resting
from greenroom.database import Database, Transaction, metadata
from greenroom.live.feed import announce

_MOMENT = DateTime(timezone=True)
_BURST = 10
_IN_A_ROW = 5
"""Failures after which one request at a time tries whether Cal.com is well again."""
_LONGEST_REST = 300.0
"""Seconds between two such tries."""
_PROBE = timedelta(seconds=30)
"""How long that one request may take before another may try."""
_SPARE = 10
"""Of Cal.com's own count: with fewer left, those are spread over what is left of its window."""


class Urgency(IntEnum):
    """How many tokens a request leaves for more urgent ones."""

    PERSON = 0
    """Somebody waits for it."""
    NEWS = 2
    """What changed."""
    FULL = 5
    """A full compare, which has time."""


class _Columns(TypedColumns):
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), primary_key=True, autoincrement=False
    )
    tokens: Column[float] = Column(Double, nullable=False)
    filled_at: Column[datetime] = Column(_MOMENT, nullable=False)
    failures: Column[int] = Column(Integer, nullable=False, server_default="0")
    rests_until: Column[datetime | None] = Column(_MOMENT)
    refusal: Column[str | None] = Column(Text)


budgets = Table("budgets", metadata, _Columns)
_b = budgets.c
_now = func.clock_timestamp()


def burst(per_minute: int) -> int:
    """Requests that may go out at once after a while of silence, of so many a minute."""
    return max(1, min(_BURST, per_minute // 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a connection's API may be asked now.

    `refusal` is what Cal.com said of the key. `rests_until` lies ahead: by the rate limit, or
    after `failures` in a row.
    """

    refusal: str | None = None
    rests_until: datetime | None = None
    failures: int = 0

    @property
    def is_open(self) -> bool:
        """Whether Cal.com has failed so often that it is only probed."""
        return self.failures >= _IN_A_ROW

    @property
    def may_ask(self) -> bool:
        """Whether asking makes sense."""
        return self.refusal is None and self.rests_until is None


async def standings(tx: Transaction) -> Mapping[int, Standing]:
    """By connection; one that was never asked is not in it."""
    rests = case((_b.rests_until > func.now(), _b.rests_until))
    found = await tx.execute(select(_b.connection_id, _b.refusal, rests, _b.failures))
    return {
        id_: Standing(refusal=refusal, rests_until=until, failures=failures)
        for id_, refusal, until, failures in found
    }


async def renew(tx: Transaction, connection_id: int, *, spent: int) -> None:
    """Asking makes sense again: the key is another one. `spent` requests were made to see that.

    A rate limit stays: it may be of the address, or the key may be the same again.
    """
    row = {"tokens": max(0, _BURST - spent), "failures": 0, "refusal": None}
    new = insert(budgets).values(connection_id=connection_id, filled_at=func.now(), **row)
    on = [_b.connection_id]
    limited = case((_b.failures == 0, _b.rests_until))
    again = {**row, "tokens": func.greatest(_b.tokens - spent, 0), "rests_until": limited}
    await tx.execute(new.on_conflict_do_update(index_elements=on, set_=again))
    announce(tx, "sync")


async def charge(tx: Transaction, connection_id: int, spent: int) -> None:
    """So many requests were made beside the budget."""
    mine = update(budgets).where(_b.connection_id == connection_id)
    await tx.execute(mine.values(tokens=func.greatest(_b.tokens - spent, 0)))


async def rest(tx: Transaction, connection_id: int, seconds: float) -> None:
    """Let nobody ask before that time has gone by."""
    until = func.greatest(_b.rests_until, _now + timedelta(seconds=seconds))
    mine = update(budgets).where(_b.connection_id == connection_id)
    await tx.execute(mine.values(rests_until=until))


class Unlimited:
    """A gate for a key that is not kept yet: it only counts."""

    def __init__(self) -> None:
        self._spent = 0

    def settle(self) -> int:
        """How many requests were made since this was last asked."""
        spent, self._spent = self._spent, 0
        return spent

    async def enter(self) -> None:
        """Count one request."""
        self._spent += 1

    async def well(self, limits: Limits | None) -> None:
        """Nothing to keep."""

    async def limited(self, wait: float) -> None:
        """Nothing to keep."""

    async def failed(self) -> None:
        """Nothing to keep."""

    async def refused(self, said: str) -> None:
        """Nothing to keep."""


class Budget:
    """The gate of one connection.

    `per_minute` requests are its share; waiting for one takes at most `patience` seconds.
    `random` gives floats in [0, 1), which spread the tries after failures.
    """

    def __init__(
        self,
        database: Database,
        connection_id: int,
        *,
        renewals: int,
        per_minute: int,
        urgency: Urgency,
        patience: float,
        random: Callable[[], float],
    ) -> None:
        self._database = database
        self._id = connection_id
        self._renewals = renewals
        self._rate = per_minute / 60
        self._burst = burst(per_minute)
        self._patience = patience
        self._random = random
        self._spent = 0
        self.urge(urgency)

    def urge(self, urgency: Urgency) -> None:
        """From now on its requests are as urgent as that."""
        self._needs = 1 + min(urgency, self._burst - 1)

    def settle(self) -> int:
        """How many requests were made since this was last asked."""
        spent, self._spent = self._spent, 0
        return spent

    async def enter(self) -> None:
        """Wait for a token. Raises Busy when that takes too long, KeyRefused, and KeyChanged."""
        left = self._patience
        while (trouble := await self._take()) is not None:
            if not isinstance(trouble, Busy) or trouble.wait > left:
                raise trouble
            left -= trouble.wait
            await asyncio.sleep(trouble.wait)
        self._spent += 1

    async def well(self, limits: Limits | None) -> None:
        """Failures are forgotten; slow down where Cal.com counts few requests left."""
        # Not that of a rate limit: another request may have met it meanwhile.
        rests: ColumnElement[datetime | None] = case((_b.failures == 0, _b.rests_until))
        if limits is not None and limits.remaining < _SPARE:
            pause = timedelta(seconds=limits.reset / (limits.remaining + 1))
            rests = func.greatest(rests, _now + pause)
        async with self._database.transaction() as tx:
            await tx.execute(self._mine.values(failures=0, rests_until=rests))

    async def limited(self, wait: float) -> None:
        """Nobody asks for so many seconds."""
        async with self._database.transaction() as tx:
            await tx.execute(self._mine.values(failures=0))
            await rest(tx, self._id, wait)
            announce(tx, "sync")

    async def failed(self) -> None:
        """Each failure in a row makes the longest pause twice as long; chance says how long."""
        async with self._database.transaction() as tx:
            counted = self._mine.values(failures=_b.failures + 1).returning(_b.failures)
            failures = (await tx.execute(counted)).scalar_one()
            pause = self._random() * min(2.0**failures, _LONGEST_REST)
            if failures >= _IN_A_ROW:
                pause = max(pause, 1.0)
                announce(tx, "sync")
            until: ColumnElement[datetime] = _now + timedelta(seconds=pause)
            if failures <= _IN_A_ROW:  # later ones are probes, whose own rest is over
                until = func.greatest(_b.rests_until, until)
            await tx.execute(self._mine.values(rests_until=until))

    async def refused(self, said: str) -> None:
        """Nobody asks until the key is another one. Raises KeyChanged when it is that already."""
        async with self._database.transaction() as tx:
            if not await connections.is_current(tx, self._id, self._renewals, hold=True):
                raise KeyChanged
            await tx.execute(self._mine.values(refusal=said))
            announce(tx, "sync")

    @property
    def _mine(self) -> Update:
        return update(budgets).where(_b.connection_id == self._id)

    async def _take(self) -> KeyRefused | Busy | None:
        """Take a token; None, or why there is none."""
        gone = func.greatest(extract("epoch", _now - _b.filled_at), 0)
        level = func.least(float(self._burst), _b.tokens + self._rate * gone)
        # After failures one request goes out, and the others wait for what becomes of it.
        next_ = case((_b.failures >= _IN_A_ROW, _now + _PROBE))
        free = or_(_b.rests_until.is_(None), _b.rests_until <= _now)
        take = self._mine.where(_b.refusal.is_(None), free, level >= self._needs)
        taken = take.values(tokens=level - 1, filled_at=_now, rests_until=next_)
        ahead = extract("epoch", _b.rests_until - _now)
        why = select(_b.refusal, _b.failures, ahead, level).where(_b.connection_id == self._id)
        name = ""
        async with self._database.transaction() as tx:
            if not await connections.is_current(tx, self._id, self._renewals):
                raise KeyChanged
            if (await tx.execute(taken.returning(_b.connection_id))).one_or_none() is not None:
                return None
            row = (await tx.execute(why)).one_or_none()
            if row is None:
                await self._begin(tx)
                return Busy(0.0)
            if row[0] is not None:
                name = (await connections.names(tx))[self._id]
        refusal, failures, rests, tokens = row
        if refusal is not None:
            return KeyRefused(str(refusal), do=_new_key(name), code=401)
        wait = max(float(rests or 0), (self._needs - float(tokens)) / self._rate, 0.01)
        if failures >= _IN_A_ROW and rests is not None and rests > 0:
            return Resting(wait, f"Cal.com failed {failures} times in a row")
        return Busy(wait) if rests is not None and rests > 0 else Busy(wait, _USED_UP)

    async def _begin(self, tx: Transaction) -> None:
        row = {"connection_id": self._id, "tokens": float(self._burst), "filled_at": func.now()}
        await tx.execute(insert(budgets).values(row).on_conflict_do_nothing())


_USED_UP = "Greenroom's own share of requests is used up"


def _new_key(name: str) -> str:
    return f"Run `{connections.new_key(name)}` with a key that works; nothing is asked until then."
