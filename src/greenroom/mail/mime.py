"""A letter as bytes for the wire: our headers, one recipient, and nothing that came along."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses

from email_validator import EmailNotValidError, validate_email

from greenroom.errors import Invalid
from greenroom.mail.model import Outgoing
from greenroom.mail.wording import header, person


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whom a letter is from or to. `needs_utf8`: only servers with SMTPUTF8 can take it."""

    name: str
    address: str

    @property
    def needs_utf8(self) -> bool:
        """Whether the part before the @ is not ASCII."""
        return not self.address.isascii()

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]

    def as_header(self) -> Address:
        """The same for a header, with a name that is safe there."""
        local, _, domain = self.address.rpartition("@")
        found = Address(person(self.name), local, domain)
        if len(str(found)) <= _ON_ONE_LINE:
            return found
        # Python folds a long name over two lines and loses its quotes (gh-80222): a comma or a
        # bracket in it would then name another recipient.
        plain = " ".join(_SPECIAL.sub(" ", found.display_name).split())
        return Address(plain, local, domain)


_ON_ONE_LINE = 78 - len("Reply-To: ")
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."]')
"""What a name may have in quotes only (RFC 5322, 3.2.3)."""


class Unsafe(Exception):
    """A letter came out with other headers than we gave it."""


def mailbox(address: str, name: str = "") -> Mailbox:
    """One address with the domain in its ASCII form. Raises Invalid if it is none."""
    local, _, domain = address.rpartition("@")
    # "localhost" and "mail.local" are no domains of the internet, but may be somebody's own.
    checked = f"{local}@example.org" if _PLAIN.fullmatch(domain) else address
    try:
        found = validate_email(checked, check_deliverability=False)
    except EmailNotValidError as error:
        raise _no_mailbox(address, str(error)) from error
    if "=?" in local:
        raise _no_mailbox(address, "It has “=?” in it, which is not safe in a letter.")
    ascii_domain = found.ascii_domain if checked == address else domain
    return Mailbox(name, f"{found.local_part}@{ascii_domain}")


def _no_mailbox(address: str, why: str) -> Invalid:
    return Invalid(
        f"“{header(address)[:80]}” is not an e-mail address. {why}",
        do="Correct the address, then send the letter again.",
    )


_PLAIN = re.compile(r"(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def sender(setting: str) -> Mailbox:
    """The mailbox in GREENROOM_MAIL_FROM, "Name <address>" or an address. Raises Invalid."""
    named = getaddresses([setting])
    try:
        ((name, address),) = named
        if setting.isprintable():
            return mailbox(address, name)
    except (ValueError, Invalid):
        pass
    raise Invalid(
        f"GREENROOM_MAIL_FROM is “{header(setting)[:80]}”, which names no mailbox.",
        do="Write it like Acme interviews <interviews@acme.example>.",
    )


def wire(letter: Outgoing, *, by: Mailbox, to: Mailbox, now: datetime) -> bytes:
    """The letter as it goes through SMTP, in lines that end in CR LF. Raises Unsafe."""
    rules = policy.SMTPUTF8 if to.needs_utf8 or by.needs_utf8 else policy.SMTP
    message = EmailMessage(rules)
    message["From"] = by.as_header()
    message["To"] = to.as_header()
    if letter.reply_to is not None:
        message["Reply-To"] = mailbox(letter.reply_to).as_header()
    message["Subject"] = header(letter.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.message_id}>"
    # Quoted-printable survives every relay, and no line is long or begins with a dot by chance.
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    raw = message.as_bytes()
    _check(raw, [name.lower() for name in message.keys()])  # noqa: SIM118  (not a dict: keys repeat)
    return raw


def _check(raw: bytes, ours: list[str]) -> None:
    """Trust the library, and look: header injection has come back in it again and again."""
    head = raw.partition(b"\r\n\r\n")[0]
    fields = [each for each in head.split(b"\r\n") if not each.startswith((b" ", b"\t"))]
    names = [each.partition(b":")[0].decode("latin-1").lower() for each in fields]
    alone = head.replace(b"\r\n", b"")
    if sorted(names) != sorted(ours) or b"\n" in alone or b"\r" in alone:
        raise Unsafe(names)
