"""What a delivery did, in pieces: nothing is lost, and only what is meant is told apart."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.deliveries.words import pieces

AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def test_times_and_the_booking_are_told_apart():
    said = "Booking b-1 is confirmed, for 2026-11-25 10:00 UTC, in place of b-12."

    assert pieces(said, "b-1") == [
        ("text", "Booking "),
        ("booking", "b-1"),
        ("text", " is confirmed, for "),
        ("at", AT),
        ("text", ", in place of b-12."),
    ]


@pytest.mark.parametrize("uid", [None, "", "9", "a.c", "2026-11-25"])
def test_a_uid_is_only_itself(uid):
    assert ("booking", uid) not in pieces("Booking abc has 19 of 2026-11-25 10:00 UTC.", uid)


def test_a_time_that_is_none_is_text():
    assert pieces("2026-13-45 99:99 UTC", None) == [("text", "2026-13-45 99:99 UTC")]


words = st.text() | st.just("2026-11-25 10:00 UTC") | st.just("b.1") | st.just("(")


@given(st.lists(words), st.none() | st.just("b.1") | st.just("(") | st.text())
def test_joined_the_pieces_are_what_was_said(said, uid):
    whole = "".join(said)
    joined = [
        f"{piece:%Y-%m-%d %H:%M} UTC" if kind == "at" else piece
        for kind, piece in pieces(whole, uid)
    ]
    assert "".join(joined) == whole
