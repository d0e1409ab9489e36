import re
from datetime import UTC, datetime

import pytest

from candidates.site import application, somebody
from greenroom.accounts.model import Role
from greenroom.mail import letters, outbox
from greenroom.mail.model import Kind, State
from greenroom.mail.pages import LETTER_POLICY
from greenroom.web.security import SecurityHeaders

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FROM = "Acme <jobs@acme.example>"
LINK = "https://interviews.example.org/i/x4Tq"
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}</pre></iframe>"


@pytest.fixture
def app(database):
    return application(database)


@pytest.fixture
async def recruiter(app):
    async with somebody(app, Role.RECRUITER) as client:
        yield client


async def written(database, *, name="Ada Lovelace", interview_id=1, state=State.HELD) -> int:
    letter = letters.invitation(
        candidate=name,
        role=name,
        company="Acme",
        kind="Technical interview",
        length_minutes=45,
        host=name,
        link=LINK,
        expires_at=NOW,
        zone=None,
        sender="Rita",
        message=name.replace("{", ""),
    )
    async with database.transaction() as tx:
        letter_id = await outbox.put(
            tx,
            letter,
            kind=Kind.INVITATION,
            version=1,
            interview_id=interview_id,
            candidate_id=1,
            to_address="ada@example.org",
            to_name=name,
            mail_from=FROM,
            now=NOW,
        )
    assert letter_id is not None
    if state is State.HELD:
        await outbox.send_one(database, letter_id, server=None, mail_from=FROM, now=NOW)
    return letter_id


async def test_the_outbox_shows_letters_with_their_link_and_state(database, recruiter):
    letter_id = await written(database)
    page = await recruiter.get("/outbox")

    assert "No mail server is set up" in page.text
    assert f'href="/outbox/{letter_id}"' in page.text
    assert f'href="{LINK}"' in page.text
    assert re.search(r'data-state="held"[^>]*>In the outbox<', page.text)


async def test_with_a_mail_server_the_outbox_does_not_complain(database):
    app = application(database, smtp_url="smtp://localhost:25")
    async with somebody(app, Role.VIEWER) as viewer:
        page = await viewer.get("/outbox")

    assert "There are no letters here" in page.text
    assert "No mail server is set up" not in page.text


async def test_the_outbox_is_filtered_and_paged(database, recruiter):
    for number in range(51):
        await written(database, interview_id=number, state=State.QUEUED)
    held = await written(database, interview_id=100)
    first = await recruiter.get("/outbox")
    link = re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&")
    rest = await recruiter.get(link)
    only = await recruiter.get("/outbox?state=held")
    queued = await recruiter.get("/outbox?state=queued")

    assert first.text.count('id="letter-') == 50
    assert rest.text.count('id="letter-') == 2
    assert re.findall(r'id="letter-(\d+)"', only.text) == [str(held)]
    assert "state=queued" in re.search(r'rel="next" href="([^"]+)"', queued.text)[1]


async def test_a_letter_is_shown_as_it_is_and_its_html_is_kept_apart(database, recruiter):
    letter_id = await written(database)
    page = await recruiter.get(f"/outbox/{letter_id}")
    html = await recruiter.get(f"/outbox/{letter_id}/html")

    assert "Pick a time: Ada Lovelace interview with Acme" in page.text
    assert f'src="/outbox/{letter_id}/html" sandbox="allow-popups' in page.text
    assert f'<a href="{LINK}" rel="noopener noreferrer" target="_blank">{LINK}</a>' in page.text
    async with database.transaction() as tx:
        assert html.text == (await outbox.get(tx, letter_id)).html


async def test_what_people_wrote_is_text_on_the_outbox_pages(database, recruiter):
    letter_id = await written(database, name=HOSTILE)
    for path in ("/outbox", f"/outbox/{letter_id}", f"/outbox/{letter_id}/html"):
        page = await recruiter.get(path)

        assert "&lt;img src=x" in page.text
        assert "<img" not in page.text
        assert "</pre></iframe>" not in page.text


async def test_a_letters_own_policy_allows_style_and_nothing_else(database, app, recruiter):
    # What the room answers; the headers every answer gets are put on further out.
    app.user_middleware = [each for each in app.user_middleware if each.cls is not SecurityHeaders]
    html = await recruiter.get(f"/outbox/{await written(database)}/html")
    assert html.headers["content-security-policy"] == LETTER_POLICY
    allowed = dict(each.split(" ", 1) for each in LETTER_POLICY.split("; "))

    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }


async def test_a_letter_in_the_outbox_can_be_sent_by_a_recruiter(database, app, recruiter):
    letter_id = await written(database)
    page = await recruiter.get(f"/outbox/{letter_id}")
    answer = await recruiter.post(f"/outbox/{letter_id}/retry")
    again = await recruiter.post(f"/outbox/{letter_id}/retry")
    after = await recruiter.get(answer.headers["location"])

    assert f'action="/outbox/{letter_id}/retry"' in page.text
    assert (answer.status_code, again.status_code) == (303, 409)
    assert 'data-state="queued"' in after.text
    assert "/retry" not in after.text
    async with somebody(app, Role.VIEWER) as viewer:
        assert (await viewer.post(f"/outbox/{letter_id}/retry")).status_code == 403
        assert "/retry" not in (await viewer.get(f"/outbox/{letter_id}")).text


async def test_a_stranger_reads_no_letters(database, app):
    letter_id = await written(database)
    async with somebody(app, None) as stranger:
        for path in ("/outbox", f"/outbox/{letter_id}", f"/outbox/{letter_id}/html"):
            answer = await stranger.get(path)
            assert answer.headers["location"].startswith("/sign-in")
            assert "Ada" not in answer.text


async def test_an_address_that_means_no_letter_says_so(recruiter):
    paths = ["/1", "/0", f"/{2**63}", "/x", "/1/html", "?before=0", "?before=x", "?state=lost"]
    answers = [(await recruiter.get(f"/outbox{path}")).status_code for path in paths]

    assert answers == [404, 422, 422, 422, 404, 422, 422, 422]
