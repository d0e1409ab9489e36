"""When somebody can be booked. Pure."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calcom_simulator.model import Booking, EventType, Hours
from calcom_simulator.world import World, overlapping

_END_OF_DAY = time(23, 59)  # as Cal.com's schedules spell midnight


def openings(
    world: World,
    kind: EventType,
    first: datetime,
    last: datetime,
    *,
    minutes: int | None = None,
    ignoring: str | None = None,
) -> list[datetime]:
    """Every free start in [first, last), in UTC. `ignoring`: a booking about to be moved."""
    length = timedelta(minutes=minutes or kind.minutes)
    earliest = max(first, world.now() + timedelta(minutes=kind.notice_minutes))
    busy = _busy(world, kind, first, last + length, ignoring)
    return [
        start
        for opens, closes in _days(_hours(world, kind), first, last)
        for start in _steps(opens, closes, length)
        if earliest <= start < last and _fits(kind, busy, start, start + length)
    ]


def is_open(world: World, kind: EventType, start: datetime, end: datetime) -> bool:
    """Whether the time lies within the hours of its owner."""
    return any(
        opens <= start and end <= closes for opens, closes in _days(_hours(world, kind), start, end)
    )


def is_free(
    world: World, kind: EventType, start: datetime, end: datetime, ignoring: str | None = None
) -> bool:
    """Whether the host has nothing else then; a seat in the same slot is as good as free."""
    return _fits(kind, _busy(world, kind, start, end, ignoring), start, end)


def seated_booking(world: World, kind: EventType, start: datetime) -> Booking | None:
    """The booking whose seats this slot offers."""
    mine = (one for one in world.bookings.values() if one.event_type_id == kind.id and one.is_on)
    return next((one for one in mine if kind.seats and one.start == start), None)


def _hours(world: World, kind: EventType) -> Hours:
    return world.users[kind.owner_id].hours


def _busy(
    world: World, kind: EventType, start: datetime, end: datetime, ignoring: str | None
) -> list[Booking]:
    needed = set(world.hosts(kind))
    theirs = (one for one in world.bookings.values() if needed & _held_by(world, one))
    return [one for one in overlapping(theirs, start, end) if one.uid != ignoring]


def _held_by(world: World, booking: Booking) -> set[int]:
    kind = world.event_types.get(booking.event_type_id)  # which may be deleted by now
    return {booking.user_id, *(world.hosts(kind) if kind else ())}


def _fits(kind: EventType, busy: list[Booking], start: datetime, end: datetime) -> bool:
    return all(_has_seat(kind, one, start) for one in overlapping(busy, start, end))


def _has_seat(kind: EventType, booking: Booking, start: datetime) -> bool:
    return (
        kind.seats is not None
        and booking.event_type_id == kind.id
        and booking.start == start
        and len(booking.attendees) < kind.seats.per_slot
    )


def _days(hours: Hours, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(hours.zone)
    day: date = first.astimezone(zone).date() - timedelta(days=1)
    while day <= last.astimezone(zone).date():
        if day.weekday() in hours.days:
            late = hours.closes >= _END_OF_DAY
            evening = datetime.combine(
                day + timedelta(days=late), time(0) if late else hours.closes, zone
            )
            yield datetime.combine(day, hours.opens, zone).astimezone(UTC), evening.astimezone(UTC)
        day += timedelta(days=1)


def _steps(opens: datetime, closes: datetime, length: timedelta) -> Iterator[datetime]:
    start = opens
    while start + length <= closes:
        yield start
        start += length
