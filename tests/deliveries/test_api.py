"""Deliveries over the JSON API: listed, read, given out as bytes, replayed."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import NOW, delivery, fixture, recorded
from greenroom.accounts.model import Role
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import retention
from greenroom.deliveries.store import State
from world import World

pytestmark = pytest.mark.anyio

API = "/api/admin/scheduling/deliveries"


@pytest.fixture
def world(house):
    return World(house.parts.database, house.parts.intake, house.connection_id)


@pytest.fixture
async def recruiter(house):
    return await house.token(Role.RECRUITER)


@pytest.fixture
async def admin(house):
    return await house.token(Role.ADMIN)


async def items(house, headers, query=""):
    return (await house.http.get(API + query, headers=headers)).json()["items"]


async def test_a_delivery_tells_all_that_is_known_of_it(house, recruiter, world):
    row = await world.send(await world.candidate(), await world.event_type())
    body = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    for _ in range(3):
        await house.deliver(body)
    await deliveries.drain(house.parts.database, now=NOW)

    [found] = await items(house, recruiter)

    assert found | {"received_at": "", "last_duplicate_at": ""} == {
        "id": 1,
        "received_at": "",
        "connection_id": house.connection_id,
        "connection": "House",
        "trigger": "BOOKING_CREATED",
        "state": "done",
        "signature": "current",
        "uid": "booking1",
        "interview_ids": [row.id],
        "outcome": found["outcome"],
        "attempts": 1,
        "duplicates": 2,
        "last_duplicate_at": "",
        "bytes": len(body),
        "is_emptied": False,
    }
    assert found["last_duplicate_at"] > found["received_at"]
    assert (await house.http.get(f"{API}/1", headers=recruiter)).json() == found


async def test_a_list_is_filtered_and_followed_by_its_cursor(house, recruiter, world):
    await world.deliver(*(delivery(uid=f"b{n}", bookingId=n) for n in range(1, 6)), b"false")

    first = (await house.http.get(f"{API}?state=done&limit=3", headers=recruiter)).json()
    asked = f"{API}?state=done&limit=3&cursor={first['next']}"
    second = (await house.http.get(asked, headers=recruiter)).json()

    assert [each["id"] for each in first["items"]] == [5, 4, 3]
    assert [each["id"] for each in second["items"]] == [2, 1]
    assert second["next"] is None
    for wrong in ("cursor=7", "from=yesterday", "state=lost", "connection_id=0", "limit=201"):
        answer = await house.http.get(f"{API}?{wrong}", headers=recruiter)
        assert answer.status_code in {400, 422}, wrong


@pytest.mark.parametrize(
    "body", [b"", b"false", bytes(range(256)), b"\r\n\x00", fixture("guide__booking_confirmed")]
)
async def test_an_admin_gets_the_bytes_unchanged(house, admin, recruiter, world, body):
    [id_] = await world.deliver(body)

    answer = await house.http.get(f"{API}/{id_}/body", headers=admin)
    refused = await house.http.get(f"{API}/{id_}/body", headers=recruiter)

    assert answer.content == body
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert refused.status_code == 403


async def test_a_body_that_was_emptied_is_said_to_be_gone(house, admin, world):
    [id_] = await world.deliver(b"false")
    await retention.tidy(house.parts.database, keep_days=1, now=NOW + timedelta(days=2))

    answer = await house.http.get(f"{API}/{id_}/body", headers=admin)

    assert answer.status_code == 404
    assert "90 days" in answer.json()["detail"]
    [found] = await items(house, admin)
    assert (found["is_emptied"], found["bytes"]) == (True, 5)


async def test_some_are_replayed_or_all_in_a_state(house, recruiter, world):
    ids = await world.deliver(*(b"%d" % number for number in range(4)))
    async with house.parts.database.transaction() as tx:
        table = deliveries.store.deliveries
        for id_, state in zip(ids, ("done", "dead", "dead", "failed"), strict=True):
            await tx.execute(table.update().where(table.c.id == id_).values(state=state))

    async def replay(**given):
        answer = await house.http.post(f"{API}/replays", json=given, headers=recruiter)
        return answer.status_code, answer.json().get("replayed")

    async def new():
        return [each["id"] for each in await items(house, recruiter, "?state=new")][::-1]

    assert await replay(ids=[ids[0], 999]) == (202, 1)
    assert await new() == [ids[0]]
    assert await replay(state="dead") == (202, 2)
    assert await new() == ids[:3]
    assert await replay(state="failed") == (202, 1)
    assert await new() == ids
    for wrong in ({}, {"ids": [1], "state": "dead"}, {"state": "done"}, {"ids": []}, {"all": True}):
        assert (await replay(**wrong))[0] == 422, wrong


async def everything(database):
    """Bookings, facts and letters, each column of them."""
    query = (
        "SELECT to_jsonb(b) FROM bookings b UNION ALL SELECT to_jsonb(l) FROM letters l "
        "UNION ALL SELECT to_jsonb(f) FROM facts f ORDER BY 1"
    )
    async with database.transaction() as tx:
        return list((await tx.execute(text(query))).scalars())


async def test_replaying_everything_twice_changes_nothing(house, recruiter, world):
    ids = await world.deliver(*(fixture(name) for name in recorded()))
    before = await everything(house.parts.database)

    for _ in range(2):
        answer = await house.http.post(f"{API}/replays", json={"ids": ids}, headers=recruiter)
        assert answer.json() == {"replayed": len(set(ids))}
        while await deliveries.drain(house.parts.database, now=NOW):
            pass

    assert await everything(house.parts.database) == before
    assert {(await world.delivery(id_)).state for id_ in ids} <= {State.DONE, State.UNREAD}
