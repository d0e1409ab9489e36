"""Who may ask Cal.com about a connection now: one at a time, whatever the number of processes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from greenroom.calcom import connections
from greenroom.calcom.budget import Budget
from greenroom.calcom.client import Calcom
from greenroom.calcom.connections import Connection
from greenroom.database import Database, Transaction
from greenroom.errors import Conflict


class TakenOver(Conflict):
    """Another process leads now: ours was taken for dead."""

    def __init__(self) -> None:
        super().__init__(
            "Another process asks Cal.com about this connection now.",
            do="Nothing to do: it goes on where this one was.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who asks about a connection, and with what.

    `name` is what the claim on the connection is held under; `budget` is the gate of `calcom`.
    """

    name: str
    database: Database
    calcom: Calcom
    budget: Budget
    connection: Connection
    clock: Callable[[], datetime]


async def stay(tx: Transaction, leader: Leader) -> None:
    """Keep the claim. Raises TakenOver."""
    if not await connections.extend_sync(tx, leader.connection.id, leader.name):
        raise TakenOver
