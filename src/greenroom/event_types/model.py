"""What can be booked: a template mirrored from Cal.com, or entered by hand. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A bookable template. `calcom_id` is None for one entered by hand (no API key).

    `is_offered`: Cal.com has it. `is_chosen`: people here want to send it.
    """

    id: int
    connection_id: int
    calcom_id: int | None
    slug: str
    title: str
    length_minutes: int
    booking_url: str
    requires_confirmation: bool = False
    is_offered: bool = True
    is_chosen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An event type as Cal.com, or a person, describes it now."""

    calcom_id: int | None
    slug: str
    title: str
    length_minutes: int
    booking_url: str
    requires_confirmation: bool = False
