"""Killed at every place where it waits, Greenroom loses nothing and does nothing twice."""

import asyncio
import os
from contextlib import suppress
from email import message_from_bytes

import psycopg
import pytest

from builders import MINUTE, NOW, delivery
from greenroom.bookings import actions as bookings
from greenroom.calcom import webhook
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.intake import Intake
from greenroom.errors import Unavailable
from greenroom.interviews import actions as interviews
from greenroom.interviews import invitations
from greenroom.mail import model as mail
from greenroom.mail import outbox
from greenroom.settings import Settings
from house import opened
from machine.faults.dying import buried, each_stop, live, never_stopped_at
from machine.faults.harness import HUNT, Log
from machine.faults.scenes import Stage
from mail.conftest import opened as post_office

pytestmark = pytest.mark.anyio

TIMES = 100 if HUNT else 1
"""How many times one place is come to before it counts as known."""
LATER = NOW + deliveries.LEASE + MINUTE

BESIDE = {
    "bookings/actions.py": {
        # Questions, and a note of when to ask again.
        *("get", "kept", "between", "to_ask", "ask_again", "live", "evidence"),
    },
    "deliveries/actions.py": {"replay", "replay_failed"},
    "deliveries/claims.py": set(),
    "deliveries/store.py": {"get", "heard", "waiting", "last_received", "renew", "places_in"},
    "deliveries/intake.py": set(),
}
"""By module, functions that neither keep nor take in: what they do is asked for again."""
NEVER_WAIT = ("driver_connection(", "connection.cursor(", ".fetchall()", "asyncio.timeout(")
"""They have what they give already."""


@pytest.fixture
def stage(world):
    return Stage(world)


def assert_killed(lives):
    """Most were; a few ended first, for a task of theirs that waited once need not wait again."""
    killed = [each.was_killed for each in lives]
    assert sum(killed) > 0.8 * len(killed)


def draining(url, *times):
    """What the drain does, by default once."""

    async def scenario(self):
        database = Database(url)
        self.begin()
        for now in times or (NOW,):
            while await deliveries.drain(database, now=now):
                pass
        await database.close()

    return scenario


async def test_a_drain_killed_wherever_it_waits_loses_no_delivery_and_tells_no_news_twice(
    stage, database_url
):
    """A kill at any await of the drain costs at most the lease; then all is as without it."""
    undisturbed = await stage.scene()
    async with buried(database_url):
        whole = await live(draining(database_url))
    expected = await undisturbed.told()
    assert [uid for _, uid, _ in expected["interviews"]] == ["second", "real", "third"]

    places = each_stop(whole, times=TIMES)
    assert len(places) > 25
    for stop in places:
        scene = await stage.scene()
        async with buried(database_url):
            ended = await live(draining(database_url), until=stop)
        assert ended.was_killed or TIMES > 1, stop
        await scene.drain(LATER)

        assert await scene.told() == expected, stop


def forgetting(url, ids):
    """What replays do whose deliveries tell less than before, each in a transaction."""

    async def scenario(self):
        database = Database(url)
        self.begin()
        for each in ids:
            async with database.transaction() as tx:
                await bookings.record(tx, [], deliveries=[each], now=LATER)
        await database.close()

    return scenario


@pytest.mark.parametrize("step", [1, -1] if TIMES > 1 else [1])
async def test_a_booking_that_goes_goes_wholly_or_not_at_all(stage, database_url, step):
    """A kill inside `record` leaves the old state or, after the commit, the new one."""
    scene = await stage.scene()
    await scene.drain(NOW)
    states = [await scene.told()]
    for each in scene.second[::step]:
        async with scene.world.database.transaction() as tx:
            await bookings.record(tx, [], deliveries=[each], now=LATER)
        states.append(await scene.told())
    assert [len(state["bookings"]) for state in states] == [5, 5, 4]

    fresh = await stage.scene()
    await fresh.drain(NOW)
    whole = await live(forgetting(database_url, fresh.second[::step]))
    lives = []
    for stop in each_stop(whole, times=TIMES):
        scene = await stage.scene()
        await scene.drain(NOW)
        async with buried(database_url):
            lives.append(await live(forgetting(database_url, scene.second[::step]), until=stop))

        assert await scene.told() in states, stop
    assert_killed(lives)


def receiving(url, data_dir, body):
    """One signed request through the whole application."""

    async def scenario(self):
        async with opened(url, data_dir) as house:
            self.begin()
            answer = await house.deliver(body)
            self.say(answer.status_code)
            # Until the intake sleeps again, and a little work has been done beside it.
            await asyncio.sleep(0.05)
            os._exit(0)

    return scenario


async def test_an_intake_killed_wherever_it_waits_has_kept_what_it_answered(
    house, database_url, tmp_path
):
    """Whatever the moment of the kill: answered is kept, and sent again it is there once."""
    log = Log(house.parts.database)
    body = delivery(uid="whole")
    async with buried(database_url):
        whole = await live(receiving(database_url, tmp_path, body))
    assert whole.said == [200]
    log.sent(body, 200)

    places = each_stop(whole, times=TIMES)
    assert {file for stop, _ in places for file, _, _, _ in stop} >= {
        "deliveries/intake.py",
        "calcom/api.py",
        "deliveries/secrets.py",
        "web/security.py",
    }
    lives = []
    for stop in places:
        body = delivery(uid=str(stop))
        async with buried(database_url):
            ended = await live(receiving(database_url, tmp_path, body), until=stop)
        lives.append(ended)
        log.sent(body, ended.said[0] if ended.said else None)
        await log.nothing_is_lost()
        log.sent(body, (await house.deliver(body)).status_code)
        await log.nothing_is_lost()
    assert_killed(lives)


def writing(url, data_dir, smtp_url, letter_id):
    """What the job does that sends a letter."""

    async def scenario(self):
        database = Database(url)
        settings = Settings(_env_file=None, data_dir=data_dir, smtp_url=smtp_url)
        self.begin()
        await invitations.send_letter(database, letter_id, settings=settings, now=NOW)
        await database.close()

    return scenario


async def test_a_letter_whose_sender_is_killed_goes_out_again_only_if_it_may_have_gone(
    stage, database_url, tmp_path
):
    """At most two copies, only from the moment the mail server had the whole, one Message-ID."""
    async with post_office() as office:
        smtp_url = f"smtp://127.0.0.1:{office.port}"
        settings = Settings(_env_file=None, data_dir=tmp_path, smtp_url=smtp_url)
        database = stage.database

        async def letter():
            interview_id = await stage.invited()
            async with database.transaction() as tx:
                await invitations.invite(
                    tx,
                    [interview_id],
                    settings=settings,
                    origin=settings.origin,
                    by="Robin",
                    now=NOW,
                )
                [written] = await outbox.of_interview(tx, interview_id)
            return interview_id, written.id

        _, letter_id = await letter()
        whole = await live(writing(database_url, tmp_path, smtp_url, letter_id))
        assert len(office.letters) == 1

        twice, lives = [], []
        for stop in each_stop(whole, times=100):
            if TIMES == 1 and stop[1] > 1 and stop[0][-1][1] != "deliver":
                continue
            interview_id, letter_id = await letter()
            office.letters.clear()
            async with buried(database_url):
                lives.append(
                    await live(writing(database_url, tmp_path, smtp_url, letter_id), until=stop)
                )
            await asyncio.sleep(0.01)
            early = len(office.letters)
            await invitations.send_letter(
                database, letter_id, settings=settings, now=NOW + mail.LEASE
            )

            async with database.transaction() as tx:
                sent = await outbox.get(tx, letter_id)
                notes = [what for _, _, what in await interviews.notes(tx, interview_id)]
            assert sent.state is mail.State.SENT, stop
            assert notes.count("sent the invitation") == 1, stop
            ids = [message_from_bytes(each.content)["Message-ID"] for each in office.letters]
            assert set(ids) == {f"<{sent.message_id}>"}, stop
            assert 1 <= len(ids) <= 1 + early <= 2, stop
            if len(ids) == 2:
                twice.append({function for _, function, _, _ in stop[0]})

        assert_killed(lives)
        # From the last byte of the letter to the commit that says it has gone.
        assert twice
        assert [f for f in twice if not f & {"deliver", "_settle", "_open"}] == []


def drained_in_vain(url, now):
    """What the drain does while somebody holds a table: it gives back what it claimed."""

    async def scenario(self):
        impatient = Database(url, options="-c timezone=UTC -c lock_timeout=50ms")
        async with await psycopg.AsyncConnection.connect(url) as admin:
            await admin.execute("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE")
            self.begin()
            with suppress(Unavailable):
                await deliveries.drain(impatient, now=now)
            await admin.rollback()
        await impatient.close()

    return scenario


async def test_every_wait_of_what_keeps_and_takes_in_is_a_place_where_it_was_killed(
    stage, database_url, house, tmp_path, monkeypatch
):
    """No await of the intake, the drain or `record` is out of the reach of the kills above."""
    lives = [await live(receiving(database_url, tmp_path, delivery(uid="whole")))]
    scenes = [await stage.scene(), await stage.scene()]
    lives.append(await live(draining(database_url)))
    for scene, step in zip(scenes, (1, -1), strict=True):
        lives.append(await live(forgetting(database_url, scene.second[::step])))
    await stage.scene()
    lives.append(await live(drained_in_vain(database_url, NOW)))
    monkeypatch.setattr(deliveries.webhook, "read", _but_not_the_second)
    lives.append(await live(drained_in_vain(database_url, LATER)))
    lives.append(await live(draining(database_url, LATER, LATER + MINUTE)))
    lives.append(await live(keeping_in_vain))
    stops = {stop for each in lives for stop in each.stops}

    missed = [
        f"{module}, {each}"
        for module, others in BESIDE.items()
        for each in never_stopped_at(stops, module, but=others)
        if not any(word in each for word in NEVER_WAIT)
    ]
    assert not missed, "\n".join(missed)


_read = webhook.read


def _but_not_the_second(body, *, received_at):
    if b"second" in body:
        raise MemoryError
    return _read(body, received_at=received_at)


async def keeping_in_vain(self):
    """An intake without a database."""
    intake = Intake("postgresql://nobody@127.0.0.1:1/nothing")
    self.begin()
    with suppress(TimeoutError):
        await asyncio.wait_for(intake.run(), 0.5)
