"""How fresh what we show is: when Cal.com was last heard, and last asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.calcom import budget, connections
from greenroom.database import Transaction
from greenroom.deliveries import actions as deliveries
from greenroom.seal import Seal
from greenroom.syncs import runs, silence_store
from greenroom.syncs.runs import Kind, SyncRun
from greenroom.syncs.silence import Silence

_SILENT = timedelta(minutes=5)
"""Without a good check for this long, what we show may be old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """For the line above the list. `asks` is False when no connection has an API key.

    `under_way` are runs that have not ended; `refused` are connections whose key Cal.com refuses.
    `silences` are connections that were not heard for unusually long, by name; where there is
    one connection only its name is left out.
    """

    connected: bool
    asks: bool
    last_delivery_at: datetime | None
    last_check_at: datetime | None
    last_full_at: datetime | None
    under_way: tuple[SyncRun, ...]
    refused: tuple[str, ...]
    error: str | None
    waiting: int
    silences: tuple[tuple[str, Silence], ...]

    @property
    def asking(self) -> bool:
        """Whether Cal.com is being asked what changed."""
        return any(each.kind is Kind.INCREMENTAL for each in self.under_way)

    @property
    def full(self) -> SyncRun | None:
        """The full compare under way."""
        return next((each for each in self.under_way if each.kind is Kind.FULL), None)

    @property
    def mends(self) -> tuple[str, ...]:
        """The commands that give the refused connections another key."""
        return tuple(map(connections.new_key, self.refused))

    @property
    def is_silent(self) -> bool:
        """Whether a person should look at why Cal.com is not heard."""
        return any(not each.is_harmless for _, each in self.silences)

    def is_stale(self, now: datetime) -> bool:
        """Whether a person should be told that this may be old."""
        if not self.asks:
            return False
        return self.last_check_at is None or self.last_check_at < now - _SILENT


async def freshness(tx: Transaction, seal: Seal) -> Freshness:
    """Read it off the newest delivery and the newest reconciles."""
    known = await connections.every(tx, seal)
    standings = await budget.standings(tx)
    ended = [each for each in await runs.latest(tx) if each.finished_at is not None]
    good = {kind: await runs.last_good(tx, kind) for kind in Kind}
    waiting, _ = await deliveries.waiting(tx)
    called = {each.id: each.name if len(known) > 1 else "" for each in known}
    checks = [at for at in good.values() if at is not None]
    return Freshness(
        connected=bool(known),
        asks=any(each.api_key for each in known),
        last_delivery_at=await deliveries.last_received(tx),
        last_check_at=max(checks, default=None),
        last_full_at=good[Kind.FULL],
        under_way=tuple(await runs.unfinished(tx)),
        refused=tuple(
            each.name for each in known if each.id in standings and standings[each.id].refusal
        ),
        error=ended[0].error if ended else None,
        waiting=waiting,
        silences=tuple(
            (called[each.connection_id], each)
            for each in await silence_store.every(tx)
            if each.connection_id in called
        ),
    )
