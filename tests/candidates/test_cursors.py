from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.candidates import cursors
from greenroom.candidates.model import Order, Place
from greenroom.errors import Invalid

NAMED = Place("ada \xe9 山", 17)
AGED = Place(datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC), 17)


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


@pytest.mark.parametrize(("place", "order"), [(NAMED, Order.NAME), (AGED, Order.NEWEST)])
def test_a_cursor_leads_back_to_its_place(place, order):
    assert cursors.read(cursors.write(place, order), order) == place


def test_at_the_end_there_is_no_cursor_and_without_one_a_list_begins():
    assert cursors.write(None, Order.NAME) is None
    assert cursors.read(None, Order.NAME) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "a" * 5_000,
        encoded("[]"),
        encoded("[" * 2_000),
        encoded("9" * 2_900),
        encoded('["name", "ada"]'),
        encoded('["name", "ada", 0]'),
        encoded('["name", "ada", true]'),
        encoded('["name", "ada", 1.5]'),
        encoded('["name", "ada", 9223372036854775808]'),
        encoded('["name", "a\\u0000", 1]'),
        encoded('["name", "\\ud800", 1]'),
        encoded('["name", 7, 1]'),
        encoded('["newest", "ada", 1]'),
        cursors.write(AGED, Order.NEWEST),
    ],
)
def test_what_no_list_gave_out_is_refused(text):
    with pytest.raises(Invalid):
        cursors.read(text, Order.NAME)


@pytest.mark.parametrize("key", ["yesterday", "2026-11-23T12:00:00", "99999-01-01"])
def test_a_moment_that_is_none_is_refused(key):
    with pytest.raises(Invalid):
        cursors.read(encoded(f'["newest", "{key}", 1]'), Order.NEWEST)


@settings(deadline=None)
@given(st.text(), st.sampled_from(Order))
def test_any_text_is_a_place_or_is_refused(text, order):
    with suppress(Invalid):
        cursors.read(text, order)
