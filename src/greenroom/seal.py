"""Secrets at rest: sealed with a key that is not in the database."""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from greenroom.errors import GreenroomError

NAME = 4
"""Bytes of the key's name, with which each sealed text begins."""
_NONCE = 12
"""Bytes between the name and what is sealed."""
_SHORTEST = 16
"""Bytes of a key; less is guessable."""


class WrongKey(GreenroomError):
    """A secret was sealed with another key than this installation's."""


class Seal:
    """Seals and opens short texts with AES-256-GCM under `key`, any bytes of 16 or more.

    `former` keys open what was sealed with them, and seal nothing.
    """

    def __init__(self, key: bytes, *, former: Sequence[bytes] = ()) -> None:
        if len(key) < _SHORTEST:
            raise WrongKey(
                "GREENROOM_SECRET_KEY is too short to protect anything.",
                do="Set it to 32 random characters, for example from `openssl rand -hex 32`.",
            )
        if any(len(each) < _SHORTEST for each in former):
            raise WrongKey(
                "One of GREENROOM_OLD_SECRET_KEYS is too short to have been a key.",
                do="Give each key whole, with commas between.",
            )
        derived = [_derived(each) for each in (key, *former)]
        self.name = _name(derived[0])
        """Of the key that seals; what it sealed begins with it."""
        self._ciphers = {_name(each): AESGCM(each) for each in derived}

    def close(self, text: str) -> bytes:
        """Seal `text`; each time anew."""
        nonce = os.urandom(_NONCE)
        cipher = self._ciphers[self.name]
        return self.name + nonce + cipher.encrypt(nonce, text.encode(), self.name)

    def open(self, sealed: bytes) -> str:
        """Give back what was sealed. Raises WrongKey."""
        name, rest = sealed[:NAME], sealed[NAME:]
        try:
            cipher = self._ciphers[name]
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], name).decode()
        except (KeyError, InvalidTag, ValueError) as error:
            raise WrongKey(
                "A stored secret was sealed with another GREENROOM_SECRET_KEY.",
                do="Start with the key it was sealed with (see secret.key in the data directory), "
                "or name that one in GREENROOM_OLD_SECRET_KEYS, or run `greenroom connect` again "
                "to enter the secrets anew.",
            ) from error

    def opens_with_present(self, sealed: bytes) -> bool | None:
        """Whether the key that seals opens it; False: a former one does; None: none."""
        try:
            self.open(sealed)
        except WrongKey:
            return None
        return sealed[:NAME] == self.name


def _derived(key: bytes) -> bytes:
    return hashlib.sha256(b"greenroom seal\0" + key).digest()


def _name(derived: bytes) -> bytes:
    return hashlib.sha256(derived).digest()[:NAME]
