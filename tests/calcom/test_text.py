"""Texts from Cal.com lose what would hurt databases, logs, letters and pages, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.calcom.text import Fields, clean


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\t Lovelace \r\n", "Ada  Lovelace"),
        ("two\r\nlines", "two lines"),
        ("A\u00efsha N\u00fa\u00f1ez \U0001f436", "A\u00efsha N\u00fa\u00f1ez \U0001f436"),
        ("O'Brien <b>&", "O'Brien <b>&"),
        ("a\x00b", "a\ufffdb"),
        ("a\x1b[31mb\x7f\x85", "a\ufffd[31mb\ufffd"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("a" * 300, "a" * 200),
        (" \n ", ""),
    ],
)
def test_a_text_becomes_one_clean_line(given_, expected):
    assert clean(given_, 200) == expected


def test_long_texts_keep_their_lines():
    assert clean("first\r\nsecond\tcolumn\x0b", 200, lines=True) == "first\nsecond\tcolumn"
    assert clean("bell\x07", 200, lines=True) == "bell\ufffd"


@given(st.text(st.characters(categories=None), max_size=50))
def test_what_is_clean_stays_as_it_is_and_can_be_written_anywhere(text):
    once = clean(text, 20)

    assert len(once) <= 20
    assert clean(once, 20) == once
    assert "\x00" not in once
    assert once.encode().decode() == once


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada+jobs@Example.org ", "Ada+jobs@Example.org"),
        ("ada@bücher.example", "ada@bücher.example"),
        ("ada", None),
        ("", None),
        ("ada@example.org, eve@evil.example", None),
        ("ada@example.org\nBcc:eve@evil.example", None),
        ("ada\x00@example.org", None),
        ("a" * 310 + "@example.org", None),
        (None, None),
        (["ada@example.org"], None),
    ],
)
def test_an_address_is_one_address_or_none(address, expected):
    assert Fields({"email": address}).address("email") == expected


def test_a_list_yields_its_objects_and_a_missing_one_none():
    fields = Fields({"people": [{"name": "Ada"}, None, "text", {"name": "Bob"}], "odd": 7})

    assert [each.text("name", 10) for each in fields.each("people")] == ["Ada", "Bob"]
    assert list(fields.each("odd")) == list(fields.each("none")) == []
