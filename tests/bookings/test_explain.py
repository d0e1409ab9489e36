"""Why an interview stands where it stands: one sentence, then everything behind it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import DAY, HOUR, MARA, MINUTE, NOW, answered, delivery
from greenroom.bookings import actions, standing, timeline, verdicts
from greenroom.bookings.model import Status, Told
from greenroom.bookings.story import Effect, plain
from greenroom.commands import explain
from greenroom.errors import GreenroomError, NotFound
from greenroom.interviews import actions as interviews
from greenroom.interviews import overview
from greenroom.interviews.model import Outcome
from program import run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(world):
    """Ada Lovelace has a link for an intro call, made yesterday."""
    return await world.send(await world.candidate(), await world.event_type())


async def book(world, ada, at=NOW, trigger="BOOKING_CREATED", **more):
    said = {"metadata": {"greenroom": ada.link.token}, **more}
    return await world.deliver(delivery(trigger, **said), at=at)


async def answer(world, status=Status.CONFIRMED, at=NOW, **more):
    fact = answered(status, at, **more)
    async with world.database.transaction() as tx:
        told = Told(connection_id=world.connection_id, fact=fact, sync_run_id=7)
        await actions.record(tx, [told], now=at + MINUTE)


async def chain(world, ada):
    async with world.database.transaction() as tx:
        return await timeline.chain(tx, ada.id)


async def reason(world, ada):
    return plain((await chain(world, ada)).reason)


async def test_the_sentence_names_who_decides_and_who_told_us_first(world, ada):
    await book(world, ada)
    first = await reason(world, ada)
    await answer(world, at=NOW + HOUR)

    assert first == (
        "Confirmed, because a delivery told us at 2026-11-24 09:00 UTC;"
        " Cal.com’s API has not been asked since"
    )
    assert await reason(world, ada) == (
        "Confirmed, because Cal.com’s API said so at 2026-11-24 10:01 UTC;"
        " a delivery told us at 2026-11-24 09:00 UTC"
    )


async def test_without_a_booking_the_link_is_the_reason(world, ada):
    assert await reason(world, ada) == (
        "Pending, because the booking link made at 2026-11-23 09:00 UTC works until"
        " 2026-12-07 09:00 UTC and nobody has booked with it yet"
    )
    async with world.database.transaction() as tx:
        await interviews.revoke(tx, ada.id, by="Robin", now=NOW)

    assert await reason(world, ada) == (
        "To invite, because the booking link was revoked at 2026-11-24 09:00 UTC"
    )


async def test_a_link_that_ran_out_is_the_reason(world, ada):
    async with world.database.transaction() as tx:
        await standing.turn(tx, now=NOW + 30 * DAY)

    assert await reason(world, ada) == (
        "Expired, because the booking link ended at 2026-12-07 09:00 UTC"
        " and nobody had booked with it"
    )


async def test_what_a_person_said_of_the_meeting_is_the_reason(world, ada):
    await book(world, ada)
    async with world.database.transaction() as tx:
        await interviews.say_outcome(
            tx, ada.id, Outcome.CANDIDATE_NO_SHOW, by="Robin", now=NOW + 2 * DAY
        )

    assert await reason(world, ada) == "No-show, because Robin said that the candidate was absent"


async def test_a_meeting_that_is_over_says_when_it_ended(world, ada):
    await book(world, ada)
    async with world.database.transaction() as tx:
        await standing.turn(tx, now=NOW + 3 * DAY)

    assert (await reason(world, ada)).startswith(
        "Done, because the meeting ended at 2026-11-25 10:30 UTC; it was booked: a delivery"
    )


async def test_a_moved_booking_is_told_by_times_whatever_came_first(world, ada):
    new = {"uid": "second", "bookingId": 8, "rescheduleUid": "booking1"}
    times = {"startTime": "2026-11-26T10:00:00Z", "endTime": "2026-11-26T10:30:00Z"}
    await book(world, ada, trigger="BOOKING_RESCHEDULED", at=NOW + HOUR, **new, **times)
    await book(world, ada, at=NOW + 2 * HOUR)

    found = await chain(world, ada)

    moved = next(each for each in found.entries if each.decides)
    assert moved.text == (
        "the booking of Ada Lovelace was moved from 2026-11-25 10:00 UTC to 2026-11-26 10:00 UTC"
    )
    assert [timeline.word(each) for each in found.bookings].count("moved") == 1
    assert "booking1" not in "".join(each.text for each in found.entries)


async def test_what_people_did_stands_beside_the_facts_without_uids(world, ada):
    bob = await world.send(await world.candidate("Bob", "bob@x.example"), await world.event_type())
    await book(world, ada)
    async with world.database.transaction() as tx:
        key = (world.connection_id, "booking1")
        await verdicts.judge(tx, key, bob.id, by="Robin", now=NOW + MINUTE)

    mine, his = await chain(world, ada), await chain(world, bob)

    assert mine.entries[-1].text == ("said that the booking of 2026-11-25 10:00 UTC is not its")
    assert [(each.source, each.text) for each in his.entries if each.effect is None][-1] == (
        "Robin",
        "matched the booking of 2026-11-25 10:00 UTC",
    )
    assert plain(his.recognised) == "Robin said so"


async def test_repeats_and_late_news_are_told_as_what_they_are(world, ada):
    await book(world, ada)
    await answer(world, at=NOW + 5 * MINUTE, starts_at=NOW + DAY + HOUR, host=None)
    late = delivery(
        status="PENDING", metadata={"greenroom": ada.link.token}, additionalNotes="late"
    )
    await world.deliver(late.replace(b"08:59:59", b"08:30:00"), at=NOW + HOUR)

    effects = [each.effect for each in (await chain(world, ada)).entries if each.uid]

    assert effects == [Effect.NEWER_STAND, Effect.NEWS, Effect.NOTHING_NEW]


@pytest.mark.parametrize(
    "say", ["{id}", "{token}", "http://x.example/i/{token}", "ADA@example.org", "booking1"]
)
async def test_an_interview_is_found_by_whatever_is_at_hand(world, ada, say):
    await book(world, ada)

    async with world.database.transaction() as tx:
        found = await explain.meant(tx, say.format(id=ada.id, token=ada.link.token))

    assert list(found) == [ada.id]


@pytest.mark.parametrize("what", ["nobody@x.example", "no-such-uid", "lost"])
async def test_what_is_not_found_says_where_to_look(world, ada, what):
    await world.deliver(delivery(uid="lost", attendees=[{"name": "X", "email": "x@y.example"}]))

    async with world.database.transaction() as tx:
        with pytest.raises(GreenroomError) as caught:
            await explain.meant(tx, what)

    assert isinstance(caught.value, NotFound)
    assert caught.value.do


async def test_a_terminal_gets_80_columns_and_nothing_it_would_obey(world, ada, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    name = "Ada \x1b[31m\u202eLovelace " + "x" * 90
    await book(world, ada, attendees=[{"name": name, "email": "ada@example.org"}])
    await answer(world, at=NOW + timedelta(minutes=5), host=MARA)
    async with world.database.transaction() as tx:
        row = await overview.row(tx, ada.id)

    shown = list(explain.lines(row, await chain(world, ada)))

    assert all(len(line) <= 80 for line in shown), max(shown, key=len)
    assert shown[0] == "Ada Lovelace: Intro call, 30 min"
    assert shown[1].startswith("Confirmed, because Cal.com’s API said so at")
    assert sum(line.startswith("* ") for line in shown) == 1
    assert "\x1b" not in "".join(shown)
    assert "\u202e" not in "".join(shown)
    assert any("this decides" in line for line in shown)
    assert any("delivery 1" in line for line in shown)


async def test_programs_are_told_the_same_as_json(world, ada, tmp_path, database_url):
    await book(world, ada)

    said = run("explain", ada.id, "--json", cwd=tmp_path, GREENROOM_DATABASE_URL=database_url)

    assert (said.code, said.err) == (0, "")
    (found,) = json.loads(said.out)
    assert (found["id"], found["why"]["rung"]) == (ada.id, "token")
    assert found["reason"] == await reason(world, ada)
    assert found["timeline"][-1]["delivery_id"] == 1


async def test_what_the_api_says_again_and_again_keeps_its_time_and_what_it_changed(world, ada):
    """Each look moves an answer forward; the evidence must not climb with it."""
    await book(world, ada)
    when = {"starts_at": NOW + 25 * HOUR, "ends_at": NOW + 25.5 * HOUR}
    since = NOW - 2 * MINUTE
    said = answered(Status.CONFIRMED, changed_at=since, calcom_id="7", host=None, **when)
    async with world.database.transaction() as tx:
        for minute in (1, 2, 30):
            fact = replace(said, as_of=NOW + (minute - 1) * MINUTE)
            one = Told(connection_id=world.connection_id, fact=fact, sync_run_id=minute)
            await actions.record(tx, [one], now=NOW + minute * MINUTE)

    (found,) = [each for each in (await chain(world, ada)).entries if each.sync_run_id]
    assert (found.sync_run_id, found.said_at) == (1, since)
    assert (found.heard_at, found.still_at) == (NOW + MINUTE, NOW + 29 * MINUTE)
    assert found.effect is Effect.NOTHING_NEW


async def test_a_no_show_is_decided_by_who_said_it_and_names_who_was_missing(world, ada):
    await book(world, ada)
    absent = {"attendees": [{"email": "ada@example.org", "noShow": True}], "bookingUid": "booking1"}
    body = json.loads(delivery("BOOKING_NO_SHOW_UPDATED")) | {"payload": absent}
    await world.deliver(json.dumps(body).encode(), at=NOW + MINUTE)

    found = await chain(world, ada)

    (decides,) = [each for each in found.entries if each.decides]
    assert plain(decides.words) == "Ada Lovelace was absent"
    assert plain(found.reason) == "No-show, because Cal.com says that Ada Lovelace was absent"
