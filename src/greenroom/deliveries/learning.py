"""Learning a rhythm from the hours in which something was heard. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from greenroom.deliveries.rhythm import HOUR, KEPT, Rhythm, hour_of_week

_HALF_LIFE = timedelta(weeks=3)
"""After it an hour weighs half."""
_LEARNS = timedelta(days=14)
"""Before so much was heard no rhythm is known: each hour of the week should have come twice."""
_WEEKLY = 10.0
"""A connection heard in fewer minutes a week is too quiet for any silence to mean something."""
_POOLED = 1.5
"""Weeks that the same hour of all working days, or of the same weekend's day, counts for."""
_TELLING = 4.0
"""A day on which fewer minutes are expected does not show whether it is idle."""
_IDLE_BEFORE, _DAYS_BEFORE = 1.0, 25.0
"""Idle days, of so many, that are supposed before anything was seen: a holiday in five weeks."""


def usual(history: Mapping[datetime, int], *, until: datetime, zone: tzinfo = UTC) -> Rhythm | None:
    """Learn the rhythm that was known at `until`; None where too little is known.

    `history` has, by hour (UTC), in how many of its minutes something was heard; hours in which
    nothing was may be left out.
    """
    known = {hour: n for hour, n in history.items() if n and until - KEPT <= hour < until}
    if not known or until - min(known) < _LEARNS:
        return None
    # The hour under way is not over: what it has heard so far would make it a quiet one.
    whole = _hours(min(known), until.replace(minute=0, second=0, microsecond=0))
    rates = _rates(whole, known, until, zone)
    if sum(rates) < _WEEKLY:
        return None
    day_begins = _quietest(rates)
    days = _by_day(whole, known, rates, zone, day_begins)
    working = [each for each in days if each.awaited >= 1]
    awake = [each for each in working if not each.is_idle]
    told = [each for each in working if each.awaited >= _TELLING]
    return Rhythm(
        rates=rates,
        zone=zone,
        day_begins=day_begins,
        steadiness=_steadiness(awake),
        clustering=_clustering(awake),
        idleness=(_IDLE_BEFORE + sum(each.is_idle for each in told)) / (_DAYS_BEFORE + len(told)),
        heard=known,
    )


@dataclass(frozen=True, slots=True)
class _Day:
    """What was expected and heard in each hour of a day."""

    hours: Sequence[tuple[float, int]]

    @property
    def awaited(self) -> float:
        return sum(rate for rate, _ in self.hours)

    @property
    def heard(self) -> int:
        return sum(n for _, n in self.hours)

    @property
    def is_idle(self) -> bool:
        return self.awaited >= _TELLING and self.heard < self.awaited / 10


def _rates(
    hours: Sequence[datetime], heard: Mapping[datetime, int], until: datetime, zone: tzinfo
) -> tuple[float, ...]:
    """By hour of the week: its own mean, drawn to that of like days, and to its neighbours."""
    own, pooled = _Means(168), _Means(72)
    for hour in hours:
        weight = 0.5 ** ((until - hour) / _HALF_LIFE)
        place = hour_of_week(hour, zone)
        own.add(place, heard.get(hour, 0), weight)
        pooled.add(_like(place), heard.get(hour, 0), weight)
    means = [own.mean(place, drawn_to=pooled.mean(_like(place))) for place in range(168)]
    return tuple(
        (means[place - 1] + 2 * means[place] + means[(place + 1) % 168]) / 4 for place in range(168)
    )


class _Means:
    """Weighted means of several things."""

    def __init__(self, size: int) -> None:
        self._sums = [0.0] * size
        self._weights = [0.0] * size

    def add(self, place: int, value: float, weight: float) -> None:
        self._sums[place] += value * weight
        self._weights[place] += weight

    def mean(self, place: int, *, drawn_to: float | None = None) -> float:
        """With `drawn_to`, as if that had been seen as well for a while."""
        extra = 0.0 if drawn_to is None else _POOLED
        weight = self._weights[place] + extra
        return (self._sums[place] + extra * (drawn_to or 0.0)) / weight if weight else 0.0


def _by_day(
    hours: Sequence[datetime],
    heard: Mapping[datetime, int],
    rates: Sequence[float],
    zone: tzinfo,
    day_begins: int,
) -> Sequence[_Day]:
    days: dict[object, list[tuple[float, int]]] = {}
    for hour in hours:
        day = (hour.astimezone(zone) - day_begins * HOUR).date()
        rate = rates[hour_of_week(hour, zone)]
        days.setdefault(day, []).append((rate, heard.get(hour, 0)))
    return [_Day(each) for each in days.values()]


def _steadiness(days: Sequence[_Day]) -> float:
    """From how much more the days differ than chance would have them."""
    squares = sum(each.awaited**2 for each in days)
    excess = sum((each.heard - each.awaited) ** 2 - each.awaited for each in days)
    return min(20.0, max(1.5, squares / max(excess, squares / 20, 1e-9)))


def _clustering(days: Sequence[_Day]) -> float:
    """From how much more the hours of a day differ than chance would have them."""
    off, awaited = 0.0, 0.0
    for day in days:
        scale = day.heard / day.awaited
        off += sum((n - scale * rate) ** 2 for rate, n in day.hours)
        awaited += sum(scale * rate for rate, _ in day.hours)
    return max(1.0, off / awaited) if awaited else 1.0


def _quietest(rates: Sequence[float]) -> int:
    """The hour of the day in the middle of the three at which least is heard."""
    by_hour = [sum(rates[hour::24]) for hour in range(24)]
    return min(
        range(24), key=lambda hour: by_hour[hour - 1] + by_hour[hour] + by_hour[(hour + 1) % 24]
    )


def _like(place: int) -> int:
    """The same hour of all working days, of all Saturdays, or of all Sundays."""
    day, hour = divmod(place, 24)
    return max(0, day - 4) * 24 + hour


def _hours(first: datetime, until: datetime) -> Sequence[datetime]:
    return [first + number * HOUR for number in range(max(0, int((until - first) / HOUR)))]
