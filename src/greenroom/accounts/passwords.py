"""Hashing passwords: Argon2id, two at a time and off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from greenroom.accounts.model import normal

# OWASP's least: 19 MiB, two passes. Raising these rehashes each password at its next sign-in.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Two at a time: a flood of sign-ins must not take the memory or the cores of everything else.
_turns = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")

_NOBODYS = _hasher.hash("nobody has this password, and it is compared with all the same")


async def hashed(password: str) -> str:
    """What is kept of `password`, in Argon2's own notation with salt and parameters."""
    return await asyncio.get_running_loop().run_in_executor(_turns, _hasher.hash, normal(password))


async def matches(password: str, kept: str | None) -> bool:
    """Whether `password` is the one `kept` was made from.

    None, for somebody unknown, takes as long as a wrong password.
    """
    fits = await asyncio.get_running_loop().run_in_executor(
        _turns, _verify, kept or _NOBODYS, normal(password)
    )
    return fits and kept is not None


def is_dated(kept: str) -> bool:
    """Whether `kept` was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _verify(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except VerifyMismatchError:
        return False
