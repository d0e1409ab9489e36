"""Which connections the doctor looks at."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from greenroom.calcom import connections
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.seal import Seal, WrongKey


async def connected(tx: Transaction) -> Mapping[int, str]:
    """What each connection that is in use is called, by id; also where a sealing key was lost."""
    parted = {id_ for id_, _, _ in await connections.parted(tx)}
    known = await connections.names(tx)
    return {id_: name for id_, name in known.items() if id_ not in parted}


async def openable(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    """Those whose key this installation can open; the others are told by `secrets`."""
    found: list[Connection] = []
    for id_ in await connected(tx):
        with suppress(WrongKey):
            found.append(await connections.get(tx, seal, id_))
    return found
