"""Roles, addresses, passwords and the lives of sessions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.accounts.model import (
    Role,
    Session,
    email_key,
    network,
    normal,
    password_refusal,
    session_end,
)

_NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
_ADA = ["ada.lovelace@analytical.example", "Ada Lovelace"]


@pytest.mark.parametrize(
    ("role", "covers"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.RECRUITER, {Role.VIEWER, Role.RECRUITER}),
        (Role.ADMIN, {Role.VIEWER, Role.RECRUITER, Role.ADMIN}),
    ],
)
def test_a_role_covers_those_below_it(role, covers):
    assert {each for each in Role if role.covers(each)} == covers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.org", "ada@example.org"),
        (" ada@example.org\n", "ada@example.org"),
        ("ada@example.org", "ada@example.org"),
        ("\u212aelvin@example.org", "kelvin@example.org"),
        ("jo\u0308rg@example.org", "j\u00f6rg@example.org"),
        ("\ufb00@example.org", "ff@example.org"),
    ],
)
def test_spellings_of_one_address_are_one(one, other):
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m\u0131ke@example.org", "mike@example.org"),
        ("ada+x@example.org", "ada@example.org"),
        ("a.da@example.org", "ada@example.org"),
    ],
)
def test_addresses_that_only_look_alike_are_two(one, other):
    assert email_key(one) != email_key(other)


@given(st.text(max_size=60))
def test_the_key_of_a_key_is_itself(text):
    assert email_key(email_key(text)) == email_key(text)


@pytest.mark.parametrize(
    "password",
    [
        "marmalade on the 7th ferry",
        "мой кот не любит дождь",
        "猫は雨が嫌いです夜も昼もずっと嫌い",
        "#$%^&*()_+{}|:<>?~;/",
        "tr0ub4dor&3-tr1angle",
        "my dog ate the summer plans",
        "quietly orbiting" + "9" * 100,
        "été à la plage de Brest",
    ],
)
def test_a_long_password_of_any_kind_is_taken(password):
    assert password_refusal(password, about=_ADA) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "0 characters"),
        ("fourteen chars", "14 characters"),
        ("e\u0301" * 14, "14 characters"),
        ("x1y2" * 33, "132 characters"),
        ("passwordpassword", "well-known"),
        ("Password-Password!1", "well-known"),
        ("correct horse battery staple", "well-known"),
        ("123456789012345", "well-known"),
        ("aaaaaaaaaaaaaaaaaaaa", "well-known"),
        ("abcdefghijklmnopqrst", "well-known"),
        ("qwertyuiopasdfghjkl", "well-known"),
        ("ada.lovelace@analytical.example", "well-known"),
        ("Ada Lovelace 2026!", "well-known"),
        ("lovelacelovelace99", "well-known"),
        ("Greenroom2026!!!", "well-known"),
        (" " * 20, "well-known"),
        ("AnalyticalAnalytical1", "well-known"),
        ("Ada Ada Ada Ada Ada", "well-known"),
        ("xyqxyqxyqxyqxyqxyq", "well-known"),
    ],
)
def test_a_password_that_others_would_try_is_refused(password, why):
    refusal = password_refusal(password, about=_ADA)

    assert refusal is not None
    assert why in refusal


def test_a_refusal_does_not_repeat_the_password():
    assert "lovelace" not in (password_refusal("lovelacelovelace99", about=_ADA) or "")


def test_a_short_name_does_not_spoil_a_password():
    assert password_refusal("marmalade on the 7th ferry", about=["li@x.example", "Li"]) is None


def test_one_password_from_two_keyboards_is_one():
    assert normal("caf\u00e9") == normal("cafe\u0301")


def test_a_session_in_use_goes_on_but_not_for_ever():
    start = _NOW
    ends = [session_end(start, start + timedelta(days=day), idle_days=14) for day in (0, 10, 29)]

    expected = [start + timedelta(days=day) for day in (14, 24, 30)]
    assert ends == expected


@pytest.mark.parametrize(
    ("host", "of"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_counted_with_its_neighbours(host, of):
    assert network(host) == of


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/5 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/150.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "curl"),
        ("", "A browser"),
    ],
)
def test_a_session_names_its_browser(user_agent, device):
    assert Session("", _NOW, _NOW, user_agent).device == device
