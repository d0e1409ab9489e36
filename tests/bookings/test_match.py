"""Whose booking is it: the surest rung that fits, and why."""

import pytest

from greenroom.bookings.match import Evidence, Match, Open, Rung, match

BY_PERSON = Match(9, Rung.PERSON, "Vera said so")
BY_EMAIL = Match(5, Rung.EMAIL, "an address")

LADDER = [
    ("known", BY_PERSON, 9, Rung.PERSON),
    ("by_token", 1, 1, Rung.TOKEN),
    ("by_private_link", 2, 2, Rung.PRIVATE_LINK),
    ("relatives", (("old", 3),), 3, Rung.LINEAGE),
    ("known", Match(4, Rung.KNOWN, "its number"), 4, Rung.KNOWN),
    ("waiting", (Open(6, "ada@example.org", same_event_type=True),), 6, Rung.EMAIL),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_the_surest_rung_decides_whatever_the_others_say(rung):
    # From the bottom up, so that the surer of two values for one field stays.
    evidence = Evidence(**{field: value for field, value, _, _ in reversed(LADDER[rung:])})

    found = match(evidence)

    _, _, interview_id, expected = LADDER[rung]
    assert found is not None
    assert (found.interview_id, found.rung) == (interview_id, expected)
    assert found.explanation


def test_without_evidence_a_booking_is_nobodys():
    assert match(Evidence()) is None


def test_a_match_stays_with_the_reason_it_was_made_for():
    assert match(Evidence(known=BY_EMAIL)) == BY_EMAIL


def test_a_surer_rung_found_later_takes_the_booking_over():
    found = match(Evidence(known=BY_EMAIL, by_token=1))

    assert found == Match(1, Rung.TOKEN, "it carries our token for this interview")


def test_a_booking_continues_the_interview_of_the_one_it_replaces():
    found = match(Evidence(relatives=[("old2", 3), ("old1", 3)]))

    assert found == Match(3, Rung.LINEAGE, "it continues booking old1, which is this interview's")


def test_an_address_finds_the_open_interview_of_that_event_type_before_another():
    waiting = [
        Open(6, "ada@example.org", same_event_type=False),
        Open(7, "ada@example.org", same_event_type=True),
    ]

    assert match(Evidence(waiting=waiting)) == Match(
        7,
        Rung.EMAIL,
        "an attendee has the candidate's address, "
        "and the candidate has one open interview of this event type",
    )


def test_an_address_finds_the_only_open_interview_if_none_is_of_that_event_type():
    found = match(Evidence(waiting=[Open(6, "ada@example.org", same_event_type=False)]))

    assert found == Match(
        6,
        Rung.EMAIL,
        "an attendee has the candidate's address, "
        "and the candidate has one open interview and no other",
    )


@pytest.mark.parametrize("same_event_type", [True, False])
def test_two_interviews_that_fit_equally_leave_it_to_a_person(same_event_type):
    waiting = [
        Open(6, "ada@example.org", same_event_type=same_event_type),
        Open(7, "ada@example.org", same_event_type=same_event_type),
    ]

    assert match(Evidence(waiting=waiting)) is None


def test_two_addresses_of_one_candidate_are_no_tie():
    waiting = [
        Open(6, "ada@work.example", same_event_type=True),
        Open(6, "ada@example.org", same_event_type=True),
    ]

    found = match(Evidence(waiting=waiting))

    assert found is not None
    assert found.interview_id == 6


def test_the_evidence_may_come_in_any_order():
    waiting = [Open(6, address, same_event_type=True) for address in ("b@x.org", "a@x.org")]
    relatives = [("old2", 3), ("old1", 4)]

    assert match(Evidence(waiting=waiting)) == match(Evidence(waiting=waiting[::-1]))
    assert match(Evidence(relatives=relatives)) == match(Evidence(relatives=relatives[::-1]))


@pytest.mark.parametrize("rung", [Rung.EMAIL, Rung.PRIVATE_LINK, Rung.TOKEN])
def test_a_relative_of_the_same_interview_takes_no_reason_away(rung):
    known = Match(5, rung, "a reason of its own")

    assert match(Evidence(known=known, relatives=[("later", 5)])) == known
