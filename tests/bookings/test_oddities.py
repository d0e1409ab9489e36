"""What about the bookings of an interview a person should settle."""

import pytest

from builders import ADA, BOB, HOUR, NOW, answered
from greenroom.bookings.fold import fold
from greenroom.bookings.match import Kept
from greenroom.bookings.model import Status
from greenroom.bookings.oddities import at_calcom, oddities

BOOKING_URL = "https://cal.com/mara/intro-call"


def kept(uid="booking1", status=Status.CONFIRMED, *, is_moved=False, **said):
    return Kept(
        connection_id=1,
        booking=fold([answered(status, uid=uid, **said)]),
        is_moved=is_moved,
        changed_at=NOW,
        first_heard_at=NOW - HOUR,
    )


def found(*bookings, addresses=("ADA@example.org",)):
    odd = oddities(bookings, addresses=addresses, booking_url=BOOKING_URL)
    return {uid: (each.stranger, each.is_second) for (_, uid), each in odd.items()}


def test_one_booking_of_the_candidate_is_nothing_odd():
    assert found(kept()) == {}
    assert found(kept(), addresses=()) == {}
    assert found(kept(attendees=None)) == {}


def test_two_that_stand_are_both_named_and_dead_ones_are_not():
    two = (kept("a"), kept("b"), kept("c", Status.CANCELLED), kept("d", is_moved=True))

    assert found(*two) == {"a": (None, True), "b": (None, True)}
    assert found(*two[1:]) == {}


def test_the_occurrences_of_a_series_are_one():
    assert found(kept("a", series="weekly"), kept("b", series="weekly")) == {}


def test_whoever_booked_with_another_address_is_named():
    assert found(kept(attendees=(BOB,))) == {"booking1": (BOB, False)}
    assert found(kept(attendees=(BOB, ADA))) == {}


@pytest.mark.parametrize(
    ("booking_url", "uid", "address"),
    [
        ("https://cal.com/mara/intro", "u1", "https://app.cal.com/booking/u1"),
        ("https://northpier.cal.com/intro", "u1", "https://app.cal.com/booking/u1"),
        ("http://cal.example:3000/x", "a/b?c", "http://cal.example:3000/booking/a%2Fb%3Fc"),
        ("https://notcal.com/x", "u1", "https://notcal.com/booking/u1"),
        ("https://cal.com/mara/intro", "id:7", ""),
        ("javascript:alert(1)", "u1", ""),
        ("", "u1", ""),
    ],
)
def test_a_bookings_page_at_calcom_is_where_it_was_booked(booking_url, uid, address):
    assert at_calcom(uid, booking_url) == address
