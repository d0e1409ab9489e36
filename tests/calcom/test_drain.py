"""Deliveries that were tried before: they fell no others, and end."""

from datetime import timedelta

import pytest

from builders import NOW, delivery
from greenroom.calcom import deliveries
from greenroom.calcom.deliveries import MOST_ATTEMPTS, State

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
