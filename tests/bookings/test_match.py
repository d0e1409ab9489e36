"""Whose booking is it: the surest rung that fits, and why."""

import random
from itertools import pairwise, permutations

import pytest

from greenroom.bookings.match import Evidence, Match, Open, Rung, Settled, Verdict, settle

BY_EMAIL = Match(5, Rung.EMAIL, "an address")
VERA = Verdict(9, "Vera")


def node(uid="booking1", seat=""):
    return ((1, uid), seat)


def chain(*uids, seat=""):
    """Each replaces the one before."""
    found = {node(uid, seat): set() for uid in uids}
    for old, new in pairwise(uids):
        found[node(old, seat)].add(node(new, seat))
        found[node(new, seat)].add(node(old, seat))
    return found


def match(**evidence):
    return settle({node(): Evidence(**evidence)}, {}).matches.get(node())


def matches(evidence, neighbours) -> dict[str, tuple[int, Rung]]:
    found = settle({node(uid): each for uid, each in evidence.items()}, neighbours).matches
    return {uid: (each.interview_id, each.rung) for ((_, uid), _), each in found.items()}


LADDER = [
    ("verdict", VERA, 9, Rung.PERSON),
    ("by_token", 1, 1, Rung.TOKEN),
    ("by_private_link", 2, 2, Rung.PRIVATE_LINK),
    ("known", Match(4, Rung.KNOWN, "its number"), 4, Rung.KNOWN),
    ("waiting", (Open(6, "ada@example.org", same_event_type=True),), 6, Rung.EMAIL),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_the_surest_rung_decides_whatever_the_others_say(rung):
    # From the bottom up, so that the surer of two values for one field stays.
    found = match(**{field: value for field, value, _, _ in reversed(LADDER[rung:])})

    _, _, interview_id, expected = LADDER[rung]
    assert (found.interview_id, found.rung) == (interview_id, expected)
    assert found.explanation


@pytest.mark.parametrize(("own", "expected"), [(3, Rung.LINEAGE), (2, Rung.PRIVATE_LINK)])
def test_what_it_continues_counts_more_than_an_address_and_less_than_a_link(own, expected):
    evidence = {"old": Evidence(by_token=3), "new": Evidence(known=BY_EMAIL)}
    if expected is Rung.PRIVATE_LINK:
        evidence["new"] = Evidence(known=BY_EMAIL, by_private_link=2)

    assert matches(evidence, chain("old", "new"))["new"] == (own, expected)


def test_without_evidence_a_booking_is_nobodys_in_particular():
    assert settle({node(): Evidence()}, {}) == Settled({}, frozenset())


@pytest.mark.parametrize("rung", [Rung.EMAIL, Rung.KNOWN, Rung.TOKEN, Rung.PRIVATE_LINK])
def test_a_match_stays_with_the_reason_it_was_made_for(rung):
    assert match(known=Match(5, rung, "a reason")) == Match(5, rung, "a reason")


@pytest.mark.parametrize("rung", [Rung.PERSON, Rung.LINEAGE])
def test_a_match_goes_when_what_it_rests_on_is_gone(rung):
    assert match(known=Match(5, rung, "somebody, or another booking")) is None


def test_a_surer_rung_found_later_takes_the_booking_over():
    found = match(known=BY_EMAIL, by_token=1)

    assert found == Match(1, Rung.TOKEN, "it carries our token for this interview")


def test_a_booking_continues_the_interview_of_the_one_it_replaces():
    evidence = {node("b"): Evidence(by_token=3), node("a"): Evidence()}

    found = settle(evidence, chain("b", "a")).matches[node("a")]

    assert found == Match(3, Rung.LINEAGE, "it continues booking b, which is this interview's")


def test_an_address_finds_the_open_interview_of_that_event_type_before_another():
    waiting = [
        Open(6, "ada@example.org", same_event_type=False),
        Open(7, "ada@example.org", same_event_type=True),
        Open(8, "ada@example.org", same_event_type=True, is_over=True),
    ]

    assert match(waiting=waiting) == Match(
        7,
        Rung.EMAIL,
        "an attendee has the candidate's address, "
        "and the candidate has one open interview of this event type",
    )


def test_an_address_finds_the_only_open_interview_if_none_is_of_that_event_type():
    found = match(waiting=[Open(6, "ada@example.org", same_event_type=False)])

    assert found == Match(
        6,
        Rung.EMAIL,
        "an attendee has the candidate's address, "
        "and the candidate has one open interview and no other",
    )


@pytest.mark.parametrize("same_event_type", [True, False])
def test_an_interview_whose_meeting_was_over_is_not_open(same_event_type):
    over = Open(6, "ada@example.org", same_event_type=same_event_type, is_over=True)
    other = Open(7, "ada@example.org", same_event_type=False)

    assert match(waiting=[over]) is None
    assert match(waiting=[over, other]).interview_id == 7


@pytest.mark.parametrize("same_event_type", [True, False])
def test_two_interviews_that_fit_equally_leave_it_to_a_person(same_event_type):
    waiting = [
        Open(6, "ada@example.org", same_event_type=same_event_type),
        Open(7, "ada@example.org", same_event_type=same_event_type),
    ]

    assert match(waiting=waiting) is None


def test_two_addresses_of_one_candidate_are_no_tie():
    waiting = [Open(6, address, same_event_type=True) for address in ("b@x.org", "a@x.org")]

    assert match(waiting=waiting).interview_id == 6
    assert match(waiting=waiting) == match(waiting=waiting[::-1])


@pytest.mark.parametrize("rung", [Rung.EMAIL, Rung.PRIVATE_LINK, Rung.TOKEN])
def test_a_relative_of_the_same_interview_takes_no_reason_away(rung):
    evidence = {
        "old": Evidence(known=Match(5, rung, "a reason of its own")),
        "new": Evidence(by_token=5),
    }

    assert matches(evidence, chain("old", "new"))["old"] == (5, rung)


def test_a_chain_found_by_two_addresses_is_one_meeting_of_the_first():
    evidence = {
        "a": Evidence(),
        "b": Evidence(known=Match(5, Rung.EMAIL, "ada's")),
        "c": Evidence(known=Match(6, Rung.EMAIL, "bob's")),
    }

    assert matches(evidence, chain("c", "a", "b")) == {
        "a": (5, Rung.LINEAGE),
        "b": (5, Rung.EMAIL),
        "c": (5, Rung.LINEAGE),
    }


def test_a_persons_word_goes_for_the_whole_chain_even_over_tokens():
    evidence = {
        "a": Evidence(by_token=1),
        "b": Evidence(verdict=VERA),
        "c": Evidence(by_token=1),
    }

    assert matches(evidence, chain("a", "b", "c")) == {
        "a": (9, Rung.LINEAGE),
        "b": (9, Rung.PERSON),
        "c": (9, Rung.LINEAGE),
    }


def test_what_a_person_set_aside_stays_so_when_it_moves():
    evidence = {
        node("a"): Evidence(verdict=Verdict(None, "Vera")),
        node("b"): Evidence(by_token=1),
        node("alone"): Evidence(by_token=1),
    }

    found = settle(evidence, chain("a", "b"))

    assert found.nobodys == {node("a"), node("b")}
    assert found.matches.keys() == {node("alone")}


def test_of_two_verdicts_in_one_chain_the_nearer_one_counts():
    evidence = {
        "a": Evidence(verdict=VERA),
        "b": Evidence(),
        "c": Evidence(),
        "d": Evidence(verdict=Verdict(None, "Vera")),
    }

    assert matches(evidence, chain("a", "b", "c", "d")).keys() == {"a", "b"}


def test_seats_of_one_booking_are_told_apart():
    ada, bob = node("panel", "ada@x.org"), node("panel", "bob@x.org")

    found = settle({ada: Evidence(by_token=1), bob: Evidence(by_token=2)}, {}).matches

    assert [(each.interview_id, each.address) for each in found.values()] == [
        (1, "ada@x.org"),
        (2, "bob@x.org"),
    ]


@pytest.mark.parametrize("length", [2, 3, 4, 7])
def test_bookings_that_replace_one_another_in_a_ring_do_not_hold_one_another_up(length):
    uids = [f"b{number}" for number in range(length)]
    ring = chain(*uids)
    ring[node(uids[0])].add(node(uids[-1]))
    ring[node(uids[-1])].add(node(uids[0]))
    rests = Evidence(known=Match(5, Rung.LINEAGE, "it continues another"))

    assert matches(dict.fromkeys(uids, rests), ring) == {}
    held = matches(dict.fromkeys(uids, rests) | {"b0": Evidence(by_token=5)}, ring)
    assert {interview_id for interview_id, _ in held.values()} == {5}
    assert len(held) == length


def test_the_evidence_may_come_in_any_order():
    evidence = {
        "a": Evidence(by_token=1),
        "b": Evidence(),
        "c": Evidence(waiting=(Open(2, "c@x.org", same_event_type=True),)),
        "d": Evidence(by_private_link=3),
    }
    links = chain("a", "b", "c", "d")
    expected = matches(evidence, links)

    for order in permutations(evidence):
        shuffled = list(links.items())
        random.Random(str(order)).shuffle(shuffled)
        assert matches({uid: evidence[uid] for uid in order}, dict(shuffled)) == expected
