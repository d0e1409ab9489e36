"""Tunnels and the programs that make them, on this machine: what they say, and what they carry."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Site:
    """A small server. `answers` has status, headers and body by path; else it says 404."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.origin = ""

    def say(self, path: str, body: object, *, status: int = 200, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.answers[path] = (status, named, raw)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.asked.append(path)
            status, headers, body = self.answers.get(path.partition("?")[0], (404, {}, b"nothing"))
            said = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
            lines = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n{said}"
            writer.write(f"{lines}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A site on a free port."""
    made = Site()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


class Ngrok(Site):
    """ngrok's agent: its local API lists the tunnels that are open."""

    def lists(self, *tunnels: tuple[str, object]) -> None:
        """It has these tunnels, each an address and where it leads."""
        rows = [
            {"name": f"command_line {number}", "public_url": url, "config": {"addr": str(to)}}
            for number, (url, to) in enumerate(tunnels)
        ]
        self.say("/api/tunnels", {"tunnels": rows, "uri": "/api/tunnels"})


@asynccontextmanager
async def ngrok() -> AsyncIterator[Ngrok]:
    """A running agent that has no tunnel yet."""
    agent = Ngrok()
    agent.lists()
    server = await asyncio.start_server(agent.serve, "127.0.0.1", 0)
    async with server:
        agent.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield agent


class Tunnel:
    """An address that leads to a port, until it is closed. `carried` counts connections."""

    def __init__(self, port: int) -> None:
        self.carried = 0
        self.origin = ""
        self._port = port
        self._pipes: set[asyncio.Task[None]] = set()

    async def open(self) -> "Tunnel":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.origin = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def close(self) -> None:
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.carried += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        for one, other in ((reader, back), (there, writer)):
            pipe = asyncio.create_task(_pour(one, other))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
