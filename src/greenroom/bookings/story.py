"""What each fact about a booking changed, told as a person would tell it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from greenroom.bookings.fold import fold
from greenroom.bookings.model import Attendee, Booking, Fact, Status, order

Words = tuple[str | datetime, ...]
"""A sentence in pieces: its times are put into the reader's zone where it is shown."""

MOST = 100
"""Facts about one booking that are told one by one; what older ones said is where that begins."""


class Effect(StrEnum):
    """What a fact did when we heard it. Values are the API's: never rename one."""

    NEWS = "news"
    NOTHING_NEW = "nothing_new"
    NEWER_STAND = "newer_facts_stand"

    @property
    def label(self) -> str:
        """The same in words."""
        return _LABELS[self]


_LABELS = {
    Effect.NEWS: "News",
    Effect.NOTHING_NEW: "Nothing new",
    Effect.NEWER_STAND: "Newer facts stand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one fact did. `before` and `after` are the booking's status in one word, as we knew it.

    `before` is None where it was the first to say any.
    """

    words: Words
    effect: Effect
    before: str | None
    after: str | None


def plain(words: Words) -> str:
    """The sentence with its times in UTC, for those who have no zone."""
    return "".join(
        each if isinstance(each, str) else f"{each:%Y-%m-%d %H:%M} UTC" for each in words
    )


def word(booking: Booking, *, is_moved: bool) -> str:
    """A booking's status in one word: "moved" when another has taken its place."""
    if is_moved:
        return "moved"
    return booking.status.value if booking.status else "unknown"


def who(booking: Booking) -> str:
    """Whoever booked, by name, else by address."""
    return next(map(_name, booking.attendees), "somebody")


def steps(
    heard: Sequence[tuple[Fact, datetime]],
    starts: Mapping[str, datetime | None],
    *,
    is_moved: bool,
) -> Mapping[Fact, Step]:
    """What each of these facts about one booking changed when we heard it: the newest `MOST`.

    Each comes with the time we first heard it; `starts` are starts of bookings by uid, to tell of
    moves.
    """
    ranked = sorted(heard, key=lambda each: (each[1], order(each[0])))
    facts = [fact for fact, _ in ranked]
    begin = max(0, len(facts) - MOST)
    before = _counted(fold(facts[:begin]), is_moved=is_moved) if begin else None
    found: dict[Fact, Step] = {}
    for number, fact in enumerate(facts[begin:], begin):
        after = _counted(fold(facts[: number + 1]), is_moved=is_moved)
        found[fact] = _step(before, after, fact, starts)
        before = after
    return found


def _counted(booking: Booking, *, is_moved: bool) -> Booking:
    """Without claims of its successors where they do not count, as `chains.moved` has it."""
    if is_moved and booking.is_moved:
        return booking
    return replace(booking, replaced_by=frozenset())


def _word(booking: Booking) -> str:
    return word(booking, is_moved=bool(booking.replaced_by))


def _step(
    before: Booking | None,
    after: Booking,
    fact: Fact,
    starts: Mapping[str, datetime | None],
) -> Step:
    sentences = [each for each in _sentences(before, after, fact, starts) if each]
    effect = Effect.NEWS if sentences else Effect.NOTHING_NEW
    words = _joined(sentences) or _same(after, fact)
    if not sentences and _is_past(fact, after):
        effect, words = Effect.NEWER_STAND, _once(fact)
    return Step(
        words=words,
        effect=effect,
        before=_word(before) if before and before.status else None,
        after=_word(after) if after.status else None,
    )


def _is_past(fact: Fact, after: Booking) -> bool:
    """Whether it says of status or time what is not so: something newer was known already."""
    return fact.status not in {None, after.status} or fact.starts_at not in {None, after.starts_at}


def _once(fact: Fact) -> Words:
    said = fact.status.value if fact.status else "booked"
    return (f"it was {said} for ", fact.starts_at) if fact.starts_at else (f"it was {said}",)


def _joined(sentences: Sequence[Words]) -> Words:
    found: Words = ()
    for each in sentences:
        found += ("; ", *each) if found else each
    return found


def _same(after: Booking, fact: Fact) -> Words:
    if fact.status is None or after.starts_at is None:
        return ("nothing about the time or the status",)
    return (f"still {_word(after)} for ", after.starts_at)


def _sentences(
    before: Booking | None, after: Booking, fact: Fact, starts: Mapping[str, datetime | None]
) -> Iterator[Words]:
    if before is None or (before.status is None and after.status is not None):
        yield _booked(after, starts)
    else:
        yield _status(before, after)
        yield _time(before, after)
        yield from _details(before, after, fact)
        yield from _came_from(before, after, starts)
    yield from _went_to(before, after, starts)
    yield from _absences(before, after)
    if after.reason and (before is None or before.reason != after.reason):
        yield (f"the reason given is “{after.reason}”",)


def _booked(after: Booking, starts: Mapping[str, datetime | None]) -> Words:  # noqa: PLR0911  (a sentence each)
    name, when = who(after), after.starts_at or "a time we do not know"
    old = next((at for uid in sorted(after.replaces) if (at := starts.get(uid))), None)
    match after.status:
        case Status.CONFIRMED if old:
            return (f"the booking of {name} was moved from ", old, " to ", when)
        case Status.CONFIRMED:
            return (f"{name} booked ", when, *_with(after))
        case Status.REQUESTED if old:
            move: Words = (" is to be moved from ", old, " to ", when)
            return (f"the booking of {name}", *move, "; the host must accept")
        case Status.REQUESTED:
            return (f"{name} asked for ", when, *_with(after), "; the host must accept")
        case Status.CANCELLED if after.replaced_by:
            return (f"{name} had booked ", when)
        case Status.CANCELLED if after.successor_expected:
            return (f"the booking of {name} for ", when, " was cancelled to find another time")
        case Status.CANCELLED:
            return (f"the booking of {name} for ", when, " was cancelled")
        case Status.DECLINED:
            return (f"the host declined {name} for ", when)
        case None:
            return ()


def _with(after: Booking) -> Words:
    return (f" with {after.host.name}",) if after.host and after.host.name else ()


def _status(before: Booking, after: Booking) -> Words:  # noqa: PLR0911  (a sentence each)
    if before.status is after.status:
        asked = after.successor_expected and not before.successor_expected
        return ("the host asked for another time",) if asked else ()
    when = after.starts_at or "a time we do not know"
    match after.status:
        case Status.CONFIRMED if before.status is Status.REQUESTED:
            return ("the host accepted ", when)
        case Status.CONFIRMED:
            return ("it is confirmed again for ", when)
        case Status.REQUESTED:
            return ("the host must accept ", when)
        case Status.CANCELLED if after.replaced_by:
            return ()
        case Status.CANCELLED if after.successor_expected:
            return ("cancelled to find another time; it was for ", when)
        case Status.CANCELLED:
            return ("cancelled; it was for ", when)
        case Status.DECLINED:
            return ("the host declined ", when)
        case None:
            return ("nothing is known of its status any more",)


def _time(before: Booking, after: Booking) -> Words:
    if before.starts_at == after.starts_at or after.starts_at is None:
        return ()
    if before.starts_at is None:
        return ("it is for ", after.starts_at)
    return ("the time changed from ", before.starts_at, " to ", after.starts_at)


def _details(before: Booking, after: Booking, fact: Fact) -> Iterator[Words]:
    if after.host and before.host and after.host.email != before.host.email:
        yield (f"{after.host.name or after.host.email} is the host now",)
    if after.location and after.location != before.location:
        yield (f"the place is {after.location}",)
    was = {_key(each): each for each in before.attendees}
    is_ = {_key(each): each for each in after.attendees}
    yield from ((f"{_name(each)} takes part",) for key, each in is_.items() if key not in was)
    left = [each for key, each in was.items() if key not in is_]
    gave_back = {address.strip().casefold() for address in fact.departed}
    for each in left:
        how = "gave the seat back" if _key(each) in gave_back else "takes no part any more"
        yield (f"{_name(each)} {how}",)


def _came_from(
    before: Booking, after: Booking, starts: Mapping[str, datetime | None]
) -> Iterator[Words]:
    for uid in sorted(after.replaces - before.replaces):
        old = starts.get(uid)
        yield ("it continues the booking of ", old) if old else ("it continues another booking",)


def _went_to(
    before: Booking | None, after: Booking, starts: Mapping[str, datetime | None]
) -> Iterator[Words]:
    for uid in sorted(after.replaced_by - (before.replaced_by if before else frozenset())):
        new = starts.get(uid)
        yield ("it was moved to ", new) if new else ("another booking has taken its place",)


def _absences(before: Booking | None, after: Booking) -> Iterator[Words]:
    was = {_key(each): each.absent for each in before.attendees} if before else {}
    for each in after.attendees:
        if each.absent != was.get(_key(each), False):
            yield (f"{_name(each)} was {'absent' if each.absent else 'there after all'}",)
    if after.host_absent != (before.host_absent if before else False):
        yield (f"the host was {'absent' if after.host_absent else 'there after all'}",)


def _name(attendee: Attendee) -> str:
    return attendee.name or attendee.email or "somebody"


def _key(attendee: Attendee) -> str:
    return attendee.email.strip().casefold()
