"""Who may sign in, with what, and for how long. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import pairwise

from greenroom.accounts.known_passwords import WORDS


class Role(StrEnum):
    """What somebody may do; each covers those before it. Values are stored: never rename one."""

    VIEWER = "viewer"
    RECRUITER = "recruiter"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether somebody with this role may do what `needed` may do."""
        order = list(Role)
        return order.index(self) >= order.index(needed)

    @property
    def label(self) -> str:
        """The word on the screen."""
        return self.value.capitalize()

    @property
    def explanation(self) -> str:
        """What the role is for, in a sentence."""
        return _ROLES[self]


_ROLES = {
    Role.VIEWER: "Sees everything and changes nothing.",
    Role.RECRUITER: "Invites candidates and manages interviews.",
    Role.ADMIN: "Also manages connections, users and tokens.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Whoever a request acts for. An API token acts as a user without id and address."""

    id: int | None
    email: str
    name: str
    role: Role
    is_set_up: bool = True
    disabled_at: datetime | None = None


class Purpose(StrEnum):
    """What a one-time link does. Values are stored."""

    SET_UP = "set_up"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A one-time link, still good. Without a user it makes the first admin."""

    purpose: Purpose
    user: User | None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. `handle` names it without giving it away."""

    handle: str
    seen_at: datetime
    created_at: datetime
    user_agent: str

    @property
    def device(self) -> str:
        """The browser and system, roughly, for example "Firefox on Linux"."""
        browser = next((name for mark, name in _BROWSERS if mark in self.user_agent), "A browser")
        system = next((name for mark, name in _SYSTEMS if mark in self.user_agent), None)
        return f"{browser} on {system}" if system else browser


# Browsers claim to be each other: the first mark that fits is the honest one.
_BROWSERS = (
    ("Firefox/", "Firefox"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A program's key, without the key."""

    id: int
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


TOKEN_PREFIX = "grt_"  # noqa: S105  (what tokens look like, so that scanners find lost ones)

LONGEST_SESSION = timedelta(days=30)
"""However busy a browser is, its user then signs in again."""

SEEN_EVERY = timedelta(minutes=1)
"""How often use of a session or token is written down, at most."""

GOOD_FOR = {Purpose.SET_UP: timedelta(days=7), Purpose.SIGN_IN: timedelta(hours=1)}
"""How long a one-time link works."""

SHORTEST, LONGEST = 15, 128
"""Characters in a password: NIST SP 800-63B-4 for passwords without a second factor."""

_ENOUGH = 8
"""Steps, see `_weight`: far fewer than any phrase of the least length has."""
_A_WORD = 4
"""Characters: shorter names stand in too many words to count against a password."""


def session_end(created_at: datetime, now: datetime, *, idle_days: int) -> datetime:
    """When a session used at `now` ends unless it is used again."""
    return min(created_at + LONGEST_SESSION, now + timedelta(days=idle_days))


def digest(secret: str) -> bytes:
    """What we keep of a 256-bit secret: enough to recognise it, not to use it."""
    return hashlib.sha256(secret.encode()).digest()


def email_key(address: str) -> str:
    """The form in which two spellings of one address are equal."""
    visible = "".join(filter(str.isprintable, address))
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def password_refusal(password: str, *, about: Iterable[str]) -> str | None:
    """Why `password` cannot be used, as a sentence; None when it can.

    `about` is what an attacker knows of its owner: address and name. Any characters will
    do, and none are demanded.
    """
    length = len(normal(password))
    if length < SHORTEST:
        return f"The password has {length} characters; it needs at least {SHORTEST}."
    if length > LONGEST:
        return f"The password has {length} characters; {LONGEST} are the most."
    if _weight(password, about) < _ENOUGH:
        return "The password is made of well-known words, your name or rows of keys."
    return None


def normal(password: str) -> str:
    """The one spelling of `password` that is hashed, whatever keyboard it came from."""
    return unicodedata.normalize("NFC", password)


def _weight(password: str, about: Iterable[str]) -> int:
    """How many steps from one character to the next are not to be expected.

    Known words are taken out; then steps in a row (aaa, 123, cba) and repeated ones (ada ada)
    do not count.
    """
    own = {_folded(part) for each in about for part in (each, *re.split(r"[\s@.]+", each))}
    known = sorted((word for word in own | WORDS if len(word) >= _A_WORD), key=len, reverse=True)
    rest = [_folded(password)]
    for word in known:
        rest = [piece for text in rest for piece in text.split(word)]
    steps = {step for piece in rest for step in pairwise(piece)}
    return sum(abs(ord(one) - ord(two)) > 1 for one, two in steps)


def _folded(text: str) -> str:
    return re.sub(r"[\s._-]+", "", unicodedata.normalize("NFKC", text).casefold())


def network(host: str | None) -> str:
    """The network of an address, as far as one attacker commands it: IPv4 /24, IPv6 /48."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = 24 if isinstance(address, IPv4Address) else 48
    return str(ip_network((address, bits), strict=False))
