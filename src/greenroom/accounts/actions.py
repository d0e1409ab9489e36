"""Users, their one-time links, and tokens for programs."""

import secrets
from collections.abc import Sequence
from datetime import datetime

import structlog
from email_validator import EmailNotValidError, validate_email

from greenroom.accounts import credentials, store, throttle
from greenroom.accounts.model import (
    GOOD_FOR,
    TOKEN_PREFIX,
    ApiToken,
    Purpose,
    Role,
    User,
    digest,
)
from greenroom.database import Transaction
from greenroom.errors import Conflict, Invalid, NotFound
from greenroom.live import feed

_LONGEST_NAME = 100

_log = structlog.get_logger()


def set_up_address(origin: str, ticket: str) -> str:
    """The link to hand over. `origin` is the setting, never what a request says of itself."""
    return f"{origin}/set-up/{ticket}"


def sign_in_address(origin: str, ticket: str) -> str:
    """The link that signs in once."""
    return f"{origin}/ticket/{ticket}"


async def first_ticket(tx: Transaction, now: datetime) -> str | None:
    """A ticket to set up the first admin; None when there is a user. Replaces the last one."""
    await store.hold(tx)
    if await store.any_user(tx):
        return None
    return await _ticket(tx, Purpose.SET_UP, None, now)


async def set_up_ticket(tx: Transaction, user_id: int, now: datetime) -> str:
    """A ticket with which the user chooses a password, the first or a new one.

    Raises NotFound, Conflict when the user is disabled.
    """
    await _enabled(tx, user_id)
    return await _ticket(tx, Purpose.SET_UP, user_id, now)


async def sign_in_ticket(tx: Transaction, user_id: int, now: datetime) -> str:
    """A ticket that signs the user in once, without a password.

    Raises NotFound, Conflict when the user is disabled.
    """
    await _enabled(tx, user_id)
    return await _ticket(tx, Purpose.SIGN_IN, user_id, now)


async def _ticket(tx: Transaction, purpose: Purpose, user_id: int | None, now: datetime) -> str:
    await store.drop_tickets(tx, user_id, [purpose])
    ticket = secrets.token_urlsafe(32)
    await store.insert_ticket(
        tx,
        digest(ticket),
        purpose=purpose,
        user_id=user_id,
        now=now,
        expires_at=now + GOOD_FOR[purpose],
    )
    return ticket


async def add_user(
    tx: Transaction, *, email: str, name: str, role: Role, now: datetime
) -> tuple[User, str]:
    """Add somebody, with the set-up ticket to hand over.

    Raises Invalid for an address or name that cannot be, Conflict for one that is there.
    """
    user_id = await new_user(tx, email=email, name=name, role=role, now=now)
    return await get(tx, user_id), await _ticket(tx, Purpose.SET_UP, user_id, now)


async def new_user(tx: Transaction, *, email: str, name: str, role: Role, now: datetime) -> int:
    """Add somebody who cannot sign in yet; their id. Raises as `add_user`."""
    address, name = checked_address(email), checked_name(name)
    user_id = await store.insert_user(tx, email=address, name=name, role=role, now=now)
    if user_id is None:
        raise Conflict(
            f"{address} has an account already.",
            do="Look for it in the list; give it a new set-up link or another role.",
        )
    _log.info("User added", user_id=user_id, role=role.value)
    return user_id


def checked_address(email: str) -> str:
    """The address in its standard spelling. Raises Invalid."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid(
            f"The address cannot be used: {error}", do="Write one address, as name@example.org."
        ) from error


def checked_name(name: str) -> str:
    """The name in one line. Raises Invalid."""
    name = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    if not name or len(name) > _LONGEST_NAME:
        raise Invalid(
            "The name is empty or too long.", do=f"Write 1 to {_LONGEST_NAME} characters."
        )
    return name


async def get(tx: Transaction, user_id: int) -> User:
    """Raises NotFound."""
    user = await store.user(tx, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id}.", do="Choose one from the list of users.")
    return user


async def by_email(tx: Transaction, email: str) -> User:
    """The user with the address, however it is spelled. Raises NotFound."""
    user = await store.user_of(tx, email)
    if user is None:
        raise NotFound(
            "Nobody has this address.", do="See `greenroom user list` for those who have accounts."
        )
    return user


async def is_set_up(tx: Transaction) -> bool:
    """Whether there is anybody who could sign in."""
    return await store.any_user(tx)


async def list_users(tx: Transaction) -> Sequence[User]:
    """All users by name, those without access last."""
    return await store.everyone(tx)


async def disable_user(tx: Transaction, user_id: int, now: datetime) -> None:
    """End the user's access at once: sessions, links and open pages too.

    Raises NotFound, Conflict for the last admin.
    """
    await _keep_an_admin(tx, user_id)
    await store.drop_tickets(tx, user_id)  # before the user, as whoever uses one does
    await store.update_user(tx, user_id, disabled_at=now)
    await end_access(tx, user_id)
    _log.info("User disabled", user_id=user_id)


async def enable_user(tx: Transaction, user_id: int) -> None:
    """Let the user sign in again. Raises NotFound."""
    await get(tx, user_id)
    await store.update_user(tx, user_id, disabled_at=None)
    _log.info("User enabled", user_id=user_id)


async def change_role(tx: Transaction, user_id: int, role: Role) -> None:
    """Give the user another role, from the next request on.

    Raises NotFound, Conflict when the last admin would be none.
    """
    if role is not Role.ADMIN:
        await _keep_an_admin(tx, user_id)
    else:
        await get(tx, user_id)
    await store.update_user(tx, user_id, role=role.value)
    feed.announce(tx, f"user:{user_id}")
    _log.info("Role changed", user_id=user_id, role=role.value)


async def end_access(tx: Transaction, user_id: int) -> None:
    """Sign the user out everywhere."""
    await credentials.end_sessions(tx, user_id)
    feed.announce(tx, f"user:{user_id}")


async def _keep_an_admin(tx: Transaction, user_id: int) -> None:
    await store.hold(tx)
    user = await get(tx, user_id)
    is_admin = user.role is Role.ADMIN and user.disabled_at is None
    if is_admin and await store.count_admins(tx, besides=user_id) == 0:
        raise Conflict(
            f"{user.name} is the only admin who can sign in.",
            do="Make somebody else an admin first, and have them choose a password.",
        )


async def _enabled(tx: Transaction, user_id: int) -> None:
    user = await get(tx, user_id)
    if user.disabled_at is not None:
        raise Conflict(f"{user.name} has no access.", do="Give access back first.")


async def create_token(
    tx: Transaction, name: str, role: Role, now: datetime, expires_at: datetime | None = None
) -> str:
    """A new API token in clear, for this once. Raises Invalid."""
    if expires_at is not None and expires_at <= now:
        raise Invalid("The token would have run out already.", do="Choose a time to come.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await credentials.insert_token(
        tx, digest(token), name=checked_name(name), role=role, now=now, expires_at=expires_at
    )
    _log.info("Token made", role=role.value)
    return token


async def list_tokens(tx: Transaction) -> Sequence[ApiToken]:
    """Every token, the newest first."""
    return await credentials.all_tokens(tx)


async def revoke_token(tx: Transaction, token_id: int, now: datetime) -> None:
    """Make the token worthless from the next request on. Raises NotFound."""
    if not await credentials.revoke_token(tx, token_id, now):
        raise NotFound(f"There is no token {token_id}.", do="Choose one from the list of tokens.")
    _log.info("Token revoked", token_id=token_id)


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget sessions, links and counters that are over; for a periodic job."""
    await credentials.drop_old_sessions(tx, now)
    await store.drop_old_tickets(tx, now)
    await throttle.drop_old(tx, now)
