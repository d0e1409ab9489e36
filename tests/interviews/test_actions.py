"""What people do with an interview, and what it does to links, letters and status."""

import asyncio

import pytest

from builders import DAY, HOUR, MINUTE, NOW, delivery
from greenroom.booking_links import actions as booking_links
from greenroom.bookings import actions as bookings
from greenroom.bookings import verdicts
from greenroom.errors import Conflict
from greenroom.interviews import actions, invitations
from greenroom.interviews.model import Attention, Outcome, Status
from greenroom.mail import outbox
from greenroom.mail.model import State
from greenroom.settings import Settings
from world import World, connect

pytestmark = pytest.mark.anyio

HERE = "https://interviews.example.org"


@pytest.fixture
async def world(database, intake, queue):
    return World(database, intake, await connect(database))


@pytest.fixture
async def pending(world):
    return await world.send(await world.candidate(), await world.event_type())


async def do(world, action, *args, **more):
    async with world.database.transaction() as tx:
        return await action(tx, *args, **{"by": "Robin", "now": NOW, **more})


def booked(row, **more):
    return delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED", **more)


async def test_an_outcome_is_about_one_meeting_and_no_other(world, pending):
    await world.deliver(booked(pending))
    await do(world, actions.say_outcome, pending.id, Outcome.CANDIDATE_NO_SHOW)
    assert (await world.row(pending.id)).status is Status.NO_SHOW
    await do(world, actions.replace_link, pending.id)
    again = await world.row(pending.id)

    later = {"startTime": "2026-11-27T10:00:00Z", "endTime": "2026-11-27T10:30:00Z"}
    await world.deliver(booked(again, uid="booking2", bookingId=8, **later))

    after = await world.row(pending.id)
    assert (after.status, after.interview.outcome) == (Status.CONFIRMED, None)


async def test_revoking_the_link_of_a_booked_interview_flags_nothing(world, pending):
    await world.deliver(booked(pending))
    await do(world, actions.revoke, pending.id, now=NOW + HOUR)

    await world.deliver(booked(pending, title="Said once more"), at=NOW + 2 * HOUR)

    assert (await world.row(pending.id)).interview.attention == set()


async def test_a_booking_on_a_revoked_link_is_flagged(world, pending):
    await do(world, actions.revoke, pending.id, now=NOW - HOUR)

    await world.deliver(booked(pending))

    assert (await world.row(pending.id)).interview.attention == {Attention.LATE_BOOKING}


@pytest.mark.parametrize(("days", "expected"), [(3, NOW + 13 * DAY), (20, NOW + 20 * DAY)])
async def test_extending_a_link_never_shortens_it(world, pending, days, expected):
    await do(world, actions.extend, pending.id, days=days)

    assert (await world.row(pending.id)).link.expires_at == expected
    async with world.database.transaction() as tx:
        notes = await actions.notes(tx, pending.id)
    assert notes[-1][2] == f"let the link work until {expected:%Y-%m-%d}"


async def test_a_link_without_an_end_keeps_none(world, pending):
    await do(world, actions.replace_link, pending.id, expires_in=None)

    with pytest.raises(Conflict, match="no end"):
        await do(world, actions.extend, pending.id, days=7)

    assert (await world.row(pending.id)).link.expires_at is None


async def test_the_letter_says_which_link_was_sent(world, pending):
    await do(world, actions.replace_link, pending.id)
    newest = (await world.row(pending.id)).link
    address = f"https://rooms.example/i/{pending.link.token}"

    async with world.database.transaction() as tx:
        await actions.mark_sent(tx, pending.id, address=address, now=NOW)
        older = await booking_links.get(tx, pending.link.id)
        newest = await booking_links.get(tx, newest.id)

    assert (older.sent_at, newest.sent_at) == (NOW, None)


@pytest.mark.parametrize("action", [actions.revoke, actions.replace_link])
async def test_a_letter_whose_link_is_switched_off_stays_in_the_outbox(world, pending, action):
    nobody = Settings(_env_file=None, smtp_url="smtp://127.0.0.1:1")
    await do(world, invitations.invite, [pending.id], settings=nobody, origin=HERE)
    await do(world, action, pending.id)

    async with world.database.transaction() as tx:
        [letter] = await outbox.of_interview(tx, pending.id)
    await invitations.send_letter(world.database, letter.id, settings=nobody, now=NOW + MINUTE)

    async with world.database.transaction() as tx:
        letter = await outbox.get(tx, letter.id)
    assert letter.state is State.HELD
    assert letter.error.startswith("Its booking link was revoked or replaced.")
    assert (await world.row(pending.id)).interview.attention == set()


async def test_an_invitation_that_waits_while_the_candidate_books_is_not_sent(world, pending):
    nobody = Settings(_env_file=None, smtp_url="smtp://127.0.0.1:1")
    await do(world, invitations.invite, [pending.id], settings=nobody, origin=HERE)
    await world.deliver(booked(pending))

    async with world.database.transaction() as tx:
        [letter] = await outbox.of_interview(tx, pending.id)
    await invitations.send_letter(world.database, letter.id, settings=nobody, now=NOW + MINUTE)

    async with world.database.transaction() as tx:
        letter = await outbox.get(tx, letter.id)
        notes = await actions.notes(tx, pending.id)
    why = "The interview is Confirmed meanwhile; the letter is not needed."
    assert (letter.state, letter.error) == (State.HELD, why)
    assert notes[-1][1:] == ("Greenroom", f"held the invitation back: {why}")


async def test_a_letter_whose_link_works_is_tried(world, pending):
    nobody = Settings(_env_file=None, smtp_url="smtp://127.0.0.1:1")
    await do(world, invitations.invite, [pending.id], settings=nobody, origin=HERE)

    async with world.database.transaction() as tx:
        [letter] = await outbox.of_interview(tx, pending.id)
    await invitations.send_letter(world.database, letter.id, settings=nobody, now=NOW + MINUTE)

    async with world.database.transaction() as tx:
        letter = await outbox.get(tx, letter.id)
    assert letter.state is State.FAILED


async def test_two_people_who_match_one_booking_crosswise_wait_for_each_other(world, pending):
    other = await world.send(
        await world.candidate("Bob", "bob@example.org"), await world.event_type(2, "deep-dive")
    )
    await world.deliver(booked(pending))
    by = {"by": "Robin", "now": NOW}

    async def match(*interview_ids):
        for interview_id in interview_ids:
            async with world.database.transaction() as tx:
                await verdicts.judge(tx, (world.connection_id, "booking1"), interview_id, **by)

    await asyncio.gather(match(other.id, pending.id, other.id), match(pending.id, other.id))

    async with world.database.transaction() as tx:
        whose = (await bookings.get(tx, "booking1")).match.interview_id
    rows = {id_: (await world.row(id_)).interview.meeting for id_ in (pending.id, other.id)}
    assert [id_ for id_, meeting in rows.items() if meeting] == [whose]
