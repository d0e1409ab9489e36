"""Reading what somebody typed about a candidate: forms, files and programs all come through here.

Each function gives the value as we keep it and raises Invalid when it cannot be used.
"""

from collections.abc import Iterable

from email_validator import EmailNotValidError, validate_email

from greenroom import zones
from greenroom.candidates.model import (
    LONGEST_NAME,
    LONGEST_ROLE,
    MOST_ADDRESSES,
    Draft,
    address_key,
    clean,
    locale_of,
)
from greenroom.errors import Invalid

_LONGEST = 2_000
_SHOWN = 80


def read(
    *,
    name: str,
    addresses: Iterable[str] = (),
    role: str | None = None,
    zone: str | None = None,
    locale: str | None = None,
) -> Draft:
    """The whole of it. An address given twice is kept once."""
    kept: dict[str, str] = {}
    for given in map(read_address, addresses):
        kept.setdefault(address_key(given), given)
    if len(kept) > MOST_ADDRESSES:
        raise Invalid(
            f"A candidate can have {MOST_ADDRESSES} addresses; these are {len(kept)}.",
            do="Leave out the ones nobody reads.",
        )
    return Draft(
        name=read_name(name),
        addresses=tuple(kept.values()),
        role=read_role(role or ""),
        zone=read_zone(zone or ""),
        locale=read_locale(locale or ""),
    )


def read_name(text: str) -> str:
    """A name, on one line; it must have something to see."""
    name = clean(text, _LONGEST)
    if not name:
        raise Invalid("There is no name.", do="Fill in the candidate's name.")
    return _short_enough(name, "name", LONGEST_NAME)


def read_role(text: str) -> str:
    """The job, on one line; "" when nobody says."""
    return _short_enough(clean(text, _LONGEST), "role", LONGEST_ROLE)


def _short_enough(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise Invalid(f"The {what} has more than {longest} characters.", do="Shorten it.")
    return text


def read_zone(text: str) -> str | None:
    """An IANA time zone, old names too; None when `text` is blank."""
    if not text.strip():
        return None
    zone = zones.spelt(text)
    if zone is None:
        raise Invalid(
            f"“{_shown(text)}” is not a time zone.",
            do="Write it like Europe/Berlin, or leave it empty.",
        )
    return zone


def read_locale(text: str) -> str | None:
    """A language tag; None when `text` is blank."""
    if not text.strip():
        return None
    locale = locale_of(text)
    if locale is None:
        raise Invalid(
            f"“{_shown(text)}” is not a language.",
            do="Write it like en or pt-BR, or leave it empty.",
        )
    return locale


def read_address(text: str) -> str:
    """The one e-mail address in `text`, spelt as given.

    Only the form name@host counts: display names, quotes, comments, lists and numeric hosts
    are refused, because programs disagree about whom they name.
    """
    given = text.strip()
    try:
        found = validate_email(given, check_deliverability=False)
    except EmailNotValidError as error:
        raise _no_address(given, str(error)) from error
    # The library drops invisible characters; what is kept is what letters are sent to.
    if address_key(found.normalized) != address_key(given):
        raise _no_address(given, "It has characters that cannot be seen.")
    # Mail software may take this for an encoded word and read a line break out of it.
    if "=?" in given:
        raise _no_address(given, "It has “=?” in it, which is not safe in a letter.")
    return given


def _no_address(given: str, why: str) -> Invalid:
    return Invalid(
        f"“{_shown(given)}” is not an e-mail address. {why}",
        do="Give one address per field, such as ada@example.org, and nothing else.",
    )


def _shown(text: str) -> str:
    visible = "".join(each if each.isprintable() else "\ufffd" for each in text[:_SHOWN])
    return visible + "…" * (len(text) > _SHOWN)
