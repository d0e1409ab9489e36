"""How often a password may be tried, and by whom."""

import asyncio
from datetime import timedelta

import pytest

from accounts.cast import NOW, count
from greenroom.accounts import throttle
from greenroom.accounts.throttle import FAMILIAR, NETWORK, STRANGERS

pytestmark = pytest.mark.anyio


@pytest.fixture
def attempt(database):
    """Tries once; True if the password would be looked at."""

    async def attempt(email="ada@example.org", network="home", now=NOW):
        async with database.transaction() as tx:
            return await throttle.admit(tx, email=email, network=network, now=now)

    return attempt


async def test_guesses_at_one_account_are_limited_from_all_networks_together(attempt):
    admitted = [await attempt(network=f"net {n}") for n in range(STRANGERS.tries + 5)]

    assert sum(each is not None for each in admitted) == STRANGERS.tries


async def test_all_spellings_of_an_address_share_one_limit(attempt):
    spellings = ["ada@example.org", "ADA@EXAMPLE.ORG", " ada@example.org"]
    admitted = [await attempt(spellings[n % 3], network=f"net {n}") for n in range(20)]

    assert sum(each is not None for each in admitted) == STRANGERS.tries


async def test_one_password_tried_on_many_accounts_is_limited_by_network(attempt):
    admitted = [await attempt(f"user{n}@example.org") for n in range(NETWORK.tries + 5)]

    assert sum(each is not None for each in admitted) == NETWORK.tries


async def test_guesses_at_once_cannot_slip_through_together(attempt):
    admitted = await asyncio.gather(*(attempt() for _ in range(STRANGERS.tries + 10)))

    assert sum(each is not None for each in admitted) == STRANGERS.tries


async def test_time_gives_tries_back_and_refused_ones_cost_nothing(attempt):
    for _ in range(STRANGERS.tries + 50):
        await attempt()

    soon = await attempt(now=NOW + STRANGERS.every / 2)
    later = [await attempt(now=NOW + STRANGERS.every + timedelta(seconds=1)) for _ in range(2)]

    assert soon is None
    assert [each is not None for each in later] == [True, False]


async def test_a_clock_that_steps_back_gives_nothing_and_takes_nothing(attempt):
    for _ in range(STRANGERS.tries):
        await attempt()
    before = await attempt(now=NOW - timedelta(hours=5))
    after = await attempt(now=NOW + STRANGERS.every + timedelta(seconds=1))

    assert (before, after is not None) == (None, True)


async def test_strangers_cannot_shut_somebody_out_of_a_network_they_know(attempt, database, person):
    ada = await person("Ada")
    taken = await attempt(network="home")
    async with database.transaction() as tx:
        await throttle.forgive(tx, taken, user_id=ada.id, network="home", now=NOW)
    for n in range(STRANGERS.tries + 5):
        await attempt(network=f"stranger {n}")

    at_home = [await attempt(network="home") for _ in range(FAMILIAR.tries + 5)]
    elsewhere = await attempt(network="hotel")

    assert sum(each is not None for each in at_home) == FAMILIAR.tries
    assert elsewhere is None


async def test_right_passwords_cost_nothing(attempt, database, person):
    ada = await person("Ada")
    for n in range(STRANGERS.tries * 3):
        taken = await attempt(network=f"net {n}")
        assert taken is not None
        async with database.transaction() as tx:
            await throttle.forgive(tx, taken, user_id=ada.id, network="home", now=NOW)


async def test_what_is_over_is_forgotten(attempt, database, person):
    ada = await person("Ada")
    taken = await attempt()
    async with database.transaction() as tx:
        await throttle.forgive(tx, taken, user_id=ada.id, network="home", now=NOW)
        await throttle.drop_old(tx, NOW + timedelta(days=91))
        left = await count(tx, throttle.attempts, throttle.known_networks)

    assert left == [0, 0]
