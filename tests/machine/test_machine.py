"""A Greenroom and a Cal.com, and chance decides what happens next.

Hypothesis plays host, candidates, network, crashes and clocks against a whole Greenroom. Whenever
it stops to look, all that Greenroom shows must be what is so at Cal.com.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from calcom_simulator.chaos import Chaos
from greenroom import jobs
from machine.histories import HOWS, SLUGS, Life, Table
from machine.stage import DAY, MINUTE, staged
from machine.truth import assert_kept, assert_said_once, assert_true, effects

HUNT = int(os.environ.get("GREENROOM_HUNT", "0"))
"""How many plays `make hunt` wants, each with luck of its own; 0: the usual few."""
PLAYS, STEPS = 20, 25
_MOST_DEATHS = 4
"""A delivery that is tried more often than eight times is dead, and rightly so."""

WEATHER = {
    "calm": Chaos(),
    "late": Chaos(delay=0.7, delay_seconds=900),
    "doubled": Chaos(duplicate=0.6),
    "overtaken": Chaos(reorder=0.6),
    "lossy": Chaos(drop=0.5),
    "two subscriptions": Chaos(copies=1),
    "somebody's template": Chaos(template=0.6),
    "wrongly signed": Chaos(wrong_signature=0.4, unsigned=0.2),
    "untrue": Chaos(lie=0.7),
    "clocks apart": Chaos(date_skew_seconds=-20, stamp_skew_seconds=20),
    "all at once": Chaos(drop=0.3, duplicate=0.2, delay=0.5, reorder=0.3, copies=1),
}
TROUBLE = ("fine", "api_429", "api_500", "api_502", "api_404", "api_html", "api_garbage")
TROUBLE += ("api_truncated",)
SPANS = (timedelta(seconds=20), MINUTE, timedelta(hours=3), DAY, 4 * DAY)
which = st.integers(0, 20)


class Play(RuleBasedStateMachine):
    """`stage` and `runner` are one for all plays; each begins on an empty stage."""

    def __init__(self, stage, runner):
        super().__init__()
        self.stage = stage
        self.run = runner.run
        self.lives = []
        self.table = Table(stage)
        self.sitting = 0
        self.deaths = 0
        self.truthful = True

    @initialize(seed=st.integers(0, 3), weather=st.sampled_from(sorted(WEATHER)))
    def begins(self, seed, weather):
        self.run(self.stage.reset(seed))
        self.changes_weather(weather)

    # What people do at Cal.com

    @rule(slug=st.sampled_from(SLUGS[:-1]), how=st.sampled_from(HOWS))
    def somebody_books(self, slug, how):
        life = Life(self.stage, self.run(self.stage.invite(slug)))
        self.lives.append(life)
        self.run(life.book(how))

    @precondition(lambda self: self.lives)
    @rule(which=which, how=st.sampled_from(HOWS))
    def books_again(self, which, how):
        life = self._life(which)
        # By address alone, nobody could say which interview a second booking is for.
        if how != "address" or not any(one.is_on for one in life.own()):
            self.run(life.book(how))

    @precondition(lambda self: self.lives)
    @rule(
        which=which,
        verb=st.sampled_from(
            [
                *("confirm", "decline", "pay", "cancel", "cancel_rest", "move", "move_as_host"),
                *("ask_for_another_time", "miss", "come_after_all", "stand_up"),
            ]
        ),
    )
    def happens(self, which, verb):
        life = self._life(which)
        if life.uids:
            self.run(getattr(life, verb)())

    @rule(which=which, together=st.booleans(), invited=st.booleans())
    def sits_down(self, which, together, invited):
        self.sitting += 1
        seats = self.table.seats
        uid = seats[which % len(seats)][0] if seats and together else None
        email, token = f"seat{self.sitting}@example.org", None
        if invited:
            guest = self.run(self.stage.invite("panel"))
            email, token = guest.email, guest.token
        self.run(self.table.sit(email, uid, token=token))

    @precondition(lambda self: self.table.seats)
    @rule(which=which, stays=st.booleans())
    def gives_up_a_seat(self, which, stays):
        self.run(self.table.change(which) if stays else self.table.leave(which))

    # What the network does

    @rule(weather=st.sampled_from(sorted(WEATHER)))
    def changes_weather(self, weather):
        self.stage.world.set_chaos(WEATHER[weather])
        self.truthful = self.truthful and weather != "untrue"

    @rule()
    def what_waits_arrives_shuffled(self):
        self.run(self.stage.postman.release())

    @precondition(lambda self: self.stage.world.deliveries)
    @rule(which=which)
    def an_old_webhook_comes_again(self, which):
        every = self.stage.world.deliveries
        self.run(self.stage.postman.resend(every[which % len(every)]))

    # What Greenroom does, and what befalls it

    @rule()
    def reads(self):
        self.run(self.stage.drain())

    @precondition(lambda self: self.deaths < _MOST_DEATHS)
    @rule(after=st.integers(0, 6))
    def dies_reading(self, after):
        self.deaths += 1
        self.run(self.stage.drain(dies_after=after))

    @rule(trouble=st.lists(st.sampled_from(TROUBLE), max_size=4))
    def asks(self, trouble):
        self.stage.world.faults.api_next = list(trouble)
        self.run(self.stage.reconcile())
        self.stage.world.faults.api_next = []

    @rule(after=st.integers(0, 12), full=st.booleans())
    def dies_asking(self, after, full):
        self.run(self.stage.reconcile(full=full, dies_after=after))

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span):
        self.run(self.stage.passes(span))

    @rule()
    def everything_is_replayed(self):
        self.run(self.stage.replay_all())

    @rule(at_calcom=st.booleans())
    def the_secret_changes(self, at_calcom):
        number = len(self.stage.secret) + 1
        self.run(self.stage.rotate("whsec_" + "x" * number, at_calcom=at_calcom))

    # What must be so

    @rule()
    def looks(self):
        self.run(self._look())

    def teardown(self):
        self.run(self._look())

    async def _look(self):
        stage = self.stage
        stage.world.faults.api_next = []
        await self._settle()
        await assert_true(stage)
        await assert_kept(stage)
        await assert_said_once(stage, truthful=self.truthful)

        before = await effects(stage)
        await stage.replay_all()
        await self._settle()
        await assert_true(stage)
        assert await effects(stage) == before, "a replay and a second look said something again"

    async def _settle(self):
        """All is read, Cal.com's word is old enough to count, and it was asked about everything."""
        stage = self.stage
        stage.now += 3 * MINUTE  # what is late at Cal.com stays late
        await stage.drain()
        assert await stage.reconcile() is None
        assert await stage.reconcile(full=True) is None
        await stage.turn()

    def _life(self, which):
        return self.lives[which % len(self.lives)]


@pytest.fixture
def runner_and_stage(database_url):
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter():
            await stack.enter_async_context(jobs.opened(database_url))
            return await stack.enter_async_context(staged(database_url))

        yield runner, runner.run(enter())
        runner.run(stack.aclose())


def test_whatever_happens_greenroom_shows_what_is_so(runner_and_stage):
    runner, stage = runner_and_stage
    run_state_machine_as_test(
        lambda: Play(stage, runner),
        settings=settings(
            max_examples=HUNT or PLAYS,
            stateful_step_count=2 * STEPS if HUNT else STEPS,
            derandomize=not HUNT,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
