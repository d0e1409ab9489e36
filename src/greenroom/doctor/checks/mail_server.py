"""Check: whether the mail server would take a letter."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from greenroom.calcom.budget import Urgency
from greenroom.doctor.examination import HOUR, MINUTE, Examination
from greenroom.doctor.model import Finding, Light
from greenroom.errors import Invalid
from greenroom.mail import mime, smtp, trial
from greenroom.mail.smtp import Encryption, Server
from greenroom.mail.trial import NotReady, Trouble

_SET = "in GREENROOM_SMTP_URL, then start Greenroom again."
_TLS_PORT, _STARTTLS_PORT = 465, 587
_PAUSE = HOUR - MINUTE
_refused: dict[Server, tuple[datetime, Finding]] = {}
"""Logins that were refused, and when: tried too often, an account is locked."""


async def look(exam: Examination, *, patience: float = 10.0) -> Sequence[Finding]:
    """Try the server, for `patience` seconds; without one, advise.

    By the clock, a login that was refused is tried again after an hour.
    """
    url = exam.parts.settings.smtp_url
    if url is None:
        return [_NONE]
    try:
        server = smtp.read_url(url.get_secret_value())
        by = mime.sender(exam.parts.settings.mail_from)
    except Invalid as error:
        return [Finding(light=Light.RED, what=error.what, do=error.do)]
    is_asked = exam.parts.urgency is Urgency.PERSON
    if not is_asked and (refusal := _refused.get(server)) and exam.now - refusal[0] < _PAUSE:
        return [refusal[1]]
    _refused.pop(server, None)
    try:
        await trial.try_out(server, by=by, patience=patience)
    except NotReady as error:
        light = Light.AMBER if error.trouble is Trouble.NOT_NOW else Light.RED
        found = Finding(light=light, what=_what(server, error, patience), do=_do(server, error))
        if error.trouble is Trouble.LOGIN:
            _refused[server] = (exam.now, found)
        return [found]
    return [Finding(light=Light.GREEN, what=_well(server))]


_NONE = Finding(
    light=Light.OFF,
    what="No mail server is set up: letters stay under Messages, where they can be read and their "
    "links copied.",
    do="To have them sent, set GREENROOM_SMTP_URL and GREENROOM_MAIL_FROM, then start Greenroom "
    "again.",
)

_WHAT: Mapping[Trouble, str] = {
    Trouble.UNKNOWN_HOST: "There is no host {host} for mail, as far as this machine can tell.",
    Trouble.NO_NAMES: "Where the mail server {host} is cannot be found out: this machine's name "
    "servers do not answer.",
    Trouble.REFUSED: "The mail server {host} does not accept connections on port {port}.",
    Trouble.UNREACHABLE: "The mail server {host} cannot be reached from this machine.",
    Trouble.SILENT: "The mail server {host} did not answer on port {port} within {patience:g} "
    "seconds.",
    Trouble.CERTIFICATE: "The mail server {host} shows a certificate on port {port} that cannot be "
    "trusted{said}.",
    Trouble.NO_STARTTLS: "The mail server {host} does not offer encryption (STARTTLS) on port "
    "{port}.",
    Trouble.NOT_TLS: "The mail server {host} could not agree on encryption on port {port}{said}.",
    Trouble.NEEDS_TLS: "The mail server {host} wants an encrypted connection.",
    Trouble.LOGIN: "The mail server {host} does not accept the user and password{said}.",
    Trouble.NO_LOGIN: "The mail server {host} offers no login with user and password on port "
    "{port}.",
    Trouble.NEEDS_LOGIN: "The mail server {host} wants a user and a password{said}.",
    Trouble.SENDER: "The mail server {host} takes no letters from the sender in "
    "GREENROOM_MAIL_FROM{said}.",
    Trouble.NO_MAIL_SERVER: "What answers at {host} on port {port} is not a mail server, or hangs "
    "up.",
    Trouble.NOT_NOW: "The mail server {host} takes no letters at the moment{said}.",
}

_DO: Mapping[Trouble, str] = {
    Trouble.UNKNOWN_HOST: f"Correct the host {_SET}",
    Trouble.NO_NAMES: f"Mend this machine's DNS, or correct the host {_SET}",
    Trouble.REFUSED: f"Check that it runs, or correct host and port {_SET}",
    Trouble.UNREACHABLE: f"Check this machine's network, or correct the host {_SET}",
    Trouble.SILENT: "Correct the port {hint}, or have the firewall let port {port} out: many "
    "hosting providers block mail until they are asked.",
    Trouble.CERTIFICATE: "In GREENROOM_SMTP_URL, use the name that the certificate is for, or have "
    "it renewed. For one that was signed by yourselves, name its authority in SSL_CERT_FILE. Then "
    "start Greenroom again.",
    Trouble.NO_STARTTLS: f"Write smtps://...:465 {_SET} If the way there is safe without "
    "encryption, write smtp+plain://.",
    Trouble.NOT_TLS: f"Write smtp+starttls://...:587 {_SET}",
    Trouble.NEEDS_TLS: f"Write smtp+starttls://...:587 or smtps://...:465 {_SET}",
    Trouble.LOGIN: f"Correct them {_SET} Characters such as @ and / are written as %40 and %2F; "
    "some providers want an app password. The log-in is tried once an hour, and when you press "
    "Check again.",
    Trouble.NO_LOGIN: f"Write smtp+starttls://user:password@...:587 or smtps://...:465 {_SET} "
    "A server that needs no login takes an address without user:password@.",
    Trouble.NEEDS_LOGIN: f"Put user:password@ before the host {_SET}",
    Trouble.SENDER: "Set GREENROOM_MAIL_FROM to an address that this user may send from, then "
    "start Greenroom again.",
    Trouble.NO_MAIL_SERVER: f"Correct host and port {_SET}",
    Trouble.NOT_NOW: "Letters wait and are tried again. If it goes on, ask whoever runs the mail "
    "server.",
}


def _what(server: Server, error: NotReady, patience: float) -> str:
    said = error.said.rstrip(".")
    return _WHAT[error.trouble].format(
        host=server.host, port=server.port, patience=patience, said=f" ({said})" if said else ""
    )


def _do(server: Server, error: NotReady) -> str:
    if error.trouble is Trouble.NOT_TLS and server.encryption is Encryption.STARTTLS:
        return "Its encryption is too old, or broken: ask whoever runs it."
    return _DO[error.trouble].format(port=server.port, hint=_hint(server))


def _hint(server: Server) -> str:
    """Which way of beginning goes with the port, where the two are mixed up."""
    if server.port == _TLS_PORT and server.encryption is not Encryption.TLS:
        return "in GREENROOM_SMTP_URL (port 465 goes with smtps://)"
    if server.port == _STARTTLS_PORT and server.encryption is Encryption.TLS:
        return "in GREENROOM_SMTP_URL (port 587 goes with smtp+starttls://)"
    return "in GREENROOM_SMTP_URL"


def _well(server: Server) -> str:
    how = "without encryption" if server.encryption is Encryption.NONE else "encrypted"
    user = f" as {server.username}" if server.username else ""
    return f"{server.host} takes letters{user}, {how}."
