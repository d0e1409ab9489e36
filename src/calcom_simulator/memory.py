"""What a world remembers, and what goes wrong around it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calcom_simulator.chaos import CALM, Chaos
from calcom_simulator.editions import Edition
from calcom_simulator.model import (
    Booking,
    Delivery,
    EventType,
    MeetingAlarm,
    PrivateLink,
    Team,
    User,
    Webhook,
)
from calcom_simulator.rate import RateLimit


@dataclass
class Faults:
    """What goes wrong between Cal.com and those who listen or ask."""

    webhooks_on: bool = True
    drop_next: int = 0
    api_next: list[str] = field(default_factory=list)
    """What befalls the next API requests, in order; see `chaos.hazards`."""
    chaos: Chaos = CALM


@dataclass
class Memory:
    """What a world must be told to go on where it was; `public_url` it is told anew."""

    seed: int
    edition: Edition
    offset: timedelta
    last_stamp: datetime
    numbers: dict[str, int]
    users: dict[int, User]
    teams: dict[int, Team]
    event_types: dict[int, EventType]
    links: dict[str, PrivateLink]
    bookings: dict[str, Booking]
    webhooks: dict[str, Webhook]
    alarms: list[MeetingAlarm]
    deliveries: list[Delivery]
    rate: RateLimit
    faults: Faults
