"""Whatever gets lost, doubled or overtaken: one reconcile later Greenroom shows what is so."""

import random
from collections import Counter
from itertools import combinations

import pytest

from calcom_simulator.chaos import Chaos
from machine.histories import CATALOGUE, MISSED, SLUGS, Life, live
from machine.stage import MINUTE, staged
from machine.truth import assert_kept, assert_said_once, assert_true, interviews_shown

pytestmark = pytest.mark.anyio

HISTORIES = 500


@pytest.fixture
async def stage(database_url, queue):
    async with staged(database_url) as one:
        yield one


async def settled(stage):
    """Everything is read, Cal.com's word is old enough to count, and it was asked once."""
    await stage.drain()
    await stage.passes(2 * MINUTE)
    await stage.drain()
    assert await stage.reconcile() is None
    await stage.turn()


async def test_one_reconcile_heals_five_hundred_histories(stage):
    chance = random.Random(20261123)
    stage.world.set_chaos(Chaos(seed=7, drop=0.3, duplicate=0.2, delay=1))
    for number in range(HISTORIES):
        await live(stage, SLUGS[number % len(SLUGS)], chance)
    stage.world.set_chaos(Chaos(seed=7))
    await stage.postman.release()

    fates = Counter(one.fate for one in stage.world.deliveries)
    assert fates["dropped"] > HISTORIES / 4
    assert fates["answered"] > HISTORIES
    await settled(stage)
    await assert_true(stage)
    await assert_kept(stage)


async def retold(stage, slug, steps, heard):
    """The history happens; of its deliveries those numbered in `heard` arrive, in that order."""
    before = len(stage.world.deliveries)
    one = Life(stage, await stage.invite(slug))
    for step in steps:
        await step(one)
    sent = stage.world.deliveries[before:]
    stage.world.faults.webhooks_on = True
    for number in heard:
        await stage.postman.resend(sent[number])
    stage.world.faults.webhooks_on = False
    return len(sent)


async def each_loss(stage, slug, steps, chance):
    """The history once for each part of its deliveries that may arrive, in any order."""
    count = await retold(stage, slug, steps, ())
    assert count <= 6
    for size in range(1, count + 1):
        for heard in combinations(range(count), size):
            await retold(stage, slug, steps, chance.sample(heard, size))


async def test_whichever_deliveries_are_lost_one_reconcile_heals_it(stage):
    stage.world.faults.webhooks_on = False
    chance = random.Random(3)
    for slug, steps in CATALOGUE.values():
        await each_loss(stage, slug, steps, chance)

    await settled(stage)
    await assert_true(stage)


@pytest.mark.parametrize("name", MISSED)
async def test_who_missed_a_meeting_is_known_whichever_deliveries_are_lost(stage, name):
    stage.world.faults.webhooks_on = False
    await each_loss(stage, *MISSED[name], random.Random(4))

    await settled(stage)
    await assert_true(stage)


@pytest.mark.parametrize(
    "trouble",
    ["api_empty", "api_404", "api_401", "api_429", "api_500", "api_html", "api_truncated"],
)
async def test_no_answer_of_cal_com_takes_away_what_is_known(stage, trouble):
    one = Life(stage, await stage.invite("intro-call"))
    await one.book()
    await settled(stage)
    for full in (False, True):
        stage.world.faults.api_next = [trouble] * 9
        await stage.reconcile(full=full)
        await assert_true(stage)


async def test_a_cancellation_that_never_was_is_healed_and_people_hear_that_it_stands(stage):
    one = Life(stage, await stage.invite("intro-call"))
    await one.book()
    await stage.drain()
    stage.world.set_chaos(Chaos(lie=1))
    await one.cancel()
    await stage.drain()
    assert (await interviews_shown(stage.database))[one.guest.interview_id] == "cancelled"
    stage.world.set_chaos(Chaos())

    await settled(stage)
    await assert_true(stage)
    await assert_said_once(stage, truthful=False)
