"""Taking a slot: once, in a series, or one seat of it; and paying for it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from calcom_simulator import payloads
from calcom_simulator.meetings import set_alarms
from calcom_simulator.model import (
    JSON,
    SOURCE_API,
    Attendee,
    Booking,
    EventType,
    Happening,
    Refused,
    Status,
)
from calcom_simulator.pieces import title
from calcom_simulator.slots import is_free, is_open, seated_booking
from calcom_simulator.world import World

_STEPS = {"daily": 1, "weekly": 7, "monthly": 28, "yearly": 364}
TAKEN = "User either already has booking at this time or is not available"


@dataclass(frozen=True)
class Wish:
    """What somebody fills in to book. `start` is UTC; `link` a private link's hash."""

    event_type_id: int
    start: datetime
    name: str
    email: str
    zone: str
    language: str = "en"
    phone: str | None = None
    guests: tuple[str, ...] | None = None
    responses: JSON = field(default_factory=dict)
    metadata: JSON = field(default_factory=dict)
    location: str | None = None
    minutes: int | None = None
    link: str | None = None
    source: str = SOURCE_API


def book(world: World, wish: Wish) -> Happening[Booking]:
    """Take a slot. Raises Refused if it is not to be had."""
    kind = world.event_type(wish.event_type_id)
    check(world, kind, wish)
    booking = new_row(world, kind, wish)
    yield from announce_new(world, booking)
    use_link(world, booking)
    return booking


def book_series(world: World, wish: Wish, occurrences: int) -> Happening[list[Booking]]:
    """Take the same slot several times; every occurrence is told by itself."""
    kind = world.event_type(wish.event_type_id)
    assert kind.recurrence is not None
    every = timedelta(days=_STEPS[kind.recurrence.frequency] * kind.recurrence.interval)
    local = wish.start.astimezone(
        ZoneInfo(world.users[kind.owner_id].zone)
    )  # the same hour on the host's clock
    starts = [(local + every * turn).astimezone(UTC) for turn in range(occurrences)]
    wishes = [replace(wish, start=start) for start in starts]
    for one in wishes:
        check(world, kind, one)
    series_uid = world.new_uuid()
    taken = []
    for one in wishes:
        booking = new_row(world, kind, one, series_uid=series_uid)
        yield from announce_new(world, booking)
        taken.append(booking)
    use_link(world, taken[0])
    return taken


def take_seat(world: World, wish: Wish) -> Happening[tuple[Booking, Attendee]]:
    """Take one seat: the first makes the booking, the next ones join it."""
    kind = world.event_type(wish.event_type_id)
    shared = seated_booking(world, kind, wish.start)
    if shared is not None and any(one.email == wish.email for one in shared.attendees):
        raise Refused.bad_request("Already signed up for this booking.")
    check(world, kind, wish)
    seat = new_seat(world, wish)
    if shared is None:
        shared = new_row(world, kind, wish, seat=seat)
        set_alarms(world, shared)
    else:
        shared.attendees.append(seat)
    yield payloads.booked(world, shared, "BOOKING_CREATED", seat=seat)
    settle(world, shared)
    use_link(world, shared)
    return shared, seat


def pay(world: World, uid: str) -> Happening[Booking]:
    """Pay for a booking that waits for it: BOOKING_PAID, then what booking it tells."""
    booking = world.booking(uid)
    if booking.payment_id is None or booking.paid or booking.status is not Status.PENDING:
        raise Refused.bad_request("There is nothing to pay for this booking.")
    external = world.new_uuid()
    yield payloads.paid(world, booking, "BOOKING_PAID", external)
    booking.paid = True
    waits = world.kind(booking).needs_confirmation
    if not waits:
        booking.status = Status.ACCEPTED
        set_alarms(world, booking)
    world.touch(booking)
    if waits:
        yield payloads.booked(world, booking, "BOOKING_REQUESTED")
    else:
        yield payloads.paid(world, booking, "BOOKING_CREATED", external)
    return booking


# Steps that changing a booking takes too


def check(world: World, kind: EventType, wish: Wish, *, ignoring: str | None = None) -> None:
    """Refuse what is past, taken, outside the hours, or behind a used-up private link."""
    end = wish.start + timedelta(minutes=wish.minutes or kind.minutes)
    if wish.start < world.now():
        raise Refused.bad_request("Attempting to book a meeting in the past.")
    free = is_free(world, kind, wish.start, end, ignoring)
    if not (free and is_open(world, kind, wish.start, end)):
        raise Refused.bad_request(TAKEN)
    if wish.link is not None:
        link = world.links.get(wish.link)
        if link is None or link.is_expired(world.now()):
            raise Refused.bad_request("Private link has expired or was used up.")


def new_row(
    world: World,
    kind: EventType,
    wish: Wish,
    *,
    seat: Attendee | None = None,
    series_uid: str | None = None,
    replaces: Booking | None = None,
    accepted: bool | None = None,
) -> Booking:
    """Keep a booking. `accepted` unset: as the event type has it."""
    if accepted is None:
        accepted = not kind.needs_confirmation and not kind.price
    people = [seat] if seat else _people(world, wish)
    uid = world.new_uid()
    booking = Booking(
        id=world.number("booking"),
        uid=uid,
        user_id=kind.owner_id,
        event_type_id=kind.id,
        title=title(world, kind, people[0]),
        description=None if seat else str(wish.responses.get("notes") or ""),
        start=wish.start,
        end=wish.start + timedelta(minutes=wish.minutes or kind.minutes),
        status=Status.ACCEPTED if accepted else Status.PENDING,
        location=wish.location or place(kind),
        attendees=people,
        created_at=world.stamp(),
        ical_uid=f"{world.new_uid() if seat else uid}@Cal.com",
        source=wish.source,
        responses={} if seat else _who(wish) | wish.responses,
        metadata={} if seat else dict(wish.metadata),
        series_uid=series_uid,
        private_link=wish.link,
        one_time_password=None if accepted else world.new_uuid(),
        payment_id=world.number("payment") if kind.price and replaces is None else None,
        idempotency_key=world.new_uuid() if accepted else None,
    )
    if replaces is not None:
        booking.from_uid, booking.ical_uid = replaces.uid, replaces.ical_uid
        booking.ical_sequence = replaces.ical_sequence + 1
        booking.payment_id, booking.paid = replaces.payment_id, replaces.paid
    world.add_booking(booking)
    return booking


def announce_new(world: World, booking: Booking) -> Happening[None]:
    """Tell of a booking just made, under the name its status and its price ask for."""
    if booking.status is Status.ACCEPTED:
        set_alarms(world, booking)
        trigger = "BOOKING_CREATED"
    elif world.kind(booking).price:
        trigger = "BOOKING_PAYMENT_INITIATED"
    else:
        trigger = "BOOKING_REQUESTED"
    yield payloads.booked(world, booking, trigger)
    settle(world, booking)


def settle(world: World, booking: Booking) -> None:
    """The row is saved once more after the deliveries, where Cal.com is known to do so."""
    if world.edition.updated_at == "at_once" and booking.updated_at is None:
        world.touch(booking)


def use_link(world: World, booking: Booking) -> None:
    """Count one use of the private link: only now, so two bookers at once both get in."""
    link = world.links.get(booking.private_link or "")
    if link is not None and link.max_uses is not None:
        link.uses += 1


def place(kind: EventType) -> str:
    """Where it takes place, if the booker does not say."""
    first = kind.locations[0] if kind.locations else {"type": "integration"}
    for word in ("address", "link", "phone"):
        if first.get(word):
            return str(first[word])
    app = first.get("integration", "cal-video")
    return f"integrations:{'daily' if app == 'cal-video' else app}"


def _people(world: World, wish: Wish) -> list[Attendee]:
    booker = Attendee(
        world.number("attendee"), wish.name, wish.email, wish.zone, wish.language, wish.phone
    )
    guests = [
        Attendee(world.number("attendee"), "", email, wish.zone, wish.language)
        for email in wish.guests or ()
    ]
    return [booker, *guests]


def new_seat(world: World, wish: Wish) -> Attendee:
    """Somebody on a seat of their own, with their own answers and metadata."""
    (booker,) = _people(world, replace(wish, guests=None))
    booker.seat_uid = world.new_uuid()
    booker.responses = _who(wish) | wish.responses | {"guests": list(wish.guests or ())}
    booker.metadata = dict(wish.metadata)
    return booker


def _who(wish: Wish) -> JSON:
    phone = {"attendeePhoneNumber": wish.phone} if wish.phone else {}
    return {"name": wish.name, "email": wish.email, **phone}
