"""What requests prove themselves with, sessions and API tokens, in PostgreSQL. Only digests."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.accounts.model import SEEN_EVERY, ApiToken, Role, Session, User
from greenroom.accounts.store import A_ROLE, to_user, users
from greenroom.database import Transaction, metadata


class _Sessions(TypedColumns):
    digest: Column[bytes] = Column(LargeBinary, primary_key=True)
    user_id: Column[int] = Column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    )
    created_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    seen_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    expires_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    user_agent: Column[str] = Column(Text, nullable=False)


class _Tokens(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    name: Column[str] = Column(Text, nullable=False)
    role: Column[str] = Column(Text, nullable=False)
    digest: Column[bytes] = Column(LargeBinary, nullable=False, unique=True)
    created_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    last_used_at: Column[datetime | None] = Column(DateTime(timezone=True))
    expires_at: Column[datetime | None] = Column(DateTime(timezone=True))
    revoked_at: Column[datetime | None] = Column(DateTime(timezone=True))


sessions = Table("sessions", metadata, _Sessions)
tokens = Table("tokens", metadata, _Tokens, CheckConstraint(A_ROLE, name="role"))
_u, _s, _t = users.c, sessions.c, tokens.c


async def insert_session(
    tx: Transaction,
    digest: bytes,
    *,
    user_id: int,
    user_agent: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a new session."""
    row = {
        "digest": digest,
        "user_id": user_id,
        "user_agent": user_agent,
        "created_at": now,
        "seen_at": now,
        "expires_at": expires_at,
    }
    await tx.execute(insert(sessions).values(row))


async def signed_in(
    tx: Transaction, digest: bytes, now: datetime
) -> tuple[User, datetime, datetime] | None:
    """Whose session it is, when it began and was last used; None if it or its user ended."""
    query = (
        select(
            _u.id,
            _u.email,
            _u.name,
            _u.role,
            _u.password_hash,
            _u.disabled_at,
            _s.created_at,
            _s.seen_at,
        )
        .join_from(sessions, users, _u.id == _s.user_id)
        .where(_s.digest == digest, _s.expires_at > now, _u.disabled_at.is_(None))
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    id_, email, name, role, hash_, disabled_at, created_at, seen_at = row
    return to_user(id_, email, name, role, hash_, disabled_at), created_at, seen_at


async def touch_session(
    tx: Transaction, digest: bytes, *, now: datetime, expires_at: datetime
) -> None:
    """Note that the session was used, and how long it lasts for that."""
    # Many requests of one page come at once: all but the first find nothing to do.
    stale = _s.seen_at <= now - SEEN_EVERY
    statement = update(sessions).where(_s.digest == digest, stale)
    await tx.execute(statement.values(seen_at=now, expires_at=expires_at))


async def sessions_of(tx: Transaction, user_id: int, now: datetime) -> Sequence[Session]:
    """The user's sessions, the one used last first."""
    query = (
        select(_s.digest, _s.seen_at, _s.created_at, _s.user_agent)
        .where(_s.user_id == user_id, _s.expires_at > now)
        .order_by(_s.seen_at.desc(), _s.created_at.desc())
    )
    rows = await tx.execute(query)
    return [Session(digest.hex(), seen, made, agent) for digest, seen, made, agent in rows]


async def end_session(tx: Transaction, digest: bytes, *, of: int | None = None) -> None:
    """Forget the session; with `of`, only if it is that user's."""
    statement = delete(sessions).where(_s.digest == digest)
    await tx.execute(statement if of is None else statement.where(_s.user_id == of))


async def end_sessions(tx: Transaction, user_id: int, *, besides: bytes = b"") -> None:
    """Forget all sessions of the user, besides the one of that digest."""
    await tx.execute(delete(sessions).where(_s.user_id == user_id, _s.digest != besides))


async def drop_old_sessions(tx: Transaction, now: datetime) -> None:
    """Forget sessions that have run out."""
    await tx.execute(delete(sessions).where(_s.expires_at <= now))


async def insert_token(
    tx: Transaction,
    digest: bytes,
    *,
    name: str,
    role: Role,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """Keep a new API token."""
    row = {
        "digest": digest,
        "name": name,
        "role": role.value,
        "created_at": now,
        "expires_at": expires_at,
    }
    await tx.execute(insert(tokens).values(row))


async def live_token(
    tx: Transaction, digest: bytes, now: datetime
) -> tuple[str, Role, datetime | None] | None:
    """Name, role and last use of the token; None if it is unknown, revoked or has run out."""
    query = select(_t.name, _t.role, _t.last_used_at).where(
        _t.digest == digest,
        _t.revoked_at.is_(None),
        or_(_t.expires_at.is_(None), _t.expires_at > now),
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    name, role, last_used_at = row
    return name, Role(role), last_used_at


async def touch_token(tx: Transaction, digest: bytes, now: datetime) -> None:
    """Note that the token was used."""
    stale = or_(_t.last_used_at.is_(None), _t.last_used_at <= now - SEEN_EVERY)
    await tx.execute(update(tokens).where(_t.digest == digest, stale).values(last_used_at=now))


async def all_tokens(tx: Transaction) -> Sequence[ApiToken]:
    """Every token ever made, the newest first."""
    query = select(
        _t.id, _t.name, _t.role, _t.created_at, _t.last_used_at, _t.expires_at, _t.revoked_at
    ).order_by(_t.id.desc())
    rows = await tx.execute(query)
    return [
        ApiToken(
            id=id_,
            name=name,
            role=Role(role),
            created_at=created_at,
            last_used_at=last_used_at,
            expires_at=expires_at,
            revoked_at=revoked_at,
        )
        for id_, name, role, created_at, last_used_at, expires_at, revoked_at in rows
    ]


async def revoke_token(tx: Transaction, token_id: int, now: datetime) -> bool:
    """Make the token worthless; False when there is no such token."""
    statement = (
        update(tokens)
        .where(_t.id == token_id)
        .values(revoked_at=func.coalesce(_t.revoked_at, now))
        .returning(_t.id)
    )
    return (await tx.execute(statement)).one_or_none() is not None
