"""Connecting an account: what was made is told, also when a later step fails."""

from datetime import UTC, datetime

import pytest

from calcom.account import KEY, clock, connected, ungated
from calcom.odd import answering
from greenroom.calcom import connecting, connections, webhook_secrets
from greenroom.calcom.client import KeyRefused, http_client
from world import SEAL

pytestmark = pytest.mark.anyio


async def test_a_webhook_that_cannot_be_made_does_not_hide_the_new_secret(database):
    def answer(path, _):
        if path == "/webhooks":
            return 500, {"status": "error", "error": {"message": "Out of order"}}
        data = {"email": "mara@studio.example"} if path == "/me" else []
        return 200, {"status": "success", "data": data}

    async with answering(answer) as url, http_client() as http:
        done = await connecting.connect(
            database,
            SEAL,
            http,
            name="Mara",
            api_url=url,
            api_key="cal_key",
            secret=None,
            check=True,
            webhook_url="http://127.0.0.1:1/hook",
            reachable=True,
            now=datetime.now(UTC),
        )

    assert done.webhook.startswith("failed: Cal.com answered 500 (Out of order).")
    async with database.transaction() as tx:
        assert await webhook_secrets.newest_secret(tx, SEAL, done.connection.id) == done.new_secret


async def test_a_wrong_key_is_refused_before_anything_is_kept(world, calcom, http):
    with pytest.raises(KeyRefused, match="API key"):
        await connected(world, http, calcom.api_url, key="cal_wrong", name="Wrong")

    async with world.database.transaction() as tx:
        assert [each.name for each in await connections.every(tx, SEAL)] == ["Test"]


async def test_connecting_makes_the_webhook_and_mends_it_when_it_was_changed(world, calcom, http):
    async def connect():
        return await connecting.connect(
            world.database,
            SEAL,
            http,
            name="Mara",
            api_url=calcom.api_url,
            api_key=KEY,
            secret=None,
            check=True,
            webhook_url="http://127.0.0.1:1/hook",
            reachable=True,
            now=clock(),
        )

    first = await connect()
    second = await connect()
    async with world.database.transaction() as tx:
        webhook_id = (await connections.get(tx, SEAL, first.connection.id)).webhook_id
    calcom_api = ungated(http, calcom.api_url)
    await calcom_api.change_webhook(webhook_id, active=False)
    third = await connect()

    assert first.new_secret is not None
    assert second.new_secret is None
    assert [first.webhook, second.webhook, third.webhook] == [
        "Made at Cal.com.",
        "There already, and in order.",
        "Mended at Cal.com.",
    ]
    assert [each["active"] for each in await calcom_api.webhooks()] == [True]


async def test_what_connecting_asks_counts_against_the_budget(world, calcom, http):
    account = await connected(world, http, calcom.api_url)

    ((tokens,),) = await account.execute("SELECT tokens FROM budgets")

    assert tokens == 8
