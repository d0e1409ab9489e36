"""A letter as bytes for the wire: our headers, one recipient, and nothing that came along."""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

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


class Unsafe(Exception):
    """A letter came out with other headers than we gave it."""


def mailbox(address: str, name: str = "") -> Mailbox:
    """One address with the domain in its ASCII form. Raises Invalid if it is none."""
    try:
        found = validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except EmailNotValidError as error:
        raise Invalid(
            f"“{header(address)[:80]}” is not an e-mail address. {error}",
            do="Correct the address, then send the letter again.",
        ) from error
    return Mailbox(name, found.ascii_email or f"{found.local_part}@{found.ascii_domain}")


def sender(setting: str) -> Mailbox:
    """The mailbox in GREENROOM_MAIL_FROM, "Name <address>" or an address. Raises Invalid."""
    name, address = parseaddr(setting)
    try:
        return mailbox(address, name)
    except Invalid as error:
        raise Invalid(
            f"GREENROOM_MAIL_FROM is “{header(setting)[:80]}”, which names no mailbox.",
            do="Write it like Acme interviews <interviews@acme.example>.",
        ) from error


def wire(letter: Outgoing, *, by: Mailbox, to: Mailbox, now: datetime) -> bytes:
    """The letter as it goes through SMTP, in lines that end in CR LF. Raises Unsafe."""
    rules = policy.SMTPUTF8 if to.needs_utf8 or by.needs_utf8 else policy.SMTP
    message = EmailMessage(rules)
    message["From"] = Address(person(by.name), addr_spec=by.address)
    message["To"] = Address(person(letter.to_name), addr_spec=to.address)
    if letter.reply_to is not None:
        message["Reply-To"] = Address(addr_spec=mailbox(letter.reply_to).address)
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
