"""An API key between the two steps of connecting on the page, sealed, for some minutes.

The browser holds a token; the key itself travels once. See docs/decisions/0018-connecting.md.
"""

import hashlib
import secrets as random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.errors import NotFound
from greenroom.seal import Seal, WrongKey

KEPT = timedelta(minutes=30)
"""How long a person may take between *Check* and *Connect*."""


class _Drafts(TypedColumns):
    token_hash: Column[bytes] = Column(LargeBinary, primary_key=True)
    api_key: Column[bytes] = Column(LargeBinary, nullable=False)
    api_url: Column[str | None] = Column(Text)
    connection_id: Column[int | None] = Column(BigInteger, ForeignKey("connections.id"))
    created_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


drafts = Table("connection_drafts", metadata, _Drafts)
_d = drafts.c


@dataclass(frozen=True, slots=True)
class Draft:
    """A key, and the API that took it; None until one has."""

    api_key: str = field(repr=False)
    api_url: str | None


async def keep(tx: Transaction, seal: Seal, api_key: str, now: datetime) -> str:
    """Keep the key for some minutes; give the token that stands for it."""
    await sweep(tx, now)
    token = random.token_urlsafe(32)
    row = {"token_hash": _hash(token), "api_key": seal.close(api_key), "created_at": now}
    await tx.execute(insert(drafts).values(row))
    return token


async def took(tx: Transaction, token: str, api_url: str | None) -> None:
    """The API at that address took the key; None: none has yet."""
    mine = update(drafts).where(_d.token_hash == _hash(token))
    await tx.execute(mine.values(api_url=api_url))


async def get(tx: Transaction, seal: Seal, token: str, now: datetime) -> Draft:
    """Raises NotFound when its minutes are over."""
    query = select(_d.api_key, _d.api_url).where(
        _d.token_hash == _hash(token), _d.created_at > now - KEPT, _d.connection_id.is_(None)
    )
    row = (await tx.execute(query)).one_or_none()
    try:
        if row is not None:
            return Draft(seal.open(bytes(row[0])), row[1])
    except WrongKey:
        pass  # the sealing key was changed meanwhile: as good as forgotten
    raise NotFound(
        "The API key is no longer remembered: half an hour has passed, or it was used already.",
        do="Paste it once more.",
    )


async def serve(tx: Transaction, seal: Seal, token: str, connection_id: int) -> None:
    """Forget the key, which the connection has now; who presses *Connect* again is led there."""
    mine = update(drafts).where(_d.token_hash == _hash(token))
    await tx.execute(mine.values(api_key=seal.close(""), connection_id=connection_id))


async def served(tx: Transaction, token: str) -> int | None:
    """The connection that was made with it, while that is remembered."""
    query = select(_d.connection_id).where(_d.token_hash == _hash(token))
    return (await tx.execute(query)).scalar_one_or_none()


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget those whose minutes are over."""
    await tx.execute(delete(drafts).where(_d.created_at <= now - KEPT))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
