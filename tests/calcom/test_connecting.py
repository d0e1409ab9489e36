"""Connecting an account: what was made is told, also when a later step fails."""

from datetime import UTC, datetime

import pytest

from calcom.odd import answering
from greenroom.calcom import connecting, connections
from greenroom.calcom.client import http_client
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
        assert await connections.newest_secret(tx, SEAL, done.connection.id) == done.new_secret
