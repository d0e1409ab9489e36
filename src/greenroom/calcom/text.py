"""Reading Cal.com's JSON, strictly and in one place: what comes out is clean and in range. Pure.

Whoever books chooses the texts in it, and Cal.com signs them: nothing here may be trusted to
be short, printable, a date or even there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import accumulate
from typing import NoReturn

from greenroom.bookings.model import Attendee, Host, Status
from greenroom.errors import GreenroomError

NAME = 200
TITLE = 300
LOCATION = 1_000
REASON = 2_000
ADDRESS = 320
ZONE = 100
"""Characters kept of each kind of text. An address that is longer does not count."""

STATUSES = {
    "accepted": Status.CONFIRMED,
    "pending": Status.REQUESTED,
    "awaiting_host": Status.REQUESTED,
    "cancelled": Status.CANCELLED,
    "rejected": Status.DECLINED,
}
"""Cal.com's words, in small letters: webhooks shout them."""

OUR_FIELD = "greenroom"
"""Under this name our token travels, in a booking's metadata and among its answers."""

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000
MAX_DIGITS = 32

MOST = 2**63 - 1
"""The largest number a bigint column takes."""

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2101, 1, 1, tzinfo=UTC)

# A string, also one that never ends: without that, quotes in a hostile body cost n squared.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))
_BLANK = re.compile(r"[\t\n\v\f\r]+")
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNFIT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MOMENT = re.compile(
    "(?:19[7-9][0-9]|20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+=~-]{0,199}")
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


class Unreadable(GreenroomError):
    """Cal.com sent something we cannot use; the message names the field."""

    status = 422

    def __init__(self, why: str) -> None:
        super().__init__(
            f"Cal.com sent something Greenroom cannot read: {why}.",
            do="Greenroom asks Cal.com again by itself; if this stays, update Greenroom.",
        )
        self.why = why


def document(body: bytes) -> object:
    """The JSON value in `body`. Raises Unreadable, also for JSON that is legal but hostile."""
    if len(body) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES // 1024} KiB")
    _survey(body)
    try:
        # json alone keeps a lone surrogate, which `clean` mends; others refuse the whole body.
        return json.loads(
            body.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_whole
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON") from error


def _survey(body: bytes) -> None:
    """Count what the parser would have to build, before it does."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= MAX_DEPTH and opened + body.count(b",") < MAX_VALUES:
        return  # even if none of them stood in a text
    bare = _STRING.sub(b"", body)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") >= MAX_VALUES:
        raise Unreadable(f"it has more than {MAX_VALUES} values")
    brackets = bare.translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _whole(digits: str) -> int:
    return int(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > MAX_DIGITS:
        raise Unreadable(f"a number in it has more than {MAX_DIGITS} characters")
    return digits


def _finite(digits: str) -> float:
    number = float(_short(digits))
    if number in {float("inf"), float("-inf")}:
        _refuse(digits)
    return number


def clean(text: str, limit: int, *, lines: bool = False) -> str:
    """At most `limit` characters of `text`, without what databases, logs and letters choke on.

    `lines` keeps line breaks and tabs; else they become spaces.
    """
    kept = text.strip()[:limit].rstrip()
    if lines:
        return _UNFIT_LINES.sub("\ufffd", kept.replace("\r\n", "\n"))
    return _UNFIT.sub("\ufffd", _BLANK.sub(" ", kept))


class Fields:
    """A JSON object, read field by field. A field of the wrong kind reads as one not there.

    `path` is where the object was found, for messages; "" for the outermost.
    """

    def __init__(self, given: Mapping[str, object], path: str = "") -> None:
        self._given = given
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def text(self, name: str, limit: int, *, lines: bool = False) -> str | None:
        """Clean text; None for none, or only blanks."""
        value = self._given.get(name)
        return (clean(value, limit, lines=lines) or None) if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A positive whole number of at most 63 bits."""
        value = self._given.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return value if 0 < value <= MOST else None

    def flag(self, name: str) -> bool | None:
        """True or False, when it is one of them."""
        value = self._given.get(name)
        return value if isinstance(value, bool) else None

    def uid(self, name: str) -> str | None:
        """A booking's uid, fit for an address and an index."""
        return self._exactly(name, _UID)

    def token(self, name: str) -> str | None:
        """A token like ours; also as the answer to a booking field, {label, value}."""
        value = self._given.get(name)
        if isinstance(value, dict):
            return Fields(value).token("value")
        return self._exactly(name, _TOKEN)

    def address(self, name: str) -> str | None:
        """Something like an e-mail address. One that would have to be cut or mended is none."""
        value = self._given.get(name)
        if not isinstance(value, str) or len(value) > ADDRESS or _UNFIT.search(value.strip()):
            return None
        return value.strip() if _ADDRESS.fullmatch(value.strip()) else None

    def moment(self, name: str) -> datetime:
        """A moment from 1970 to 2100, in UTC. Raises Unreadable."""
        value = self._given.get(name)
        if value is None:
            self.refuse(name, "is missing")
        found = self.moment_if_any(name)
        if found is None:
            self.refuse(name, "is not a moment between 1970 and 2100 with its zone")
        return found

    def moment_if_any(self, name: str) -> datetime | None:
        """A moment as `moment` reads it; None for anything else."""
        value = self._given.get(name)
        if not isinstance(value, str) or not _MOMENT.fullmatch(value):
            return None
        try:
            found = datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            return None
        return found if _BEGIN <= found < _END else None

    def within(self, name: str) -> "Fields":
        """The object of that name; an empty one where there is none."""
        value = self._given.get(name)
        return Fields(value if isinstance(value, dict) else {}, f"{self._path}{name}.")

    def each(self, name: str) -> Iterator["Fields"]:
        """The objects in the list of that name."""
        value = self._given.get(name)
        for place, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, dict):
                yield Fields(item, f"{self._path}{name}.{place}.")

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise Unreadable about the field of that name."""
        raise Unreadable(f"{self._path}{name} {why}")

    def _exactly(self, name: str, pattern: re.Pattern[str]) -> str | None:
        value = self._given.get(name)
        return value if isinstance(value, str) and pattern.fullmatch(value) else None


def attendees(given: Fields, name: str) -> tuple[Attendee, ...]:
    """The people in the list of that name who have an address."""
    return tuple(
        Attendee(
            email=address,
            name=person.text("name", NAME) or "",
            zone=person.text("timeZone", ZONE),
            absent=person.flag("absent") or False,
        )
        for person in given.each(name)
        if (address := person.address("email")) is not None
    )


def host(person: Fields) -> Host | None:
    """Who holds the meeting; None without an address."""
    address = person.address("email")
    if address is None:
        return None
    return Host(
        name=person.text("name", NAME) or address, email=address, zone=person.text("timeZone", ZONE)
    )
