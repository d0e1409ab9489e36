"""What a delivery leaves out, it does not erase: each kind that Cal.com was seen to send."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ADA, BOB, DAY, HOUR, MARA, MINUTE, NOW, answered, fixture, recorded, told
from greenroom.bookings.fold import fold
from greenroom.bookings.model import Fact, Status
from greenroom.calcom import webhook

KINDS = {
    name: fact
    for name in [*recorded(), "booking_cancelled__one_seat", "booking_cancelled__whole_series"]
    for fact in webhook.read(fixture(name), received_at=NOW).facts
}
CLAIMED_BY = {
    "status_since": ("status",),
    "attendees": ("attendees", "departed", "absences", "seated", "seat_from", "token"),
    "departed": ("departed", "attendees", "seated", "seat_to"),
    "seats_from": ("seat_from",),
    "seats_to": ("seat_to",),
    "tokens": ("token",),
    "private_links": ("private_link",),
    "recurring": ("recurring", "series"),
}
"""A booking's fields that facts claim under other names."""
OF_KNOWLEDGE = {"uid", "as_of", "unconfirmed"}

_token = replace(ADA, token="token1")
_moments = st.sampled_from([NOW + minutes * MINUTE for minutes in range(-3, 4)])
_whole = st.builds(
    told,
    st.sampled_from(Status),
    _moments,
    starts_at=st.just(NOW + DAY),
    ends_at=st.just(NOW + DAY + HOUR),
    calcom_id=st.just("7"),
    title=st.sampled_from(["Intro", "Deep dive"]),
    host=st.just(MARA),
    location=st.sampled_from(["Berlin", "Kyoto"]),
    reason=st.none() | st.just("ill"),
    attendees=st.sampled_from([(ADA,), (_token, BOB)]),
    seated=st.booleans(),
    replaces=st.none() | st.just("old"),
    successor_expected=st.none() | st.booleans(),
    token=st.none() | st.just("token2"),
    private_link=st.none() | st.just("hash1"),
    event_type_id=st.just(3),
    event_type_slug=st.just("intro"),
)
_answers = st.builds(
    answered,
    st.sampled_from(Status),
    _moments,
    replaced_by=st.none() | st.just("new"),
    series=st.none() | st.just("series1"),
)


def claims(fact: Fact, field: str) -> bool:
    """Whether the fact has anything to say about that field of a booking."""
    empty = {each.name: each.default for each in fields(Fact)}
    return any(getattr(fact, name) != empty[name] for name in CLAIMED_BY.get(field, (field,)))


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(_whole | _answers, min_size=1, max_size=4), _moments)
@settings(max_examples=25, deadline=None)
def test_it_changes_nothing_that_it_does_not_speak_of(kind, known, at):
    partial = replace(KINDS[kind], uid="booking1", as_of=at)
    before, after = fold(known), fold([*known, partial])

    changed = {
        each.name
        for each in fields(before)
        if getattr(before, each.name) != getattr(after, each.name)
    }
    assert {name for name in changed - OF_KNOWLEDGE if not claims(partial, name)} - (
        # Seats, once known to be seats, are told apart from then on.
        {"seated", "attendees", "departed"} if partial.seated else set()
    ) == set()
    assert before.tokens <= after.tokens
    assert before.replaces <= after.replaces
    assert before.replaced_by <= after.replaced_by


@pytest.mark.parametrize("kind", [kind for kind, fact in KINDS.items() if fact.departed])
@given(st.lists(_whole | _answers, min_size=1, max_size=4), _moments)
@settings(max_examples=25, deadline=None)
def test_a_seat_given_back_never_says_how_the_booking_stands(kind, known, at):
    partial = replace(KINDS[kind], uid="booking1", as_of=at)

    assert fold([*known, partial]).status is fold(known).status
