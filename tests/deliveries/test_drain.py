"""Deliveries that were tried before: they fell no others, and end."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from builders import NOW, delivery
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.actions import MOST_ATTEMPTS, State

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def deadly(monkeypatch):
    """Reading a body with "poison" in it ends the process."""
    real = deliveries.webhook.read

    def read(body, *, received_at):
        if b"poison" in body:
            raise Killed
        return real(body, received_at=received_at)

    monkeypatch.setattr(deliveries.webhook, "read", read)


async def settle(database, *, at):
    """Drain to the end, starting again after each kill; give how often that was."""
    kills = 0
    while True:
        try:
            while await deliveries.drain(database, now=at):
                pass
        except Killed:
            kills += 1
        else:
            return kills


async def test_a_body_that_kills_the_process_is_dead_in_the_end_and_fells_no_other(
    world, database, deadly
):
    names = ["first", "poison", "last"]
    ids = [
        (await world.intake.keep(world.connection_id, delivery(uid=name, bookingId=n), NOW)).id
        for n, name in enumerate(names, 1)
    ]
    kills = 0
    for minutes in range(0, 40, 2):
        kills += await settle(database, at=NOW + timedelta(minutes=minutes))
        if minutes == 2:
            states = [(await world.delivery(id_)).state for id_ in ids]
            assert states == [State.DONE, State.NEW, State.DONE]

    found = [await world.delivery(id_) for id_ in ids]
    assert [each.state for each in found] == [State.DONE, State.DEAD, State.DONE]
    assert (kills, found[1].attempts) == (MOST_ATTEMPTS, MOST_ATTEMPTS)
    assert "the program ended" in found[1].outcome


async def test_a_failure_that_comes_late_leaves_what_another_process_did(
    world, database, monkeypatch
):
    [id_] = [(await world.intake.keep(world.connection_id, delivery(), NOW)).id]
    real = deliveries._take_in

    async def slow(database, claimed, now):
        monkeypatch.setattr(deliveries, "_take_in", real)
        if claimed:
            await deliveries.drain(database, now=now + 2 * deliveries.LEASE)
        monkeypatch.setattr(deliveries, "_take_in", broken)
        await broken(database, claimed, now)

    async def broken(database, claimed, now):
        if claimed:
            raise RuntimeError

    monkeypatch.setattr(deliveries, "_take_in", slow)
    await deliveries.drain(database, now=NOW)

    assert (await world.delivery(id_)).state is State.DONE


WORKER = Path(__file__).with_name("worker_process.py")


@contextmanager
def worker(how, database_url):
    words = [sys.executable, str(WORKER), how, database_url, NOW.isoformat()]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # also one that is frozen


async def test_a_worker_that_dies_of_a_body_is_not_killed_by_it_for_ever(world, database_url):
    poison, other = [
        (await world.intake.keep(world.connection_id, delivery(uid=uid), NOW)).id
        for uid in ("poison", "other")
    ]
    with worker("die", database_url) as process:
        said, _ = await asyncio.to_thread(process.communicate, timeout=60)

    codes = [int(line.split()[1]) for line in said.splitlines() if line.startswith("ended ")]
    assert codes[:MOST_ATTEMPTS] == [-signal.SIGKILL] * MOST_ATTEMPTS
    assert not any(codes[MOST_ATTEMPTS:])
    found = await world.delivery(poison)
    assert (found.state, found.attempts) == (State.DEAD, MOST_ATTEMPTS)
    assert (await world.delivery(other)).state is State.DONE


async def everything(database):
    query = (
        "SELECT to_jsonb(d) - 'body' FROM deliveries d UNION ALL SELECT to_jsonb(f) FROM facts f "
        "UNION ALL SELECT to_jsonb(b) FROM bookings b UNION ALL SELECT to_jsonb(i) "
        "FROM interviews i ORDER BY 1"
    )
    async with database.transaction() as tx:
        return list((await tx.execute(text(query))).scalars())


async def test_a_worker_that_was_frozen_past_its_lease_has_nothing_more_to_say(
    world, database, database_url
):
    row = await world.send(await world.candidate(), await world.event_type())
    body = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    id_ = (await world.intake.keep(world.connection_id, body, NOW)).id
    with worker("freeze", database_url) as process:
        _, status = await asyncio.to_thread(os.waitpid, process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

        assert not await deliveries.drain(database, now=NOW)
        await deliveries.drain(database, now=NOW + 2 * deliveries.LEASE)
        before = await everything(database)

        os.kill(process.pid, signal.SIGCONT)
        assert await asyncio.to_thread(process.wait, 30) == 0

    assert await everything(database) == before
    found = await world.delivery(id_)
    assert (found.state, found.claims) == (State.DONE, 2)
    assert "stale" not in found.outcome


async def test_a_booking_that_always_fails_delays_no_other_and_can_be_replayed(
    world, database, monkeypatch
):
    real = deliveries.bookings.record

    async def record(tx, told, **given):
        if any(each.fact.uid == "poison" for each in told):
            message = "a bug with \0 and \ud800"
            raise RuntimeError(message)
        return await real(tx, told, **given)

    # Drawing the traces of all that fails would take longer than the test.
    with monkeypatch.context() as broken_version, capture_logs():
        broken_version.setattr(deliveries.bookings, "record", record)
        bad = [
            (await world.intake.keep(world.connection_id, delivery(uid="poison", n=n), NOW)).id
            for n in range(2)
        ]
        for minutes in range(0, 60, 2):
            now = NOW + timedelta(minutes=minutes)
            body = delivery(uid=f"neighbour{minutes}")
            kept = await world.intake.keep(world.connection_id, body, now)
            await deliveries.drain(database, now=now)
            assert (await world.delivery(kept.id)).state is State.DONE

    found = [await world.delivery(id_) for id_ in bad]
    assert {(each.state, each.attempts) for each in found} == {(State.DEAD, MOST_ATTEMPTS)}
    assert "a bug with" in found[0].outcome

    assert await deliveries.replay_failed(database) == 2
    await deliveries.drain(database, now=now)

    assert {(await world.delivery(id_)).state for id_ in bad} == {State.DONE}
    assert await deliveries.replay_failed(database) == 0
