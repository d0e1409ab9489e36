"""Servers on this machine that speak https, with certificates good and bad."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def authority(name: str = "An authority of our own") -> Pair:
    """A certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _signed(name, key, (None, key), names=(), days=(-30, 30), is_authority=True), key


def certificate(*names: str, by: Pair | None = None, days: tuple[int, int] = (-30, 30)) -> Pair:
    """A certificate for the names, good between two days from now; `by` None: self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _signed(names[0], key, by or (None, key), names=names, days=days), key


def _signed(name, key, by, *, names, days, is_authority=False):
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signing = by
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if signer is None else signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), critical=False
        )
    return builder.sign(signing, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def written(folder: Path, certificate: x509.Certificate) -> Path:
    """The certificate as a .pem file."""
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass
class Server:
    """What it was asked: the heads of the requests, and by which names in TLS."""

    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def serving(
    answer: bytes, pair: Pair | None, folder: Path, *, hosts: Sequence[str] = ("127.0.0.1",)
) -> AsyncIterator[Server]:
    """Answer each request with these bytes, with https if there is a certificate."""
    known = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known.connections += 1
        try:
            # Whatever it is: a real server that expects another protocol answers at once, too.
            known.heads.append((await reader.read(1 << 16)).decode("latin-1"))
            writer.write(answer)
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    context = None if pair is None else _context(pair, folder, known)
    server = await asyncio.start_server(serve, hosts[0], 0, ssl=context)
    known.port = server.sockets[0].getsockname()[1]
    more = [await asyncio.start_server(serve, host, known.port, ssl=context) for host in hosts[1:]]
    try:
        yield known
    finally:
        for each in (server, *more):
            each.close()


def _context(pair: Pair, folder: Path, known: Server) -> ssl.SSLContext:
    made, key = pair
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.sni_callback = lambda _, name, __: known.names.append(name)
    return context


def me() -> bytes:
    """Cal.com's answer to whose key it is."""
    body = b'{"status": "success", "data": {"id": 1, "username": "mara"}}'
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
