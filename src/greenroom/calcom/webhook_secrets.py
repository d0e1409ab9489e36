"""The secrets that deliveries are signed with: made, sealed, replaced without losing a delivery.

A new secret is good here before Cal.com has it. The one before stays good for as long as Cal.com
may sign with it, and for a day after it was told of the new one.
"""

import secrets as random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    LargeBinary,
    Table,
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

SHORTEST = 16
"""Characters of a secret that a person brings along; ours have 43."""
OVERLAP = timedelta(days=1)
"""How long the secret before stays good once Cal.com has the new one: it may be retrying."""


class _Secrets(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id"), nullable=False, index=True
    )
    secret: Column[bytes] = Column(LargeBinary, nullable=False)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    retires_at: Column[datetime | None] = Column(_MOMENT)


webhook_secrets = Table("webhook_secrets", metadata, _Secrets)
_s = webhook_secrets.c


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """What deliveries of a connection may be signed with; the newest is what they should be."""

    connection_id: int
    secret: str = field(repr=False)
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The secret that Cal.com should sign with."""

    id: int
    secret: str = field(repr=False)
    made_at: datetime


def made() -> str:
    """A new secret: 32 random bytes, as 43 characters that can be pasted anywhere."""
    return random.token_urlsafe(32)


async def secrets(tx: Transaction, seal: Seal, now: datetime) -> Sequence[KnownSecret]:
    """Every secret that a delivery may be signed with now, newest first.

    One that was sealed with another key is left out and logged: the others still work.
    """
    alive = or_(_s.retires_at.is_(None), _s.retires_at > now)
    query = select(_s.connection_id, _s.secret, _s.retires_at).where(alive)
    found: list[KnownSecret] = []
    known: set[int] = set()
    for connection_id, sealed, retires_at in await tx.execute(query.order_by(_s.id.desc())):
        is_newest = retires_at is None and connection_id not in known
        known.add(connection_id)
        try:
            secret = seal.open(bytes(sealed))
            found.append(KnownSecret(connection_id, secret, is_current=is_newest))
        except WrongKey as error:
            _log.error("A webhook secret was left out", connection=connection_id, why=str(error))
    return found


async def retired(tx: Transaction, seal: Seal, now: datetime) -> Sequence[str]:
    """The last secrets that are good no longer, to recognise what is still signed with one."""
    query = select(_s.secret).where(_s.retires_at <= now).order_by(_s.id.desc()).limit(10)
    found: list[str] = []
    for sealed in (await tx.execute(query)).scalars():
        with suppress(WrongKey):
            found.append(seal.open(bytes(sealed)))
    return found


async def newest(tx: Transaction, seal: Seal, connection_id: int) -> Newest:
    """The secret that Cal.com should sign with. Raises NotFound, and WrongKey."""
    mine = (_s.connection_id == connection_id, _s.retires_at.is_(None))
    query = select(_s.id, _s.secret, _s.created_at).where(*mine).order_by(_s.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NotFound(
            "The connection has no webhook secret.",
            do="Connect it again under Settings, Connections: that makes one.",
        )
    return Newest(id=row[0], secret=seal.open(bytes(row[1])), made_at=row[2])


async def newest_secret(tx: Transaction, seal: Seal, connection_id: int) -> str:
    """The same, bare. Raises NotFound, and WrongKey."""
    return (await newest(tx, seal, connection_id)).secret


async def add(tx: Transaction, seal: Seal, connection_id: int, secret: str, now: datetime) -> None:
    """Take deliveries signed with `secret` too; it becomes the one that Cal.com should use.

    Raises Invalid when it can be guessed.
    """
    secret = secret.strip()
    if len(secret) < SHORTEST:
        raise Invalid(
            f"A webhook secret of {len(secret)} characters can be guessed.",
            do=f"Use {SHORTEST} or more, or leave it out and Greenroom makes one.",
        )
    row = {"connection_id": connection_id, "secret": seal.close(secret), "created_at": now}
    await tx.execute(insert(webhook_secrets).values(row))
    announce(tx, f"connection:{connection_id}")


async def settle(tx: Transaction, connection_id: int, newest_id: int, now: datetime) -> None:
    """Cal.com signs with the secret `newest_id` from now on: older ones go in a day."""
    older = update(webhook_secrets).where(
        _s.connection_id == connection_id, _s.id < newest_id, _s.retires_at.is_(None)
    )
    await tx.execute(older.values(retires_at=now + OVERLAP))


async def retire(tx: Transaction, connection_id: int, now: datetime) -> None:
    """Take no delivery of the connection any more, whichever secret signed it."""
    mine = update(webhook_secrets).where(_s.connection_id == connection_id)
    good = or_(_s.retires_at.is_(None), _s.retires_at > now)
    await tx.execute(mine.where(good).values(retires_at=now))


async def retire_unopenable(tx: Transaction, seal: Seal, connection_id: int, now: datetime) -> bool:
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


async def good(tx: Transaction, connection_id: int) -> Sequence[datetime]:
    """When each secret was made that Cal.com may sign with for good, oldest first."""
    query = select(_s.created_at).where(_s.connection_id == connection_id, _s.retires_at.is_(None))
    return list((await tx.execute(query.order_by(_s.id))).scalars())


async def unsettled(tx: Transaction) -> Sequence[tuple[int, int, datetime]]:
    """(connection, newest secret, made at) where an older secret still waits for Cal.com's."""
    several = (
        select(_s.connection_id, func.max(_s.id).label("newest"))
        .where(_s.retires_at.is_(None))
        .group_by(_s.connection_id)
        .having(func.count() > 1)
        .subquery()
    )
    query = select(_s.connection_id, _s.id, _s.created_at).join(several, _s.id == several.c.newest)
    return [(row[0], row[1], row[2]) for row in await tx.execute(query)]
