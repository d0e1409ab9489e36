"""When a silence is no chance any more: accounts simulated over months, and their outages."""

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.deliveries import learning
from greenroom.deliveries.rhythm import DAY, HOUR, KEPT

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
LEARNED = datetime(2026, 10, 5, tzinfo=UTC)
"""From here on silences are watched: over the end of summer time, Christmas and New Year."""
HOLIDAYS = {date(2026, 11, 2), date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1)}


@dataclass(frozen=True)
class Account:
    """How an account is used. `at_work` and `else_` are doings an hour; each sends up to
    `most_at_once` minutes with news; days differ by a factor of gamma(`steadiness`)."""

    at_work: float
    else_: float = 0.0
    office: bool = True
    steadiness: float = 4.0
    most_at_once: int = 3

    def heard(self, first, until, chance):
        """The minutes in which something is heard, sorted."""
        found, day = set(), first
        while day < until:
            busy = chance.gammavariate(self.steadiness, 1 / self.steadiness)
            for hour in range(24):
                at = day + hour * HOUR
                for _ in range(_poisson(self._rate(at) * busy, chance)):
                    begun = at + chance.randrange(60) * MINUTE
                    for _ in range(chance.randint(1, self.most_at_once)):
                        found.add(begun + chance.randrange(8) * MINUTE)
            day += DAY
        return sorted(found)

    def _rate(self, at):
        local = at.astimezone(BERLIN)
        if not self.office:
            return self.at_work if 6 <= local.hour < 22 else self.else_
        if local.weekday() >= 5 or local.date() in HOLIDAYS:
            return self.else_ / 4
        return self.at_work if 9 <= local.hour < 18 else self.else_


def _poisson(mean, chance):
    count, at = 0, chance.expovariate(1)
    while at < mean:
        count, at = count + 1, at + chance.expovariate(1)
    return count


BUSY = Account(at_work=10, else_=2, office=False)
OFFICE = Account(at_work=4, else_=0.02)
SMALL = Account(at_work=0.6)
QUIET = Account(at_work=0.05)


def by_hour(moments):
    return Counter(at.replace(minute=0) for at in moments)


def learned(account, *, seed=1, weeks=8, zone=BERLIN):
    moments = account.heard(LEARNED - timedelta(weeks=weeks), LEARNED, random.Random(seed))
    return learning.usual(by_hour(moments), until=LEARNED, zone=zone)


def false_alarms(account, *, seed, weeks=13, zone=BERLIN):
    """The silences of an account with which all is well that would have given an alarm."""
    ends = LEARNED + timedelta(weeks=weeks)
    moments = account.heard(LEARNED - KEPT, ends, random.Random(seed))
    counts, known, learned_on, found = by_hour(moments), None, None, []
    for last, following in pairwise(moments):
        # The longer a silence, the less by chance: only its end counts, and short ones never do.
        if last < LEARNED or following - last < 30 * MINUTE:
            continue
        if learned_on != last.date():
            learned_on = last.date()
            known = learning.usual(counts, until=last, zone=zone)
        if known and replace(known, heard=counts).is_alarming(last, following):
            found.append((last, following))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("zone", [BERLIN, UTC], ids=["their zone", "UTC"])
@pytest.mark.parametrize(
    "account",
    [BUSY, OFFICE, SMALL, replace(OFFICE, steadiness=1.5), replace(OFFICE, most_at_once=8), QUIET],
    ids=["busy", "office hours", "small office", "uneven", "clustered", "quiet"],
)
def test_an_account_with_which_all_is_well_gives_at_most_one_alarm_in_three_months(
    account, zone, seed
):
    """Over nights, weekends, the end of summer time, three holidays and New Year."""
    found = false_alarms(account, seed=seed, zone=zone)
    assert len(found) <= 1


@pytest.mark.parametrize(
    ("account", "last", "earliest", "latest"),
    [
        (BUSY, "2026-10-07 10:00", 1, 3),
        (BUSY, "2026-10-07 01:00", 4, 14),
        (OFFICE, "2026-10-07 11:00", 3, 72),
        (OFFICE, "2026-10-07 17:30", 12, 5 * 24),
        (SMALL, "2026-10-07 11:00", 48, 9 * 24),
    ],
    ids=[
        "busy by day: 1 to 3 hours",
        "busy at night: 4 to 14 hours",
        "office hours: the same day, or two days later",
        "office hours, in the evening: a holiday may follow",
        "small office: days",
    ],
)
def test_an_outage_is_noticed(account, last, earliest, latest):
    """By the silence alone: two bookings that were missed meanwhile are noticed in minutes."""
    at = datetime.fromisoformat(last).replace(tzinfo=BERLIN).astimezone(UTC)
    for seed in (1, 2, 3):
        moments = account.heard(at.replace(hour=0) - KEPT, at + HOUR, random.Random(seed))
        known = [each for each in moments if each <= at]
        found = learning.usual(by_hour(known), until=known[-1], zone=BERLIN)
        noticed = found.alarm_at(known[-1]) - at
        assert earliest * HOUR <= noticed <= latest * HOUR


def test_a_new_account_gives_no_alarm_however_long_it_is_silent():
    """For two weeks; from then on its rhythm is known."""
    assert learned(BUSY, weeks=1) is None
    assert learned(BUSY, weeks=3) is not None


def test_a_quiet_account_has_no_rhythm():
    assert learned(QUIET) is None
    assert learning.usual({}, until=LEARNED) is None


def test_a_holiday_does_not_alarm_and_a_week_of_holidays_does():
    found = learned(OFFICE)
    friday = datetime(2026, 10, 2, 17, 55, tzinfo=BERLIN)
    monday_evening = friday + 3 * DAY

    assert not found.is_alarming(friday, monday_evening)
    assert found.is_alarming(friday, friday + 7 * DAY)


def test_the_usual_pause_is_that_of_the_hour():
    found = learned(BUSY)
    noon, night = (datetime(2026, 10, 7, hour, tzinfo=BERLIN) for hour in (12, 2))

    assert 2 * MINUTE < found.pause(noon, noon) < 5 * MINUTE
    assert 10 * MINUTE < found.pause(night, night) < 25 * MINUTE
    assert found.pause(night, noon) < found.pause(night, night)
    assert learned(OFFICE).pause(night, night) is None


@given(
    minutes=st.lists(st.integers(1, 30 * 24 * 60), min_size=2, max_size=8),
    since=st.integers(0, 14 * 24 * 60),
    account=st.sampled_from([BUSY, OFFICE, SMALL]),
)
@settings(max_examples=60, deadline=None)
def test_the_longer_a_silence_the_less_it_is_chance(minutes, since, account):
    known = LEARNED_OF[account]
    begins = LEARNED + since * MINUTE
    chances = [known.by_chance(begins, begins + each * MINUTE) for each in sorted(minutes)]

    assert all(later <= sooner + 1e-9 for sooner, later in pairwise(chances))
    alarm_at = known.alarm_at(begins)
    assert alarm_at is not None
    assert known.is_alarming(begins, alarm_at)
    assert not known.is_alarming(begins, alarm_at - 2 * MINUTE)


LEARNED_OF = {account: learned(account) for account in (BUSY, OFFICE, SMALL)}
