"""How taking deliveries in gets on: what waits, and what came to nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from greenroom.database import Transaction
from greenroom.deliveries.store import WAITING, State, deliveries

_d = deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Counts of deliveries. `new` were never tried, the oldest came at `new_since`.

    `failed` are tried again by themselves; `dead` are not, whenever they came; `unread` could
    not be understood, since the moment asked for.
    """

    new: int
    new_since: datetime | None
    failed: int
    dead: int
    unread: int


async def standing(tx: Transaction, *, since: datetime) -> Standing:
    """Those that are not simply done; never the body of one."""
    waits = select(_d.state, func.count(), func.min(_d.received_at)).where(_d.state.in_(WAITING))
    waiting = {state: (n, at) for state, n, at in await tx.execute(waits.group_by(_d.state))}
    dead = select(func.count()).where(_d.state == State.DEAD.value)
    unread = select(func.count()).where(_d.state == State.UNREAD.value, _d.received_at >= since)
    new = waiting.get(State.NEW.value, (0, None))
    return Standing(
        new=new[0],
        new_since=new[1],
        failed=waiting.get(State.FAILED.value, (0, None))[0],
        dead=(await tx.execute(dead)).scalar_one(),
        unread=(await tx.execute(unread)).scalar_one(),
    )


async def heard(tx: Transaction, connection_ids: Collection[int]) -> Mapping[int, datetime]:
    """When the last delivery of each came; those that were never heard are left out."""
    found: dict[int, datetime] = {}
    for id_ in connection_ids:  # one look each into the index; grouping would read all of it
        query = select(func.max(_d.received_at)).where(_d.connection_id == id_)
        at = (await tx.execute(query)).scalar_one()
        if at is not None:
            found[id_] = at
    return found
