"""What the doctor finds. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Light(StrEnum):
    """How one thing is. Values are stored: never rename one."""

    GREEN = "green"
    OFF = "off"
    """It does not apply here, or cannot be known yet."""
    AMBER = "amber"
    """It works, and something about it wants doing."""
    RED = "red"
    """Bookings go unseen, or soon will, until somebody acts."""

    @property
    def label(self) -> str:
        """In a word that stands beside the colour."""
        return _LABELS[self]


_LABELS = {
    Light.GREEN: "Well",
    Light.OFF: "Not yet",
    Light.AMBER: "Look here",
    Light.RED: "Broken",
}


class Area(StrEnum):
    """What a check is about, in the order of the page."""

    CALCOM = "Cal.com"
    WEBHOOK = "Webhook"
    ADDRESS = "Address"
    DELIVERIES = "Deliveries"
    WORK = "Background work"
    MAIL = "Mail"
    DATABASE = "Database"
    SAFETY = "Safety"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found about one thing: all of the installation, or one connection.

    `what` is a sentence about how it is; `do`, empty where nothing is to be done, is the exact
    fix. `offer` is the word on the button that mends it, None where Greenroom cannot.
    `is_unanswered`: it was asked about and there was no answer, so what was found before stands.
    """

    light: Light
    what: str
    do: str = ""
    offer: str | None = None
    connection_id: int | None = None
    is_unanswered: bool = False


_ORDER = (Light.OFF, Light.GREEN, Light.AMBER, Light.RED)


def worst(lights: Iterable[Light]) -> Light:
    """The one that a person should look at first; OFF says nothing."""
    return max(lights, key=_ORDER.index, default=Light.OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found when it last looked. `since`: its light has been that one.

    `unanswered_since`: all looks since then had no answer; the finding is the last one before.
    """

    check_id: str
    finding: Finding
    since: datetime
    looked_at: datetime
    unanswered_since: datetime | None = None


def worst_first(found: Iterable[Found]) -> Sequence[Found]:
    """As a person should read them; those of one light stay in their order."""
    return sorted(found, key=lambda each: _ORDER.index(each.finding.light), reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A sign of life of one part of the background work, of one process."""

    part: str
    process: str
    at: datetime
