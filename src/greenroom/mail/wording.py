"""The words of letters, and making safe what people wrote. Pure."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from greenroom import zones
from greenroom.errors import Invalid

VARIABLES = ("name", "role", "company", "host", "length", "link", "until")
"""What a recruiter's message may have in braces."""
LONGEST_MESSAGE = 5_000


def moment(at: datetime, zone: str | None) -> str:
    """A time as people read it, in `zone` if that is known, with the zone and its offset.

    For example: Monday 7 December 2026, 17:00 (Europe/Berlin, UTC+01:00).
    """
    found = zones.found(zone) if zone != "UTC" else None
    local = at.astimezone(found or UTC)
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    offset = f"{local:%z}"
    known = f"{found.key}, UTC{offset[:3]}:{offset[3:5]}" if found else "UTC"
    return f"{day}, {local:%H:%M} ({known})"


# Not strftime: it follows the machine's language.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


_MINUTES_PER_HOUR = 60


def length(minutes: int) -> str:
    """A duration as people say it."""
    hours, rest = divmod(minutes, _MINUTES_PER_HOUR)
    if rest or not hours:
        return f"{minutes} minutes"
    return "1 hour" if hours == 1 else f"{hours} hours"


_VARIABLE = re.compile(r"\{([A-Za-z_]+)\}")


def fill(template: str, known: Mapping[str, str]) -> str:
    """`template` with each `{variable}` replaced, in one pass: values are never read again.

    Raises Invalid for a variable that is not in `known`.
    """
    if (problem := unknown_variable(template, known)) is not None:
        raise problem
    return _VARIABLE.sub(lambda match: known[match[1]], template)


def unknown_variable(template: str, known: Collection[str]) -> Invalid | None:
    """What to tell the writer about the first variable that there is not."""
    for match in _VARIABLE.finditer(template):
        if match[1] not in known:
            return Invalid(
                f"There is no variable {match[0]} for a message.",
                do=f"Use {', '.join(f'{{{each}}}' for each in known)}, or take the braces away.",
            )
    return None


def person(name: str, longest: int = 80) -> str:
    """A person's name as letters show it: short, on one line, and nothing in it is a link.

    Anyone can book with any name; a letter of ours must not carry their advertisement.
    """
    return _BEFORE_DOMAIN.sub(" ", phrase(name, longest * 2)).strip()[:longest].rstrip()


def phrase(text: str, longest: int = 120) -> str:
    """A short text of somebody's on one line, without addresses of web pages."""
    return _IN_WEB_ADDRESS.sub(" ", header(text))[:longest].rstrip()


def lines(text: str) -> str:
    """A longer text of somebody's, with its line breaks."""
    if len(text) > LONGEST_MESSAGE:
        raise Invalid(
            f"The message has {len(text)} characters; a letter takes {LONGEST_MESSAGE}.",
            do="Shorten it.",
        )
    return "\n".join(_visible(line).rstrip() for line in text.splitlines()).strip()


def header(text: str) -> str:
    """`text` fit for a mail header: one line, and no start of an encoded word.

    Python up to 3.13.11 reads encoded words in what a header is set to and writes a line break
    it finds there as one: CVE-2026-1299 and its kin.
    """
    return " ".join(_visible(text).split()).replace("=?", "= ?")


# Mail programs make links of these by themselves.
_BEFORE_DOMAIN = re.compile(r"(?<=\w[.\u3002\uff0e\uff61])(?=\w)")
_IN_WEB_ADDRESS = re.compile(r"(?<=\w:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_JOINERS = "\u200c\u200d"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _visible(text: str) -> str:
    return "".join(
        each if each in _JOINERS or unicodedata.category(each) not in _HIDDEN else " "
        for each in text
    )
