"""Trying the mail server without a letter: connect, encrypt, log in, name the sender, and leave."""

import asyncio
import errno
import socket
import ssl
from contextlib import suppress
from enum import Enum, auto

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from greenroom.mail.mime import Mailbox
from greenroom.mail.smtp import Encryption, Server
from greenroom.mail.wording import header

_GOODBYE = 2.0
"""Seconds to wait for the answer to QUIT."""
_WRONG_PASSWORD = 535
_WANTS_ENCRYPTION = 538
_WANTS_LOGIN = 530
"""Also said by a server that wants STARTTLS first; its text tells which."""
_FOR_GOOD = range(500, 600)
_LONGEST = 200


class Trouble(Enum):
    """Why the server cannot be used as GREENROOM_SMTP_URL describes it."""

    UNKNOWN_HOST = auto()
    NO_NAMES = auto()
    """The name servers do not say whether there is such a host."""
    REFUSED = auto()
    UNREACHABLE = auto()
    SILENT = auto()
    CERTIFICATE = auto()
    NO_STARTTLS = auto()
    NOT_TLS = auto()
    NEEDS_TLS = auto()
    LOGIN = auto()
    NO_LOGIN = auto()
    NEEDS_LOGIN = auto()
    SENDER = auto()
    NO_MAIL_SERVER = auto()
    """What answers there speaks something else, or hangs up."""
    NOT_NOW = auto()
    """It says that it takes no letters at the moment."""


class NotReady(Exception):
    """The server cannot be used. `said`: its own words, or the system's, on one line."""

    def __init__(self, trouble: Trouble, said: str = "") -> None:
        super().__init__(trouble.name)
        self.trouble = trouble
        self.said = header(said)[:_LONGEST]


async def try_out(server: Server, *, by: Mailbox, patience: float) -> None:
    """Do all that comes before a letter. Raises NotReady after `patience` seconds at most.

    Naming the sender (MAIL FROM) is taken back at once: nothing is sent to anybody.
    """
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=patience,
        use_tls=server.encryption is Encryption.TLS,
        start_tls=False,
        local_hostname="greenroom",
    )
    try:
        async with asyncio.timeout(patience):
            await client.connect()
            await _encrypt(client, server)
            await _log_in(client, server)
            await _name_sender(client, server, by)
        with suppress(SMTPException, OSError):
            await client.quit(timeout=_GOODBYE)
    except (SMTPException, OSError, TimeoutError, ValueError) as error:
        raise _not_ready(error) from error
    finally:
        client.close()


async def _encrypt(client: aiosmtplib.SMTP, server: Server) -> None:
    await client.ehlo()
    if server.encryption is not Encryption.STARTTLS:
        return
    if not client.supports_extension("starttls"):
        raise NotReady(Trouble.NO_STARTTLS)
    await client.starttls()
    await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    if server.username is None or server.password is None:
        return
    if not client.supports_extension("auth"):
        # Many servers offer a login only where nobody can listen.
        in_clear = server.encryption is Encryption.NONE and client.supports_extension("starttls")
        raise NotReady(Trouble.NEEDS_TLS if in_clear else Trouble.NO_LOGIN)
    try:
        await _log_in_once(client, server, server.username, server.password)
    except SMTPAuthenticationError as error:
        if error.code == _WANTS_ENCRYPTION or _names_starttls(error):
            raise NotReady(Trouble.NEEDS_TLS, _answer(error)) from error
        final = error.code in _FOR_GOOD
        trouble = Trouble.LOGIN if final else Trouble.NOT_NOW
        raise NotReady(trouble, _answer(error)) from error
    except SMTPException as error:
        if isinstance(error, SMTPResponseException | SMTPServerDisconnected | TimeoutError):
            raise
        raise NotReady(Trouble.NO_LOGIN) from error  # it knows ways to log in that we do not


async def _log_in_once(
    client: aiosmtplib.SMTP, server: Server, username: str, password: str
) -> None:
    """Unlike a letter, do not try every way: each refusal counts against the account."""
    ways = {
        "cram-md5": client.auth_crammd5,
        "plain": client.auth_plain,
        "login": client.auth_login,
    }
    if server.encryption is not Encryption.NONE:
        # Some servers only claim to know it, and refuse the right password.
        ways["cram-md5"] = ways.pop("cram-md5")
    offered = [way for name, way in ways.items() if name in client.server_auth_methods]
    refusal: SMTPException = SMTPException("No way to log in that we know.")
    for way in offered:
        try:
            await way(username, password)
        except SMTPAuthenticationError as error:
            if error.code == _WRONG_PASSWORD:
                raise
            refusal = error
        else:
            return
    raise refusal


async def _name_sender(client: aiosmtplib.SMTP, server: Server, by: Mailbox) -> None:
    options = ["SMTPUTF8"] if by.needs_utf8 else []
    encoding = "utf-8" if by.needs_utf8 else "ascii"
    try:
        await client.mail(by.address, options=options, encoding=encoding)
        await client.rset()
    except SMTPSenderRefused as error:
        trouble = Trouble.SENDER if error.code in _FOR_GOOD else Trouble.NOT_NOW
        if _names_starttls(error):
            trouble = Trouble.NEEDS_TLS
        elif error.code == _WANTS_LOGIN and server.username is None:
            trouble = Trouble.NEEDS_LOGIN
        raise NotReady(trouble, _answer(error)) from error


def _not_ready(error: Exception) -> NotReady:
    causes = [error, *_causes(error)]
    below = next(filter(None, map(_below_mail, causes)), None)
    if below is not None:
        return below
    match error:
        case SMTPResponseException() if error.code > 0:  # less: no answer of a mail server
            return NotReady(Trouble.NOT_NOW, _answer(error))
        case TimeoutError():
            return NotReady(Trouble.SILENT)
        case _:
            away = any(type(each) is OSError for each in causes)
            return NotReady(Trouble.UNREACHABLE if away else Trouble.NO_MAIL_SERVER, str(error))


def _below_mail(cause: BaseException) -> NotReady | None:
    """What went wrong before anybody spoke of mail, if that is it."""
    match cause:
        case ssl.SSLCertVerificationError():
            return NotReady(Trouble.CERTIFICATE, cause.verify_message)
        case ssl.SSLError():
            return NotReady(Trouble.NOT_TLS, cause.reason or "")
        case socket.gaierror() if cause.errno == socket.EAI_AGAIN:
            return NotReady(Trouble.NO_NAMES)
        case socket.gaierror():
            return NotReady(Trouble.UNKNOWN_HOST, cause.strerror or "")
        case OSError() if _is_refusal(cause):
            return NotReady(Trouble.REFUSED)
        case _:
            return None


def _causes(error: BaseException) -> list[BaseException]:
    cause = error.__cause__ or error.__context__
    return [] if cause is None else [cause, *_causes(cause)]


def _is_refusal(error: OSError) -> bool:
    # A name with several addresses: asyncio joins their errors into the text of one.
    joined = f"[Errno {errno.ECONNREFUSED}]" in str(error)
    return isinstance(error, ConnectionRefusedError) or joined


def _names_starttls(error: SMTPResponseException) -> bool:
    return "STARTTLS" in error.message.upper()


def _answer(error: SMTPResponseException) -> str:
    return f"{error.code} {error.message}"
