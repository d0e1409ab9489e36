"""Starting reconciles: by the clock, by Sync now, by command."""

from collections.abc import Sequence
from datetime import datetime

from greenroom import jobs
from greenroom.calcom import connections, reconcile
from greenroom.database import Transaction
from greenroom.errors import Conflict, Invalid
from greenroom.seal import Seal

RECONCILE = "reconcile"
"""The job that carries out a reconcile that was begun."""


async def start_all(tx: Transaction, seal: Seal, *, asked_by: str, now: datetime) -> Sequence[int]:
    """Have every connection with an API key asked now; give the runs' ids.

    A connection that is being asked already gives the run that is under way. Raises Invalid
    when no connection has a key.
    """
    runs: list[int] = []
    for connection in await connections.every(tx, seal):
        if connection.api_key is None:
            continue
        try:
            begun = await reconcile.begin(tx, connection, asked_by=asked_by, now=now)
        except Conflict:
            runs.append(await reconcile.under_way(tx, connection.id))
        else:
            runs.append(begun.id)
            await jobs.enqueue(tx, RECONCILE, {"run_id": begun.id})
    if not runs:
        raise Invalid(
            "There is no connection with an API key, so Cal.com cannot be asked.",
            do="Run `greenroom connect --api-key cal_live_...`; webhooks go on without it.",
        )
    return runs
