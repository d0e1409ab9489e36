"""Following one booking's news through the house: kept, read, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select

from greenroom.database import Transaction
from greenroom.deliveries.store import Signature, State, deliveries

_d = deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A delivery that names the booking. `trigger` is None until it was read."""

    id: int
    connection_id: int
    received_at: datetime
    state: State
    signature: Signature | None
    trigger: str | None


async def about(tx: Transaction, uid: str, since: datetime) -> Sequence[Followed]:
    """What came about the booking since then, oldest first, also what was not read yet."""
    named = func.strpos(func.encode(_d.body, "escape"), uid) > 0
    query = select(
        _d.id, _d.connection_id, _d.received_at, _d.state, _d.signature, _d.trigger
    ).where(_d.received_at >= since, or_(_d.uid == uid, named))
    return [
        Followed(
            id=id_,
            connection_id=connection_id,
            received_at=received_at,
            state=State(state),
            signature=None if signature is None else Signature(signature),
            trigger=trigger,
        )
        for id_, connection_id, received_at, state, signature, trigger in await tx.execute(
            query.order_by(_d.id).limit(50)
        )
    ]
