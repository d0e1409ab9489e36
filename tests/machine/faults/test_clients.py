"""Clients that go away in the middle of a request leave nothing behind."""

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from sqlalchemy import text

from builders import delivery
from greenroom.calcom.webhook import signature
from greenroom.settings import WEBHOOK_PATH
from house import SECRET
from machine.faults.harness import HUNT, KEPT, Log

pytestmark = pytest.mark.anyio

EACH = 600 if HUNT else 40
"""How many clients behave in each way."""


@asynccontextmanager
async def on_a_port(house):
    """The application behind uvicorn, on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    config = uvicorn.Config(house.app, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = suppress  # pytest keeps its own
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield server, listener.getsockname()[1]
    server.should_exit = True
    await serving


def request(body, *, secret=SECRET):
    head = (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\nhost: localhost:8000\r\ncontent-length: {len(body)}\r\n"
        f"x-cal-signature-256: {signature(secret, body)}\r\n\r\n"
    )
    return head.encode(), body


async def send(port, *pieces, reset=False, read=0):
    """Send the pieces apart from one another, read so many bytes of the answer, and go away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.002)
    answer = await reader.read(read) if read else b""
    if reset:
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
    return answer


async def go_away(port, how, uid):
    """Behave so; give the body if it was sent as a whole, and is signed."""
    head, body = request(delivery(uid=uid), secret="wrong" if how == "unsigned" else SECRET)
    half = body[: len(body) // 2]
    match how:
        case "with nothing sent":
            await send(port)
        case "in the headers":
            await send(port, head[:40])
        case "after the headers":
            await send(port, head)
        case "in the body":
            await send(port, head, half)
        case "in the body, by reset":
            await send(port, head, half, reset=True)
        case "after the body":
            await send(port, head + body)
            return body
        case "in the answer":
            assert (await send(port, head, body, read=9)).startswith(b"HTTP/1.1")
            return body
        case "in a second request":
            await send(port, head + body, head, half)
            return body
        case "unsigned":
            await send(port, head, body)
    return None


WAYS = (
    "with nothing sent",
    "in the headers",
    "after the headers",
    "in the body",
    "in the body, by reset",
    "after the body",
    "in the answer",
    "in a second request",
    "unsigned",
)


async def test_clients_that_go_away_leave_no_connection_and_only_whole_deliveries(house, caplog):
    """Whatever the moment: a row if the body was whole and signed, and nothing held on to."""
    ways = [(how, f"away{number}") for number, how in enumerate(WAYS * EACH)]
    random.Random(3).shuffle(ways)
    log, at_once = Log(house.parts.database), asyncio.Semaphore(32)
    async with on_a_port(house) as (server, port):
        await go_away(port, "in the answer", "first")
        await asyncio.sleep(0.1)
        before = Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks())

        async def one(how, uid):
            async with at_once:
                return await go_away(port, how, uid)

        whole = await asyncio.gather(*(one(how, uid) for how, uid in ways))
        for body in (delivery(uid="first"), *filter(None, whole)):
            log.sent(body, KEPT)
        await _settled(server, log)

        await log.nothing_is_lost()
        left = Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks()) - before
        assert left == Counter()
        assert house.parts.database._engine.pool.checkedout() == 0
        assert await log.deliver(house, delivery(uid="after")) == KEPT
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def _settled(server, log):
    """What was sent has arrived, and every connection is closed."""
    async with asyncio.timeout(10):
        # uvicorn tells nobody that a connection is closed.
        while server.server_state.connections or await _kept(log) < len(log.bodies):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _kept(log):
    async with log.database.transaction() as tx:
        return (await tx.execute(text("SELECT count(*) FROM deliveries"))).scalar_one()
