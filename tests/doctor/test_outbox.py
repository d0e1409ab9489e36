"""The letters: whether they go, and whether some were given up."""

from datetime import UTC, datetime, timedelta

import pytest

from doctor.mail_settings import is_red, with_mail
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.model import Light
from greenroom.errors import Conflict
from greenroom.mail import outbox, store
from greenroom.mail.model import LEASE, MOST_ATTEMPTS, Kind
from mail.posting import put

pytestmark = pytest.mark.anyio


def now():
    return datetime.now(UTC)


@pytest.fixture
def posting(clinic):
    """An installation with a mail server, whose background work stands still."""
    return with_mail(clinic, smtp_url="smtp://127.0.0.1:1")


async def write(clinic, *, interview_id=7, **columns):
    """A letter in the outbox, in a state of the test's choosing."""
    letter_id = await put(
        clinic.parts.database,
        interview_id=interview_id,
        kind=Kind.INVITATION,
        version=columns.pop("version", 1),
        now=columns.pop("written", now()),
    )
    for name, value in columns.items():
        change = f"UPDATE letters SET {name} = :v WHERE id = :id"  # noqa: S608  (names of ours)
        await clinic.execute(change, v=value, id=letter_id)
    return letter_id


async def test_an_outbox_with_nothing_in_it_is_green(posting):
    assert await posting.lights("outbox") == {"outbox": Light.GREEN}


async def test_a_letter_that_is_on_its_way_is_green(posting):
    await write(posting)

    assert await posting.lights("outbox") == {"outbox": Light.GREEN}


async def lost(clinic, *, attempts=MOST_ATTEMPTS, **columns):
    """A letter that was given up: after all attempts, or refused at an earlier one."""
    columns = {"state": "dead", "attempts": attempts, "next_attempt_at": None, **columns}
    return await write(clinic, **columns)


async def test_a_letter_that_was_given_up_is_amber_until_it_is_tried_again(posting):
    letter_id = await lost(posting, error="greylisted")
    await posting.execute("DELETE FROM procrastinate_jobs")  # it was done, and failed
    (found,) = await posting.examine("outbox")
    said = await posting.mend("outbox")
    (mended,) = await posting.examine("outbox")

    assert found.light is Light.AMBER
    assert found.what == "1 letter of the last 14 days was given up after 12 attempts."
    assert found.offer == "Try them again"
    assert said.startswith("1 letter is sent now")
    assert mended.light is Light.GREEN
    states = await posting.execute("SELECT state, attempts FROM letters WHERE id = :i", i=letter_id)
    assert states == [("queued", 0)]
    jobs = await posting.execute(
        "SELECT args FROM procrastinate_jobs WHERE task_name = 'send_letter' AND status = 'todo'"
    )
    assert jobs == [({"letter_id": letter_id},)]


async def test_a_letter_that_was_refused_for_good_is_never_sent_again_to_the_same_address(posting):
    await lost(posting, attempts=1, error="550 no such user")
    (found,) = await posting.examine("outbox")
    async with posting.parts.database.transaction() as tx:
        again = await outbox.retry_all(tx, now())

    assert found.light is Light.AMBER
    assert found.what == "1 letter of the last 14 days was refused for good."
    assert "Correct the address, and send a new one." in found.do
    assert found.offer is None
    assert again == 0
    assert await posting.execute("SELECT state, attempts FROM letters") == [("dead", 1)]


async def test_of_letters_about_one_interview_the_newest_is_tried_again(posting):
    older = await lost(posting, error="greylisted")
    newer = await lost(posting, version=2, error="greylisted")
    await lost(posting, interview_id=8, error="greylisted")
    await write(posting, interview_id=8, version=2)
    (found,) = await posting.examine("outbox")
    await posting.mend("outbox")

    assert found.what.startswith("1 letter of")
    states = await posting.execute("SELECT id, state FROM letters WHERE interview_id = 7")
    assert dict(states) == {older: "dead", newer: "queued"}


async def test_a_letter_on_the_wire_is_not_sent_a_second_time_beside(posting):
    database = posting.parts.database
    letter_id = await write(posting, state="failed", error="greylisted", attempts=2)
    async with database.transaction() as tx:
        await store.claim(tx, letter_id, now=now(), until=now() + LEASE)
    (found,) = await posting.examine("outbox")
    await posting.mend("outbox")
    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await outbox.retry(tx, letter_id, now())
    async with database.transaction() as tx:
        again = await store.claim(tx, letter_id, now=now(), until=now() + LEASE)

    assert found.what.startswith("1 letter could not be sent yet"), "nor does it seem to be well"
    assert again is None


async def test_letters_are_only_tried_again_where_that_was_asked_for():
    assert not CHECKS["outbox"].by_itself


async def test_a_letter_that_was_given_up_and_replaced_is_settled(posting):
    await lost(posting)
    await write(posting, version=2, state="sent", next_attempt_at=None, sent_at=now())

    assert await posting.lights("outbox") == {"outbox": Light.GREEN}


async def test_a_letter_that_was_given_up_long_ago_is_past(posting):
    await lost(posting, written=now() - timedelta(days=15))

    assert await posting.lights("outbox") == {"outbox": Light.GREEN}


async def test_a_letter_that_is_tried_again_is_amber_until_it_went(posting):
    ahead = now() + timedelta(hours=1)
    letter_id = await write(posting, state="failed", attempts=3, next_attempt_at=ahead)
    (found,) = await posting.examine("outbox")
    sent = "UPDATE letters SET state = 'sent', sent_at = now() WHERE id = :id"
    await posting.execute(sent, id=letter_id)

    assert found.light is Light.AMBER
    assert "could not be sent yet" in found.what
    assert "Mail server" in found.do
    assert await posting.lights("outbox") == {"outbox": Light.GREEN}


async def test_letters_that_nobody_sends_are_amber_and_then_red(posting):
    await write(posting, next_attempt_at=now() - timedelta(minutes=25))
    (amber,) = await posting.examine("outbox")
    await write(posting, interview_id=8, next_attempt_at=now() - timedelta(minutes=200))
    (red,) = await posting.examine("outbox")

    assert amber.light is Light.AMBER
    assert "1 letter should have gone 25 min ago" in amber.what
    assert is_red(red, what="2 letters should have gone 3 h 20 ago", do="Background work")


async def test_letters_that_are_kept_are_no_fault(clinic, posting):
    await write(clinic, state="held", next_attempt_at=None)
    (without,) = await clinic.examine("outbox")
    (with_server,) = await posting.examine("outbox")

    assert without.light is Light.OFF
    assert "copy its link" in without.do
    assert with_server.light is Light.GREEN
    assert "until somebody sends them" in with_server.what
