"""`/metrics`: the doctor's facts in Prometheus' own words, for those who may know them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from greenroom.accounts.model import Role
from greenroom.calcom import allowance, budget
from greenroom.deliveries import rejections
from greenroom.doctor import actions as doctor
from greenroom.doctor import pulse, store
from greenroom.doctor.model import Finding, Light
from greenroom.mail.model import State
from greenroom.metrics import exposition
from greenroom.metrics import pages as metrics_pages
from house import opened
from mail.posting import put

pytestmark = pytest.mark.anyio


@pytest.fixture
def now():
    return datetime.now(UTC)


def at(moment):
    return pytest.approx(moment.timestamp(), abs=0.01)


async def scraped(house, **headers):
    """{(name, {label: value, ...}): number}, as a Prometheus reads it."""
    token = await house.token(Role.VIEWER)
    answer = await house.http.get("/metrics", headers={**token, **headers})
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def key(metric, **labels):
    return (f"greenroom_{metric}", frozenset(labels.items()))


async def execute(house, statement, **values):
    async with house.parts.database.transaction() as tx:
        await tx.execute(text(statement), values)


async def find(house, now, check_id, *found):
    async with house.parts.database.transaction() as tx:
        await store.keep(tx, {check_id: found}, now)


# Who may ask


async def test_nobody_without_a_token_learns_anything(house):
    wrong = {"Authorization": "Bearer grt_wrong"}
    nobody = await house.http.get("/metrics")
    stranger = await house.http.get("/metrics", headers=wrong)

    assert (nobody.status_code, stranger.status_code) == (401, 401)
    assert "greenroom_" not in nobody.text + stranger.text


async def test_everybody_may_where_it_was_opened(database_url, tmp_path):
    async with opened(database_url, tmp_path, metrics="open") as house:
        answer = await house.http.get("/metrics")

    assert answer.status_code == 200
    assert "greenroom_build_info" in answer.text


# What they are told


async def test_a_fresh_installation_has_every_number(house):
    told = await scraped(house)

    assert told[key("build_info", version=house.app.version)] == 1
    assert told[key("deliveries", state="new")] == 0
    assert told[key("deliveries_unread")] == 0
    assert told[key("jobs", queue="mail", state="waiting")] == 0
    assert told[key("letters", state="dead")] == 0
    assert told[key("drift", connection=str(house.connection_id), kind="lost")] == 0
    assert told[key("database_bytes")] > 1_000_000
    assert key("deliveries_waiting_since_timestamp_seconds") not in told
    assert not any(name == "greenroom_last_delivery_timestamp_seconds" for name, _ in told)


async def test_each_check_has_the_number_of_its_light(house, now):
    one = house.connection_id
    await find(house, now, "mail-server", Finding(light=Light.RED, what="Private words."))
    await find(house, now, "outbox", Finding(light=Light.OFF, what="Private words."))
    await find(
        house,
        now,
        "key",
        Finding(light=Light.AMBER, what="Private words.", connection_id=one),
        Finding(light=Light.GREEN, what="Private words.", connection_id=one),
    )
    token = await house.token(Role.VIEWER)
    answer = await house.http.get("/metrics", headers=token)
    told = await scraped(house)

    assert told[key("check", check="mail-server", connection="")] == 2
    assert told[key("check", check="key", connection=str(one))] == 1, "the worst of them"
    assert not any(("check", "outbox") in labels for _, labels in told)
    assert told[key("doctor_looked_timestamp_seconds")] == at(now)
    assert "Private" not in answer.text


async def test_deliveries_are_counted_by_what_became_of_them(house, now):
    one = house.connection_id
    for number, state in enumerate(["new", "failed", "failed", "dead", "unread", "done"]):
        await house.parts.intake.keep(one, b'{"n": %d}' % number, now - timedelta(minutes=number))
        await execute(
            house,
            "UPDATE deliveries SET state = :state WHERE id = (SELECT max(id) FROM deliveries)",
            state=state,
        )
    told = await scraped(house)

    assert told[key("deliveries", state="new")] == 1
    assert told[key("deliveries", state="failed")] == 2
    assert told[key("deliveries", state="dead")] == 1
    assert told[key("deliveries_unread")] == 1
    assert told[key("deliveries_waiting_since_timestamp_seconds")] == at(now)
    assert told[key("last_delivery_timestamp_seconds", connection=str(one))] == at(now)


async def test_refused_requests_are_counted_by_reason(house):
    await house.deliver(b"{}", signature=None)
    await house.deliver(b"{}", signature=None)
    await house.parts.secrets.flush()
    async with house.parts.database.transaction() as tx:
        ((reason, (count, _)),) = (await rejections.rejected(tx)).items()
    told = await scraped(house)

    assert count == 2
    assert told[key("refused_requests_total", reason=reason)] == 2


async def test_the_background_work_is_told_by_part_and_queue(house, now):
    async with house.parts.database.transaction() as tx:
        await store.beat(tx, "host:1", ["drain"], now - timedelta(seconds=90))
        await store.beat(tx, "host:2", ["drain", "clock"], now)
        await doctor.ask(tx)
    told = await scraped(house)

    assert told[key("heartbeat_timestamp_seconds", part="drain")] == at(now), "the newest"
    assert told[key("heartbeat_timestamp_seconds", part="clock")] == at(now)
    assert told[key("jobs", queue="default", state="waiting")] == 1
    assert told[key("jobs", queue="default", state="failed")] == 0
    assert "host" not in str(told)


async def test_letters_and_the_share_of_requests_are_told(house, now):
    one = house.connection_id
    letter_id = await put(house.parts.database, now=now)
    await execute(house, "UPDATE letters SET state = 'dead' WHERE id = :id", id=letter_id)
    async with house.parts.database.transaction() as tx:
        await budget.renew(tx, one, spent=4)
        await budget.rest(tx, one, 60)
    told = await scraped(house)

    assert told[key("letters", state="dead")] == 1
    assert told[key("letters", state="queued")] == 0
    assert told[key("calcom_requests_left", connection=str(one))] in {6, 7}
    assert told[key("calcom_may_ask", connection=str(one))] == 0


async def test_no_more_requests_are_left_than_may_go_at_once(house):
    rested = "INSERT INTO budgets (connection_id, tokens, filled_at) VALUES (:c, 0, now() - :for)"
    await execute(house, rested, **{"c": house.connection_id, "for": timedelta(hours=1)})
    async with house.parts.database.transaction() as tx:
        found = [await allowance.left(tx, per_minute=each) for each in (60, 30)]

    assert [each[house.connection_id] for each in found] == [10, 5]


async def test_what_no_delivery_told_is_counted_for_a_day(house):
    one = house.connection_id
    run = "INSERT INTO sync_runs (connection_id, asked_by, started_at) VALUES (:c, 'x', now())"
    await execute(house, run, c=one)
    for uid, hours in (("a", 1), ("b", 2), ("c", 25)):
        await execute(
            house,
            "INSERT INTO drift (run_id, connection_id, uid, kind, what, found_at)"
            " SELECT max(id), :c, :uid, 'lost', 'x', now() - make_interval(hours => :h)"
            " FROM sync_runs",
            c=one,
            uid=uid,
            h=hours,
        )
    told = await scraped(house)

    assert told[key("drift", connection=str(one), kind="lost")] == 2
    assert told[key("drift", connection=str(one), kind="late")] == 0


async def test_no_name_address_or_secret_is_in_it(house, now):
    await put(house.parts.database, now=now, to_address="ada@example.org")
    await house.deliver(b'{"triggerEvent":"PING","payload":{"email":"ada@example.org"}}')
    token = await house.token(Role.VIEWER)
    answer = await house.http.get("/metrics", headers=token)

    for private in ("ada", "example.org", "House", "whsec", "postgresql", "127.0.0.1"):
        assert private not in answer.text


async def test_each_format_a_monitor_asks_for_is_spoken(house):
    token = await house.token(Role.VIEWER)
    plain = await house.http.get("/metrics", headers=token)
    new = {**token, "Accept": "application/openmetrics-text;version=1.0.0"}
    open_metrics = await house.http.get("/metrics", headers=new)

    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["cache-control"] == "no-store"
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


def test_every_light_and_state_has_its_place():
    assert set(exposition._LEVELS) == set(Light) - {Light.OFF}
    assert set(exposition._UNSENT) == set(State) - {State.SENT}


# What it costs


async def test_asking_often_reads_the_facts_once(house):
    token = await house.token(Role.VIEWER)
    statements = []
    house.parts.database.count_statements(statements.append)
    await asyncio.gather(*(house.http.get("/metrics", headers=token) for _ in range(20)))
    sizes = [each for each in statements if "pg_database_size" in each]

    assert len(sizes) == 1
    assert len(statements) < 40 + 20 * 3, "the rest is who asks"


async def test_it_is_read_again_when_some_seconds_are_over(house, now, monkeypatch):
    monkeypatch.setattr(metrics_pages, "_REMEMBERED", 0.0)
    before = await scraped(house)
    await house.parts.intake.keep(house.connection_id, b"{}", now)
    after = await scraped(house)

    assert before[key("deliveries", state="new")] == 0
    assert after[key("deliveries", state="new")] == 1


async def test_a_database_that_does_not_answer_is_said_so_in_time(house, monkeypatch):
    monkeypatch.setattr(metrics_pages, "_PATIENCE", 0.2)
    token = await house.token(Role.VIEWER)
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
        stuck = await asyncio.wait_for(house.http.get("/metrics", headers=token), 5)
    well = await house.http.get("/metrics", headers=token)

    assert stuck.status_code == 503
    assert "takes too long" in stuck.text
    assert well.status_code == 200


async def test_the_parts_that_give_signs_of_life_are_in_it(working_house):
    part = pulse.queue("mail")
    for _ in range(50):
        async with working_house.parts.database.transaction() as tx:
            if part in {each.part for each in await pulse.beats(tx)}:
                break
        await asyncio.sleep(0.1)
    told = await scraped(working_house)
    beat = told[key("heartbeat_timestamp_seconds", part=part)]

    assert datetime.now(UTC).timestamp() - beat < 60
