"""Users and their one-time links in PostgreSQL. Of secrets only digests."""

from collections.abc import Collection, Sequence
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

from greenroom.accounts.model import Purpose, Role, Ticket, User, email_key
from greenroom.database import Transaction, metadata

A_ROLE = "role IN ('viewer', 'recruiter', 'admin')"


class _Users(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    email: Column[str] = Column(Text, nullable=False)
    email_key: Column[str] = Column(Text, nullable=False, unique=True)
    name: Column[str] = Column(Text, nullable=False)
    role: Column[str] = Column(Text, nullable=False)
    password_hash: Column[str | None] = Column(Text)
    disabled_at: Column[datetime | None] = Column(DateTime(timezone=True))
    created_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)


class _Tickets(TypedColumns):
    digest: Column[bytes] = Column(LargeBinary, primary_key=True)
    purpose: Column[str] = Column(Text, nullable=False)
    user_id: Column[int | None] = Column(
        BigInteger, ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    created_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    expires_at: Column[datetime] = Column(DateTime(timezone=True), nullable=False)
    used_at: Column[datetime | None] = Column(DateTime(timezone=True))


users = Table("users", metadata, _Users, CheckConstraint(A_ROLE, name="role"))
tickets = Table(
    "tickets",
    metadata,
    _Tickets,
    CheckConstraint("purpose IN ('set_up', 'sign_in')", name="purpose"),
)
_u, _t = users.c, tickets.c
_whole = select(_u.id, _u.email, _u.name, _u.role, _u.password_hash, _u.disabled_at)


async def hold(tx: Transaction) -> None:
    """Wait until no other transaction is deciding who the admins are."""
    lock = func.hashtextextended("greenroom: admins", 0)
    await tx.execute(select(func.pg_advisory_xact_lock(lock)))


async def insert_user(
    tx: Transaction, *, email: str, name: str, role: Role, now: datetime
) -> int | None:
    """The new user's id; None when somebody has the address already."""
    row = {
        "email": email,
        "email_key": email_key(email),
        "name": name,
        "role": role.value,
        "created_at": now,
    }
    statement = insert(users).values(row).on_conflict_do_nothing(index_elements=[_u.email_key])
    return (await tx.execute(statement.returning(_u.id))).scalar_one_or_none()


async def user(tx: Transaction, user_id: int) -> User | None:
    """Whoever has the id, enabled or not."""
    row = (await tx.execute(_whole.where(_u.id == user_id))).one_or_none()
    return None if row is None else to_user(*row)


async def user_of(tx: Transaction, email: str) -> User | None:
    """Whoever has the address, enabled or not."""
    row = (await tx.execute(_whole.where(_u.email_key == email_key(email)))).one_or_none()
    return None if row is None else to_user(*row)


async def password_hash(tx: Transaction, user_id: int | None) -> str | None:
    """The hash of the user's password; None before it is set up, and for nobody."""
    query = select(_u.password_hash).where(_u.id == user_id)
    return (await tx.execute(query)).scalar_one_or_none()


async def keeps(tx: Transaction, user_id: int, hash_: str) -> bool:
    """Whether the user still has this password and access; both stay so until `tx` ends."""
    query = select(_u.id).where(
        _u.id == user_id, _u.password_hash == hash_, _u.disabled_at.is_(None)
    )
    row = await tx.execute(query.with_for_update(key_share=True))
    return row.one_or_none() is not None


async def everyone(tx: Transaction) -> Sequence[User]:
    """All users by name, those without access last."""
    query = _whole.order_by(_u.disabled_at.is_not(None), func.lower(_u.name), _u.id)
    return [to_user(*row) for row in await tx.execute(query)]


async def any_user(tx: Transaction) -> bool:
    """Whether there is a user at all."""
    return bool((await tx.execute(select(select(_u.id).exists()))).scalar_one())


async def count_admins(tx: Transaction, *, besides: int) -> int:
    """Admins other than `besides` who can sign in today."""
    query = select(func.count()).where(
        _u.role == Role.ADMIN.value,
        _u.disabled_at.is_(None),
        _u.password_hash.is_not(None),
        _u.id != besides,
    )
    return (await tx.execute(query)).scalar_one()


async def update_user(tx: Transaction, user_id: int, **changes: object) -> None:
    """Overwrite columns of the user."""
    await tx.execute(update(users).where(_u.id == user_id).values(changes))


async def insert_ticket(
    tx: Transaction,
    digest: bytes,
    *,
    purpose: Purpose,
    user_id: int | None,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a new ticket."""
    row = {
        "digest": digest,
        "purpose": purpose.value,
        "user_id": user_id,
        "created_at": now,
        "expires_at": expires_at,
    }
    await tx.execute(insert(tickets).values(row))


async def ticket(tx: Transaction, digest: bytes, now: datetime) -> Ticket | None:
    """The ticket if it is still good: unused, in time, its user not disabled."""
    query = select(_t.purpose, _t.user_id).where(
        _t.digest == digest, _t.used_at.is_(None), _t.expires_at > now
    )
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    purpose, user_id = row
    owner = None if user_id is None else await user(tx, user_id)
    if owner is not None and owner.disabled_at is not None:
        return None
    return Ticket(Purpose(purpose), owner)


async def use_ticket(tx: Transaction, digest: bytes, now: datetime) -> bool:
    """Mark the ticket used; False when another transaction was first."""
    statement = (
        update(tickets)
        .where(_t.digest == digest, _t.used_at.is_(None), _t.expires_at > now)
        .values(used_at=now)
        .returning(_t.digest)
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def drop_tickets(
    tx: Transaction, user_id: int | None, purposes: Collection[Purpose] = tuple(Purpose)
) -> None:
    """Make the user's unused tickets worthless; None: those for the first admin."""
    whose = _t.user_id.is_(None) if user_id is None else _t.user_id == user_id
    unused = delete(tickets).where(whose, _t.used_at.is_(None))
    await tx.execute(unused.where(_t.purpose.in_([each.value for each in purposes])))


async def drop_old_tickets(tx: Transaction, now: datetime) -> None:
    """Forget tickets that are used or have run out."""
    old = or_(_t.used_at.is_not(None), _t.expires_at <= now)
    await tx.execute(delete(tickets).where(old))


def to_user(
    id_: int, email: str, name: str, role: str, hash_: str | None, disabled_at: datetime | None
) -> User:
    """A user from its columns, in the order the queries of this room have them."""
    return User(
        id=id_,
        email=email,
        name=name,
        role=Role(role),
        is_set_up=hash_ is not None,
        disabled_at=disabled_at,
    )
