"""The checks as a whole: told apart, explained, and told in the reference as they are."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from greenroom.doctor import catalogue
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.model import Area, Light, worst
from greenroom.doctor.words import listed, size
from greenroom.spans import span

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "doctor.md"


def test_no_check_hides_another():
    every = [each.id for area in catalogue._AREAS for each in area.CHECKS]

    assert len(every) == len(set(every)) == len(CHECKS)
    assert len({each.title for each in CHECKS.values()}) == len(CHECKS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_can_be_named_in_an_address_and_says_why_it_matters(check):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.id)
    assert check.title[0].isupper()
    assert not check.title.endswith(".")
    assert check.means.endswith(".")
    assert check.every >= timedelta(minutes=1)


def test_the_areas_follow_one_another_as_on_the_page():
    order = list(Area)
    places = [order.index(each.area) for each in CHECKS.values()]

    assert places == sorted(places)


def test_the_reference_tells_of_exactly_these_checks_in_their_areas():
    told = {}
    for section in REFERENCE.read_text().split("\n## ")[1:]:
        title, _, rest = section.partition("\n")
        told |= dict.fromkeys(re.findall(r"^\| `([a-z-]+)` \|", rest, re.MULTILINE), title)

    assert told == {each.id: each.area.value for each in CHECKS.values()}


def test_red_counts_before_amber_and_what_is_off_says_nothing():
    assert worst([]) is Light.OFF
    assert worst([Light.OFF, Light.GREEN]) is Light.GREEN
    assert worst([Light.GREEN, Light.AMBER, Light.OFF]) is Light.AMBER
    assert worst([Light.RED, Light.AMBER]) is Light.RED


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=3, minutes=5), "3 h 05"),
        (timedelta(hours=4), "4 h"),
        (timedelta(hours=24), "1 day"),
        (timedelta(days=9), "9 days"),
    ],
)
def test_spans_are_said_in_the_unit_that_says_something(length, said):
    assert span(length) == said


def test_sizes_and_lists_are_said_as_people_do():
    assert (size(900), size(3 * 1024**2), size(68.4 * 1024**3)) == ("900 bytes", "3 MB", "68.4 GB")
    assert (listed([]), listed(["a"]), listed(["a", "b", "c"])) == ("", "a", "a, b and c")
