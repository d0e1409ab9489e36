"""One budget per connection, whoever asks: counted in the database, and obeyed by all."""

import asyncio
import sys
import time
from contextlib import suppress

import pytest

from calcom.account import KEY, clock, connected
from calcom.odd import answering
from greenroom.calcom.budget import Urgency
from greenroom.calcom.client import Busy, CalcomError, Failing, KeyChanged, KeyRefused, NotAllowed
from greenroom.errors import Conflict
from greenroom.syncs import actions as syncs
from world import SEAL

pytestmark = pytest.mark.anyio

DEADLINE = 20.0
"""Seconds for what takes one on a machine with nothing else to do."""
ME = {"status": "success", "data": {"id": 1}}


class Mood:
    """A Cal.com that answers /me as told, and counts."""

    def __init__(self, status=200, said=ME, **headers):
        self.status, self.said, self.headers, self.asked = status, said, headers, 0

    def __call__(self, path, query):
        self.asked += 1
        return self.status, self.said, self.headers


async def api(account, url, **how):
    await account.aim(url)
    return account.api(await account.fresh(), account.gate(**how))


async def outcome(asked):
    try:
        await asked
    except CalcomError as error:
        return type(error)
    return None


async def moment(account):
    ((at,),) = await account.execute("SELECT clock_timestamp()")
    return at


async def resting(account, asked):
    """At least and at most how many seconds of rest what is `asked` brings: it takes a while."""
    before = await moment(account)
    with suppress(CalcomError):
        await asked
    after = await moment(account)
    ((until,),) = await account.execute("SELECT rests_until FROM budgets")
    return (until - after).total_seconds(), (until - before).total_seconds()


async def test_the_share_is_a_burst_and_then_one_by_one(account):
    await account.execute("UPDATE budgets SET tokens = 10, filled_at = now()")
    gate = account.gate(per_minute=600, urgency=Urgency.PERSON)
    began = time.monotonic()
    for _ in range(20):
        await gate.enter()

    assert 0.8 < time.monotonic() - began < DEADLINE
    assert gate.settle() == 20


async def test_what_has_time_leaves_tokens_for_a_person(account):
    await account.execute("UPDATE budgets SET tokens = 3, filled_at = now()")
    full = account.gate(per_minute=6, urgency=Urgency.FULL, patience=0)
    news = account.gate(per_minute=60, urgency=Urgency.NEWS, patience=0)
    full_at_60 = account.gate(per_minute=60, urgency=Urgency.FULL, patience=0)

    assert await outcome(full_at_60.enter()) is Busy
    assert await outcome(news.enter()) is None
    assert await outcome(news.enter()) is Busy
    assert await outcome(account.gate(per_minute=60, urgency=Urgency.PERSON).enter()) is None
    assert await outcome(full.enter()) is None  # its burst is one: there is nothing to leave


_SPENDER = """
import asyncio, sys, time
from greenroom.calcom.budget import Budget, Urgency
from greenroom.calcom.client import Calcom, CalcomError, http_client
from greenroom.database import Database

async def spend(url, api, id_, key, seconds):
    database, http = Database(url), http_client()
    gate = Budget(database, int(id_), renewals=0, per_minute=120, urgency=Urgency.PERSON,
                  patience=0.7, random=lambda: 0.0)
    calcom, ends = Calcom(http, api, key, gate), time.monotonic() + float(seconds)
    print("ready", flush=True)
    while time.monotonic() < ends:
        try:
            await calcom.me()
        except CalcomError:
            pass
    print(gate.settle())
    await http.aclose()
    await database.close()

asyncio.run(spend(*sys.argv[1:]))
"""


async def test_several_processes_together_never_ask_more_than_the_share(account, database_url):
    asked = []

    def answer(path, query):
        asked.append(path)
        return 200, ME

    began = await moment(account)
    await account.execute("UPDATE budgets SET tokens = 10, filled_at = now()")
    async with answering(answer) as url:
        spend = (sys.executable, "-c", _SPENDER, database_url, url, str(account.id), KEY, "3")
        processes = [
            await asyncio.create_subprocess_exec(*spend, stdout=asyncio.subprocess.PIPE)
            for _ in range(3)
        ]
        said = [(await each.communicate())[0].split() for each in processes]

    assert sum(int(counted) for _, counted in said) == len(asked)
    took = (await moment(account) - began).total_seconds()
    assert 10 < len(asked) <= 10 + 2 * took


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"X-RateLimit-Reset-Default": "7"}, 7),
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "99999999999"}, 300),
        ({"Retry-After": "inf"}, 300),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"}, 300),
        ({"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, 60),
        ({"Retry-After": ""}, 60),
    ],
)
async def test_a_rate_limit_is_rested_out_by_all(account, headers, seconds):
    mood = Mood(429, {}, **headers)
    async with answering(mood) as url:
        first = await api(account, url, patience=0)
        least, most = await resting(account, first.me())
        assert await outcome((await api(account, url, patience=0)).me()) is Busy

    assert mood.asked == 1
    assert least <= seconds <= most


async def test_few_requests_left_are_spread_before_cal_com_refuses(account):
    headers = {"X-RateLimit-Remaining-Default": "3", "X-RateLimit-Reset-Default": "40"}
    async with answering(Mood(**headers)) as url:
        least, most = await resting(account, (await api(account, url)).me())

    assert least <= 10 <= most


async def test_failures_in_a_row_are_forgotten_with_the_first_answer(account):
    mood = Mood(500, {})
    async with answering(mood) as url:
        calcom = await api(account, url, patience=0)
        for _ in range(5):
            assert await outcome(calcom.me()) is Failing
            await account.rested()
        standing = await account.standing()
        assert (standing.failures, standing.is_open) == (5, True)

        mood.status, mood.said = 200, ME
        assert await outcome(calcom.me()) is None
        assert (await account.standing()).failures == 0


async def test_while_one_request_tries_no_other_is_made(account):
    gate, other = account.gate(patience=0), account.gate(patience=0)
    await account.execute("UPDATE budgets SET failures = 7, rests_until = now()")

    await gate.enter()
    with pytest.raises(Busy, match="failed 7 times in a row"):
        await other.enter()
    await gate.well(None)
    await other.enter()


async def test_a_try_that_fails_makes_the_pause_longer_up_to_a_cap(account):
    gate = account.gate(patience=0, random=lambda: 1.0)
    for seconds in (2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        await account.rested()
        await gate.enter()
        least, most = await resting(account, gate.failed())
        assert least <= seconds <= most


async def test_pauses_are_spread_by_chance(account):
    gate = account.gate(patience=0, random=lambda: 0.25)
    await gate.enter()
    await gate.failed()
    await account.rested()
    await gate.enter()
    least, most = await resting(account, gate.failed())

    assert least <= 1 <= most


async def test_a_rate_limit_met_by_one_is_not_lifted_by_anothers_answer(account):
    one, other = account.gate(patience=0), account.gate(patience=0)
    await one.enter()
    await other.enter()
    await one.limited(60)
    await other.well(None)

    assert await outcome(one.enter()) is Busy


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_tried_again_until_it_is_another_one(
    world, account, calcom, http, status
):
    mood = Mood(status, {"error": {"message": "Invalid API key"}})
    async with answering(mood) as url:
        for _ in range(2):
            assert issubclass(await outcome((await api(account, url)).me()), KeyRefused)
        async with world.database.transaction() as tx:
            with pytest.raises(Conflict, match="refuses the API key of “Mara”") as refused:
                await syncs.start(tx, SEAL, asked_by="Robin", now=clock())
            await syncs.tick(tx, SEAL, clock())

    assert mood.asked == 1
    assert "greenroom connect" in refused.value.do
    assert await account.execute("SELECT FROM sync_runs") == []

    await connected(world, http, calcom.api_url)
    assert (await account.standing()).may_ask
    assert (await account.ask()).error is None


async def test_one_thing_that_is_not_ours_does_not_condemn_the_key(account):
    async with answering(Mood(403, {"error": {"message": "Not yours"}})) as url:
        assert await outcome((await api(account, url)).booking("another's")) is NotAllowed

    assert (await account.standing()).may_ask


@pytest.mark.parametrize("body", [{}, {"message": "Forbidden"}, "<html>Forbidden</html>"])
async def test_a_403_that_is_not_of_cal_coms_api_does_not_condemn_the_key(account, body):
    async with answering(Mood(403, body)) as url:
        assert await outcome((await api(account, url)).me()) is Failing

    standing = await account.standing()
    assert (standing.refusal, standing.failures) == (None, 1)


async def test_connecting_again_does_not_lift_a_rate_limit_and_does_lift_failures(
    world, account, calcom, http
):
    gate = account.gate(random=lambda: 1.0)
    await gate.enter()
    await gate.limited(200)
    await connected(world, http, calcom.api_url)
    assert (await account.standing()).rests_until > clock()

    await account.rested()
    gate = (await account.leader(random=lambda: 1.0)).budget
    for _ in range(9):
        await gate.failed()
    assert (await account.standing()).rests_until > clock()
    await connected(world, http, calcom.api_url)
    assert (await account.standing()).may_ask


async def test_a_new_key_is_not_condemned_by_who_still_has_the_old_one(
    world, account, calcom, http
):
    leader = await account.leader()
    late = account.api(account.connection)

    async def renewing(path=None, query=None):
        await connected(world, http, calcom.api_url)

    # One asks with the old key afterwards; the answer to the other comes afterwards.
    real = late._send

    async def slow(*words):
        await renewing()
        return await real(*words)

    late._send = slow
    async with answering(Mood(401, {"error": {"message": "Invalid API key"}})) as url:
        late._url = url
        assert await outcome(late.me()) is KeyChanged
        begun = await account.wish()
        await syncs.carry_on(leader)

    assert (await account.standing()).may_ask
    assert ((await account.run(begun.id)).finished_at, leader.budget.settle()) == (None, 0)
    await syncs.carry_on(await account.leader())
    run = await account.run(begun.id)
    assert (run.error, run.finished_at is not None) == (None, True)


async def test_a_run_counts_its_requests_and_those_that_failed(account):
    answers = iter([500, 200, 200, 200])

    def answer(path, query):
        return next(answers), {"status": "success", "data": []}

    async with answering(answer) as url:
        await account.aim(url)
        await account.execute("UPDATE connections SET offers_read_at = NULL")
        failed = await account.ask()
        with suppress(StopIteration):
            good = await account.ask()

    assert (failed.requests, "500" in failed.error) == (1, True)
    assert (good.requests, good.error) == (3, None)
