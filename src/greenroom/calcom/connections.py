"""The Cal.com accounts we are connected to, and the secrets their deliveries are signed with."""

import secrets as random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.errors import Invalid, NotFound
from greenroom.live.feed import announce
from greenroom.seal import Seal, WrongKey

_log = structlog.get_logger()
_MOMENT = DateTime(timezone=True)
_LEASE = timedelta(minutes=3)
"""Longer than three tries at an answer that does not come, with the pauses between.

By the database's clock: processes may disagree about the time."""
SHORTEST_SECRET = 16
"""Characters of a webhook secret that a person brings along; ours have 43."""


class _Connections(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    name: Column[str] = Column(Text, nullable=False, unique=True)
    api_url: Column[str] = Column(Text, nullable=False)
    api_key: Column[bytes | None] = Column(LargeBinary)
    account: Column[str | None] = Column(Text)
    webhook_id: Column[str | None] = Column(Text)
    private_links: Column[bool] = Column(Boolean, nullable=False)
    synced_until: Column[datetime | None] = Column(_MOMENT)
    syncing_until: Column[datetime | None] = Column(_MOMENT)
    syncing_by: Column[str | None] = Column(Text)
    offers_read_at: Column[datetime | None] = Column(_MOMENT)
    renewals: Column[int] = Column(Integer, nullable=False, server_default="0")
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)


class _Secrets(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), nullable=False, index=True
    )
    secret: Column[bytes] = Column(LargeBinary, nullable=False)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    retires_at: Column[datetime | None] = Column(_MOMENT)


connections = Table("connections", metadata, _Connections)
webhook_secrets = Table("webhook_secrets", metadata, _Secrets)
_c = connections.c
_s = webhook_secrets.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One Cal.com account or instance. Without an API key it only listens to webhooks."""

    id: int
    name: str
    api_url: str
    api_key: str | None
    account: str | None
    webhook_id: str | None
    private_links: bool
    synced_until: datetime | None
    offers_read_at: datetime | None
    """When its event types were last read from Cal.com."""
    renewals: int
    """How often its key or its address may have become another one."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """What deliveries of a connection may be signed with; one that retires is not current."""

    connection_id: int
    secret: str = field(repr=False)
    is_current: bool


async def connect(
    tx: Transaction,
    seal: Seal,
    *,
    name: str,
    api_url: str,
    api_key: str | None,
    secret: str | None,
    now: datetime,
) -> tuple[Connection, str | None]:
    """Add the connection called `name`, or change it; give it and the new secret, if one was made.

    A given secret, or a new one for a new connection, joins those that deliveries may be signed
    with; older ones stay good for a week. Those that were sealed with a lost key are retired.
    Raises Invalid for a secret that is too short.
    """
    row: dict[str, object] = {"name": name, "api_url": api_url.rstrip("/")}
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
    opened = await _retire_unopenable(tx, seal, id_, now)
    if secret is None and not opened:
        secret = made = random.token_urlsafe(32)
    if secret is not None:
        await _add_secret(tx, seal, id_, secret, now)
    announce(tx, f"connection:{id_}")
    return await get(tx, seal, id_), made


async def learn(
    tx: Transaction,
    connection_id: int,
    **values: str | bool | datetime | None,
) -> None:
    """Keep what was found out about a connection (account, webhook_id, private_links ...)."""
    await tx.execute(update(connections).where(_c.id == connection_id).values(**values))


async def every(tx: Transaction, seal: Seal) -> Sequence[Connection]:
    """All of them, oldest first."""
    rows = await tx.execute(select(connections).order_by(_c.id))
    return [_connection(seal, dict(row)) for row in rows.mappings()]


async def names(tx: Transaction) -> Mapping[int, str]:
    """What each is called, by id, oldest first; also where a sealing key was lost."""
    rows = await tx.execute(select(_c.id, _c.name).order_by(_c.id))
    return {row.id: row.name for row in rows}


async def get(tx: Transaction, seal: Seal, connection_id: int) -> Connection:
    """Raises NotFound."""
    query = select(connections).where(_c.id == connection_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no connection {connection_id}.",
            do="Run `greenroom connect` to connect a Cal.com account.",
        )
    return _connection(seal, dict(row))


async def kept_of(tx: Transaction, seal: Seal, name: str) -> tuple[str | None, str | None]:
    """API and API key of the connection called `name`, as far as there are any to be read."""
    query = select(_c.api_url, _c.api_key).where(_c.name == name)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None, None
    try:
        return row[0], None if row[1] is None else seal.open(bytes(row[1]))
    except WrongKey:
        return row[0], None


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
    """The connection named, or the one there is. Raises NotFound, or Invalid for several."""
    if connection_id is not None:
        return await get(tx, seal, connection_id)
    known = await every(tx, seal)
    if not known:
        raise NotFound(
            "There is no connection to Cal.com yet.", do="Run `greenroom connect` first."
        )
    if len(known) > 1:
        names = ", ".join(f"{each.name} ({each.id})" for each in known)
        raise Invalid(f"There are several connections: {names}.", do="Name one: connection_id.")
    return known[0]


async def secrets(tx: Transaction, seal: Seal, now: datetime) -> Sequence[KnownSecret]:
    """Every secret that a delivery may be signed with now, newest first.

    One that was sealed with another key is left out and logged: the others still work.
    """
    alive = or_(_s.retires_at.is_(None), _s.retires_at > now)
    query = select(_s.connection_id, _s.secret, _s.retires_at).where(alive)
    found: list[KnownSecret] = []
    for connection_id, sealed, retires_at in await tx.execute(query.order_by(_s.id.desc())):
        try:
            secret = seal.open(bytes(sealed))
            found.append(KnownSecret(connection_id, secret, is_current=retires_at is None))
        except WrongKey as error:
            _log.error("A webhook secret was left out", connection=connection_id, why=str(error))
    return found


async def newest_secret(tx: Transaction, seal: Seal, connection_id: int) -> str:
    """The secret that Cal.com should sign with."""
    query = select(_s.secret).where(_s.connection_id == connection_id, _s.retires_at.is_(None))
    return seal.open(bytes((await tx.execute(query.order_by(_s.id.desc()).limit(1))).scalar_one()))


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


async def _retire_unopenable(
    tx: Transaction, seal: Seal, connection_id: int, now: datetime
) -> bool:
    """Retire secrets that were sealed with a lost key; say whether a good one is left."""
    mine = select(_s.id, _s.secret).where(
        _s.connection_id == connection_id, _s.retires_at.is_(None)
    )
    lost, opened = [], False
    for id_, sealed in await tx.execute(mine):
        try:
            seal.open(bytes(sealed))
            opened = True
        except WrongKey:
            lost.append(id_)
    await tx.execute(update(webhook_secrets).where(_s.id.in_(lost)).values(retires_at=now))
    return opened


async def _add_secret(
    tx: Transaction, seal: Seal, connection_id: int, secret: str, now: datetime
) -> None:
    secret = secret.strip()
    if len(secret) < SHORTEST_SECRET:
        raise Invalid(
            f"A webhook secret of {len(secret)} characters can be guessed.",
            do=f"Use {SHORTEST_SECRET} or more, or leave it out and Greenroom makes one.",
        )
    older = update(webhook_secrets).where(
        _s.connection_id == connection_id, _s.retires_at.is_(None)
    )
    await tx.execute(older.values(retires_at=now + timedelta(days=7)))
    row = {"connection_id": connection_id, "secret": seal.close(secret), "created_at": now}
    await tx.execute(insert(webhook_secrets).values(row))


def _connection(seal: Seal, row: dict[str, object]) -> Connection:
    sealed = row["api_key"]
    return Connection(
        id=row["id"],  # type: ignore[arg-type]
        name=str(row["name"]),
        api_url=str(row["api_url"]),
        api_key=seal.open(bytes(sealed)) if sealed is not None else None,  # type: ignore[call-overload]
        account=row["account"],  # type: ignore[arg-type]
        webhook_id=row["webhook_id"],  # type: ignore[arg-type]
        private_links=bool(row["private_links"]),
        synced_until=row["synced_until"],  # type: ignore[arg-type]
        offers_read_at=row["offers_read_at"],  # type: ignore[arg-type]
        renewals=row["renewals"],  # type: ignore[arg-type]
        created_at=row["created_at"],  # type: ignore[arg-type]
    )
