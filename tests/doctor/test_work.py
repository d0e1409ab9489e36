"""The background work: which part is silent, which jobs are late, which deliveries unread."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from builders import delivery
from doctor.conftest import Clinic
from greenroom import jobs, work
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries.standing import Standing
from greenroom.doctor import pulse, store
from greenroom.doctor.checks.work import of_deliveries, of_queue
from greenroom.doctor.model import Light
from greenroom.doctor.pulse import Pulse
from greenroom.errors import Conflict

pytestmark = pytest.mark.anyio

PARTS = {pulse.DRAIN, pulse.CLOCK, *map(pulse.queue, jobs.AT_ONCE)}


async def beat(clinic, parts, *, ago=0.0, process="here"):
    async with clinic.parts.database.transaction() as tx:
        await store.beat(tx, process, parts, datetime.now(UTC) - timedelta(seconds=ago))


async def only(examine, check_id):
    (found,) = await examine(check_id)
    return found


async def until(ask):
    for _ in range(100):
        if await ask():
            return
        await asyncio.sleep(0.2)
    raise AssertionError(ask.__name__)


# background


async def test_every_part_alive_is_green(clinic, examine):
    await beat(clinic, PARTS)

    assert (await only(examine, "background")).light is Light.GREEN


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (pulse.DRAIN, "reading deliveries (for 5 min)"),
        (pulse.CLOCK, "what is done by the clock (for 5 min)"),
        (pulse.queue("mail"), "sending letters (for 5 min)"),
    ],
)
async def test_a_silent_part_is_named_and_heard_again(clinic, connection, examine, part, words):
    await beat(clinic, PARTS - {part})
    await beat(clinic, [part], ago=300)

    found = await only(examine, "background")
    assert found.light is Light.RED
    assert words in found.what

    await beat(clinic, [part], process="another")
    assert (await only(examine, "background")).light is Light.GREEN


async def test_nothing_that_runs_is_red_where_cal_com_is_connected(clinic, connection, examine):
    await beat(clinic, PARTS, ago=3600)

    found = await only(examine, "background")

    assert found.light is Light.RED
    assert "does nothing by itself since" in found.what
    assert "greenroom serve" in found.do


async def test_nothing_that_runs_is_advice_where_nothing_is_connected(examine):
    found = await only(examine, "background")

    assert found.light is Light.OFF
    assert "greenroom serve" in found.do


async def test_a_process_that_has_just_ended_is_not_counted(clinic, examine):
    await beat(clinic, PARTS, ago=40, process="before")
    await beat(clinic, PARTS)
    assert "in one process." in (await only(examine, "background")).what

    await beat(clinic, PARTS, ago=20, process="before")
    assert "in 2 processes." in (await only(examine, "background")).what


async def test_the_first_sign_of_life_is_of_every_part(house):
    task = asyncio.create_task(work.run(house.parts))

    async def heard():
        async with house.parts.database.transaction() as tx:
            return {each.part for each in await pulse.beats(tx)}

    await until(heard)
    assert await heard() == PARTS
    task.cancel()


async def test_a_process_that_works_says_which_parts_are_alive(working_house):
    clinic = Clinic(working_house.parts)

    async def is_well():
        return (await only(clinic.examine, "background")).light is Light.GREEN

    await until(is_well)


async def test_a_part_that_does_not_come_round_is_not_alive(monkeypatch):
    felt = Pulse()
    felt.feel(pulse.DRAIN)
    assert felt.alive() == {pulse.DRAIN}

    monkeypatch.setattr(pulse, "_STUCK", -1.0)
    assert felt.alive() == set()


async def test_a_part_that_has_ended_is_not_alive():
    felt = Pulse()
    with felt.running("jobs: mail"):
        assert felt.alive() == {"jobs: mail"}
    assert felt.alive() == set()


async def test_the_drain_is_felt_as_it_goes_round(house):
    felt = Pulse()
    task = asyncio.create_task(work.drain(house.parts, felt))

    async def is_felt():
        return felt.alive() == {pulse.DRAIN}

    await until(is_felt)
    task.cancel()


# jobs


async def job(clinic, name="send_letter", *, status="todo", age, queue="mail"):
    """A job that has been like this for so many seconds."""
    async with clinic.parts.database.transaction() as tx:
        await jobs.enqueue(tx, name, {"letter_id": 1})
        id_ = (await tx.execute(text("SELECT max(id) FROM procrastinate_jobs"))).scalar_one()
        await tx.execute(
            text(
                "UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status),"
                " queue_name = :queue WHERE id = :id"
            ),
            {"status": status, "id": id_, "queue": queue},
        )
        await tx.execute(
            text("UPDATE procrastinate_events SET at = now() - make_interval(secs => :age)"),
            {"age": age},
        )
    return id_


async def status(clinic):
    rows = await clinic.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
    return [row[0] for row in rows]


async def test_no_jobs_are_green_and_a_job_that_just_came_too(clinic, examine):
    assert (await only(examine, "jobs")).light is Light.GREEN
    await job(clinic, age=10)
    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_letters_that_wait_too_long_are_said_in_letters(clinic, examine):
    await job(clinic, age=600)

    found = await only(examine, "jobs")
    assert found.light is Light.AMBER
    assert found.what == "1 letter waiting, the oldest for 10 min."

    await clinic.execute("DELETE FROM procrastinate_jobs")
    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_jobs_that_are_far_behind_are_red(clinic, examine):
    await job(clinic, age=4000)

    assert (await only(examine, "jobs")).light is Light.RED


async def test_a_job_that_is_to_run_later_is_not_late(clinic, examine):
    await job(clinic, age=4000)
    await clinic.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 min'")

    async with clinic.parts.database.transaction() as tx:
        found = await jobs.standings(tx, since=datetime.now(UTC), now=datetime.now(UTC))
    assert {(each.waiting, each.oldest_at) for each in found} == {(0, None)}
    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_a_job_that_failed_for_good_is_tried_again_when_asked(clinic, examine):
    await job(clinic, status="failed", age=60)

    found = await only(examine, "jobs")
    assert (found.light, found.offer) == (Light.AMBER, "Try again")
    assert "1 letter failed for good" in found.what

    assert await clinic.mend("jobs") == "1 job is begun again."
    assert await status(clinic) == ["todo"]
    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_a_failure_of_long_ago_is_no_news(clinic, examine):
    await job(clinic, status="failed", age=2 * 86_400)

    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_a_job_of_a_dead_worker_is_begun_again_when_asked(clinic, examine):
    await job(clinic, status="doing", age=60)

    found = await only(examine, "jobs")
    assert (found.light, found.offer) == (Light.AMBER, "Begin again")

    await clinic.mend("jobs")
    assert await status(clinic) == ["todo"]
    assert (await only(examine, "jobs")).light is Light.GREEN


async def test_what_runs_by_the_clock_may_fail_once_but_not_each_time(clinic, examine):
    for count in range(3):
        assert (await only(examine, "jobs")).light is Light.GREEN, count
        async with clinic.parts.database.transaction() as tx:
            await tx.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                    " VALUES ('default', 'turn_interviews', 'todo')"
                )
            )
            await tx.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
            await tx.execute(text("UPDATE procrastinate_jobs SET status = 'failed'"))

    found = await only(examine, "jobs")
    assert found.light is Light.AMBER
    assert "turn_interviews" in found.what
    with pytest.raises(Conflict, match="nothing that Greenroom could mend now"):
        await clinic.mend("jobs")

    await clinic.execute("UPDATE procrastinate_events SET at = at - interval '15 min'")
    assert (await only(examine, "jobs")).light is Light.GREEN, "it has been well since"

    await clinic.execute(
        "INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp, job_id)"
        " SELECT task_name, 1, max(id) FROM procrastinate_jobs GROUP BY task_name"
    )
    assert (await only(examine, "jobs")).light is Light.AMBER, "the newest one failed too"


def test_private_links_that_wait_for_the_rate_limit_go_on_by_themselves():
    now = datetime.now(UTC)
    waiting = jobs.Standing(queue="calcom", waiting=1200, oldest_at=now - timedelta(minutes=20))

    (found,) = of_queue(waiting, now)

    assert found.light is Light.AMBER
    assert "1,200 private links waiting" in found.what
    assert "by itself" in found.do


# deliveries-read


async def keep(clinic, connection, state, *, ago=0.0):
    body = delivery()
    async with clinic.parts.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO deliveries (connection_id, digest, body, received_at, state, attempts)"
                " VALUES (:of, gen_random_uuid()::text::bytea, :body, :at, :state, 8)"
            ),
            {
                "of": connection.id,
                "body": body,
                "at": datetime.now(UTC) - timedelta(seconds=ago),
                "state": state,
            },
        )


async def test_before_anything_is_connected_nothing_is_read(examine):
    assert (await only(examine, "deliveries-read")).light is Light.OFF


@pytest.mark.parametrize(
    ("state", "ago", "light", "words"),
    [
        ("new", 90, Light.AMBER, "1 delivery is kept and not read yet, the oldest for 1 min"),
        ("new", 900, Light.RED, "the oldest for 15 min"),
        ("failed", 0, Light.AMBER, "tried again by itself"),
        ("dead", 90 * 86_400, Light.AMBER, "Asking Cal.com makes up for it."),
        ("unread", 60, Light.AMBER, "nothing that Greenroom understands"),
    ],
)
async def test_deliveries_that_are_not_read_are_told(
    clinic, connection, examine, state, ago, light, words
):
    assert (await only(examine, "deliveries-read")).light is Light.GREEN
    await keep(clinic, connection, state, ago=ago)

    found = await only(examine, "deliveries-read")

    assert found.light is light
    assert words in found.what

    await clinic.execute("UPDATE deliveries SET state = 'done'")
    assert (await only(examine, "deliveries-read")).light is Light.GREEN


async def test_deliveries_that_failed_are_read_again_when_asked(clinic, connection, examine):
    await keep(clinic, connection, "dead")
    await keep(clinic, connection, "failed")

    assert await clinic.mend("deliveries-read") == "2 deliveries are read again."
    assert clinic.parts.intake.news.is_set()
    while await deliveries.drain(clinic.parts.database, now=datetime.now(UTC)):
        pass

    assert (await only(examine, "deliveries-read")).light is Light.GREEN
    with pytest.raises(Conflict, match="nothing that Greenroom could mend now"):
        await clinic.mend("deliveries-read")


async def test_what_is_old_and_was_never_understood_is_no_news(clinic, connection, examine):
    await keep(clinic, connection, "unread", ago=2 * 86_400)

    assert (await only(examine, "deliveries-read")).light is Light.GREEN


async def test_dead_deliveries_are_red_where_nobody_can_ask_what_they_said(clinic, calcom, examine):
    listens = await clinic.connect(calcom, key=None)
    await keep(clinic, listens, "dead")

    found = await only(examine, "deliveries-read")

    assert found.light is Light.RED
    assert "missing until they are read" in found.what


def test_nothing_is_said_where_all_is_well():
    calm = Standing(new=3, new_since=datetime.now(UTC), failed=0, dead=0, unread=0)

    assert of_deliveries(calm, datetime.now(UTC), heals=True) == []
