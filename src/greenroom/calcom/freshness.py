"""How fresh what we show is: when Cal.com was last heard, and last asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.calcom import connections, deliveries, reconcile
from greenroom.database import Transaction
from greenroom.seal import Seal

_SILENT = timedelta(minutes=5)
"""Without a good check for this long, what we show may be old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """For the line above the list. `asks` is False when no connection has an API key."""

    connected: bool
    asks: bool
    last_delivery_at: datetime | None
    last_check_at: datetime | None
    syncing: bool
    error: str | None
    waiting: int

    def is_stale(self, now: datetime) -> bool:
        """Whether a person should be told that this may be old."""
        if not self.asks:
            return False
        return self.last_check_at is None or self.last_check_at < now - _SILENT


async def freshness(tx: Transaction, seal: Seal) -> Freshness:
    """Read it off the newest delivery and the newest reconciles."""
    known = await connections.every(tx, seal)
    runs = await reconcile.latest(tx)
    good = [each.finished_at for each in runs if each.finished_at and not each.error]
    waiting, _ = await deliveries.waiting(tx)
    return Freshness(
        connected=bool(known),
        asks=any(each.api_key for each in known),
        last_delivery_at=await deliveries.last_received(tx),
        last_check_at=max(good, default=None),
        syncing=bool(runs) and runs[0].finished_at is None,
        error=runs[0].error if runs else None,
        waiting=waiting,
    )
