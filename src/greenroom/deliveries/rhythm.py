"""How often a connection is usually heard, and when its silence is no chance any more. Pure.

Counted are the minutes in which something was heard, not the deliveries: one booking may send
several at once. Each hour of the week has its rate, learned from the last eight weeks, the newer
ones weighing more. How likely it is to hear nothing for so long takes into account that

- some days are busier than others (`steadiness`, and what was heard earlier on the same day),
- what happens comes in clusters (`clustering`),
- there are holidays: days on which almost nothing happens (`idleness`), often in a row.

From this follows how often so long a silence comes by chance in three months. What comes much
less than once is an alarm. So a night, a weekend or a quiet account give none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from math import exp, pow  # noqa: A004  (the built-in one may give complex numbers)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEPT = timedelta(weeks=8)
"""How much of the past is learned from."""

_SELDOM = 0.15
"""A silence that comes so often in three months, by chance, is an alarm."""
_QUARTER = 13.0
"""Weeks in three months."""
_WORKING_DAYS = 91.0
"""Days in three months on which a silence can begin."""
_WHISPER = 0.02
"""How much of a usual day happens on an idle one, at least."""
_STAYS_IDLE = 0.6
"""How often another idle day follows one."""
_EVEN = 20.0
"""No day is known to go on more evenly than this, however much was heard of it."""
_DULL_HOURS = 6
"""An hour in which something is heard less than once in so many of them is not spoken of."""
_FURTHEST = timedelta(days=60)
"""A silence that means nothing by then never will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The usual week of a connection, as it was known when it was last heard.

    `rates` are minutes with news in each hour of the week, Monday's first in `zone`.
    `day_begins` is the hour, in `zone`, at which least is heard. `steadiness` is the shape of
    the spread between days: 20 is even, 1.5 is not. `clustering` is 1 where what happens is
    independent, and larger where it comes together. `heard` are the counts it was learned from.
    """

    rates: tuple[float, ...]
    zone: tzinfo
    day_begins: int
    steadiness: float
    clustering: float
    idleness: float
    heard: Mapping[datetime, int]

    @property
    def weekly(self) -> float:
        """Minutes of a week in which something is heard."""
        return sum(self.rates)

    @property
    def _whisper(self) -> float:
        """How much of a usual day happens on an idle one: a tenth of what does on Sundays."""
        days = [sum(self.rates[day : day + 24]) for day in range(0, 168, 24)]
        return max(_WHISPER, min(days) / sum(days) * len(days) / 10)

    def pause(self, since: datetime, until: datetime) -> timedelta | None:
        """The usual time between two news in the busiest hour then; None where there is none."""
        whole = [each for each, _ in pairwise(_cut(since, min(until, since + 7 * DAY)))] or [since]
        rate = max(self.rates[hour_of_week(each, self.zone)] for each in whole)
        return HOUR / rate if rate >= 1 / _DULL_HOURS else None

    def expected(self, since: datetime, until: datetime) -> float:
        """The minutes with news that are usual between the two."""
        return sum(
            self.rates[hour_of_week(begins, self.zone)] * ((ends - begins) / HOUR)
            for begins, ends in pairwise(_cut(since, until))
        )

    def by_chance(self, since: datetime, now: datetime) -> float:
        """How often, in three months, a silence as long as from `since` to `now` comes by chance.

        `since` is when something was heard last, or when we began to listen. The longer the
        silence, the smaller.
        """
        now = min(now, since + _FURTHEST)
        first, *later = pairwise([since, *self._days(since, now), now])
        silent = self._silent_on(*first, of_day=self._day(since))
        often = self.weekly / self.clustering * _QUARTER * silent
        if later:
            # It can only begin anew once a day.
            often = min(often, _WORKING_DAYS)
        usual, idle = often, 0.0
        for begins, ends in later:
            awaited = self.expected(begins, ends)
            if awaited >= 1:
                idle = usual * self.idleness + idle * _STAYS_IDLE
                usual = often - idle
            usual *= self._silent(awaited)
            idle *= exp(-self._whisper * awaited / self.clustering)
            often = usual + idle
        return often

    def is_alarming(self, since: datetime, now: datetime) -> bool:
        """Whether a silence since then can hardly be chance."""
        return now > since and self.by_chance(since, now) < _SELDOM

    def alarm_at(self, since: datetime) -> datetime | None:
        """When a silence that began then gives an alarm, to the minute; None within 60 days."""
        low, high = since, since + HOUR
        while not self.is_alarming(since, high):
            if high - since >= _FURTHEST:
                return None
            low, high = high, since + min(2 * (high - since), _FURTHEST)
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) / 2
            low, high = (low, middle) if self.is_alarming(since, middle) else (middle, high)
        return high

    def _silent_on(self, since: datetime, until: datetime, *, of_day: datetime) -> float:
        """How likely nothing is heard then, on a day of which is known how busy it was before."""
        before = self.expected(of_day, since)
        # That a morning was busy does not promise that the afternoon is.
        heard = min(before, sum(n for hour, n in self.heard.items() if of_day <= hour < since))
        return self._silent(self.expected(since, until), before, heard)

    def _silent(self, awaited: float, before: float = 0.0, heard: float = 0.0) -> float:
        known = self.steadiness + heard / self.clustering
        pace = known / (self.steadiness + before / self.clustering)
        shape = 1 / (1 / known + 1 / _EVEN)
        return pow(1 + pace * awaited / self.clustering / shape, -shape)

    def _day(self, at: datetime) -> datetime:
        """When the day of `at` began."""
        local = at.astimezone(self.zone)
        begun = local.replace(hour=self.day_begins, minute=0, second=0, microsecond=0)
        return (begun if begun <= local else begun - DAY).astimezone(UTC)

    def _days(self, since: datetime, now: datetime) -> Iterator[datetime]:
        """When the days after that of `since` begin."""
        day = self._day(since) + DAY
        while day < now:
            yield day
            day += DAY


def hour_of_week(at: datetime, zone: tzinfo) -> int:
    """0 for the first hour of Monday there, to 167."""
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour


def _cut(since: datetime, until: datetime) -> Iterator[datetime]:
    """Both, and the full hours between."""
    yield since
    at = since.replace(minute=0, second=0, microsecond=0) + HOUR
    while at < until:
        yield at
        at += HOUR
    if until > since:
        yield until
