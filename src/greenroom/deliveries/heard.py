"""Whether a connection's webhook is heard, read off the deliveries that were kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.calcom import webhook_secrets
from greenroom.database import Transaction
from greenroom.deliveries import store
from greenroom.deliveries.store import Signature
from greenroom.live.feed import announce

_SLOW = timedelta(minutes=1)
"""How long a process may take the secret before for the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """`at`: when a verified delivery came last, since it was connected; None: never yet.

    `is_between`: there is a newer secret, and Cal.com may still sign with the one before.
    """

    at: datetime | None
    is_between: bool


async def of_connection(tx: Transaction, connection_id: int) -> Heard:
    """How it is. One that has no secret is not heard."""
    good = await webhook_secrets.good(tx, connection_id)
    if not good:
        return Heard(at=None, is_between=False)
    at = await store.heard(tx, connection_id, good[0])
    return Heard(at=at, is_between=len(good) > 1)


async def settle(tx: Transaction, now: datetime) -> None:
    """Where a delivery was signed with the newest secret, Cal.com has it: older ones go in a day.

    For secrets that a person entered at Cal.com; of the others Cal.com was told by ourselves.
    """
    for connection_id, newest_id, made_at in await webhook_secrets.unsettled(tx):
        since = made_at + _SLOW
        if await store.heard(tx, connection_id, since, by=Signature.CURRENT):
            await webhook_secrets.settle(tx, connection_id, newest_id, now)
            announce(tx, f"connection:{connection_id}")
