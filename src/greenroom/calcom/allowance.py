"""What is left of each connection's share of requests."""

from collections.abc import Mapping

from sqlalchemy import extract, func, select

from greenroom.calcom.budget import budgets, burst
from greenroom.database import Transaction

_b = budgets.c


async def left(tx: Transaction, *, per_minute: int) -> Mapping[int, int]:
    """How many requests may go out at once, of a share of `per_minute`; never asked: absent."""
    gone = func.greatest(extract("epoch", func.clock_timestamp() - _b.filled_at), 0)
    level = func.least(float(burst(per_minute)), _b.tokens + per_minute / 60 * gone)
    return {id_: int(tokens) for id_, tokens in await tx.execute(select(_b.connection_id, level))}
