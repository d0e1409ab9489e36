"""Bookings over JSON: every one once, also where two accounts see the same."""

import pytest

from builders import ADA, BOB, NOW, answered
from greenroom.accounts.model import Role
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Status, Told
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.interviews import sending
from world import connect

pytestmark = pytest.mark.anyio

PATH = "/api/admin/scheduling/bookings"


async def told(house, connection_id, uid, **claims):
    fact = answered(Status.CONFIRMED, NOW, uid=uid, **claims)
    async with house.parts.database.transaction() as tx:
        await bookings.record(tx, [Told(connection_id=connection_id, fact=fact)], now=NOW)


async def invited(house, connection_id, *people):
    """Interviews of these on that connection's event type 1."""
    offer = Offer(
        calcom_id=1,
        slug="intro",
        title="Intro",
        length_minutes=30,
        booking_url="https://cal.example/mara/intro",
    )
    async with house.parts.database.transaction() as tx:
        await event_types.mirror(tx, connection_id, [offer])
        [kind] = await event_types.offered(tx)
        ids = []
        for who in people:
            draft = Draft(name=who.name, addresses=(who.email,), role="Engineer")
            candidate = await candidates.add(tx, draft, NOW)
            sent = await sending.send(tx, [candidate.id], kind.id, by="Robin", now=NOW)
            ids += sent.interview_ids
    return ids


@pytest.fixture
async def other(house):
    """Another connection, that is asked about the same calendar."""
    return await connect(house.parts.database, "Other")


async def test_a_booking_two_accounts_see_is_listed_twice_and_skipped_by_no_page(house, other):
    for uid in ("a", "b-c", "d"):
        for connection_id in (house.connection_id, other):
            await told(house, connection_id, uid)
    headers = await house.token(Role.VIEWER)

    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = await house.http.get(PATH, params={"limit": 1, **more}, headers=headers)
        found += [(each["uid"], each["connection_id"]) for each in page.json()["items"]]
        if (cursor := page.json()["next"]) is None:
            break

    both = (house.connection_id, other)
    assert found == [(uid, id_) for uid in ("a", "b-c", "d") for id_ in both]


@pytest.mark.parametrize(
    "cursor", ["x", "1764061200.0-a", "20261125T100000.000000-0-\0", "20269925T100000.000000-1-a"]
)
async def test_a_cursor_that_was_not_ours_is_refused(house, cursor):
    headers = await house.token(Role.VIEWER)

    answer = await house.http.get(PATH, params={"cursor": cursor}, headers=headers)

    assert (answer.status_code, answer.json()["title"]) == (400, "The cursor cannot be read.")


async def test_of_several_accounts_the_one_whose_interview_it_is_answers(house, other):
    [id_] = await invited(house, other, ADA)
    for connection_id in (house.connection_id, other):
        # The first account's is nobody's: another person is there.
        who = ADA if connection_id == other else BOB
        await told(house, connection_id, "booking1", attendees=(who,), event_type_id=1)
    headers = await house.token(Role.VIEWER)

    async def asked(**params):
        answer = await house.http.get(f"{PATH}/booking1", params=params, headers=headers)
        return answer.json()

    assert ((await asked())["connection_id"], (await asked())["interview_id"]) == (other, id_)
    assert (await asked(connection_id=house.connection_id))["interview_id"] is None
    assert "no booking" in (await asked(connection_id=other + 1))["title"]


async def test_a_booking_of_several_says_whose_each_seat_is(house):
    ids = await invited(house, house.connection_id, ADA, BOB)
    await told(
        house, house.connection_id, "panel", attendees=(ADA, BOB), seated=True, event_type_id=1
    )
    headers = await house.token()

    shown = (await house.http.get(f"{PATH}/panel", headers=headers)).json()
    assert [(each["address"], each["interview_id"]) for each in shown["matches"]] == [
        (ADA.email, ids[0]),
        (BOB.email, ids[1]),
    ]
    assert shown["interview_id"] == ids[0]

    which = await house.http.post(
        f"{PATH}/panel/match", json={"interview_id": ids[0]}, headers=headers
    )
    assert which.status_code == 409
    said = await house.http.post(
        f"{PATH}/panel/match", json={"interview_id": None, "address": BOB.email}, headers=headers
    )
    assert [each["address"] for each in said.json()["matches"]] == [ADA.email]
