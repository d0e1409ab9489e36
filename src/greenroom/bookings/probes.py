"""Bookings that Greenroom makes itself, to see whether it hears of them: they are nobody's."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Select,
    Table,
    Text,
    TypedColumns,
    delete,
    false,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from greenroom.bookings.model import Uid
from greenroom.database import Transaction, metadata
from greenroom.database.among import among

_MOMENT = DateTime(timezone=True)
_MARK = "greenroom-probe-"
"""Before the token of a probe. What anybody may send counts only where the token is ours."""
_LOCK = 0x7072_6F62
"""The advisory lock, "prob" in ASCII, beside the connection's number."""


class _Columns(TypedColumns):
    token: Column[str] = Column(Text, primary_key=True)
    connection_id: Column[int] = Column(
        BigInteger, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False, index=True
    )
    slug: Column[str | None] = Column(Text)
    asked_by: Column[str] = Column(Text, nullable=False)
    asked_at: Column[datetime] = Column(_MOMENT, nullable=False)
    began_at: Column[datetime | None] = Column(_MOMENT)
    ended_at: Column[datetime | None] = Column(_MOMENT)
    uid: Column[str | None] = Column(Text)
    is_left: Column[bool] = Column(Boolean, nullable=False, server_default=false())
    steps: Column[list[dict[str, Any]]] = Column(
        JSONB, nullable=False, server_default=text("'[]'::jsonb")
    )


probes = Table("probes", metadata, _Columns)
_p = probes.c
_whole = select(probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One of them. `slug` is the event type asked for, None for whichever fits.

    `uid` is known once it is booked; `is_left`: it may stand at Cal.com still. `steps` are what
    came of it, in the words of whoever made it.
    """

    token: str
    connection_id: int
    slug: str | None
    asked_by: str
    asked_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    uid: str | None
    is_left: bool
    steps: Sequence[Mapping[str, Any]]


async def ask(
    tx: Transaction, connection_id: int, slug: str | None, *, by: str, now: datetime
) -> Probe:
    """Note that one is wanted."""
    token = _MARK + secrets.token_hex(16)
    row = {"connection_id": connection_id, "slug": slug, "asked_by": by, "asked_at": now}
    await tx.execute(insert(probes).values(token=token, **row))
    return await get(tx, token)


async def get(tx: Transaction, token: str) -> Probe:
    """The probe of that token."""
    return Probe(**(await tx.execute(_whole.where(_p.token == token))).mappings().one())


async def hold(tx: Transaction, connection_id: int) -> None:
    """Let nobody else ask for one of this connection until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashint8(connection_id))))


async def begin(tx: Transaction, token: str, now: datetime) -> bool:
    """Take it up; False where somebody did so before, and did not get to its end."""
    mine = update(probes).where(_p.token == token, _p.began_at.is_(None))
    begun = await tx.execute(mine.values(began_at=now).returning(_p.token))
    return begun.one_or_none() is not None


async def latest(tx: Transaction, connection_id: int) -> Probe | None:
    """The one that was asked for last."""
    mine = _whole.where(_p.connection_id == connection_id)
    found = await tx.execute(mine.order_by(_p.asked_at.desc()).limit(1))
    row = found.mappings().one_or_none()
    return None if row is None else Probe(**row)


async def left(tx: Transaction, since: datetime, before: datetime) -> Sequence[Probe]:
    """Those asked for between the two whose booking may still stand at Cal.com."""
    query = _whole.where(
        _p.is_left, _p.asked_at >= since, _p.asked_at < before, _p.uid.is_not(None)
    )
    return [Probe(**row) for row in (await tx.execute(query)).mappings()]


async def note(tx: Transaction, token: str, **values: object) -> None:
    """Keep how far it has come."""
    await tx.execute(update(probes).where(_p.token == token).values(**values))


async def sweep(tx: Transaction, before: datetime) -> None:
    """Forget those asked for before then that booked nothing, but never a connection's last.

    By the others their bookings are known, for as long as those are there.
    """
    other = probes.alias("newer")
    newer = select(other.c.token).where(
        other.c.connection_id == _p.connection_id, other.c.asked_at > _p.asked_at
    )
    await tx.execute(delete(probes).where(_p.asked_at < before, _p.uid.is_(None), newer.exists()))


async def among_these(tx: Transaction, tokens: Mapping[Uid, Collection[str]]) -> set[Uid]:
    """Which of these bookings are probes, by the tokens they came with; their uids are kept."""
    whose = defaultdict[str, list[Uid]](list)
    for key, some in tokens.items():
        for token in some:
            if token.startswith(_MARK):
                whose[token].append(key)
    if not whose:
        return set()
    query = select(_p.token, _p.connection_id, _p.uid).where(among(_p.token, list(whose)))
    found = set[Uid]()
    for token, connection_id, uid in (await tx.execute(query)).all():
        mine = [key for key in whose[token] if key[0] == connection_id]
        found |= set(mine)
        if mine and uid not in {key[1] for key in mine}:
            await note(tx, token, uid=mine[-1][1])
    return found


def uids() -> Select[int, str | None]:
    """(connection, uid) of every probe's booking."""
    return select(_p.connection_id, _p.uid).where(_p.uid.is_not(None))
