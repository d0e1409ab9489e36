"""Where an interview stands: a function of its links, its bookings and the clock."""

from dataclasses import replace
from itertools import permutations
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import DAY, HOUR, MINUTE, NOW, link, meeting
from greenroom.booking_links.model import BookingLink, booking_address
from greenroom.interviews import model
from greenroom.interviews.model import (
    Attention,
    Meeting,
    MeetingStatus,
    Standing,
    Status,
    current,
    flags,
    stand,
)
from greenroom.interviews.rounds import Person, Round, Skip, plan

REQUESTED, CONFIRMED = MeetingStatus.REQUESTED, MeetingStatus.CONFIRMED
CANCELLED, DECLINED = MeetingStatus.CANCELLED, MeetingStatus.DECLINED

LIVE = link()
REVOKED = link(revoked_at=NOW - HOUR)
RAN_OUT = link(expires_at=NOW)
OVER = {"starts_at": NOW - 2 * HOUR, "ends_at": NOW - HOUR}
RE_INVITED = link(id=2, created_at=NOW - HOUR)


def status(
    links: list[BookingLink], meetings: list[Meeting] | None = None, **others: object
) -> Status:
    return stand(links, meetings or [], **{"now": NOW, **others}).status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([], Status.TO_INVITE),
        ([LIVE], Status.PENDING),
        ([link(opened_at=NOW)], Status.PENDING),
        ([link(expires_at=None)], Status.PENDING),
        ([REVOKED], Status.TO_INVITE),
        ([RAN_OUT], Status.EXPIRED),
        ([link(expires_at=NOW + MINUTE)], Status.PENDING),
        ([RAN_OUT, LIVE], Status.PENDING),
        ([REVOKED, LIVE], Status.PENDING),
        ([RAN_OUT, REVOKED], Status.EXPIRED),
        ([link(expires_at=NOW - DAY, revoked_at=NOW - HOUR)], Status.TO_INVITE),
    ],
)
def test_before_anybody_books_the_link_decides(links, expected):
    assert status(links) is expected


@pytest.mark.parametrize(
    ("booked", "expected"),
    [
        (meeting(REQUESTED), Status.REQUESTED),
        (meeting(CONFIRMED), Status.CONFIRMED),
        (meeting(CANCELLED), Status.CANCELLED),
        (meeting(DECLINED), Status.DECLINED),
        (meeting(CANCELLED, successor_expected=True), Status.RESCHEDULE_REQUESTED),
        (meeting(CONFIRMED, **OVER), Status.DONE),
        (meeting(CONFIRMED, starts_at=NOW - HOUR, ends_at=NOW), Status.DONE),
        (meeting(CONFIRMED, starts_at=NOW - HOUR, ends_at=NOW + MINUTE), Status.CONFIRMED),
        (meeting(CONFIRMED, is_no_show=True, **OVER), Status.NO_SHOW),
        (meeting(CANCELLED, is_no_show=True, **OVER), Status.CANCELLED),
        (meeting(CONFIRMED, is_moved=True), Status.RESCHEDULE_REQUESTED),
    ],
)
@pytest.mark.parametrize("links", [[], [LIVE], [REVOKED], [RAN_OUT]])
def test_once_somebody_booked_the_booking_decides_whatever_became_of_the_link(
    links, booked, expected
):
    assert status(links, [booked]) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (([LIVE], []), Standing(Status.PENDING, None, LIVE.expires_at)),
        (([link(expires_at=None), RAN_OUT], []), Standing(Status.PENDING, None, None)),
        (([link(expires_at=None), LIVE], []), Standing(Status.PENDING, None, None)),
        (([RAN_OUT], []), Standing(Status.EXPIRED, None, None)),
        (
            ([LIVE, link(id=2, expires_at=NOW + DAY)], []),
            Standing(Status.PENDING, None, LIVE.expires_at),
        ),
        (
            ([LIVE], [meeting()]),
            Standing(Status.CONFIRMED, meeting(), meeting().ends_at),
        ),
        (
            ([LIVE], [meeting(REQUESTED)]),
            Standing(Status.REQUESTED, meeting(REQUESTED), meeting().ends_at),
        ),
        (([LIVE], [meeting(CANCELLED)]), Standing(Status.CANCELLED, meeting(CANCELLED), None)),
        (([LIVE], [meeting(**OVER)]), Standing(Status.DONE, meeting(**OVER), None)),
    ],
)
def test_it_is_said_when_time_alone_will_change_it(given, expected):
    links, meetings = given

    assert stand(links, meetings, now=NOW) == expected


def test_time_passing_turns_it_exactly_when_it_was_said():
    waiting = stand([LIVE], [], now=NOW)
    booked = stand([LIVE], [meeting()], now=NOW)

    assert waiting.turns_at is not None
    assert booked.turns_at is not None
    assert status([LIVE], now=waiting.turns_at - MINUTE) is Status.PENDING
    assert status([LIVE], now=waiting.turns_at) is Status.EXPIRED
    assert status([LIVE], [meeting()], now=booked.turns_at - MINUTE) is Status.CONFIRMED
    assert status([LIVE], [meeting()], now=booked.turns_at) is Status.DONE


@pytest.mark.parametrize("dead", [meeting(CANCELLED), meeting(DECLINED)])
def test_a_link_made_after_the_cancellation_invites_again(dead):
    assert status([LIVE, RE_INVITED], [dead]) is Status.PENDING
    assert status([LIVE, replace(RE_INVITED, expires_at=NOW)], [dead]) is Status.EXPIRED
    assert status([LIVE, replace(RE_INVITED, revoked_at=NOW)], [dead]) is status([LIVE], [dead])


def test_a_link_made_before_the_cancellation_does_not():
    assert status([LIVE], [meeting(CANCELLED, since=LIVE.created_at + MINUTE)]) is Status.CANCELLED


def test_asking_cal_com_again_does_not_make_a_new_link_old():
    # `since` stays where it is while a booking's `as_of` moves on; the day after is the same.
    cancelled = meeting(CANCELLED, since=NOW - DAY)

    assert status([RE_INVITED], [cancelled], now=NOW + DAY) is Status.PENDING


def test_a_candidate_who_is_no_longer_interested_has_declined_unless_they_are_booked():
    assert status([LIVE], withdrawn=True) is Status.DECLINED
    assert status([LIVE], [meeting(CANCELLED)], withdrawn=True) is Status.DECLINED
    assert status([LIVE], [meeting(CONFIRMED)], withdrawn=True) is Status.CONFIRMED


SECOND = {"uid": "booking2"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (meeting(CANCELLED), meeting(CONFIRMED, **SECOND)),
        (meeting(CANCELLED), meeting(REQUESTED, **SECOND)),
        (meeting(REQUESTED), meeting(CONFIRMED, **SECOND)),
        (meeting(CONFIRMED, is_moved=True), meeting(REQUESTED, **SECOND)),
        (meeting(CONFIRMED, is_moved=True), meeting(CANCELLED, **SECOND)),
        (meeting(CANCELLED), meeting(DECLINED, since=NOW, **SECOND)),
        (meeting(CONFIRMED), meeting(CONFIRMED, starts_at=NOW + 2 * DAY, **SECOND)),
        (meeting(CONFIRMED, **OVER), meeting(REQUESTED, **SECOND)),
        (meeting(CONFIRMED, is_no_show=True, **OVER), meeting(REQUESTED, **SECOND)),
        (meeting(CANCELLED, since=NOW), meeting(CONFIRMED, **OVER, **SECOND)),
        (meeting(is_moved=True, since=NOW - 2 * DAY), meeting(is_moved=True, **SECOND)),
    ],
)
def test_of_two_bookings_the_second_here_counts(first, second):
    for known in ([first, second], [second, first]):
        found = current(known, now=NOW)
        assert found is not None
        assert found.uid == "booking2"


def test_a_moved_booking_alone_means_that_another_is_on_its_way():
    standing = stand([RAN_OUT], [meeting(CONFIRMED, is_moved=True)], now=NOW)

    assert standing.status is Status.RESCHEDULE_REQUESTED
    assert standing.meeting == meeting(CANCELLED, is_moved=True, successor_expected=True)


def test_nothing_booked_is_nothing_current():
    assert current([], now=NOW) is None


_meetings = st.lists(
    st.builds(
        meeting,
        st.sampled_from(MeetingStatus),
        uid=st.sampled_from(["a", "b", "c", "d"]),
        ends_at=st.sampled_from([NOW - HOUR, NOW, NOW + 2 * DAY]),
        since=st.sampled_from([NOW - 3 * DAY, NOW - HOUR]),
        is_moved=st.booleans(),
        is_no_show=st.booleans(),
        successor_expected=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda each: each.uid,
)
_links = st.lists(st.sampled_from([LIVE, REVOKED, RAN_OUT, RE_INVITED]), max_size=3)


@given(_links, _meetings, st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_order_of_links_and_bookings_does_not_matter(links, meetings, withdrawn):
    expected = stand(links, meetings, now=NOW, withdrawn=withdrawn)

    for order in permutations(meetings):
        assert stand(links[::-1], order, now=NOW, withdrawn=withdrawn) == expected


@given(_links, _meetings, st.booleans())
@settings(max_examples=200, deadline=None)
def test_nothing_turns_before_it_is_said_to(links, meetings, withdrawn):
    standing = stand(links, meetings, now=NOW, withdrawn=withdrawn)

    until = standing.turns_at or NOW + 365 * DAY
    assert until > NOW
    later = stand(links, [standing.meeting] if standing.meeting else [], now=until - MINUTE)
    assert withdrawn or later.status is standing.status


@pytest.mark.parametrize(
    ("links", "meetings", "addresses", "expected"),
    [
        ([LIVE], [], ["ada@example.org"], set()),
        ([LIVE], [meeting()], ["ada@example.org"], set()),
        ([LIVE], [meeting()], ["ADA@example.org"], set()),
        ([LIVE], [meeting()], ["ada@home.example"], {Attention.OTHER_ADDRESS}),
        ([LIVE], [meeting()], [], set()),
        (
            [LIVE],
            [meeting(), meeting(REQUESTED, **SECOND)],
            ["ada@example.org"],
            {Attention.SECOND_BOOKING},
        ),
        ([LIVE], [meeting(is_moved=True), meeting(**SECOND)], [], set()),
        ([LIVE], [meeting(CANCELLED), meeting(**SECOND)], [], set()),
        ([REVOKED], [meeting(since=NOW)], [], {Attention.LATE_BOOKING}),
        ([REVOKED], [meeting()], [], set()),
        ([REVOKED], [meeting(since=NOW, first_known=NOW - DAY)], [], set()),
        ([REVOKED, LIVE], [meeting(since=NOW)], [], set()),
        ([REVOKED], [meeting(CANCELLED)], [], set()),
    ],
)
def test_what_a_person_should_look_at_is_flagged(links, meetings, addresses, expected):
    attendees = {"booking1": ["Ada@Example.org"]}

    assert flags(links, meetings, attendees=attendees, addresses=addresses) == expected


def test_everyone_wanted_is_invited_or_skipped_with_the_reason_once():
    people = [Person(1, "ada@example.org"), Person(2, None), Person(3, "c@x.org")]
    people += [Person(4, "d@x.org"), Person(6, "")]

    assert plan([3, 1, 2, 4, 5, 1, 6], people, waiting={3}, booked={4}) == Round(
        invite=[Person(1, "ada@example.org")],
        skip=[
            (3, Skip.HAS_LIVE_LINK),
            (2, Skip.NO_ADDRESS),
            (4, Skip.ALREADY_BOOKED),
            (5, Skip.UNKNOWN),
            (6, Skip.NO_ADDRESS),
        ],
    )


def test_who_has_booked_is_told_so_even_with_a_live_link():
    skipped = plan([1], [Person(1, "ada@example.org")], waiting={1}, booked={1}).skip

    assert skipped == [(1, Skip.ALREADY_BOOKED)]


def test_a_link_is_live_until_it_runs_out_or_is_revoked():
    assert LIVE.is_live(NOW)
    assert not RAN_OUT.is_live(NOW)
    assert not REVOKED.is_live(NOW)
    assert not REVOKED.is_expired(NOW)


def test_the_booking_page_gets_name_address_and_our_token_twice():
    address = booking_address(
        "https://cal.com/mara/intro?duration=30", token="t0k", name="Ada L.", address="ada@x.org"
    )

    parts = urlsplit(address)
    assert (parts.netloc, parts.path) == ("cal.com", "/mara/intro")
    assert parse_qs(parts.query) == {
        "duration": ["30"],
        "name": ["Ada L."],
        "email": ["ada@x.org"],
        "metadata[greenroom]": ["t0k"],
        "greenroom": ["t0k"],
    }


@pytest.mark.parametrize("each", Status)
def test_every_status_has_a_word_and_waits_for_a_booking_or_not(each):
    booked = {Status.REQUESTED, Status.CONFIRMED, Status.DONE, Status.NO_SHOW}

    assert each.label
    assert each.waits_for_booking is (each not in booked)


@pytest.mark.parametrize("each", Attention)
def test_every_flag_has_a_sentence(each):
    assert each.label


def test_the_occurrences_of_one_series_are_not_two_bookings():
    weekly = [meeting(uid="first", series="weekly"), meeting(uid="second", series="weekly")]
    twice = [*weekly, meeting(uid="other")]

    def flags(meetings):
        return model.flags([link()], meetings, attendees={}, addresses=())

    assert flags(weekly) == frozenset()
    assert flags(twice) == {Attention.SECOND_BOOKING}
