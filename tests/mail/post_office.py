"""A real SMTP server on loopback that keeps what it is sent, and misbehaves on request."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from greenroom.mail.smtp import Encryption, Server


@dataclass
class PostOffice:
    """The server. Each of `answers` is given once to the command it is for."""

    letters: list[Envelope] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    port: int = 0

    def server(self, encryption: Encryption = Encryption.NONE, **login: str) -> Server:
        return Server("127.0.0.1", self.port, encryption, **login)

    def wire(self) -> bytes:
        """The one letter that came, as bytes."""
        (letter,) = self.letters
        return letter.original_content

    def _answer(self, command: str, otherwise: str) -> str:
        self.commands.append(command)
        waiting = self.answers.get(command, [])
        return waiting.pop(0) if waiting else otherwise

    async def handle_MAIL(self, _server, _session, envelope, address, options) -> str:  # noqa: N802  (aiosmtpd's name)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("MAIL", "250 OK")

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802  (aiosmtpd's name)
        answer = self._answer("RCPT", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, _session, envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        answer = self._answer("DATA", "250 OK")
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "close":
            self.letters.append(envelope)
            server.transport.abort()
        elif answer.startswith("250"):
            self.letters.append(envelope)
        return answer

    async def handle_QUIT(self, server, _session, _envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        answer = self._answer("QUIT", "221 Bye")
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "close":
            server.transport.abort()
        return answer


def knows(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: LoginPassword):
    return AuthResult(success=given.password == b"right", handled=False)


@asynccontextmanager
async def opened(**ways: object) -> AsyncIterator[PostOffice]:
    office = PostOffice()
    tls = ways.pop("implicit", None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(office, enable_SMTPUTF8=True, loop=loop, **ways), "127.0.0.1", 0, ssl=tls
    )
    office.port = server.sockets[0].getsockname()[1]
    yield office
    server.close()


@dataclass
class Certificate:
    """A certificate that nobody trusts unless told to."""

    file: Path
    context: ssl.SSLContext


def certified(place: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file, key_file = place / "certificate.pem", place / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return Certificate(file, context)
