"""The Cal.com accounts we are connected to."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.calcom import webhook_secrets
from greenroom.database import Transaction, metadata
from greenroom.errors import Conflict, Invalid, NotFound
from greenroom.live.feed import announce
from greenroom.seal import Seal

_MOMENT = DateTime(timezone=True)
_LEASE = timedelta(minutes=3)
"""Longer than three tries at an answer that does not come, with the pauses between.

By the database's clock: processes may disagree about the time."""


class _Connections(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    name: Column[str] = Column(Text, nullable=False, unique=True)
    api_url: Column[str] = Column(Text, nullable=False)
    api_key: Column[bytes | None] = Column(LargeBinary)
    account: Column[str | None] = Column(Text)
    account_id: Column[int | None] = Column(BigInteger)
    allows_private: Column[bool] = Column(Boolean, nullable=False, server_default=true())
    webhook_id: Column[str | None] = Column(Text)
    webhook_url: Column[str | None] = Column(Text)
    webhook_done: Column[str | None] = Column(Text)
    webhook_done_at: Column[datetime | None] = Column(_MOMENT)
    webhook_problem: Column[str | None] = Column(Text)
    private_links: Column[bool] = Column(Boolean, nullable=False)
    synced_until: Column[datetime | None] = Column(_MOMENT)
    syncing_until: Column[datetime | None] = Column(_MOMENT)
    syncing_by: Column[str | None] = Column(Text)
    offers_read_at: Column[datetime | None] = Column(_MOMENT)
    renewals: Column[int] = Column(Integer, nullable=False, server_default="0")
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    disconnected_at: Column[datetime | None] = Column(_MOMENT)


connections = Table("connections", metadata, _Connections)
_c = connections.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One Cal.com account or instance. Without an API key it only listens to webhooks."""

    id: int
    name: str
    api_url: str
    api_key: str | None = field(repr=False)
    account: str | None
    account_id: int | None
    """Cal.com's number for whoever the key belongs to; None where it was never asked."""
    allows_private: bool
    """Whether its API may be at a private address: a person with a terminal here named it."""
    webhook_id: str | None
    """Of the webhook that we made, or took over, at Cal.com."""
    webhook_url: str | None
    """Where it delivers, as far as we know."""
    webhook_done: str | None
    webhook_done_at: datetime | None
    """What was last done about it at Cal.com, and when."""
    webhook_problem: str | None
    """Why Cal.com could not be told of it the last time that was tried."""
    private_links: bool
    synced_until: datetime | None
    offers_read_at: datetime | None
    """When its event types were last read from Cal.com."""
    renewals: int
    """How often its key or its address may have become another one."""
    created_at: datetime
    disconnected_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookThere:
    """Our webhook at Cal.com, as far as we know of it."""

    id: str
    url: str | None


async def connect(
    tx: Transaction,
    seal: Seal,
    *,
    name: str,
    api_url: str,
    api_key: str | None,
    secret: str | None,
    now: datetime,
    allows_private: bool = True,
) -> tuple[Connection, str | None]:
    """Add the connection called `name`, or change it; give it and the new secret, if one was made.

    A given secret, or a new one for a new connection, joins those that deliveries may be signed
    with; older ones stay good until Cal.com has it. Those that were sealed with a lost key are
    retired. Raises Invalid for a secret that is too short.
    """
    row: dict[str, object] = {"name": name, "api_url": api_url.rstrip("/")}
    row |= {"allows_private": allows_private, "disconnected_at": None}
    if api_key is not None:
        row["api_key"] = seal.close(api_key)
    statement = insert(connections).values(**row, private_links=True, created_at=now)
    again = {**row, "renewals": _c.renewals + 1}
    id_ = (
        await tx.execute(
            statement.on_conflict_do_update(index_elements=[_c.name], set_=again).returning(_c.id)
        )
    ).scalar_one()
    made = None
    opened = await webhook_secrets.retire_unopenable(tx, seal, id_, now)
    if secret is None and not opened:
        secret = made = webhook_secrets.made()
    if secret is not None:
        await webhook_secrets.add(tx, seal, id_, secret, now)
    announce(tx, f"connection:{id_}")
    return await get(tx, seal, id_), made


async def learn(
    tx: Transaction,
    connection_id: int,
    **values: str | int | bool | datetime | None,
) -> None:
    """Keep what was found out about a connection (account, webhook_id, private_links ...)."""
    await tx.execute(update(connections).where(_c.id == connection_id).values(**values))


_OF_WEBHOOK = ("webhook_id", "webhook_url", "webhook_done", "webhook_done_at", "webhook_problem")


async def part(tx: Transaction, connection_id: int, now: datetime) -> WebhookThere | None:
    """Forget how Cal.com is asked and heard; what it told us stays, and so does the name.

    Gives our webhook, which is still there.
    """
    query = select(_c.webhook_id, _c.webhook_url).where(_c.id == connection_id).with_for_update()
    webhook_id, url = (await tx.execute(query)).one()
    gone: dict[str, None] = dict.fromkeys(("api_key", *_OF_WEBHOOK))
    mine = update(connections).where(_c.id == connection_id)
    await tx.execute(mine.values(**gone, disconnected_at=now, renewals=_c.renewals + 1))
    await webhook_secrets.retire(tx, connection_id, now)
    announce(tx, f"connection:{connection_id}")
    return None if webhook_id is None else WebhookThere(webhook_id, url)


async def every(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    """All that are connected, oldest first."""
    query = select(connections).where(_c.disconnected_at.is_(None)).order_by(_c.id)
    return [_connection(seal, dict(row)) for row in (await tx.execute(query)).mappings()]


async def parted(tx: Transaction) -> Sequence[tuple[int, str, datetime]]:
    """(id, name, since) of those that were disconnected, oldest first."""
    query = select(_c.id, _c.name, _c.disconnected_at).where(_c.disconnected_at.is_not(None))
    return [(row[0], row[1], row[2]) for row in await tx.execute(query.order_by(_c.id)) if row[2]]


async def names(tx: Transaction) -> Mapping[int, str]:
    """What each is called, by id, oldest first; also where a sealing key was lost."""
    rows = await tx.execute(select(_c.id, _c.name).order_by(_c.id))
    return {row.id: row.name for row in rows}


async def get(tx: Transaction, seal: Seal, connection_id: int, *, hold: bool = False) -> Connection:
    """`hold`: nobody changes it until the transaction ends. Raises NotFound."""
    query = select(connections).where(_c.id == connection_id)
    if hold:
        query = query.with_for_update()
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no connection {connection_id}.",
            do="See Settings, Connections for those there are.",
        )
    return _connection(seal, dict(row))


def new_key(name: str) -> str:
    """What a person types to give the connection called `name` another API key."""
    return f"greenroom connect --name {shlex.quote(name)} --api-key cal_live_..."


async def afresh(tx: Transaction, connection: Connection) -> Connection:
    """The same, with how far it was asked by now."""
    query = select(_c.synced_until, _c.offers_read_at).where(_c.id == connection.id)
    synced_until, offers_read_at = (await tx.execute(query)).one()
    return replace(connection, synced_until=synced_until, offers_read_at=offers_read_at)


async def is_current(
    tx: Transaction, connection_id: int, renewals: int, *, hold: bool = False
) -> bool:
    """Whether its key is still that one; `hold`: until the transaction ends."""
    query = select(_c.renewals).where(_c.id == connection_id)
    if hold:
        query = query.with_for_update(read=True)
    return (await tx.execute(query)).scalar_one_or_none() == renewals


async def only(tx: Transaction, seal: Seal, connection_id: int | None) -> Connection:
    """The connection named, or the only one. Raises NotFound, Conflict, or Invalid for several."""
    if connection_id is not None:
        named = await get(tx, seal, connection_id)
        if named.disconnected_at is not None:
            raise Conflict(
                f"“{named.name}” is disconnected.",
                do="Connect it again under Settings, Connections, or run `greenroom connect`.",
            )
        return named
    known = await every(tx, seal)
    if not known:
        raise NotFound(
            "There is no connection to Cal.com yet.",
            do="Connect it under Settings, Connections, or run `greenroom connect`.",
        )
    if len(known) > 1:
        names = ", ".join(f"{each.name} ({each.id})" for each in known)
        raise Invalid(f"There are several connections: {names}.", do="Name one: connection_id.")
    return known[0]


async def start_sync(tx: Transaction, connection_id: int, by: str) -> bool:
    """Let `by` alone sync the connection, for minutes; False while another does."""
    free = or_(_c.syncing_until.is_(None), _c.syncing_until <= func.now())
    claim = update(connections).where(_c.id == connection_id, free)
    claimed = claim.values(syncing_until=func.now() + _LEASE, syncing_by=by).returning(_c.id)
    return (await tx.execute(claimed)).one_or_none() is not None


async def extend_sync(tx: Transaction, connection_id: int, by: str) -> bool:
    """`by` is alive; False when another has taken over since."""
    mine = update(connections).where(_c.id == connection_id, _c.syncing_by == by)
    extended = mine.values(syncing_until=func.now() + _LEASE).returning(_c.id)
    return (await tx.execute(extended)).one_or_none() is not None


async def end_sync(tx: Transaction, connection_id: int, by: str) -> None:
    """`by` gives the claim back, if it still has it."""
    mine = update(connections).where(_c.id == connection_id, _c.syncing_by == by)
    await tx.execute(mine.values(syncing_until=None, syncing_by=None))


async def mark_synced(
    tx: Transaction, connection_id: int, *, since: datetime, until: datetime, horizon: datetime
) -> None:
    """Everything between the two was asked for; `until` is what Cal.com's clock said.

    Where a gap stays before `since`, what is synced stays as it was. Before anything is, the
    gap begins at `horizon`.
    """
    joins = update(connections).where(
        _c.id == connection_id, func.coalesce(_c.synced_until, horizon) >= since
    )
    await tx.execute(joins.values(synced_until=func.greatest(_c.synced_until, until)))


def _connection(seal: Seal, row: Mapping[str, Any]) -> Connection:
    kept = {each.name: row[each.name] for each in fields(Connection)}
    if kept["api_key"] is not None:
        kept["api_key"] = seal.open(bytes(kept["api_key"]))
    return Connection(**kept)
