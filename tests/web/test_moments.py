"""Moments on pages: UTC for machines, and local for people with JavaScript."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from greenroom.web.moments import moments, time


def test_a_time_is_utc_for_machines_and_for_people_without_javascript():
    plus_two = datetime(2026, 11, 23, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    expected = '<time datetime="2026-11-22T23:30:00Z">Sun 22 Nov 2026, 23:30 UTC</time>'
    assert time(plus_two) == expected


def test_a_time_without_a_zone_is_a_bug():
    with pytest.raises(AssertionError):
        time(datetime(2026, 11, 23))  # noqa: DTZ001  (the point)


def test_a_moment_in_a_sentence_is_a_time_and_all_else_is_text():
    shown = time(datetime(2026, 11, 23, 23, 42, tzinfo=UTC))

    assert moments("<b> at 2026-11-23 23:42 UTC, not 2026-13-45 99:99 UTC & so on") == (
        f'&lt;b&gt; at <span data-form="said">{shown}</span>, not 2026-13-45 99:99 UTC &amp; so on'
    )
