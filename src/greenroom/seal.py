"""Secrets at rest: sealed with a key that is not in the database."""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from greenroom.errors import GreenroomError

_KEY_ID, _NONCE = 4, 12
"""Bytes of the key's name, and of the nonce, before the sealed text."""


class WrongKey(GreenroomError):
    """A secret was sealed with another key than this installation's."""


class Seal:
    """Seals and opens short texts with AES-256-GCM under `key`, any bytes of 16 or more."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:  # noqa: PLR2004  (bytes; less is guessable)
            raise WrongKey(
                "GREENROOM_SECRET_KEY is too short to protect anything.",
                do="Set it to 32 random characters, for example from `openssl rand -hex 32`.",
            )
        derived = hashlib.sha256(b"greenroom seal\0" + key).digest()
        self._cipher = AESGCM(derived)
        self._name = hashlib.sha256(derived).digest()[:_KEY_ID]

    def close(self, text: str) -> bytes:
        """Seal `text`; each time anew."""
        nonce = os.urandom(_NONCE)
        return self._name + nonce + self._cipher.encrypt(nonce, text.encode(), self._name)

    def open(self, sealed: bytes) -> str:
        """Give back what was sealed. Raises WrongKey."""
        name, rest = sealed[:_KEY_ID], sealed[_KEY_ID:]
        try:
            return self._cipher.decrypt(rest[:_NONCE], rest[_NONCE:], name).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongKey(
                "A stored secret was sealed with another GREENROOM_SECRET_KEY.",
                do="Start with the key it was sealed with (see secret.key in the data directory), "
                "or run `greenroom connect` again to enter the secrets anew.",
            ) from error
