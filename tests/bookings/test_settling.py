"""What a person says of a booking: made only once, undone only what was made, never in a knot."""

import asyncio

import pytest

from bookings.test_inbox import form, listed, lost, post
from bookings.test_seats import seat
from builders import HOUR, NOW, Attendee
from greenroom.accounts.model import Role
from greenroom.bookings import inbox_store, settling, verdicts
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import draft_of
from greenroom.errors import Conflict
from greenroom.interviews import actions as interviews
from greenroom.interviews import overview
from greenroom.interviews.overview import Asked
from interviews.scheduling import now, page
from world import World

pytestmark = pytest.mark.anyio

GRACE = {"name": "Grace Hopper", "email": "grace@navy.example"}


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def recruiter(house):
    return {**await house.token(Role.RECRUITER), "accept": "text/html"}


@pytest.fixture
async def kind(world):
    return await world.event_type()


async def found(world, q="grace"):
    async with world.database.transaction() as tx:
        return (await overview.page(tx, Asked(q=q))).rows


async def made_of(world, house, recruiter, uid="lost", **who):
    """Make a candidate of whoever booked; give the booking's key and the interview."""
    key = await lost(world, uid, **{**GRACE, **who})
    back = await post(house, "/unmatched/candidate", recruiter, **form(key))
    return key, int(back.partition("made=")[2].partition("&")[0])


async def people(world, query):
    async with world.database.transaction() as tx:
        return [each.name for each in (await candidates.find(tx, query=query)).items]


async def test_undo_deletes_no_interview_but_the_one_made_for_that_booking(
    house, recruiter, world, kind
):
    first, other = await made_of(world, house, recruiter)
    await post(house, "/unmatched/ignore", recruiter, **form(first))
    key = await lost(world, "second", name="Cat", email="cat@x.example", starts=now() + 2 * HOUR)

    await post(house, "/unmatched/undo", recruiter, 409, **form(key, made=other))
    await post(house, "/unmatched/ignore", recruiter, **form(key))
    await post(house, "/unmatched/undo", recruiter, 409, **form(key, made=other))

    assert [row.id for row in await found(world)] == [other]
    assert await people(world, "grace") == ["Grace Hopper"]


async def test_undo_deletes_no_interview_that_was_only_matched(house, recruiter, world, kind):
    key = await lost(world)
    first, other = await made_of(world, house, recruiter, "other")
    await post(house, "/unmatched/ignore", recruiter, **form(first))
    await post(house, "/unmatched/match", recruiter, **form(key, interview_id=other))

    await post(house, "/unmatched/undo", recruiter, 409, **form(key, made=other))

    assert [row.id for row in await found(world)] == [other]


async def test_undo_deletes_no_interview_that_has_got_another_booking(
    house, recruiter, world, kind
):
    key, made = await made_of(world, house, recruiter)
    other = await lost(world, "other", starts=now() + 2 * HOUR)
    await post(house, "/unmatched/match", recruiter, **form(other, interview_id=made))

    answer = await house.http.post("/unmatched/undo", data=form(key, made=made), headers=recruiter)

    assert (answer.status_code, "has got other bookings" in answer.text) == (409, True)
    assert [row.id for row in await found(world)] == [made]


async def test_a_crafted_address_puts_no_other_interview_on_the_page(house, recruiter, world, kind):
    key, made = await made_of(world, house, recruiter)
    address = f"/unmatched?connection_id={key[0]}&uid={key[1]}&made="

    assert f'name="made" value="{made}"' in await page(house, f"{address}{made}", recruiter)
    assert 'name="made" value=""' in await page(house, f"{address}{made + 1}", recruiter)


async def test_what_was_done_with_the_interview_since_is_not_undone(house, recruiter, world, kind):
    key, made = await made_of(world, house, recruiter)
    async with world.database.transaction() as tx:
        await interviews.note(tx, made, "thought about it", by="Robin", now=now())

    await post(house, "/unmatched/undo", recruiter, 409, **form(key, made=made))

    assert (await world.row(made)).status == "confirmed"


async def test_undo_keeps_a_candidate_who_was_there_before_or_was_changed_since(
    house, recruiter, world, kind
):
    await world.candidate("Grace Hopper", GRACE["email"])
    known, first = await made_of(world, house, recruiter)
    fresh, second = await made_of(
        world, house, recruiter, "fresh", name="Mae Jemison", email="mae@nasa.example"
    )
    person = (await world.row(second)).candidate
    async with world.database.transaction() as tx:
        await candidates.change(tx, person.id, draft_of(person), now())

    await post(house, "/unmatched/undo", recruiter, **form(known, made=first))
    await post(house, "/unmatched/undo", recruiter, **form(fresh, made=second))

    assert await people(world, "grace") + await people(world, "mae") == [
        "Grace Hopper",
        "Mae Jemison",
    ]
    assert await found(world) == []


async def test_undo_pressed_twice_undoes_once(house, recruiter, world, kind):
    key, made = await made_of(world, house, recruiter)

    await post(house, "/unmatched/undo", recruiter, **form(key, made=made))
    await post(house, "/unmatched/undo", recruiter, 409, **form(key, made=made))

    assert await listed(world) == ["lost"]


async def test_a_candidate_is_made_of_one_booking_only_once(house, recruiter, world, kind):
    key, made = await made_of(world, house, recruiter)

    answer = await house.http.post("/unmatched/candidate", data=form(key), headers=recruiter)

    assert answer.status_code == 409
    assert "is the interview of Grace Hopper already" in answer.text
    assert f"/interviews/{made};" in answer.text
    assert [row.id for row in await found(world)] == [made]


async def test_two_who_make_a_candidate_at_the_same_time_make_one(world, kind):
    await world.candidate("Grace Hopper", GRACE["email"])
    key = await lost(world, **GRACE, type="other", eventTypeId=9)

    async def once():
        async with world.database.transaction() as tx:
            return await settling.make_candidate(tx, key, kind.id, seat="", by="Robin", now=now())

    done = await asyncio.gather(once(), once(), return_exceptions=True)

    assert sorted(type(each) for each in done if not isinstance(each, int)) == [Conflict]
    assert len(await found(world)) == 1


async def test_a_booking_known_to_be_anothers_may_still_become_a_new_candidates(
    house, recruiter, world, kind
):
    ada = await world.send(await world.candidate(), kind, now=now() - HOUR)
    key = await lost(world, **GRACE, metadata={"greenroom": ada.link.token})

    html = await page(house, f"/unmatched/booking?connection_id={key[0]}&uid=lost", recruiter)
    assert f'name="instead_of" value="{ada.id}"' in html
    await post(house, "/unmatched/candidate", recruiter, **form(key, instead_of=ada.id))
    await post(house, "/unmatched/candidate", recruiter, 409, **form(key, instead_of=ada.id))

    (made,) = await found(world)
    assert (made.status, (await world.row(ada.id)).status) == ("confirmed", "pending")


@pytest.mark.parametrize("address", ["Cat@Elsewhere.example", " cat@elsewhere.example", ""])
async def test_the_api_answers_with_the_seat_that_was_meant(house, world, kind, address):
    headers = await house.token(Role.RECRUITER)
    ada = await world.send(await world.candidate(), kind)
    cat = Attendee(email="Cat@Elsewhere.example", name="Cat", zone="Europe/London")
    await world.deliver(seat(cat), at=NOW + HOUR)
    path = "/api/admin/scheduling/bookings/panel/verdict"

    said = await house.http.post(
        path, json={"interview_id": ada.id, "address": address}, headers=headers
    )
    back = await house.http.delete(path, params={"address": address}, headers=headers)

    told = said.json()
    assert (told["interview_id"], told["rung"]) == (ada.id, "person")
    assert told["address"] == back.json()["address"] == "cat@elsewhere.example"
    assert back.json()["interview_id"] is None


async def test_an_address_is_added_while_others_hold_the_candidates_interviews(world, kind):
    first = await world.send(await world.candidate(), kind)
    second = await world.send(first.candidate, await world.event_type(2, "deep-dive"))
    held = asyncio.Event()

    async def drain():
        async with world.database.transaction() as tx:
            await interviews.hold(tx, [first.id])
            held.set()
            await asyncio.sleep(0.3)
            await interviews.hold(tx, [first.id, second.id])

    async def add():
        await held.wait()
        async with world.database.transaction() as tx:
            await settling.add_address(tx, second.id, "ada@home.example", by="Robin", now=NOW)

    await asyncio.gather(drain(), add())

    assert "ada@home.example" in (await world.row(first.id)).candidate.addresses


async def test_only_the_newest_word_of_a_person_counts_as_said(world, kind):
    ada = await world.send(await world.candidate(), kind)
    key = await lost(world, **GRACE)
    async with world.database.transaction() as tx:
        await verdicts.judge(tx, key, ada.id, by="Robin", now=NOW)
        await verdicts.judge(tx, key, None, by="Robin", now=NOW + HOUR)

        assert await inbox_store.said(tx, key, "") == (None, NOW + HOUR)
        assert not await inbox_store.is_named(tx, ada.id)
