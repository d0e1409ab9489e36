import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.candidates import drafts
from greenroom.errors import Invalid


@pytest.mark.parametrize(
    "address",
    [
        "Ada.Lovelace+jobs@Example.org",
        "ada@bücher.de",
        "用户@例子.广告",
        "o'brien@example.org",
        "a%0ab@example.org",
        "x" * 64 + "@example.org",
    ],
)
def test_an_address_is_kept_as_it_was_given(address):
    assert drafts.read_address(f" {address} ") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ada",
        "ada@localhost",
        "a@b,evil@x.org",
        "a@x.org b@x.org",
        "Ada <ada@example.org>",
        '"a@evil.org"<victim@corp.org>',
        '"a b"@example.org',
        "a(comment)@example.org",
        "a@[127.0.0.1]",
        "ada@example.org.",
        "ada@exam\u00adple.org",
        "ada@exam\u200bple.org",
        "ada@example.org\nBcc: evil@x.org",
        "=?UTF-8?Q?=0A?=Bcc@example.org",
        "a\x00@example.org",
        "a@\ud800.org",
        "x" * 255 + "@example.org",
        "a@" + "x" * 320 + ".org",
    ],
)
def test_what_programs_disagree_about_is_no_address(text):
    with pytest.raises(Invalid) as refusal:
        drafts.read_address(text)

    assert "e-mail address" in refusal.value.what
    assert "\n" not in refusal.value.what


@settings(deadline=None)
@given(st.text())
def test_any_text_is_an_address_or_is_refused(text):
    try:
        drafts.read_address(text).encode()
    except Invalid as refusal:
        str(refusal).encode()


def test_an_address_given_twice_is_kept_once_where_it_stood_first():
    draft = drafts.read(name="Ada", addresses=["a@x.org", "b@x.org", "A@X.org"])

    assert draft.addresses == ("a@x.org", "b@x.org")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": " \u200b"}, "There is no name."),
        ({"name": "x" * 201}, "The name has more than 200 characters."),
        ({"name": "A", "role": "x" * 201}, "The role has more than 200 characters."),
        ({"name": "A", "zone": "Mars/Base"}, "“Mars/Base” is not a time zone."),
        ({"name": "A", "locale": "klingon!"}, "“klingon!” is not a language."),
        (
            {"name": "A", "addresses": [f"a{n}@x.org" for n in range(11)]},
            "A candidate can have 10 addresses; these are 11.",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(given, sentence):
    with pytest.raises(Invalid) as refusal:
        drafts.read(**given)

    assert refusal.value.what == sentence
