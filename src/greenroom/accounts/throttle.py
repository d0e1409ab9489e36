"""How often a password may be tried: per network, and per account, without locking anyone out.

Leaky buckets: each try adds one, time takes away. Tries from a network the user has signed
in from before are counted apart, so that strangers who guess cannot shut the user out.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    LargeBinary,
    Table,
    TypedColumns,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.accounts.model import email_key
from greenroom.accounts.store import users
from greenroom.database import Transaction, metadata


class _Attempts(TypedColumns):
    key: Column[bytes] = Column(LargeBinary, primary_key=True)
    level: Column[float] = Column(Double, nullable=False)
    at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


class _KnownNetworks(TypedColumns):
    user_id: Column[int] = Column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    network: Column[bytes] = Column(LargeBinary, primary_key=True)
    seen_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


attempts = Table("attempts", metadata, _Attempts)
known_networks = Table("known_networks", metadata, _KnownNetworks)
_a, _n = attempts.c, known_networks.c


@dataclass(frozen=True, slots=True)
class Allowance:
    """`tries` at once, and another one each time `every` has passed."""

    tries: int
    every: timedelta


NETWORK = Allowance(100, timedelta(seconds=36))
"""All accounts from one network: an office behind one address fits."""
STRANGERS = Allowance(10, timedelta(minutes=6))
"""One account from all networks it has never signed in from."""
FAMILIAR = Allowance(20, timedelta(minutes=3))
"""One account from one network it has signed in from."""

_REMEMBERED = timedelta(days=90)
_EMPTIED = timedelta(hours=2)


async def admit(
    tx: Transaction, *, email: str, network: str, now: datetime
) -> Sequence[bytes] | None:
    """Count a try before the password is looked at; None: too many.

    Returns what `forgive` takes when the password was right.
    """
    of_network = _key("network", network)
    if not await _take(tx, of_network, NETWORK, now):
        return None
    who = email_key(email)
    if await _is_familiar(tx, who, network, now):
        of_account, allowance = _key("familiar", who, network), FAMILIAR
    else:
        of_account, allowance = _key("strangers", who), STRANGERS
    return [of_network, of_account] if await _take(tx, of_account, allowance, now) else None


async def forgive(
    tx: Transaction, taken: Sequence[bytes], *, user_id: int, network: str, now: datetime
) -> None:
    """The password was right: give the tries back and remember the network."""
    for key in taken:  # in the order `admit` took them, so that two cannot block each other
        less = func.greatest(0.0, _a.level - 1)
        await tx.execute(update(attempts).where(_a.key == key).values(level=less))
    row = {"user_id": user_id, "network": _key("network", network), "seen_at": now}
    statement = insert(known_networks).values(row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[_n.user_id, _n.network], set_={"seen_at": now}
        )
    )


async def drop_old(tx: Transaction, now: datetime) -> None:
    """Forget buckets that have run empty and networks not seen for long."""
    await tx.execute(delete(attempts).where(_a.at <= now - _EMPTIED))
    await tx.execute(delete(known_networks).where(_n.seen_at <= now - _REMEMBERED))


async def _take(tx: Transaction, key: bytes, allowance: Allowance, now: datetime) -> bool:
    moment = literal(now, DateTime(timezone=True))
    passed = func.greatest(0.0, func.extract("epoch", moment - _a.at))
    level = func.greatest(0.0, _a.level - passed / allowance.every.total_seconds()) + 1
    # One statement, so that tries at once cannot all see the same level. A refused try
    # changes nothing: who keeps trying does not wait longer.
    statement = (
        insert(attempts)
        .values(key=key, level=1.0, at=now)
        .on_conflict_do_update(
            index_elements=[_a.key],
            set_={"level": level, "at": func.greatest(_a.at, moment)},
            where=level <= allowance.tries,
        )
        .returning(_a.key)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def _is_familiar(tx: Transaction, who: str, network: str, now: datetime) -> bool:
    query = (
        select(_n.user_id)
        .join_from(known_networks, users, users.c.id == _n.user_id)
        .where(
            users.c.email_key == who,
            _n.network == _key("network", network),
            _n.seen_at > now - _REMEMBERED,
        )
    )
    return (await tx.execute(query)).one_or_none() is not None


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode()).digest()
