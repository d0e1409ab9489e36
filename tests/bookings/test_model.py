"""A booking is what its facts say, in whatever order and however often they were heard."""

import random
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ADA, BOB, DAY, HOUR, MARA, MINUTE, NOW, answered, fixture, recorded, told
from greenroom.bookings.fold import fold
from greenroom.bookings.model import (
    Attendee,
    Booking,
    Fact,
    Outcome,
    Source,
    Status,
    api_as_of,
    webhook_as_of,
)
from greenroom.calcom import webhook

SECOND = timedelta(seconds=1)


def settle(facts: list[Fact]) -> dict[str, Booking]:
    """Every booking the facts are about, computed."""
    return {uid: fold(f for f in facts if f.uid == uid) for uid in {f.uid for f in facts}}


def stands(facts: list[Fact]) -> dict[str, Status | None]:
    return {uid: booking.status for uid, booking in settle(facts).items()}


# -- laws

_moments = st.sampled_from([NOW + minutes * MINUTE for minutes in range(-2, 3)])
_people = st.none() | st.sampled_from([(ADA,), (BOB,), (ADA, BOB)])
_absences = st.sampled_from([(), ((ADA.email, True),), ((ADA.email.upper(), False),)])
_webhooks = st.builds(
    told,
    st.none() | st.sampled_from(Status),
    _moments,
    starts_at=st.none() | _moments,
    location=st.none() | st.sampled_from(["Berlin", "Kyoto"]),
    reason=st.none() | st.just("ill"),
    attendees=_people,
    seated=st.booleans(),
    departed=st.sampled_from([(), (ADA.email,)]),
    absences=_absences,
    replaces=st.none() | st.sampled_from(["old1", "old2"]),
    successor_expected=st.none() | st.booleans(),
    token=st.none() | st.sampled_from(["token1", "token2"]),
)
_answers = st.builds(
    answered,
    st.sampled_from(Status),
    _moments,
    changed_at=st.none() | _moments,
    location=st.none() | st.just("Lisbon"),
    attendees=_people,
    host_absent=st.booleans(),
    replaced_by=st.none() | st.just("new1"),
)
_facts = st.lists(_webhooks | _answers, min_size=1, max_size=8)


@given(_facts, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_the_order_in_which_facts_arrive_does_not_matter(facts, chance):
    shuffled = list(facts)
    chance.shuffle(shuffled)

    assert fold(shuffled) == fold(facts)


@given(_facts, st.data())
@settings(deadline=None)
def test_facts_heard_again_change_nothing(facts, data):
    again = data.draw(st.lists(st.sampled_from(facts)))

    assert fold([*again, *facts, *again]) == fold(facts)


def claimed(booking: Booking) -> dict[str, object]:
    """What an API answer always claims."""
    fields = ("status", "starts_at", "ends_at", "title", "host", "location", "host_absent")
    return {field: getattr(booking, field) for field in fields}


@given(_facts, _answers)
@settings(deadline=None)
def test_the_newest_answer_of_the_api_says_it_all(facts, answer):
    older = [replace(fact, as_of=fact.as_of - DAY) for fact in facts]

    booking = fold([*older, answer])

    assert claimed(booking) == claimed(fold([answer]))
    assert not booking.unconfirmed
    if answer.attendees:
        assert [replace(each, token=None) for each in booking.attendees] == [*answer.attendees]


@given(_facts, _answers, _webhooks)
@settings(deadline=None)
def test_an_older_delivery_never_changes_what_a_newer_answer_claims(facts, answer, late):
    facts = [*facts, answer]
    late = replace(late, as_of=answer.as_of - SECOND)

    assert claimed(fold([*facts, late])) == claimed(fold(facts))


@given(_facts)
@settings(deadline=None)
def test_lineage_and_tokens_are_gathered_from_every_fact(facts):
    booking = fold(facts)

    assert booking.replaces == {fact.replaces for fact in facts} - {None}
    assert booking.replaced_by == {fact.replaced_by for fact in facts} - {None}
    assert booking.tokens == {fact.token for fact in facts} - {None}


def test_facts_about_two_bookings_are_not_one():
    with pytest.raises(ValueError, match="the facts about it"):
        fold([told(uid="booking1"), told(uid="booking2")])


def test_a_booking_without_facts_is_none():
    with pytest.raises(ValueError, match="the facts about it"):
        fold([])


# -- histories: what comes out, whatever the order

REQUESTED = told(Status.REQUESTED, NOW, starts_at=NOW + DAY, attendees=(ADA,))
CONFIRMED = told(Status.CONFIRMED, NOW + MINUTE, starts_at=NOW + DAY, attendees=(ADA,))
CANCELLED = told(Status.CANCELLED, NOW + 5 * MINUTE, reason="ill", successor_expected=False)
DECLINED = told(Status.DECLINED, NOW + 2 * MINUTE, reason="full")


def moved(old: str, new: str, at: int, status: Status = Status.CONFIRMED) -> Fact:
    return told(status, NOW + at * MINUTE, uid=new, replaces=old)


HISTORIES: dict[str, tuple[list[Fact], dict[str, Status | None]]] = {
    "requested, confirmed, cancelled": (
        [REQUESTED, CONFIRMED, CANCELLED],
        {"booking1": Status.CANCELLED},
    ),
    "requested, declined": ([REQUESTED, DECLINED], {"booking1": Status.DECLINED}),
    "requested, confirmed, moved, cancelled": (
        [
            REQUESTED,
            CONFIRMED,
            moved("booking1", "booking2", 3),
            told(Status.CANCELLED, NOW + 4 * MINUTE, uid="booking2"),
        ],
        {"booking1": Status.CONFIRMED, "booking2": Status.CANCELLED},
    ),
    "moved three times": (
        [
            CONFIRMED,
            moved("booking1", "booking2", 2),
            moved("booking2", "booking3", 3),
            moved("booking3", "booking4", 4),
            answered(Status.CANCELLED, NOW + 2 * MINUTE, replaced_by="booking2"),
            answered(Status.CONFIRMED, NOW + 5 * MINUTE, uid="booking4", replaces="booking3"),
        ],
        {
            "booking1": Status.CANCELLED,
            "booking2": Status.CONFIRMED,
            "booking3": Status.CONFIRMED,
            "booking4": Status.CONFIRMED,
        },
    ),
    "approved, moved by the candidate, approved again": (
        [
            REQUESTED,
            CONFIRMED,
            moved("booking1", "booking2", 3, Status.REQUESTED),
            told(Status.CONFIRMED, NOW + 4 * MINUTE, uid="booking2"),
        ],
        {"booking1": Status.CONFIRMED, "booking2": Status.CONFIRMED},
    ),
    "the host asks for another time": (
        [
            CONFIRMED,
            told(Status.CANCELLED, NOW + 2 * MINUTE, successor_expected=True),
            moved("booking1", "booking2", 3),
        ],
        {"booking1": Status.CANCELLED, "booking2": Status.CONFIRMED},
    ),
    "paid": (
        [
            told(Status.REQUESTED, NOW),
            told(Status.CONFIRMED, NOW + 2 * SECOND, title="paid"),
            told(Status.CONFIRMED, NOW + 2 * SECOND, title="created"),
        ],
        {"booking1": Status.CONFIRMED},
    ),
    "confirmed and cancelled in the same millisecond": (
        [CONFIRMED, told(Status.CANCELLED, CONFIRMED.as_of)],
        {"booking1": Status.CANCELLED},
    ),
    "nobody came": (
        [
            CONFIRMED,
            told(at=NOW + 2 * DAY, absences=((ADA.email, True),)),
            answered(Status.CONFIRMED, NOW + HOUR),
        ],
        {"booking1": Status.CONFIRMED},
    ),
    "two seats, one given back": (
        [
            told(Status.CONFIRMED, NOW, seated=True, attendees=(ADA,)),
            told(Status.CONFIRMED, NOW + MINUTE, seated=True, attendees=(BOB,)),
            told(at=NOW + 2 * MINUTE, seated=True, departed=(ADA.email,)),
        ],
        {"booking1": Status.CONFIRMED},
    ),
    "a cancellation heard before it was committed": (
        [
            answered(Status.CONFIRMED, NOW),
            CANCELLED,
            answered(Status.CONFIRMED, CANCELLED.as_of - 59 * SECOND),
            answered(Status.CANCELLED, CANCELLED.as_of + SECOND),
        ],
        {"booking1": Status.CANCELLED},
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_ends_the_same_in_every_order(name):
    facts, expected = HISTORIES[name]
    final = settle(facts)

    assert {uid: booking.status for uid, booking in final.items()} == expected
    for order in permutations(facts):
        assert settle(list(order)) == final, order


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_of_which_any_part_was_lost_is_healed_by_one_answer(name):
    facts, _ = HISTORIES[name]
    truth = answered(Status.DECLINED, NOW + 9 * DAY, location="at home")

    for lost in range(1 << len(facts)):
        rest = [fact for at, fact in enumerate(facts) if not lost >> at & 1]
        healed = fold([truth, *(fact for fact in rest if fact.uid == truth.uid)])
        assert claimed(healed) == claimed(fold([truth]))


def recorded_facts() -> list[Fact]:
    readings = [
        webhook.read(fixture(name), received_at=NOW + minute * SECOND)
        for minute, name in enumerate(recorded())
    ]
    return [fact for reading in readings for fact in reading.facts]


def test_what_cal_com_sent_settles_the_same_in_any_order_and_number():
    facts = recorded_facts()
    final = settle(facts)
    shuffled = [*facts, *facts]

    assert settle(facts[::-1]) == final
    chance = random.Random(1)
    for _ in range(20):
        chance.shuffle(shuffled)
        assert settle(shuffled) == final


def test_what_cal_com_sent_leaves_each_booking_where_it_stood():
    assert stands(recorded_facts()) == {
        "gi5CCxXdEoLpxpjCp3Pk9V": Status.CONFIRMED,
        "dQzHTHKVP7YZPbzDHCdmQL": Status.CONFIRMED,
        "53vSjXPbLDzcbeixE8ekP5": Status.CONFIRMED,
        "71pkmeK3mbTi3jqUkMRLCj": Status.CANCELLED,
        "326xx4rApGvhJDJpZP16Pe": Status.CONFIRMED,
        "4QvnYFzhNWZhZuHhrM4Ch8": Status.DECLINED,
        "cLY8AAA3VRS4Lw4YZrXAYM": Status.CONFIRMED,
        "qpryhi7oSRxcx2q5L3QebP": Status.CANCELLED,
        "pu6w29JTuj1rm6fcsfRAta": Status.CONFIRMED,
        "nNK3e2MZbNbswA4GZS7oAX": Status.CONFIRMED,
        "1x6NpzzsLzguhw29By6DPY": Status.CONFIRMED,
        "aPPbDMGTDpQKJ57vzEQHmk": None,
        "taS7iSGaFfDr3UJHUdyBsY": Status.CONFIRMED,
        "mAaQYzV9Hgo7rkfa2XtHXR": None,
        "ugGHLNot7ECHoreQF3UC9y": Status.CANCELLED,
        "91gpLCUkqpaEcF2yTTY3ze": Status.CONFIRMED,
        "5stz7KRsLCj7STzc9wBdgR": Status.CANCELLED,
        "enu2QscAgL3f6iKMtf2RFm": Status.CONFIRMED,
    }


# -- the finer points


def test_a_late_confirmation_does_not_revive_a_cancelled_booking():
    assert fold([CANCELLED, CONFIRMED]).status is Status.CANCELLED


def test_within_its_minute_an_answer_that_is_not_newer_does_not_undo_a_cancellation():
    said_at = CANCELLED.as_of
    hasty = answered(
        Status.CONFIRMED, api_as_of(NOW - DAY, fetched_at=said_at + 59 * SECOND), changed_at=NOW
    )
    settled = replace(hasty, as_of=api_as_of(NOW - DAY, fetched_at=said_at + 61 * SECOND))

    assert fold([CANCELLED, hasty]).status is Status.CANCELLED
    assert fold([CANCELLED, hasty]).unconfirmed
    assert fold([CANCELLED, settled]).status is Status.CONFIRMED


def test_at_the_same_moment_the_api_counts_more_than_a_delivery():
    assert fold([told(Status.CANCELLED), answered(Status.CONFIRMED)]).status is Status.CONFIRMED


@pytest.mark.parametrize(
    ("said_at", "as_of"),
    [
        (NOW - DAY, NOW - DAY),
        (NOW, NOW),
        (NOW + MINUTE, NOW + MINUTE),
        (NOW + MINUTE + SECOND, NOW),
        (None, NOW),
    ],
)
def test_a_deliverys_word_about_the_time_counts_unless_it_is_in_the_future(said_at, as_of):
    assert webhook_as_of(said_at, received_at=NOW) == as_of


@pytest.mark.parametrize(
    ("changed_at", "as_of"),
    [(NOW, NOW), (NOW - HOUR, NOW - MINUTE), (None, NOW - MINUTE)],
)
def test_an_answer_was_true_when_the_booking_changed_or_a_minute_before_it_was_given(
    changed_at, as_of
):
    assert api_as_of(changed_at, fetched_at=NOW) == as_of


def test_a_delivery_that_lacks_a_field_says_nothing_about_it():
    booking = fold([told(Status.CONFIRMED, NOW, location="Berlin", host=MARA), CANCELLED])

    assert (booking.location, booking.host, booking.reason) == ("Berlin", MARA, "ill")


def test_an_answer_that_lacks_a_place_says_that_there_is_none():
    confirmed = told(Status.CONFIRMED, NOW, location="Berlin")

    assert fold([confirmed, answered(Status.CONFIRMED, NOW + MINUTE)]).location is None


def test_why_a_booking_was_declined_survives_the_answer_that_does_not_tell():
    assert fold([DECLINED, answered(Status.DECLINED, NOW + HOUR)]).reason == "full"


def test_that_another_time_is_expected_survives_the_answer_that_does_not_tell():
    asked = told(Status.CANCELLED, NOW, successor_expected=True)

    assert fold([asked, answered(Status.CANCELLED, NOW + HOUR)]).successor_expected


def test_attendees_an_answer_hides_are_kept():
    booked = told(Status.CONFIRMED, NOW, seated=True, attendees=(ADA,))
    hidden = answered(Status.CONFIRMED, NOW + HOUR, attendees=None)

    assert fold([booked, hidden]).attendees == (ADA,)


def test_seats_add_up_until_an_answer_lists_them_and_one_can_be_given_back():
    ada = told(Status.CONFIRMED, NOW, seated=True, attendees=(ADA,))
    bob = told(Status.CONFIRMED, NOW + MINUTE, seated=True, attendees=(BOB,))
    ada_left = told(at=NOW + 2 * MINUTE, seated=True, departed=(" ADA@example.org",))

    assert fold([ada, bob]).attendees == (ADA, BOB)
    assert fold([ada, bob, ada_left]).attendees == (BOB,)
    assert fold([ada, bob, answered(Status.CONFIRMED, NOW + HOUR)]).attendees == (ADA,)


def test_an_attendee_is_absent_as_the_newest_word_has_it():
    came = answered(Status.CONFIRMED, NOW, attendees=(ADA, BOB))
    absent = told(at=NOW + MINUTE, absences=((ADA.email, True),))
    there_after_all = told(at=NOW + 2 * MINUTE, absences=((ADA.email, False),))

    assert fold([came, absent]).attendees == (replace(ADA, absent=True), BOB)
    assert fold([came, absent, there_after_all]).attendees == (ADA, BOB)


@pytest.mark.parametrize(
    ("attendees", "host_absent", "outcome"),
    [
        ((ADA,), False, None),
        ((replace(ADA, absent=True),), False, Outcome.CANDIDATE_NO_SHOW),
        ((ADA, Attendee(email="guest@example.org", absent=True)), False, None),
        ((replace(ADA, absent=True),), True, Outcome.HOST_NO_SHOW),
    ],
)
def test_the_outcome_is_who_was_missing(attendees, host_absent, outcome):
    said = answered(Status.CONFIRMED, attendees=attendees, host_absent=host_absent)

    assert fold([said]).outcome is outcome


def test_a_no_show_may_be_the_first_we_hear():
    booking = fold([told(absences=((ADA.email, True),))])

    assert (booking.status, booking.starts_at, booking.attendees) == (None, None, ())


def test_a_booking_that_another_replaces_is_moved():
    assert fold([answered(Status.CANCELLED, replaced_by="booking2")]).is_moved


def test_the_status_is_as_old_as_the_first_word_of_it_however_often_it_is_said_again():
    again = [answered(Status.CANCELLED, NOW + at * HOUR, location=str(at)) for at in (1, 5, 9)]

    booking = fold([CONFIRMED, CANCELLED, *again])

    assert (booking.status_since, booking.as_of) == (CANCELLED.as_of, NOW + 9 * HOUR)


def test_a_status_only_the_api_told_is_as_old_as_the_bookings_last_change():
    said = answered(Status.CANCELLED, NOW, changed_at=NOW - DAY)

    for hours in range(3):
        looked_again = replace(said, as_of=NOW + hours * HOUR)
        assert fold([looked_again]).status_since == NOW - DAY


def test_a_status_that_came_back_is_as_old_as_its_return():
    seat_lies = told(Status.CANCELLED, NOW + MINUTE)
    truth = answered(Status.CONFIRMED, NOW + HOUR)

    assert fold([told(Status.CONFIRMED), seat_lies, truth]).status_since == NOW + HOUR


def test_only_the_source_tells_whether_a_booking_is_confirmed_by_the_api():
    assert fold([answered(Status.CONFIRMED, NOW), CANCELLED]).unconfirmed
    assert CANCELLED.source is Source.WEBHOOK
