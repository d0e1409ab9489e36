"""Everything that is sealed in the database: which key it needs, and sealing it with a new one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Column, func, or_, select, update

from greenroom.calcom.connections import connections
from greenroom.calcom.drafts import drafts
from greenroom.calcom.webhook_secrets import webhook_secrets
from greenroom.database import Database, Transaction
from greenroom.seal import NAME, Seal, WrongKey

SEALED: Sequence[Column[bytes] | Column[bytes | None]] = (
    connections.c.api_key,
    webhook_secrets.c.secret,
    drafts.c.api_key,
)
"""Every column that is. What is sealed and not named here is lost when the key changes."""
_AT_ONCE = 200

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many secrets in use were sealed with the present key, and with one before it.

    `no_key` and `no_secret`: the connections whose API key, or one of whose webhook secrets,
    cannot be opened with any.
    """

    present: int
    former: int
    no_key: frozenset[int]
    no_secret: frozenset[int]


async def tally(tx: Transaction, seal: Seal, now: datetime) -> Tally:
    """Try to open everything that is in use."""
    _c, _s = connections.c, webhook_secrets.c
    keys = select(_c.id, _c.api_key).where(_c.api_key.is_not(None))
    alive = or_(_s.retires_at.is_(None), _s.retires_at > now)
    secrets = select(_s.connection_id, _s.secret).where(alive)
    found = [
        [(row[0], seal.opens_with_present(bytes(row[1] or b""))) for row in await tx.execute(query)]
        for query in (keys, secrets)
    ]
    every = [how for each in found for _, how in each]
    no_key, no_secret = (frozenset(id_ for id_, how in each if how is None) for each in found)
    return Tally(
        present=every.count(True), former=every.count(False), no_key=no_key, no_secret=no_secret
    )


async def renew(database: Database, seal: Seal) -> int:
    """Seal with the present key whatever was sealed with a former one; say how many that were.

    Some rows at a time: others may go on reading and writing them. What no key opens stays.
    """
    renewed = 0
    for column in SEALED:
        after: object = None
        while True:
            async with database.transaction() as tx:
                count, after = await _renew_some(tx, seal, column, after)
            renewed += count
            if after is None:
                break
    if renewed:
        _log.info("Secrets were sealed with the new key", count=renewed)
    return renewed


async def _renew_some(
    tx: Transaction, seal: Seal, column: Column[bytes] | Column[bytes | None], after: object
) -> tuple[int, object]:
    """How many rows were sealed anew, and the last that was looked at; None: there are no more."""
    (key,) = column.table.primary_key
    query = select(key, column).where(
        column.is_not(None), func.substring(column, 1, NAME) != seal.name
    )
    if after is not None:
        query = query.where(key > after)
    rows = (await tx.execute(query.order_by(key).limit(_AT_ONCE).with_for_update())).all()
    anew: Mapping[object, bytes] = dict(_anew(seal, rows))
    for id_, sealed in anew.items():
        await tx.execute(update(column.table).where(key == id_).values({column: sealed}))
    return len(anew), rows[-1][0] if len(rows) == _AT_ONCE else None


def _anew(seal: Seal, rows: Sequence[Sequence[object]]) -> list[tuple[object, bytes]]:
    found = []
    for id_, sealed in rows:
        try:
            found.append((id_, seal.close(seal.open(bytes(sealed)))))  # type: ignore[call-overload]
        except WrongKey:
            continue
    return found
