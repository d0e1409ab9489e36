"""Our webhook at Cal.com: what it should be, and what is wrong with the one that is there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

EVENTS = (
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_PAID",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_NO_SHOW_UPDATED",
)
"""Events that every Cal.com knows."""
NEWER_EVENTS = ("BOOKING_LOCATION_UPDATED", "BOOKING_REASSIGNED")
"""Events that older instances refuse to hear of, with all the others."""
VERSIONS = frozenset({"2021-10-20", "2026-07-27"})
"""Of a webhook's bodies, as far as Greenroom has read them; older instances name none."""
BEST_VERSION = "2021-10-20"
"""What a webhook of another version is set to: every Cal.com that has versions has this one."""

_LONGEST = 200
"""Characters of somebody's address that are shown."""


class Flaw(StrEnum):
    """What can be wrong with a webhook that has our address."""

    OFF = "off"
    EVENTS = "events"
    TEMPLATE = "template"
    SECRET = "secret"  # noqa: S105  (the name of a flaw)
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A webhook as Cal.com has it. `version` is None where the instance names none."""

    id: str
    url: str
    active: bool
    events: frozenset[str]
    secret: str | None = field(repr=False)
    has_template: bool
    version: str | None


def read(rows: Sequence[Mapping[str, Any]]) -> Sequence[Subscription]:
    """The subscriptions in Cal.com's answer; what is none is left out."""
    return [
        Subscription(
            id=str(row["id"]),
            url=str(row["subscriberUrl"]),
            active=row.get("active") is True,
            events=frozenset(str(each) for each in row.get("triggers") or ()),
            secret=row.get("secret") if isinstance(row.get("secret"), str) else None,
            has_template=bool(row.get("payloadTemplate")),
            version=row.get("version") if isinstance(row.get("version"), str) else None,
        )
        for row in rows
        if row.get("id") and row.get("subscriberUrl")
    ]


def flaws(found: Subscription, secret: str) -> frozenset[Flaw]:
    """What keeps it from telling us everything, signed with `secret`."""
    wrong = {
        Flaw.OFF: not found.active,
        Flaw.EVENTS: not set(EVENTS) <= found.events,
        Flaw.TEMPLATE: found.has_template,
        Flaw.SECRET: found.secret != secret,
        Flaw.VERSION: found.version is not None and found.version not in VERSIONS,
    }
    return frozenset(flaw for flaw, is_wrong in wrong.items() if is_wrong)


def ours(
    there: Sequence[Subscription], url: str, known_id: str | None, secret: str
) -> Sequence[Subscription]:
    """Those that are ours, the one to keep first: it has our address, or the id that we know.

    Where there is neither, one at our path that our own secret signs: we made it, and its id was
    lost on the way.
    """
    mine = [each for each in there if each.url == url]
    mine += [each for each in there if each.url != url and each.id == known_id]
    if mine:
        return mine
    path = urlsplit(url).path
    return [each for each in there if each.secret == secret and _path(each.url) == path][:1]


def elsewhere(
    there: Sequence[Subscription], url: str, our_own: Sequence[Subscription]
) -> Sequence[Subscription]:
    """Those that deliver to another Greenroom: they have our path at another address."""
    path = urlsplit(url).path
    return [
        each
        for each in there
        if each not in our_own and each.active and each.url != url and _path(each.url) == path
    ]


def shown(url: str) -> str:
    """The address as anybody may read it: what stands beside host and path may be a password."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an address that cannot be read"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    before = "…@" if "@" in parts.netloc else ""
    after = "?…" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{before}{host}{port}{parts.path}{after}"[:_LONGEST]


def origin(url: str) -> str:
    """Whose address it is, without the path, as anybody may read it."""
    return "/".join(shown(url).split("/")[:3])


def _path(url: str) -> str | None:
    try:
        return urlsplit(url).path
    except ValueError:  # people type addresses into Cal.com
        return None
