"""Whose booking might it be: what fits best comes first, and says why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import DAY, HOUR, NOW
from greenroom.bookings.suggest import Stranger, Waiting, suggest

ADA = Stranger(name="Ada Lovelace", address="ada@example.org", came_at=NOW)
NOBODY = Waiting(
    interview_id=1,
    name="Grace Hopper",
    addresses=("grace@navy.example",),
    same_event_type=False,
    sent_at=NOW - 60 * DAY,
)


def reasons(stranger: Stranger, **waiting: object) -> tuple[str, ...]:
    found = suggest(stranger, [replace(NOBODY, **waiting)])  # type: ignore[arg-type]
    return found[0].reasons if found else ()


def test_somebody_who_has_nothing_in_common_is_not_suggested():
    assert suggest(ADA, [NOBODY]) == []


def test_a_tag_behind_a_plus_sign_is_seen_through():
    why = reasons(replace(ADA, name="A."), addresses=("ADA+jobs@Example.org",))

    assert why == ("has this address but for what follows the plus sign",)


def test_the_same_name_before_the_at_sign_counts_elsewhere_too():
    why = reasons(replace(ADA, name="?"), addresses=("ada@uni.example",))

    assert why[0] == "has the same name before the @, at uni.example"


def test_a_typing_mistake_in_the_address_is_seen_through():
    stranger = replace(ADA, name="", address="ada.lovelacce@example.org")

    assert "letter or two" in reasons(stranger, addresses=("ada.lovelace@example.org",))[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ADA LOVELACE", "has the same name"),
        ("Lovelace, Ada", "has the same name"),
        ("Ａda Lovelace", "has the same name"),  # full width
        ("Ada King Lovelace", "has this name, shorter or longer"),
        ("Ada Lovelase", "has a name spelled nearly the same"),
    ],
)
def test_names_are_compared_as_people_write_them(name, why):
    assert why in reasons(replace(ADA, address=""), name=name)


def test_an_address_at_a_mail_provider_says_nothing_about_the_person():
    at_provider = replace(ADA, address="x@gmail.com")
    at_work = replace(ADA, address="x@navy.example")
    shared = {"name": "Ada Hopper", "same_event_type": True, "sent_at": NOW - DAY}

    assert "same place" not in str(reasons(at_provider, addresses=("y@gmail.com",), **shared))
    assert "same place" in str(reasons(at_work, addresses=("y@navy.example",), **shared))


def test_a_link_for_the_same_event_type_that_was_just_sent_is_reason_enough():
    just_sent = {"same_event_type": True, "sent_at": NOW - HOUR}

    assert reasons(ADA, **just_sent) == ("waits for this event type", "was given a link 1 h before")
    assert reasons(ADA, **{**just_sent, "sent_at": NOW - 3 * DAY}) == ()
    assert reasons(ADA, **{**just_sent, "sent_at": NOW + HOUR}) == ()


def test_what_fits_best_comes_first_and_no_more_than_asked_for():
    waiting = [
        replace(NOBODY, interview_id=3, name="Ada Lovelase"),
        replace(NOBODY, interview_id=2, addresses=("ada+x@example.org",), name="Ada Lovelace"),
        replace(NOBODY, interview_id=1, name="Ada Lovelace"),
    ]

    assert [each.interview_id for each in suggest(ADA, waiting, most=2)] == [2, 1]


_text = st.text(max_size=40)
_waiting = st.builds(
    Waiting,
    interview_id=st.integers(1, 9),
    name=_text,
    addresses=st.lists(_text, max_size=3).map(tuple),
    same_event_type=st.booleans(),
    sent_at=st.none() | st.timedeltas(-40 * DAY, timedelta(minutes=5)).map(lambda ago: NOW + ago),
)


@given(name=_text, address=_text, waiting=st.lists(_waiting, max_size=6), random=st.randoms())
def test_whatever_people_are_called_the_order_is_the_same_each_time(name, address, waiting, random):
    stranger = Stranger(name=name, address=address, came_at=NOW)
    shuffled = list(waiting)
    random.shuffle(shuffled)

    found = [each.score for each in suggest(stranger, waiting)]

    assert found == sorted(found, reverse=True)
    assert [each.score for each in suggest(stranger, shuffled)] == found
