import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.errors import Invalid
from greenroom.mail import layout, letters, wording

LINK = "https://interviews.example.org/i/x4Tq-9_Z"
TOLD = {
    "candidate": "Ada Lovelace",
    "role": "Engineer",
    "company": "Acme",
    "kind": "Technical interview, video call",
    "length_minutes": 45,
    "host": "Mara Lindqvist",
    "link": LINK,
    "expires_at": datetime(2026, 12, 7, 16, 0, tzinfo=UTC),
    "zone": "Europe/Berlin",
    "sender": "Rita Recruiter",
}
TEXT = f"""\
Hello Ada Lovelace,

Thank you for your interest in Acme. We would like to meet you.

What: Technical interview, video call
Length: 45 minutes
With: Mara Lindqvist

Choose a time:
{LINK}

The link works until Monday 7 December 2026, 17:00 (Europe/Berlin, UTC+01:00). It is yours \
alone, so please do not pass it on.

None of the times fit? Just reply.

Rita Recruiter, Acme
"""
HOSTILE = [
    "x=?UTF-8?Q?=0A?=Bcc: evil@x.org",
    "x\r\nBcc: evil@x.org",
    "x\nBcc: evil@x.org\n\nbody",
    "x\u2028Bcc: evil@x.org\u2029\x85\x0b\x0c",
    "x\x00\x07\x1b[31m",
    "\ud800\udfff",
    "\u202eevil",
    "<script>alert(1)</script>",
    '"><img src="https://evil.example/x.png" onerror=alert(1)>',
    "</title></style><style>*{display:none}</style>",
    "&lt;b&gt;",
    "{link} {0} {candidate.__class__} {{7*7}} {% raw %} ${x} %s %n",
    "javascript:alert(1)",
    "\r\n.\r\nMAIL FROM:<evil@x.org>\r\n",
    "a" * 5_000,
    "é" * 5_000,
]


class Reader(HTMLParser):
    """What a mail program makes of a letter: tags, addresses, and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.words: list[str] = []
        self._skips = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses |= {value for name, value in attrs if name in {"href", "src"}}
        self._skips = tag in {"style", "title"}

    def handle_endtag(self, tag):
        self._skips = self._skips and tag not in {"style", "title"}

    def handle_data(self, data):
        if not self._skips:
            self.words += data.split()


OUR_TAGS = {"html", "head", "meta", "title", "style", "body", "div", "p", "a", "strong", "br"}


def test_an_invitation_says_what_who_how_long_and_until_when():
    letter = letters.invitation(**TOLD)

    assert letter.subject == "Pick a time: Engineer interview with Acme"
    assert letter.text == TEXT
    assert letter.link == LINK


def test_both_parts_of_a_letter_say_the_same():
    letter = letters.invitation(**TOLD, message="Looking forward,\nsee you soon!")
    words = Reader(letter.html).words

    assert [word for word in letter.text.split() if word not in words] == ["time:"]
    extra = {*words} - {*letter.text.split()}
    assert extra == {"time", "Or", "open", "this", "address:"}


def test_what_is_not_known_is_left_out():
    blank = {**TOLD, "candidate": "", "role": "", "host": None, "expires_at": None, "sender": ""}
    letter = letters.invitation(**blank)

    assert letter.subject == "Pick a time: interview with Acme"
    assert letter.text.startswith("Hello,\n")
    assert letter.text.endswith("\n\nAcme\n")
    assert "With:" not in letter.text
    assert "The link works until it is used." in letter.text


def test_a_personal_message_has_its_variables_filled_and_its_lines_kept():
    message = "Hi {name},\r\nthe {role} talk takes {length} with {host}.\n\n{link}  "
    letter = letters.invitation(**TOLD, message=message)

    said = f"Hi Ada Lovelace,\nthe Engineer talk takes 45 minutes with Mara Lindqvist.\n\n{LINK}"
    assert f"\n\n{said}\n\n" in letter.text


def test_a_value_with_braces_is_not_filled_again():
    letter = letters.invitation(**{**TOLD, "candidate": "{link}{role}"}, message="Hi {name}")

    assert "\n\nHi {link}{role}\n\n" in letter.text


@pytest.mark.parametrize("message", ["{salary}", "{name.__class__}{NAME}", "{__class__}"])
def test_a_variable_there_is_not_is_refused(message):
    with pytest.raises(Invalid) as refusal:
        letters.invitation(**TOLD, message=message)

    assert "{name}, {role}, {company}" in refusal.value.do


def test_a_message_that_is_too_long_is_refused():
    with pytest.raises(Invalid):
        letters.invitation(**TOLD, message="x" * 5_001)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil", "https://x y", 'https://x"y', "https://x\n", ""]
)
def test_nothing_but_a_web_address_stands_behind_the_button(link):
    with pytest.raises(ValueError, match="^" + re.escape(link) + "$"):
        letters.invitation(**{**TOLD, "link": link})


def test_a_letter_with_a_link_has_a_button_that_leads_there():
    with pytest.raises(AssertionError):
        layout.compose("Subject", [layout.Paragraph("No button")], link=LINK)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_wrote_stays_text(text):
    fields = dict.fromkeys(("candidate", "role", "company", "kind", "host", "sender"), text)
    letter = letters.invitation(**{**TOLD, **fields}, message=text.replace("{", "")[:5_000])
    read = Reader(letter.html)

    assert read.tags <= OUR_TAGS
    assert read.addresses == {LINK}
    assert letter.subject.isprintable()
    assert "=?" not in letter.subject
    assert len(letter.subject) < 300
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800-\udfff]", letter.text
    )


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_in_a_letter_is_harmless(text):
    letter = letters.invitation(**{**TOLD, "candidate": text, "role": text, "host": text})

    assert Reader(letter.html).addresses == {LINK}
    assert len(letter.subject.splitlines()) == 1
    assert "=?" not in letter.subject
    (letter.subject + letter.text + letter.html).encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("J.R.R. Tolkien", "J. R. R. Tolkien"),
        ("Visit https://evil.example/win now", "Visit https: //evil. example/win now"),
        ("www.evil.example", "www .evil. example"),
        ("evil。example", "evil。 example"),
        ("mail me@evil.example", "mail me@evil. example"),
        ("x" * 200, "x" * 80),
        ("Ada\r\n\tLovelace", "Ada Lovelace"),
    ],
)
def test_a_name_is_short_and_carries_no_link(name, shown):
    assert wording.person(name) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Node.js engineer", "Node.js engineer"),
        ("see https://evil.example", "see https: //evil.example"),
        ("x=?utf-8?q?y?=", "x= ?utf-8?q?y?="),
    ],
)
def test_a_role_keeps_its_dots_and_loses_web_addresses(text, shown):
    assert wording.phrase(text) == shown


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        ("2026-12-07T16:00", "Europe/Berlin", "Dec 7 Mon 17:00 (Europe/Berlin, UTC+01:00)"),
        ("2026-07-07T16:00", "Europe/Berlin", "Jul 7 Tue 18:00 (Europe/Berlin, UTC+02:00)"),
        ("2026-12-07T20:00", "Asia/Calcutta", "Dec 8 Tue 01:30 (Asia/Calcutta, UTC+05:30)"),
        ("2026-12-07T22:00", "America/St_Johns", "Dec 7 Mon 18:30 (America/St_Johns, UTC-03:30)"),
        ("2026-12-07T16:00", None, "Dec 7 Mon 16:00 (UTC)"),
        ("2026-12-07T16:00", "UTC", "Dec 7 Mon 16:00 (UTC)"),
        ("2026-12-07T16:00", "Mars/Base", "Dec 7 Mon 16:00 (UTC)"),
        ("2026-12-07T16:00", "../../etc/passwd", "Dec 7 Mon 16:00 (UTC)"),
    ],
)
def test_a_time_has_its_zone_and_offset_beside_it(at, zone, shown):
    said = wording.moment(datetime.fromisoformat(at).replace(tzinfo=UTC), zone)
    weekday, day, month, year, clock = said.split(" ", 4)

    assert f"{month[:3]} {day} {weekday[:3]} {clock}" == shown
    assert year == "2026,"


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(15, "15 minutes"), (60, "1 hour"), (90, "90 minutes"), (120, "2 hours"), (0, "0 minutes")],
)
def test_a_length_is_said_as_people_say_it(minutes, said):
    assert wording.length(minutes) == said
