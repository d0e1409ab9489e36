"""Connections for work that goes through all of them, where one must not hold up the others."""

from collections.abc import Sequence
from contextlib import suppress

from greenroom.calcom import connections
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.seal import Seal, WrongKey


async def every(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    """All that are connected and whose API key can be opened, oldest first.

    One whose key was sealed with a lost one is left out: the doctor says so.
    """
    found: list[Connection] = []
    for id_ in await connections.names(tx):
        with suppress(WrongKey):
            connection = await connections.get(tx, seal, id_)
            if connection.disconnected_at is None:
                found.append(connection)
    return found
