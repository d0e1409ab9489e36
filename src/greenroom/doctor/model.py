"""What the doctor finds. Pure."""

from dataclasses import dataclass
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
    """

    light: Light
    what: str
    do: str = ""
    offer: str | None = None
    connection_id: int | None = None


def worst(lights: "list[Light] | tuple[Light, ...]") -> Light:
    """The one that a person should look at first; OFF says nothing."""
    order = (Light.OFF, Light.GREEN, Light.AMBER, Light.RED)
    return max(lights, key=order.index, default=Light.OFF)
