"""Webhook secrets: in memory while the database is away, and when a sealing key was lost."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import NOW, delivery
from greenroom.calcom import connections, webhook, webhook_secrets
from greenroom.calcom.webhook import BadSignature, Refusal
from greenroom.database import Database
from greenroom.deliveries import rejections
from greenroom.deliveries.secrets import Secrets
from greenroom.deliveries.store import Signature
from greenroom.errors import Unavailable
from greenroom.seal import Seal, WrongKey
from world import SEAL, SECRET

pytestmark = pytest.mark.anyio

LOST = Seal(b"the key that somebody has lost..")
BODY = delivery()
SIGNED = webhook.signature(SECRET, BODY).encode()


def fresh(database, **given):
    return Secrets(database, SEAL, accept_unsigned=False, **given)


async def reconnect(database, seal, **given):
    given = {"name": "Test", "api_key": None, "secret": None} | given
    async with database.transaction() as tx:
        return await connections.connect(
            tx, seal, api_url="http://127.0.0.1:1/v2", now=NOW, **given
        )


async def test_a_delivery_is_verified_while_the_pool_is_used_up(world, database_url, monkeypatch):
    small = Database(database_url, connections=2, wait=0.3)
    secrets = fresh(small)
    assert await secrets.verify(BODY, SIGNED) == (world.connection_id, Signature.CURRENT)

    secrets.forget()
    async with AsyncExitStack() as busy:
        for _ in range(2):
            tx = await busy.enter_async_context(small.transaction())
            await tx.execute(text("SELECT 1"))
        assert await secrets.verify(BODY, SIGNED) == (world.connection_id, Signature.CURRENT)
        secrets.forget()
        with pytest.raises(BadSignature):
            await secrets.verify(BODY, b"0" * 64)
    await small.close()


async def test_without_known_secrets_a_database_that_is_away_is_said():
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unavailable):
        await fresh(nowhere).verify(BODY, SIGNED)
    await nowhere.close()


async def test_a_secret_that_cannot_be_opened_leaves_the_others_good(world, database):
    await reconnect(database, LOST, name="Other", secret="whsec_lost_0123456789abcdef")

    assert await fresh(database).verify(BODY, SIGNED) == (world.connection_id, Signature.CURRENT)


async def test_connecting_again_mends_a_connection_whose_key_was_lost(database):
    await reconnect(database, LOST, api_key="cal_old")
    async with database.transaction() as tx:
        with pytest.raises(WrongKey, match="greenroom connect"):
            await connections.every(tx, SEAL)

    mended, made = await reconnect(database, SEAL, api_key="cal_new")
    _, not_again = await reconnect(database, SEAL, api_key="cal_new")

    assert (mended.api_key, not_again) == ("cal_new", None)
    async with database.transaction() as tx:
        assert await webhook_secrets.newest_secret(tx, SEAL, mended.id) == made
    signed = webhook.signature(made, BODY).encode()
    assert await fresh(database).verify(BODY, signed) == (mended.id, Signature.CURRENT)


async def test_it_is_known_which_secret_signed(world, database):
    newer = "whsec_newer_0123456789abcdef"
    await reconnect(database, SEAL, secret=newer)
    secrets = fresh(database)

    assert (await secrets.verify(BODY, SIGNED))[1] is Signature.PREVIOUS
    signed = webhook.signature(newer, BODY).encode()
    assert (await secrets.verify(BODY, signed))[1] is Signature.CURRENT


async def test_a_secret_is_not_shown_by_what_holds_it(world, database):
    async with database.transaction() as tx:
        [known] = await webhook_secrets.secrets(tx, SEAL, NOW)

    assert SECRET not in repr(known)


async def test_many_refusals_are_counted_with_few_statements(database):
    written = []
    database.count_statements(
        lambda statement: written.append(statement) if "rejections" in statement else None
    )
    secrets = fresh(database)
    await asyncio.gather(*(secrets.count(Refusal.WRONG) for _ in range(50)))
    assert len(written) == 2

    await secrets.flush()
    async with database.transaction() as tx:
        [(count, _)] = (await rejections.rejected(tx)).values()
    assert (count, len(written)) == (50, 5)


async def test_refusals_stay_counted_while_the_database_is_away(database):
    secrets = fresh(Database("postgresql://nobody@127.0.0.1:1/nothing"))
    await secrets.count(Refusal.MISSING)
    secrets._database = database
    await secrets.flush()

    async with database.transaction() as tx:
        assert [count for count, _ in (await rejections.rejected(tx)).values()] == [1]


async def test_refusals_are_counted_day_by_day_for_two_weeks(database):
    async with database.transaction() as tx:
        for days, count in [(30, 9), (13, 2), (1, 3), (0, 4)]:
            await rejections.reject(tx, {Refusal.WRONG: count}, NOW - timedelta(days=days))
        await rejections.reject(tx, {Refusal.MISSING: 1}, NOW)

        counts = [count for _, count in await rejections.by_day(tx, NOW)]
        assert counts == [2, *[0] * 11, 3, 5]

        await rejections.forget_days(tx, NOW)
        kept = (await tx.execute(text("SELECT count(*) FROM rejections_by_day"))).scalar_one()
        assert kept == 4
        assert (await rejections.rejected(tx))["wrong"][0] == 18
