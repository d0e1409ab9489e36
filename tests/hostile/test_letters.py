"""Candidates, event types and messages made to break letters: on our pages and on the wire."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses
from html import escape

import pytest

from greenroom.accounts.model import Role
from greenroom.mail import mime, outbox
from hostile import values
from hostile.markup import Pages
from hostile.shown import API, Reader

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logs")]

TEXTS = (*values.SCRIPTS, *values.OTHER_MARKUP)
HEADERS = [
    "content-type", "date", "from", "message-id", "mime-version", "reply-to", "subject", "to",
]  # fmt: skip
BY = '"Acme, the company" <interviews@acme.example>'


@pytest.fixture
async def post(house):
    headers = await house.token(Role.ADMIN)

    async def post(path, given):
        return await house.http.post(API + path, json=given, headers=headers)

    return post


@pytest.fixture
async def written(house, post):
    """A letter to each candidate whom Greenroom takes; (candidate, letter)."""
    wanted = [
        {"name": f"{text} {number}", "email": f"p{number}@example.org", "role": TEXTS[-number]}
        for number, text in enumerate(TEXTS)
    ]
    wanted += [{"name": f"No. {n}", "email": each} for n, each in enumerate(values.ADDRESSES)]
    answers = [await post("/candidates", each) for each in wanted]
    taken = {each.json()["id"]: each.json() for each in answers if each.status_code == 201}
    assert len(taken) > len(TEXTS)
    kind = {"title": values.SCRIPTS[1], "length_minutes": 30, "booking_url": "https://c.example/m"}
    sent = await post(
        "/interviews",
        {
            "candidate_ids": list(taken),
            "event_type_id": (await post("/event-types", kind)).json()["id"],
            "send": True,
            "message": "\n".join([*values.SCRIPTS, "{name} {role} {link} {{name}} %s"]),
        },
    )
    assert sent.status_code == 201, "one candidate made the whole round fail: " + sent.text
    assert sent.json()["skipped"] == []
    async with house.parts.database.transaction() as tx:
        page = await outbox.page(tx, limit=500)
    return [(taken[each.candidate_id], each) for each in page.items]


async def test_every_letter_is_shown_as_text_with_no_link_but_its_own(house, written):
    reader = Reader(house, await house.token(Role.RECRUITER), Pages())

    await reader.list_of_pages("/outbox", *(letter.subject for _, letter in written))
    for candidate, letter in written:
        await reader.page(f"/outbox/{letter.id}", candidate, letter.subject)
        html = await reader.page(f"/outbox/{letter.id}/html", candidate)
        assert f"<title>{escape(letter.subject)}</title>" in html
        assert html.count("<a ") == html.count(f'<a href="{letter.link}"') == 2
        await reader.page(f"/candidates/{candidate['id']}", candidate, candidate["name"])
        # Dots in names are taken apart, so that mail programs make no links of them.
        for each in re.findall(r"\{[^.]*\}", candidate["name"]):
            assert each in letter.text, "what is in a name is no variable"

    assert reader.problems == []


async def test_every_letter_goes_out_with_our_headers_to_one_address(written):
    by, now = mime.sender(BY), datetime.now(UTC)
    for _, letter in written:
        to = mime.mailbox(letter.to_address, letter.to_name)
        raw = mime.wire(letter, by=by, to=to, now=now)
        found = message_from_bytes(raw, policy=policy.SMTPUTF8)

        assert sorted(name.lower() for name in found.keys()) == [  # noqa: SIM118  (keys repeat)
            each for each in HEADERS if each != "reply-to"
        ]
        assert [address for _, address in getaddresses([str(found["to"])])] == [to.address]
        assert [each.addr_spec for each in found["from"].addresses] == [by.address]
        assert " ".join(str(found["subject"]).split()) == letter.subject
        assert max(map(len, raw.splitlines())) <= 998
        text, html = found.get_payload()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert text.get_content().replace("\r\n", "\n") == letter.text
