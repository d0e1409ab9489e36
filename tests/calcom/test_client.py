"""Cal.com's API: answers that are not its own end in an error a person can act on."""

import asyncio
import time

import pytest

from calcom.odd import answering
from greenroom.calcom import client
from greenroom.calcom.client import Busy, Calcom, CalcomError, http_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http():
    client = http_client()
    yield client
    await client.aclose()


@pytest.mark.parametrize("data", [{"bookings": [{"uid": "x"}]}, [[]], ["x"], "x", None, 3])
async def test_bookings_in_another_shape_are_an_error(http, data):
    async with answering(lambda *_: (200, {"status": "success", "data": data})) as url:
        with pytest.raises(CalcomError, match="no list where one was expected"):
            await Calcom(http, url, "key").bookings()


async def test_an_answer_that_drips_is_not_waited_for_for_ever(http, monkeypatch):
    monkeypatch.setattr(client, "_SLOWEST", 0.5)

    async def drip(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    started = time.monotonic()
    with pytest.raises(CalcomError, match="did not answer"):
        await asyncio.wait_for(Calcom(http, f"http://127.0.0.1:{port}/v2", "key").me(), 5)
    server.close()

    assert time.monotonic() - started < 2


async def test_a_rate_limit_says_how_long_it_lasts(http):
    async with answering(lambda *_: (429, {})) as url:
        with pytest.raises(Busy) as refused:
            await Calcom(http, url, "key").me()

    assert refused.value.wait == 7
