"""Deliveries in PostgreSQL: kept by `intake`, taken in by way of `claims`, read by pages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    func,
    select,
    text,
    tuple_,
    update,
)

from greenroom.database import Transaction, metadata
from greenroom.database.among import among
from greenroom.errors import NotFound

_MOMENT = DateTime(timezone=True)


class State(StrEnum):
    """What became of a delivery. Values are stored and are the API's."""

    NEW = "new"
    DONE = "done"
    UNREAD = "unread"
    FAILED = "failed"
    DEAD = "dead"


WAITING = (State.NEW, State.FAILED)
"""Those the drain will take up by itself."""


class Signature(StrEnum):
    """Which secret a delivery was signed with. Values are stored and are the API's."""

    CURRENT = "current"
    PREVIOUS = "previous"
    UNSIGNED = "unsigned"


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(BigInteger, nullable=False)
    digest: Column[bytes] = Column(LargeBinary, nullable=False)
    body: Column[bytes | None] = Column(LargeBinary)
    received_at: Column[datetime] = Column(_MOMENT, nullable=False)
    state: Column[str] = Column(Text, nullable=False)
    trigger: Column[str | None] = Column(Text)
    uid: Column[str | None] = Column(Text, index=True)
    outcome: Column[str | None] = Column(Text)
    attempts: Column[int] = Column(Integer, nullable=False, server_default="0")
    due_at: Column[datetime | None] = Column(_MOMENT)
    duplicates: Column[int] = Column(Integer, nullable=False, server_default="0")
    signature: Column[str | None] = Column(Text)
    last_duplicate_at: Column[datetime | None] = Column(_MOMENT)
    emptied_bytes: Column[int | None] = Column(Integer)
    # Only ever counted up: who took a delivery up later knows the earlier one's word to be stale.
    claims: Column[int] = Column(Integer, nullable=False, server_default="0")


deliveries = Table(
    "deliveries",
    metadata,
    _Columns,
    UniqueConstraint("connection_id", "digest"),
    Index("deliveries_waiting_idx", "id", postgresql_where=text("state IN ('new', 'failed')")),
    Index("deliveries_by_age_idx", text("received_at DESC"), text("id DESC")),
    Index("deliveries_by_state_idx", "state", text("received_at DESC"), text("id DESC")),
    Index("deliveries_by_trigger_idx", "trigger", text("received_at DESC"), text("id DESC")),
    Index(
        "deliveries_by_connection_idx", "connection_id", text("received_at DESC"), text("id DESC")
    ),
    Index(
        "deliveries_to_empty_idx",
        "received_at",
        postgresql_where=text("body IS NOT NULL AND state IN ('done', 'unread')"),
    ),
)
_d = deliveries.c

size = func.coalesce(func.octet_length(_d.body), _d.emptied_bytes, 0).label("bytes")
light: list[ColumnElement[Any]] = [
    *(_d.id, _d.connection_id, _d.received_at, _d.state, _d.trigger, _d.uid, _d.outcome),
    *(_d.attempts, _d.duplicates, _d.signature, _d.last_duplicate_at, _d.claims, size),
    _d.body.is_(None).label("is_emptied"),
]
"""Everything about a delivery but its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook request as received. `outcome` says what it did, or why not.

    `bytes` is the size of the body, also where the body was not read along or is emptied.
    `signature` is None for those of before it was noted. `claims` counts how often it was
    taken up, and never goes back.
    """

    id: int
    connection_id: int
    body: bytes | None = None
    received_at: datetime
    state: State
    trigger: str | None
    uid: str | None
    outcome: str | None
    attempts: int
    duplicates: int
    bytes: int
    signature: Signature | None
    last_duplicate_at: datetime | None
    is_emptied: bool
    claims: int


def read(row: Mapping[str, Any]) -> Delivery:
    """A row of `light`, with or without `body`."""
    signature = row["signature"]
    kinds = {"state": State(row["state"]), "signature": signature and Signature(signature)}
    return Delivery(**{**row, **kinds})


async def get(tx: Transaction, delivery_id: int) -> Delivery:
    """With its body. Raises NotFound."""
    query = select(*light, _d.body).where(_d.id == delivery_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no delivery {delivery_id}.",
            do="Look for it in the list of deliveries.",
        )
    return read({name: row[name] for name in row})


async def waiting(tx: Transaction) -> tuple[int, datetime | None]:
    """How many deliveries wait to be taken in, and since when."""
    query = select(func.count(), func.min(_d.received_at)).where(_d.state.in_(WAITING))
    row = (await tx.execute(query)).one()
    return row[0], row[1]


async def last_received(tx: Transaction) -> datetime | None:
    """When Cal.com was heard last."""
    query = select(_d.received_at).order_by(_d.received_at.desc(), _d.id.desc()).limit(1)
    return (await tx.execute(query)).scalar_one_or_none()


async def heard(
    tx: Transaction, connection_id: int, since: datetime, *, by: Signature | None = None
) -> datetime | None:
    """When a signed delivery of the connection came last, if one came since.

    `by` a secret of that kind; else by any, also before that was kept.
    """
    signed = _d.signature.is_distinct_from(Signature.UNSIGNED) if by is None else _d.signature == by
    mine = (_d.connection_id == connection_id, _d.received_at >= since)
    query = select(_d.received_at).where(*mine, signed)
    newest = query.order_by(_d.received_at.desc(), _d.id.desc()).limit(1)
    return (await tx.execute(newest)).scalar_one_or_none()


async def renew(tx: Transaction, ids: Collection[int]) -> int:
    """Let these be as if just kept; return how many there were with a body."""
    again = update(deliveries).where(among(_d.id, ids), _d.body.is_not(None))
    found = await tx.execute(again.values(state=State.NEW.value, attempts=0, due_at=None))
    return found.rowcount


async def places_in(
    tx: Transaction, state: State, *, after: tuple[datetime, int] | None, limit: int
) -> Sequence[tuple[datetime, int]]:
    """(received at, id) of deliveries in this state that have a body, newest first."""
    query = select(_d.received_at, _d.id).where(_d.state == state.value, _d.body.is_not(None))
    if after is not None:
        query = query.where(tuple_(_d.received_at, _d.id) < after)
    newest = query.order_by(_d.received_at.desc(), _d.id.desc()).limit(limit)
    return [(at, id_) for at, id_ in await tx.execute(newest)]
