"""Whose booking might it be? Open interviews in the order of how well they fit. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from greenroom.candidates.model import address_key, fold, words

_FEWEST = 20
"""Points below which an interview is not worth a person's look."""
_NEAR_NAME = 0.78
_NEAR_ADDRESS = 0.85
_RECENT = timedelta(days=14)
_PUBLIC = frozenset(
    {
        *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com"),
        *("yahoo.com", "icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net", "web.de"),
        *("proton.me", "protonmail.com", "mail.com", "mail.ru", "qq.com", "163.com"),
    }
)
"""Domains at which strangers have addresses: the same one says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Who booked, and when and what, as far as Cal.com tells."""

    name: str
    address: str
    came_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An interview that waits for a booking. `sent_at`: when its link was sent, else made."""

    interview_id: int
    name: str
    addresses: tuple[str, ...]
    same_event_type: bool
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An interview that may be meant, how likely (points), and why, in words."""

    interview_id: int
    score: int
    reasons: tuple[str, ...]


def suggest(
    stranger: Stranger, waiting: Sequence[Waiting], *, most: int = 3
) -> Sequence[Suggestion]:
    """The interviews that fit best, best first, and none that fit half as well as the best.

    Something about the person must fit, or the link for the very same event type was sent
    just before. Ties go to the lower id, so that the order is the same each time.
    """
    return suggest_each([(stranger, waiting)], most=most)[0]


def suggest_each(
    asked: Sequence[tuple[Stranger, Sequence[Waiting]]], *, most: int = 3
) -> Sequence[Sequence[Suggestion]]:
    """The same for many who booked; what they are compared with is read once."""
    known: dict[tuple[str, tuple[str, ...]], _Known] = {}
    found: list[Sequence[Suggestion]] = []
    for stranger, waiting in asked:
        who = _Known.of(stranger.name, (stranger.address,))
        for each in waiting:
            if (each.name, each.addresses) not in known:
                known[each.name, each.addresses] = _Known.of(each.name, each.addresses)
        weighed = [
            _weigh(stranger, who, each, known[each.name, each.addresses]) for each in waiting
        ]
        found.append(_best(weighed, most))
    return found


def _best(weighed: Sequence[Suggestion], most: int) -> Sequence[Suggestion]:
    best = max((each.score for each in weighed), default=0)
    worth = [each for each in weighed if each.score >= max(_FEWEST, best / 2)]
    return sorted(worth, key=lambda each: (-each.score, each.interview_id))[:most]


@dataclass(frozen=True, slots=True)
class _Address:
    key: str
    local: str
    bare: str
    domain: str

    @staticmethod
    def of(address: str) -> "_Address":
        key = address_key(address)
        local, _, domain = key.rpartition("@")
        return _Address(key, local, local.partition("+")[0], domain)


@dataclass(frozen=True, slots=True)
class _Known:
    """A name and addresses, folded once for many comparisons."""

    name: str
    words: frozenset[str]
    addresses: tuple[_Address, ...]

    @staticmethod
    def of(name: str, addresses: Sequence[str]) -> "_Known":
        return _Known(
            fold(name),
            frozenset(words(name)),
            tuple(_Address.of(each) for each in addresses if each),
        )


def _weigh(stranger: Stranger, who: _Known, each: Waiting, candidate: _Known) -> Suggestion:
    hits = [*_by_address(who, candidate), *_by_name(who, candidate), *_by_calendar(stranger, each)]
    score = sum(points for points, _ in hits)
    return Suggestion(each.interview_id, score, tuple(why for _, why in hits))


def _by_address(who: _Known, candidate: _Known) -> Sequence[tuple[int, str]]:
    """The best of what the candidate's addresses have in common with the stranger's."""
    found = [
        hit
        for own in who.addresses
        for address in candidate.addresses
        for hit in _address(who, own, address, candidate)
    ]
    return [max(found)] if found else []


def _address(
    who: _Known, own: _Address, address: _Address, candidate: _Known
) -> Iterator[tuple[int, str]]:
    same_place = address.domain == own.domain
    if address.key == own.key:
        yield 60, "has this address"
    elif address.bare == own.bare and same_place:
        yield 55, "has this address but for what follows the plus sign"
    elif address.bare == own.bare:
        yield 30, f"has the same name before the @, at {address.domain}"
    elif same_place and _alike(address.local, own.local) >= _NEAR_ADDRESS:
        yield 30, "has an address that differs by a letter or two"
    if own.bare in candidate.words or own.bare.replace(".", " ") == candidate.name:
        yield 22, "has the name that stands before the @"
    if same_place and own.domain not in _PUBLIC and who.words & candidate.words:
        yield 18, "has an address at the same place, and shares a name"


def _by_name(who: _Known, candidate: _Known) -> Iterator[tuple[int, str]]:
    theirs = candidate.words
    if not who.words or not theirs:
        return
    if candidate.name == who.name or theirs == who.words:
        yield 45, "has the same name"
    elif theirs < who.words or who.words < theirs:
        yield 30, "has this name, shorter or longer"
    elif (ratio := _alike(candidate.name, who.name)) >= _NEAR_NAME:
        yield round(35 * ratio), "has a name spelled nearly the same"
    elif shared := sorted(each for each in theirs & who.words if len(each) > 1):
        yield 12, f"shares the name “{shared[0]}”"


def _by_calendar(stranger: Stranger, each: Waiting) -> Iterator[tuple[int, str]]:
    if each.same_event_type:
        yield 8, "waits for this event type"
    if each.sent_at is None or each.sent_at > stranger.came_at:
        return
    ago = stranger.came_at - each.sent_at
    if ago <= _RECENT:
        yield _freshness(ago), f"was given a link {_span(ago)} before"


def _freshness(ago: timedelta) -> int:
    if ago <= timedelta(hours=2):
        return 14
    return 10 if ago <= timedelta(days=2) else 5


def _span(ago: timedelta) -> str:
    if ago < timedelta(hours=1):
        return f"{max(ago // timedelta(minutes=1), 1)} min"
    if ago < timedelta(days=1):
        return f"{ago // timedelta(hours=1)} h"
    days = round(ago / timedelta(days=1))
    return f"{days} day{'s' if days != 1 else ''}"


def _alike(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1; the costly comparison only where it can matter."""
    if 2 * min(len(one), len(other)) < _NEAR_NAME * (len(one) + len(other)):
        return 0.0
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _NEAR_NAME else 0.0
