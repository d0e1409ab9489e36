"""Handing one letter to the mail server. Encryption is never given up to get a letter through."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from greenroom.errors import Invalid
from greenroom.mail.mime import Mailbox
from greenroom.mail.wording import header

_TIMEOUT = 20.0
"""Seconds for each answer of the server."""
_DEADLINE = 90.0
"""Seconds for the whole letter; less than `model.LEASE`."""
_GOODBYE = 2.0
"""Seconds to wait for the answer to QUIT, when the letter is taken already."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_FOR_GOOD = range(500, 600)


class Encryption(Enum):
    """How the connection is kept private."""

    TLS = "smtps"
    STARTTLS = "smtp+starttls"
    NONE = "smtp"


_PORTS = {Encryption.TLS: 465, Encryption.STARTTLS: 587, Encryption.NONE: 25}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as GREENROOM_SMTP_URL describes it."""

    host: str
    port: int
    encryption: Encryption
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Without the password: reprs end up in logs."""
        return f"Server({self.encryption.value}://{self.host}:{self.port})"


class NotTaken(Exception):
    """The server did not take the letter. `is_permanent`: it never will take this one."""

    def __init__(self, why: str, *, is_permanent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.is_permanent = is_permanent


def read_url(url: str) -> Server:
    """The server behind smtps://, smtp+starttls:// or smtp://, with user:password@ if needed.

    smtp:// is not encrypted and so only for this machine; smtp+plain:// says that it is meant.
    Raises Invalid.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise _unusable("has a host or a port that cannot be read") from error
    if not host:
        raise _unusable("names no host")
    encryption = _encryption(parts.scheme, host)
    return Server(
        host=host,
        port=port or _PORTS[encryption],
        encryption=encryption,
        username=_decoded(parts, "username"),
        password=_decoded(parts, "password"),
    )


def _encryption(scheme: str, host: str) -> Encryption:
    match scheme:
        case "smtps":
            return Encryption.TLS
        case "smtp+starttls":
            return Encryption.STARTTLS
        case "smtp+plain":
            return Encryption.NONE
        case "smtp" if host in _LOCAL:
            return Encryption.NONE
        case "smtp":
            raise _unusable(f"would send letters and the password to {host} unencrypted")
        case _:
            raise _unusable(f"begins with “{header(scheme)[:20]}:”, which is no way to send mail")


def _decoded(parts: SplitResult, name: str) -> str | None:
    value = getattr(parts, name)
    return None if value is None else unquote(value)


def _unusable(why: str) -> Invalid:
    return Invalid(
        f"GREENROOM_SMTP_URL {why}.",
        do="Write smtps://user:password@host:465 or smtp+starttls://user:password@host:587; "
        "smtp+plain://host if the way there is safe without encryption.",
    )


async def deliver(server: Server, raw: bytes, *, by: Mailbox, to: Mailbox) -> None:
    """Have the server take the letter. Raises NotTaken, and never sends in clear by mistake."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        timeout=_TIMEOUT,
        use_tls=server.encryption is Encryption.TLS,
        start_tls=server.encryption is Encryption.STARTTLS,
        local_hostname="greenroom",
    )
    options = ["SMTPUTF8"] if to.needs_utf8 or by.needs_utf8 else []
    try:
        # Not `async with client`: its goodbye would hide that the letter was taken, or hang.
        async with asyncio.timeout(_DEADLINE):
            await client.connect()
            await client.sendmail(by.address, [to.address], raw, mail_options=options)
        with suppress(SMTPException, OSError):
            await client.quit(timeout=_GOODBYE)
    except (SMTPException, OSError, TimeoutError, ValueError) as error:
        raise _not_taken(server, error) from error
    finally:
        client.close()


def _not_taken(server: Server, error: Exception) -> NotTaken:
    """Only what the server says about this letter is final; its own troubles pass."""
    is_permanent = False
    match error:
        case SMTPRecipientsRefused(recipients=[SMTPRecipientRefused() as refusal, *_]):
            why = f"refuses this address: {_answer(refusal)}"
            is_permanent = refusal.code in _FOR_GOOD
        case SMTPDataError():
            why = f"refuses this letter: {_answer(error)}"
            is_permanent = error.code in _FOR_GOOD
        case SMTPNotSupported():
            why = "cannot write to addresses with letters outside ASCII (SMTPUTF8)."
            is_permanent = True
        case SMTPAuthenticationError():
            why = f"does not accept the user and password: {_answer(error)}"
        case SMTPResponseException():
            why = f"takes no letters now: {_answer(error)}"
        case ssl.SSLError() | SMTPConnectError(__cause__=ssl.SSLError()):
            why = f"offers no safe connection: {_shown(error)}"
        case _:
            why = f"did not answer as it should: {_shown(error)}"
    return NotTaken(f"The mail server {server.host} {why}", is_permanent=is_permanent)


def _answer(error: SMTPResponseException) -> str:
    return f"{error.code} {_shown(error.message)}"


def _shown(error: object) -> str:
    return header(str(error) or type(error).__name__)[:300]
