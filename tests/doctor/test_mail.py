"""The mail server: each thing that can be wrong with it has its own sentence and fix."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtplib import SMTPConnectError

from doctor.conftest import Clinic
from doctor.mail_settings import is_red, with_mail
from greenroom.calcom.budget import Urgency
from greenroom.doctor.checks import mail_server
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Light
from greenroom.mail import trial
from greenroom.mail.trial import Trouble
from mail.post_office import certified, knows, opened

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certified(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def mute():
    """A server that takes connections and says nothing."""

    async def say_nothing(_reader, writer):
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def saying(answer: bytes):
    """A server that says that and hangs up."""

    async def speak(_reader, writer):
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def scripted(**answers: str | Callable[[], str]):
    """A server that offers a login, gives these answers to commands, and 250 to the others."""
    heard = []
    offers = "250-here\r\n250 AUTH PLAIN"

    async def converse(reader, writer):
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode():
            heard.append(line.split()[0])
            answer = answers.get(heard[-1], offers if heard[-1] == "EHLO" else "250 OK")
            said = answer() if callable(answer) else answer
            writer.write(f"{said}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


async def tried(clinic: Clinic, url: str, *, patience: float = 5.0, **given: object):
    """What the check finds about the server at the URL."""
    parts = with_mail(clinic, smtp_url=url, **given).parts
    exam = Examination(parts=parts, now=datetime.now(UTC), connections=[])
    (found,) = await mail_server.look(exam, patience=patience)
    return found


async def test_without_a_mail_server_it_advises(clinic):
    (found,) = await clinic.examine("mail-server")

    assert found.light is Light.OFF
    assert "GREENROOM_SMTP_URL" in found.do


async def test_a_server_that_takes_letters_is_green_and_gets_none(clinic):
    async with opened() as office:
        clinic = with_mail(clinic, smtp_url=f"smtp://127.0.0.1:{office.port}")
        (found,) = await clinic.examine("mail-server")

        assert found.light is Light.GREEN
        assert office.commands == ["MAIL", "QUIT"]
        assert office.letters == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_refused_login_is_red_until_the_password_is_right(clinic):
    async with opened(authenticator=knows, auth_require_tls=False, auth_required=True) as office:
        refused = await tried(clinic, f"smtp://hiring:geheim@127.0.0.1:{office.port}")
        nobody = await tried(clinic, f"smtp://127.0.0.1:{office.port}")
        mended = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{office.port}")

    assert is_red(refused, what="does not accept the user and password (535", do="%40")
    assert "geheim" not in repr(refused)
    assert is_red(nobody, what="wants a user and a password (530", do="user:password@")
    assert mended.light is Light.GREEN
    assert "as hiring" in mended.what


async def test_a_refused_login_is_tried_once_an_hour_by_the_clock_and_when_asked(clinic):
    offers = "250-here\r\n250 AUTH CRAM-MD5 PLAIN LOGIN"
    async with scripted(EHLO=offers, AUTH="535 5.7.8 no") as (port, heard):
        clinic = with_mail(clinic, smtp_url=f"smtp://hiring:geheim@127.0.0.1:{port}")
        clock = replace(clinic.parts, urgency=Urgency.NEWS)
        began = datetime.now(UTC)
        for parts, minutes in [(clock, 0), (clock, 10), (clock, 50), (clock, 60)]:
            now = began + timedelta(minutes=minutes)
            exam = Examination(parts=parts, now=now, connections=[])
            (found,) = await mail_server.look(exam)
            assert is_red(found, what="does not accept the user and password (535", do="Correct")
        assert heard.count("AUTH") == 2, "in one way, each time"

        (asked,) = await clinic.examine("mail-server")

    assert asked.light is Light.RED
    assert heard.count("AUTH") == 3


async def test_a_way_to_log_in_that_a_server_only_claims_to_know_is_not_its_last_word(clinic):
    ways = iter(["504 5.5.4 not that way", "235 welcome"])
    offers = "250-here\r\n250 AUTH PLAIN CRAM-MD5"
    async with scripted(EHLO=offers, AUTH=lambda: next(ways), QUIT="221 bye") as (port, _):
        found = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{port}")

    assert found.light is Light.GREEN


async def test_a_server_that_is_not_there_is_red(clinic):
    async with saying(b"") as port:
        pass
    refused = await tried(clinic, f"smtp://127.0.0.1:{port}")
    by_name = await tried(clinic, f"smtp://localhost:{port}")

    for found in (refused, by_name):
        assert is_red(found, what=f"does not accept connections on port {port}", do="host and port")


async def test_an_unknown_host_is_red(clinic):
    found = await tried(clinic, "smtps://mail.greenroom.invalid")

    # Where there is no name server, nobody can know.
    assert found.light is Light.RED
    assert "no host mail.greenroom.invalid" in found.what or "name servers" in found.what
    assert "correct the host" in found.do.lower()


@pytest.mark.parametrize(
    ("cause", "trouble"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), Trouble.UNKNOWN_HOST),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Trouble.NO_NAMES),
        (OSError("Multiple exceptions: [Errno 111] ('::1', 1), [Errno 111] x"), Trouble.REFUSED),
        (OSError(errno.ENETUNREACH, "no way there"), Trouble.UNREACHABLE),
    ],
)
async def test_what_machines_differ_in_is_told_apart(cause, trouble):
    error = SMTPConnectError("cannot connect")
    error.__cause__ = cause

    assert trial._not_ready(error).trouble is trouble


async def test_a_server_that_hangs_is_red_after_the_deadline(clinic):
    async with mute() as port:
        plain = await tried(clinic, f"smtp://127.0.0.1:{port}", patience=0.2)
        encrypted = await tried(clinic, f"smtps://127.0.0.1:{port}", patience=0.2)

    for found in (plain, encrypted):
        assert is_red(found, what="did not answer on port", do=f"let port {port} out")
        assert "0.2 seconds" in found.what


async def test_a_certificate_nobody_trusts_is_red_until_it_is_trusted(
    clinic, certificate, monkeypatch
):
    async with (
        opened(implicit=certificate.context) as tls,
        opened(tls_context=certificate.context, require_starttls=True) as starttls,
    ):
        urls = [f"smtps://127.0.0.1:{tls.port}", f"smtp+starttls://127.0.0.1:{starttls.port}"]
        red = [await tried(clinic, url) for url in urls]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
        green = [await tried(clinic, url) for url in urls]

    for found, port in zip(red, (tls.port, starttls.port), strict=True):
        assert is_red(found, what="cannot be trusted (self", do="SSL_CERT_FILE")
        assert f"on port {port}" in found.what
        assert "GREENROOM_SMTP_URL" in found.do
    for found in green:
        assert found.light is Light.GREEN
        assert "encrypted" in found.what


async def test_a_server_without_encryption_where_it_was_asked_for_is_red(clinic):
    async with opened() as office:
        without = await tried(clinic, f"smtp+starttls://127.0.0.1:{office.port}")
        plain_for_tls = await tried(clinic, f"smtps://127.0.0.1:{office.port}")

    assert is_red(without, what="does not offer encryption (STARTTLS)", do="smtps://")
    assert is_red(plain_for_tls, what="could not agree on encryption", do="smtp+starttls://")


async def test_a_server_that_wants_encryption_is_red_without(clinic, certificate):
    async with opened(tls_context=certificate.context, require_starttls=True) as office:
        found = await tried(clinic, f"smtp://127.0.0.1:{office.port}")
        login = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{office.port}")

    for each in (found, login):
        assert is_red(each, what="wants an encrypted connection", do="smtp+starttls://")


async def test_a_login_that_must_not_be_overheard_is_red(clinic):
    async with scripted(AUTH="538 5.7.11 encryption required") as (port, _):
        found = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{port}")

    assert is_red(found, what="wants an encrypted connection", do="smtp+starttls://")


async def test_what_was_begun_is_taken_back(clinic):
    async with scripted(AUTH="235 welcome", QUIT="221 bye") as (port, heard):
        found = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{port}")

    assert found.light is Light.GREEN
    assert heard == ["EHLO", "AUTH", "MAIL", "RSET", "QUIT"]


async def test_a_login_that_fails_for_now_is_amber(clinic):
    async with scripted(AUTH="454 4.7.0 try later") as (port, _):
        found = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{port}")

    assert found.light is Light.AMBER
    assert "454 4.7.0 try later" in found.what


async def test_a_login_that_the_server_has_no_use_for_is_red(clinic):
    async with opened() as office:
        found = await tried(clinic, f"smtp://hiring:right@127.0.0.1:{office.port}")

    assert is_red(found, what="offers no login", do="without user:password@")


async def test_a_sender_that_the_server_refuses_is_red(clinic):
    async with opened() as office:
        office.answers["MAIL"] = ["553 5.7.1 not owned by user"]
        found = await tried(clinic, f"smtp://127.0.0.1:{office.port}")

    assert is_red(found, what="(553 5.7.1 not owned by user)", do="GREENROOM_MAIL_FROM")


async def test_a_server_that_is_busy_is_amber(clinic):
    async with opened() as office, saying(b"421 too many connections\r\n") as busy:
        office.answers["MAIL"] = ["451 4.3.0 try later"]
        later = await tried(clinic, f"smtp://127.0.0.1:{office.port}")
        full = await tried(clinic, f"smtp://127.0.0.1:{busy}")

    assert (later.light, full.light) == (Light.AMBER, Light.AMBER)
    assert "451 4.3.0 try later" in later.what
    assert "421 too many connections" in full.what


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x15\x03\x01\x00"])
async def test_what_is_no_mail_server_is_red(clinic, answer):
    async with saying(answer) as port:
        found = await tried(clinic, f"smtp://127.0.0.1:{port}")

    assert is_red(found, what="is not a mail server", do="host and port")


async def test_settings_that_cannot_be_used_are_red(clinic):
    url = await tried(clinic, "http://mail.example.org")
    by = await tried(clinic, "smtp://127.0.0.1", mail_from="nobody at all")

    assert is_red(url, what="GREENROOM_SMTP_URL", do="smtps://")
    assert is_red(by, what="GREENROOM_MAIL_FROM", do="Acme")


async def test_how_to_begin_goes_with_the_port():
    hints = [
        mail_server._hint(mail_server.smtp.read_url(url))
        for url in ("smtp+starttls://mail.acme.dev:465", "smtps://mail.acme.dev:587")
    ]

    assert "goes with smtps://" in hints[0]
    assert "goes with smtp+starttls://" in hints[1]
