"""Deliveries taken up by one process alone for a while, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import dict_row
from sqlalchemy import update

from greenroom.database import Transaction, driver_connection
from greenroom.deliveries.store import WAITING, Delivery, State, deliveries, read

_d = deliveries.c

_CLAIMED = """
    RETURNING d.id, connection_id, body, received_at, state, trigger, uid, outcome, attempts,
              duplicates, signature, last_duplicate_at, claims, false AS is_emptied,
              coalesce(octet_length(body), 0) AS bytes
"""
# A moment further ahead than any pause is the word of a clock that was wrong.
_DUE = "(due_at IS NULL OR due_at <= %(now)b OR due_at > %(now)b + interval '10 min')"
# Apart from the UPDATE, so that no plan can run it twice and claim more than was asked for.
_CLAIM = f"""
    WITH free AS MATERIALIZED (
        SELECT id FROM deliveries
         WHERE state IN ('new', 'failed') AND {_DUE} AND attempts = 0
         ORDER BY id LIMIT %(limit)b FOR UPDATE SKIP LOCKED)
    UPDATE deliveries AS d SET attempts = attempts + 1, claims = claims + 1, due_at = %(until)b
      FROM free WHERE d.id = free.id
    {_CLAIMED}
"""  # noqa: S608  (constants of ours)
# Whose last attempt was not even noted as failed has ended the process that made it.
_CLAIM_AGAIN = f"""
    WITH free AS MATERIALIZED (
        SELECT id, attempts >= %(limit)b AS dead FROM deliveries
         WHERE state IN ('new', 'failed') AND {_DUE} AND attempts > 0
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE deliveries AS d
       SET attempts = attempts + CASE WHEN dead THEN 0 ELSE 1 END,
           claims = claims + 1,
           due_at = CASE WHEN dead THEN NULL ELSE %(until)b END,
           state = CASE WHEN dead THEN 'dead' ELSE state END,
           outcome = CASE WHEN dead
                     THEN 'It failed each time, the last time without a trace: the program ended.'
                     ELSE outcome END
      FROM free WHERE d.id = free.id
    {_CLAIMED}
"""  # noqa: S608  (constants of ours)


async def claim(
    tx: Transaction, limit: int, *, now: datetime, until: datetime
) -> Sequence[Delivery]:
    """Up to `limit` that were never tried, for this process alone until then; oldest first."""
    return await _claim(tx, _CLAIM, {"now": now, "until": until, "limit": limit})


async def claim_again(
    tx: Transaction, *, most_attempts: int, now: datetime, until: datetime
) -> Sequence[Delivery]:
    """One that was tried before and is due; dead if its attempts are used up."""
    return await _claim(tx, _CLAIM_AGAIN, {"now": now, "until": until, "limit": most_attempts})


async def _claim(
    tx: Transaction, statement: str, given: Mapping[str, datetime | int]
) -> Sequence[Delivery]:
    connection = await driver_connection(tx)
    # Binary: a body comes as it is, not as twice as many hexadecimal digits.
    async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        await cursor.execute(statement, given)
        rows = await cursor.fetchall()
    return sorted((read(row) for row in rows), key=lambda each: each.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a delivery that was claimed for the `claims`-th time."""

    id: int
    claims: int
    state: State
    trigger: str | None
    uid: str | None
    outcome: str


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_SETTLE = """
    UPDATE deliveries AS d
       SET state = s.state, trigger = s.trigger, uid = s.uid, outcome = s.outcome, due_at = NULL
      FROM unnest(%b::bigint[], %b::int[], %b::text[], %b::text[], %b::text[], %b::text[])
           AS s(id, claims, state, trigger, uid, outcome)
     WHERE d.id = s.id AND d.claims = s.claims AND d.state IN ('new', 'failed')
"""


async def settle(tx: Transaction, settled: Sequence[Settled]) -> int:
    """Keep what became of them; return of how many, without those another process took up since."""
    connection = await driver_connection(tx)
    cursor = await connection.execute(
        _SETTLE,
        (
            [each.id for each in settled],
            [each.claims for each in settled],
            [each.state.value for each in settled],
            [each.trigger for each in settled],
            [each.uid for each in settled],
            [each.outcome for each in settled],
        ),
    )
    return cursor.rowcount


async def put_off(
    tx: Transaction, delivery: Delivery, state: State, outcome: str, until: datetime
) -> None:
    """Note that it failed, unless another process has taken it up since."""
    ours = update(deliveries).where(
        _d.id == delivery.id, _d.claims == delivery.claims, _d.state.in_(WAITING)
    )
    await tx.execute(ours.values(state=state.value, outcome=outcome, due_at=until))


async def give_back(tx: Transaction, claimed: Sequence[Delivery], until: datetime) -> None:
    """Take back the attempts of these, unless another process has taken them up since."""
    connection = await driver_connection(tx)
    ids, claims = [each.id for each in claimed], [each.claims for each in claimed]
    await connection.execute(_GIVE_BACK, (until, ids, claims))


_GIVE_BACK = """
    UPDATE deliveries AS d SET attempts = attempts - 1, due_at = %b
      FROM unnest(%b::bigint[], %b::int[]) AS s(id, claims)
     WHERE d.id = s.id AND d.claims = s.claims AND d.state IN ('new', 'failed')
"""
