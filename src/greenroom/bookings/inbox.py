"""Bookings that belong to no interview, with who it may be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from greenroom.bookings import guesses, inbox_store, store
from greenroom.bookings.guesses import Guess
from greenroom.bookings.inbox_store import Heard, Place
from greenroom.bookings.match import Kept
from greenroom.bookings.model import Attendee, Uid, seat_of
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import EventType

COUNTED = 100
"""The count beside the word stops here: "99+"."""
PAST = timedelta(days=30)
"""How long a booking that is over stays in the inbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A booking, or one seat of it, that belongs to no interview.

    `seat` is "" for a booking as a whole, `guest` whoever sits there as far as Cal.com tells.
    `ignored` is who set it aside, and when.
    """

    kept: Kept
    seat: str
    guest: Attendee | None
    event_type: EventType | None
    heard: Heard | None
    guesses: Sequence[Guess] = ()
    ignored: tuple[str, datetime] | None = None

    @property
    def place(self) -> Place:
        """Where it is in the list."""
        assert self.kept.booking.starts_at is not None  # what has no time is not listed
        return (self.kept.booking.starts_at, *self.kept.key)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the list, and where the next page begins; None at the end."""

    items: Sequence[Unmatched]
    next: Place | None


async def ahead(
    tx: Transaction, *, now: datetime, after: Place | None = None, limit: int = 20
) -> Page:
    """So many bookings that stand and are not over, soonest first, with suggestions."""
    keys = await inbox_store.ahead(tx, now, after=after, limit=limit + 1)
    items = await _free(tx, keys[:limit])
    return Page(items, items[-1].place if len(keys) > limit and items else None)


async def over(
    tx: Transaction, *, now: datetime, after: Place | None = None, limit: int = 20
) -> Page:
    """So many of those that ended within 30 days, the latest first, with suggestions."""
    keys = await inbox_store.over(tx, now - PAST, now, after=after, limit=limit + 1)
    items = await _free(tx, keys[:limit])
    return Page(items, items[-1].place if len(keys) > limit and items else None)


async def ignored(tx: Transaction, *, after: Place | None = None, limit: int = 20) -> Page:
    """So many of those a person set aside, the latest first."""
    found = await inbox_store.ignored(tx, after=after, limit=limit + 1)
    shown = dict(list(found.items())[:limit])
    kept = await store.get(tx, {key for key, _ in shown})
    listed = [(kept[key], seat) for key, seat in shown if key in kept]
    every = await _described(tx, listed)
    items = [replace(each, ignored=shown[each.kept.key, each.seat]) for each in every]
    if len(found) <= limit:
        return Page(items, None)
    (key, _), (_, at) = list(shown.items())[-1]
    return Page(items, (at, *key))


async def count(tx: Transaction, *, now: datetime) -> int:
    """How many stand and are not over; no further than `COUNTED`."""
    return await inbox_store.count(tx, now, most=COUNTED)


async def one(tx: Transaction, key: Uid, seat: str = "") -> Unmatched:
    """The booking with suggestions, whosever it is now. Raises NotFound."""
    kept = (await store.get(tx, [key])).get(key)
    if kept is None:
        raise NotFound(
            "There is no such booking here.",
            do="Go back to Unmatched; it may be known by another name meanwhile.",
        )
    there = _seats(kept)
    wanted = seat_meant(kept, seat) or (there[0] if len(there) == 1 else "")
    (found,) = await _with_guesses(tx, await _described(tx, [(kept, wanted)]))
    set_aside = await inbox_store.set_aside(tx, [key])
    return replace(found, ignored=set_aside.get((key, wanted)))


def seat_meant(kept: Kept, address: str) -> str:
    """The seat a person speaks of by that address; without one the only seat there is."""
    seats = kept.booking.seats
    seat = seat_of(address)
    return seats[0] if not seat and len(seats) == 1 else seat


async def _free(tx: Transaction, keys: Sequence[Uid]) -> Sequence[Unmatched]:
    """What of these bookings belongs to no interview: they as a whole, or some of their seats."""
    kept = await store.get(tx, keys)
    settled = await inbox_store.set_aside(tx, keys)
    listed = [
        (kept[key], seat)
        for key in keys
        for seat in _seats(kept[key])
        if kept[key].match_of(seat) is None and (key, seat) not in settled
    ]
    return await _with_guesses(tx, await _described(tx, listed))


async def _with_guesses(tx: Transaction, every: Sequence[Unmatched]) -> Sequence[Unmatched]:
    found = await guesses.gather(tx, [(each.kept, each.guest) for each in every])
    return [replace(each, guesses=some) for each, some in zip(every, found, strict=True)]


async def _described(tx: Transaction, listed: Sequence[tuple[Kept, str]]) -> Sequence[Unmatched]:
    offered = await event_types.offered(tx)
    heard = await inbox_store.first_heard(tx, [kept.key for kept, _ in listed])
    return [
        Unmatched(
            kept=kept,
            seat=seat,
            guest=_guest(kept, seat),
            event_type=next((each for each in offered if guesses.is_of(kept, each)), None),
            heard=heard.get(kept.key),
        )
        for kept, seat in listed
    ]


def _seats(kept: Kept) -> Sequence[str]:
    """Those somebody has now; "" for a booking as a whole."""
    if not kept.booking.seated:
        return [""]
    return list(dict.fromkeys(seat_of(each.email) for each in kept.booking.attendees)) or [""]


def _guest(kept: Kept, seat: str) -> Attendee | None:
    people = kept.booking.attendees
    return next((each for each in people if not seat or seat_of(each.email) == seat), None)
