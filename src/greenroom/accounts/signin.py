"""Getting in and out: passwords, one-time links, sessions, and who a request acts for."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from greenroom.accounts import actions, credentials, passwords, store, throttle
from greenroom.accounts.model import (
    SEEN_EVERY,
    TOKEN_PREFIX,
    Purpose,
    Role,
    Session,
    Ticket,
    User,
    digest,
    password_refusal,
    session_end,
)
from greenroom.database import Database, Transaction
from greenroom.errors import Conflict, Invalid, NotFound, TooMany

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody signs in from.

    `idle_days` is how long the new session lasts unused; `token` is the session the browser
    has now, which ends.
    """

    network: str
    user_agent: str
    idle_days: int
    token: str | None = None


async def sign_in(
    database: Database, *, email: str, password: str, visit: Visit, now: datetime
) -> str | None:
    """A new session's token; None when address and password do not fit, whichever is wrong.

    Raises TooMany.
    """
    async with database.transaction() as tx:
        taken = await throttle.admit(tx, email=email, network=visit.network, now=now)
        user = await store.user_of(tx, email)
        kept = await _hash_of(tx, user)
    if taken is None:
        raise _too_many()
    if not await passwords.matches(password, kept) or user is None or kept is None:
        _log.info("Sign-in refused", user_id=user.id if user else None)
        return None
    better = await passwords.hashed(password) if passwords.is_dated(kept) else None
    async with database.transaction() as tx:
        assert user.id is not None
        if not await store.keeps(tx, user.id, kept):
            return None
        await throttle.forgive(tx, taken, user_id=user.id, network=visit.network, now=now)
        if better:
            await store.update_user(tx, user.id, password_hash=better)
        return await _open_session(tx, user.id, visit, now)


async def _hash_of(tx: Transaction, user: User | None) -> str | None:
    """What to compare with; None for whoever may not sign in. One query in each case."""
    id_ = user.id if user is not None and user.disabled_at is None else None
    return await store.password_hash(tx, id_)


def _too_many() -> TooMany:
    return TooMany(
        "Too many passwords were tried.",
        do="Wait a few minutes, or ask an admin for a new set-up link.",
    )


async def _open_session(tx: Transaction, user_id: int, visit: Visit, now: datetime) -> str:
    if visit.token:
        await sign_out(tx, visit.token)
    token = secrets.token_urlsafe(32)
    await credentials.insert_session(
        tx,
        digest(token),
        user_id=user_id,
        user_agent="".join(filter(str.isprintable, visit.user_agent))[:200],
        now=now,
        expires_at=session_end(now, now, idle_days=visit.idle_days),
    )
    _log.info("Signed in", user_id=user_id)
    return token


async def sign_out(tx: Transaction, token: str) -> None:
    """End the session of `token`, whatever it is."""
    await credentials.end_session(tx, digest(token))


async def by_session(tx: Transaction, token: str, *, idle_days: int, now: datetime) -> User | None:
    """Who is signed in with the cookie's token; notes the use."""
    key = digest(token)
    found = await credentials.signed_in(tx, key, now)
    if found is None:
        return None
    user, created_at, seen_at = found
    if now - seen_at >= SEEN_EVERY:
        until = session_end(created_at, now, idle_days=idle_days)
        await credentials.touch_session(tx, key, now=now, expires_at=until)
    return user


async def by_token(tx: Transaction, token: str, now: datetime) -> User | None:
    """Whom an API token acts as; notes the use."""
    if not token.startswith(TOKEN_PREFIX):
        return None
    key = digest(token)
    found = await credentials.live_token(tx, key, now)
    if found is None:
        return None
    name, role, last_used_at = found
    if last_used_at is None or now - last_used_at >= SEEN_EVERY:
        await credentials.touch_token(tx, key, now)
    return User(id=None, email="", name=name, role=role)


async def ticket(tx: Transaction, secret: str, purpose: Purpose, now: datetime) -> Ticket:
    """Look at a one-time link without using it. Raises NotFound."""
    found = await store.ticket(tx, digest(secret), now)
    if found is None or found.purpose is not purpose:
        raise NotFound(
            "This link has been used or has run out.",
            do="Ask an admin for a new one. Where you run Greenroom yourself, start it again.",
        )
    return found


async def use_sign_in_ticket(tx: Transaction, secret: str, visit: Visit, now: datetime) -> str:
    """Sign in with a one-time link; a new session's token. Raises NotFound."""
    found = await _use(tx, secret, Purpose.SIGN_IN, now)
    assert found.user is not None
    assert found.user.id is not None
    return await _open_session(tx, found.user.id, visit, now)


async def set_up(
    database: Database,
    secret: str,
    *,
    email: str,
    name: str,
    password: str,
    visit: Visit,
    now: datetime,
) -> str:
    """Use a set-up link: choose a password, sign in; a new session's token.

    `email` and `name` count only for the first admin, who is made here.

    Raises NotFound, Invalid; Conflict when somebody else was the first admin.
    """
    async with database.transaction() as tx:
        found = await ticket(tx, secret, Purpose.SET_UP, now)
    _check(password, known_of(found, email, name))
    hash_ = await passwords.hashed(password)
    async with database.transaction() as tx:
        if found.user is None:
            await store.hold(tx)  # before the ticket, as `first_ticket` does
        await _use(tx, secret, Purpose.SET_UP, now)
        user_id = found.user.id if found.user else await _first_admin(tx, email, name, now)
        assert user_id is not None
        await _choose(tx, user_id, hash_)
        return await _open_session(tx, user_id, visit, now)


def known_of(ticket_: Ticket, email: str, name: str) -> Sequence[str]:
    """What anybody knows of the person who sets a password with the ticket."""
    return [ticket_.user.email, ticket_.user.name] if ticket_.user else [email, name]


async def _use(tx: Transaction, secret: str, purpose: Purpose, now: datetime) -> Ticket:
    found = await ticket(tx, secret, purpose, now)
    if not await store.use_ticket(tx, digest(secret), now):
        raise NotFound("This link has just been used.", do="Sign in, or ask for a new link.")
    return found


async def _first_admin(tx: Transaction, email: str, name: str, now: datetime) -> int:
    if await store.any_user(tx):
        raise Conflict("Greenroom has its first admin already.", do="Ask them for an account.")
    return await actions.new_user(tx, email=email, name=name, role=Role.ADMIN, now=now)


async def _choose(tx: Transaction, user_id: int, hash_: str) -> None:
    """A new password ends what the old one opened."""
    await store.update_user(tx, user_id, password_hash=hash_)
    await store.drop_tickets(tx, user_id)
    await actions.end_access(tx, user_id)
    _log.info("Password chosen", user_id=user_id)


async def change_password(
    database: Database, user: User, *, current: str, new: str, visit: Visit, now: datetime
) -> str | None:
    """Change the user's own password; a new session's token, all others end.

    None when `current` is wrong. Raises Invalid, TooMany.
    """
    assert user.id is not None
    _check(new, [user.email, user.name])
    async with database.transaction() as tx:
        taken = await throttle.admit(tx, email=user.email, network=visit.network, now=now)
        kept = await store.password_hash(tx, user.id)
    if taken is None:
        raise _too_many()
    if not await passwords.matches(current, kept) or kept is None:
        return None
    hash_ = await passwords.hashed(new)
    async with database.transaction() as tx:
        if not await store.keeps(tx, user.id, kept):
            return None
        await throttle.forgive(tx, taken, user_id=user.id, network=visit.network, now=now)
        await _choose(tx, user.id, hash_)
        return await _open_session(tx, user.id, visit, now)


def _check(password: str, about: Sequence[str]) -> None:
    refusal = password_refusal(password, about=about)
    if refusal is not None:
        raise Invalid(refusal, do="Four or five words that do not belong together do well.")


async def sessions(tx: Transaction, user_id: int, now: datetime) -> Sequence[Session]:
    """The user's sessions, the one used last first."""
    return await credentials.sessions_of(tx, user_id, now)


async def end_session(tx: Transaction, user_id: int, handle: str) -> None:
    """End one of the user's own sessions; nothing happens to others', or if it is over."""
    try:
        key = bytes.fromhex(handle)
    except ValueError:
        return
    await credentials.end_session(tx, key, of=user_id)


async def end_other_sessions(tx: Transaction, user_id: int, token: str) -> None:
    """End all of the user's sessions but the one of `token`."""
    await credentials.end_sessions(tx, user_id, besides=digest(token))
