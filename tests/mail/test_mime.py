from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses

import pytest

from greenroom.errors import Invalid
from greenroom.mail import mime
from greenroom.mail.mime import Mailbox
from greenroom.mail.model import Kind, Outgoing, State

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BY = Mailbox("Acme interviews", "interviews@acme.example")
OUR_HEADERS = [
    b"From",
    b"To",
    b"Reply-To",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"MIME-Version",
    b"Content-Type",
]


def outgoing(**changes: object) -> Outgoing:
    values = {
        "id": 1,
        "interview_id": 7,
        "candidate_id": 3,
        "kind": Kind.INVITATION,
        "version": 1,
        "to_address": "ada@example.org",
        "to_name": "Ada Lovelace",
        "reply_to": "rita@acme.example",
        "subject": "Pick a time: Engineer interview with Acme",
        "text": "Hello Ada,\n\nChoose a time:\nhttps://x.example/i/1\n",
        "html": "<!doctype html><p>Hello Ada",
        "link": "https://x.example/i/1",
        "message_id": "abc@acme.example",
        "state": State.QUEUED,
        "attempts": 1,
        "error": None,
        "created_at": NOW,
        "sent_at": None,
        "next_attempt_at": NOW,
    }
    return Outgoing(**{**values, **changes})


def wire(**changes: object) -> bytes:
    letter = outgoing(**changes)
    to = mime.mailbox(letter.to_address, letter.to_name)
    return mime.wire(letter, by=BY, to=to, now=NOW)


def header_lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_a_letter_on_the_wire_has_our_headers_and_both_parts():
    raw = wire()
    read = message_from_bytes(raw, policy=policy.default)

    assert header_lines(raw)[:7] == [
        b"From: Acme interviews <interviews@acme.example>",
        b"To: Ada Lovelace <ada@example.org>",
        b"Reply-To: rita@acme.example",
        b"Subject: Pick a time: Engineer interview with Acme",
        b"Date: Mon, 23 Nov 2026 12:00:00 +0000",
        b"Message-ID: <abc@acme.example>",
        b"MIME-Version: 1.0",
    ]
    assert lines_of(read.get_body(("plain",))) == outgoing().text.splitlines()
    assert lines_of(read.get_body(("html",))) == outgoing().html.splitlines()
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert b"\n" not in raw.replace(b"\r\n", b"")


def lines_of(part) -> list[str]:
    return part.get_content().splitlines()


HOSTILE = [
    "x=?UTF-8?Q?=0A?=Bcc: evil@x.org",
    "x=?UTF-8?B?DQpCY2M6IGV2aWxAeC5vcmc=?=",
    "=?utf-8?q?=0d=0a?= =?utf-8?q?Bcc:_evil@x.org?=",
    "=" * 3 + "?utf-8?q?=0ABcc:_evil@x.org?=",
    "x\r\nBcc: evil@x.org",
    "x\rBcc: evil@x.org",
    "x\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029Bcc: evil@x.org",
    'x" <evil@x.org>, "y',
    "x> , <evil@x.org",
    "x, evil@x.org",
    "(x\r\n) evil@x.org",
    "group: evil@x.org, other@x.org;",
    '\\"\\\r\nBcc: evil@x.org',
    "\ud800 \u202e \x00",
    "x" * 500,
    "é\u0301" * 300,
    "x " * 400 + "\nBcc: evil@x.org",
    "Zoë =\u200b?UTF-8?Q?=0ABcc:_evil@x.org?=",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_name_or_a_subject_becomes_a_header_or_a_recipient(text):
    raw = wire(subject=text, to_name=text)
    lines = header_lines(raw)
    read = message_from_bytes(raw, policy=policy.compat32)

    assert [each.partition(b":")[0] for each in lines if each[:1] not in b" \t"] == OUR_HEADERS
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert [address for _, address in getaddresses([read["To"]])] == ["ada@example.org"]
    assert read["Bcc"] is None
    assert lines_of(message_from_bytes(raw, policy=policy.default).get_body(("plain",))) == (
        outgoing().text.splitlines()
    )


def test_a_name_and_a_subject_in_any_script_arrive_as_written():
    read = message_from_bytes(
        wire(subject="Zeit wählen: 面接 mit Acme", to_name="Zoë 山田"), policy=policy.default
    )

    assert read["Subject"] == "Zeit wählen: 面接 mit Acme"
    assert read["To"].addresses[0].display_name == "Zoë 山田"


def test_a_domain_goes_out_in_its_ascii_form():
    assert b"To: Ada Lovelace <ada@xn--bcher-kva.de>\r\n" in wire(to_address="ada@bücher.de")


def test_an_address_outside_ascii_needs_a_server_that_can():
    box = mime.mailbox("用户@例子.广告")

    assert (box.address, box.needs_utf8) == ("用户@xn--fsqu00a.xn--4rr70v", True)
    assert "To: Ada Lovelace <用户@xn--fsqu00a.xn--4rr70v>".encode() in wire(
        to_address="用户@例子.广告"
    )


@pytest.mark.parametrize(
    "head",
    [
        b"From: a\r\nBcc: evil@x.org\r\n\r\n",
        b"From: a\nBcc: evil@x.org\r\n\r\n",
        b"From: a\rBcc: evil@x.org\r\n\r\n",
        b"From: a\r\nFrom: evil@x.org\r\n\r\n",
        b"\r\n\r\nFrom: a\r\n\r\n",
    ],
)
def test_a_letter_that_came_out_with_other_headers_is_not_sent(head):
    with pytest.raises(mime.Unsafe):
        mime._check(head, ["from"])


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "a@b, c@d.org",
        "Ada <ada@example.org>",
        '"a b"@example.org',
        "a@x\nb",
        "=?q?@x.org",
    ],
)
def test_a_letter_goes_to_one_address_and_nothing_else(address):
    with pytest.raises(Invalid):
        mime.mailbox(address)


@pytest.mark.parametrize(
    ("setting", "box"),
    [
        ("Greenroom <greenroom@localhost>", Mailbox("Greenroom", "greenroom@localhost")),
        ("interviews@acme.example", Mailbox("", "interviews@acme.example")),
        ('"Acme, Inc." <jobs@bücher.de>', Mailbox("Acme, Inc.", "jobs@xn--bcher-kva.de")),
    ],
)
def test_the_setting_names_who_letters_are_from(setting, box):
    assert mime.sender(setting) == box


@pytest.mark.parametrize(
    "setting", ["", "Greenroom", "a@b, c@d.org", "x <y>", "a@b.org\r\nBcc: c@d"]
)
def test_a_setting_that_names_no_mailbox_is_refused_by_its_name(setting):
    with pytest.raises(Invalid) as refusal:
        mime.sender(setting)

    assert refusal.value.what.startswith("GREENROOM_MAIL_FROM")
