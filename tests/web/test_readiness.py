"""`/healthz` and `/readyz`: alive is not ready, and asking costs next to nothing."""

import asyncio

import pytest
from sqlalchemy import text

from greenroom.database import migrate
from greenroom.web import pages
from greenroom.web.remembered import Remembered

pytestmark = pytest.mark.anyio


@pytest.fixture
def at_once(monkeypatch):
    """Readiness is asked for anew each time."""
    monkeypatch.setattr(pages, "_REMEMBERED", -1.0)


async def set_to(house, revision):
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


async def test_a_process_whose_database_answers_is_ready(house):
    ready, up = await house.http.get("/readyz"), await house.http.get("/healthz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert (up.status_code, up.json()) == (200, {"status": "up"})


async def test_tables_that_are_too_old_make_it_unready_until_they_are_migrated(house, at_once):
    head, _ = migrate._revisions()
    await set_to(house, "0003")
    behind, up = await house.http.get("/readyz"), await house.http.get("/healthz")
    await set_to(house, head)
    mended = await house.http.get("/readyz")

    assert (behind.status_code, up.status_code, mended.status_code) == (503, 200, 200)
    assert "older than this Greenroom" in behind.text


async def test_tables_without_a_version_make_it_unready(house, at_once):
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("DELETE FROM alembic_version"))

    assert (await house.http.get("/readyz")).status_code == 503


async def test_a_newer_version_beside_it_leaves_it_ready(house, at_once):
    """A newer process migrates and begins to answer; until then this one does."""
    await set_to(house, "9999")

    assert (await house.http.get("/readyz")).status_code == 200


async def test_a_database_that_hangs_is_said_within_the_deadline_to_all_who_ask(
    house, at_once, monkeypatch
):
    monkeypatch.setattr(pages, "_PATIENCE", 0.3)
    monkeypatch.setattr(pages, "_REMEMBERED", 0.1)
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.timeout(2):
            answers = await asyncio.gather(*(house.http.get("/readyz") for _ in range(50)))

    assert {each.status_code for each in answers} == {503}
    assert "takes too long" in answers[0].text


async def test_nobody_hears_that_it_is_ready_before_that_is_known(house):
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        asked = [asyncio.create_task(house.http.get("/readyz")) for _ in range(3)]
        await asyncio.sleep(0.2)
        early = [each for each in asked if each.done()]

    assert early == []
    assert {(await each).status_code for each in asked} == {200}


async def test_what_is_remembered_is_sought_once_and_failures_are_not_kept():
    sought, fails = [], True

    async def seek():
        sought.append(1)
        await asyncio.sleep(0.01)
        if fails:
            raise BrokenPipeError
        return len(sought)

    known = Remembered(seek, seconds=60)
    with pytest.raises(BrokenPipeError):
        await known.now()
    fails = False
    answers = await asyncio.gather(*(known.now() for _ in range(10)))

    assert answers == [2] * 10
