"""Our webhook at Cal.com: what it should be, and what is wrong with the one that is there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
