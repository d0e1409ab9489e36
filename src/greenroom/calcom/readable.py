"""Connections for work that goes through all of them, where one must not hold up the others."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from greenroom.calcom import connections
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.seal import Seal, WrongKey


async def names(tx: Transaction) -> Mapping[int, str]:
    """What each connection that is in use is called, by id; also where a sealing key was lost."""
    parted = {id_ for id_, _, _ in await connections.parted(tx)}
    known = await connections.names(tx)
    return {id_: name for id_, name in known.items() if id_ not in parted}


async def every(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    """All that are in use and whose API key can be opened, oldest first.

    One whose key was sealed with a lost one is left out: the doctor says so.
    """
    found: list[Connection] = []
    for id_ in await names(tx):
        with suppress(WrongKey):
            found.append(await connections.get(tx, seal, id_))
    return found
