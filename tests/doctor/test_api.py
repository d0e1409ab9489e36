"""The doctor in the JSON API."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from greenroom.accounts.model import Role
from greenroom.doctor import actions as doctor
from greenroom.doctor.catalogue import CHECKS

pytestmark = pytest.mark.anyio

HEALTH = "/api/admin/scheduling/health"


async def a_dead_delivery(house):
    async with house.parts.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO deliveries (connection_id, digest, body, received_at, state, attempts)"
                " VALUES (1, gen_random_uuid()::text::bytea, '{}', now(), 'dead', 8)"
            )
        )


async def test_every_check_is_there_as_json(house):
    viewer = await house.token(Role.VIEWER)

    before = (await house.http.get(HEALTH, headers=viewer)).json()
    assert before["looked_at"] is None
    assert {each["light"] for each in before["checks"]} == {"off"}

    await doctor.examine(house.parts, which="all", now=datetime.now(UTC))
    health = (await house.http.get(HEALTH, headers=viewer)).json()

    assert list(dict.fromkeys(each["id"] for each in health["checks"])) == list(CHECKS)
    assert health["worst"] in {"green", "amber", "red"}
    assert health["count"] == sum(each["light"] in {"amber", "red"} for each in health["checks"])
    assert datetime.fromisoformat(health["looked_at"])
    (disk,) = [each for each in health["checks"] if each["id"] == "disk"]
    assert set(disk) == {
        *("id", "title", "area", "light", "what", "do", "offer", "connection_id"),
        *("since", "looked_at", "unanswered_since", "means"),
    }
    assert disk["area"] == "Database"


async def test_a_program_has_it_looked_at_again(house):
    recruiter = await house.token(Role.RECRUITER)

    answer = await house.http.post(HEALTH, headers=recruiter)

    assert answer.status_code == 200
    assert answer.json()["looked_at"] is not None


async def test_a_program_mends_what_can_be_mended(house):
    admin = await house.token(Role.ADMIN)
    await a_dead_delivery(house)

    mended = await house.http.post(f"{HEALTH}/deliveries-read/fix", headers=admin)
    assert mended.status_code == 200
    assert mended.json()["done"] == "1 delivery is read again."
    assert {each["id"] for each in mended.json()["checks"]} == set(CHECKS)

    cannot = await house.http.post(f"{HEALTH}/disk/fix", headers=admin, json={})
    none = await house.http.post(f"{HEALTH}/nose/fix", headers=admin)
    whole = await house.http.post(f"{HEALTH}/deliveries-read/fix", headers=admin)
    assert whole.status_code == 409
    assert "nothing that Greenroom could mend now" in whole.json()["title"]
    gone = await house.http.post(f"{HEALTH}/jobs/fix", headers=admin, json={"connection_id": 999})
    assert (cannot.status_code, none.status_code, gone.status_code) == (409, 404, 404)
    assert cannot.json()["detail"].endswith(".")


async def test_what_mending_does_not_take_is_refused(house):
    answer = await house.http.post(
        f"{HEALTH}/jobs/fix", headers=await house.token(Role.ADMIN), json={"connection": 1}
    )

    assert answer.status_code == 422
    assert "connection" in answer.text


async def test_mending_is_for_admins(house):
    for role, allowed in [(Role.VIEWER, False), (Role.RECRUITER, False), (Role.ADMIN, True)]:
        await a_dead_delivery(house)
        headers = await house.token(role)
        answer = await house.http.post(f"{HEALTH}/deliveries-read/fix", headers=headers)
        assert (answer.status_code == 200) is allowed
