"""The client: sends requests made beforehand over keep-alive connections, and times the answers.

A process of its own beside the server, as Cal.com is; what it costs the machine counts against
every server alike. `python -m benchmarks.client` reads a file of requests, each after its
length in four bytes, and prints one line of JSON. It imports little, to start at once.
"""

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

CONNECTIONS = 64
_TICK = 0.002
"""Seconds between two looks at what is due."""
_LAST_ANSWERS = 10.0
"""Seconds the last answers may take; after that their requests count as failed."""
_LENGTH = b"\r\ncontent-length: "


@dataclass(frozen=True)
class Round:
    """What came of one run. `sent` requests were the first of the file; p50 and p99 are in ms."""

    sent: int
    failed: Sequence[int]
    """Places in the file of requests that were not answered with 200."""
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests answered with 200, per second."""
        return (self.sent - len(self.failed)) / max(self.seconds, 1e-6)


class _Load:
    """The requests, which of them is next, and how the answers came.

    With a rate, request n is due at n / rate seconds, and its time counts from then: what
    waited for a free connection waited for its answer.
    """

    def __init__(self, requests: Sequence[bytes], *, seconds: float, rate: float) -> None:
        self._requests = requests
        self._seconds, self._rate = seconds, rate
        self._begun = self._answered_at = time.perf_counter()
        self._sent = 0
        self._due_at: dict[int, float] = {}
        self._took: list[float] = []
        self._failed: list[int] = []
        self.idle: list[_Connection] = []
        self.quiet = asyncio.Event()

    def start(self) -> None:
        """Start the clock, and every connection."""
        self._begun = self._answered_at = time.perf_counter()
        self.go_on()

    def go_on(self) -> None:
        """Give idle connections what is due."""
        while self.idle and not self.is_over:
            now = time.perf_counter()
            due = self._begun + self._sent / self._rate if self._rate else now
            if due > now:
                break
            self._due_at[self._sent] = due
            self.idle.pop().send(self._sent, self._requests[self._sent])
            self._sent += 1
        if self.is_over and not self._due_at:
            self.quiet.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be sent."""
        out_of_time = time.perf_counter() - self._begun >= self._seconds
        return out_of_time or self._sent == len(self._requests)

    def settle(self, place: int, *, well: bool) -> None:
        """Note an answer, or that there is none."""
        self._answered_at = time.perf_counter()
        self._took.append(self._answered_at - self._due_at.pop(place))
        if not well:
            self._failed.append(place)

    def result(self) -> Round:
        """What came of it; requests without an answer have failed."""
        for place in list(self._due_at):
            self.settle(place, well=False)
        took = sorted(self._took) or [0.0]
        return Round(
            sent=self._sent,
            failed=self._failed,
            seconds=self._answered_at - self._begun,
            p50=1000 * took[len(took) // 2],
            p99=1000 * took[len(took) * 99 // 100],
        )


class _Connection(asyncio.Protocol):
    """One request at a time; answers have a Content-Length."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._place: int | None = None
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is not derived from it.
        self._transport = cast(asyncio.Transport, transport)
        self._load.idle.append(self)

    def send(self, place: int, request: bytes) -> None:
        self._place, self._heard = place, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head = self._heard.find(b"\r\n\r\n") + 4
        if self._place is None or head < 4:
            return
        length, _, _ = self._heard.partition(_LENGTH)[2].partition(b"\r")
        if len(self._heard) >= head + int(length):
            self._load.settle(self._place, well=self._heard.startswith(b"HTTP/1.1 200 "))
            self._place = None
            self._load.idle.append(self)
            self._load.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self in self._load.idle:
            self._load.idle.remove(self)
        if self._place is not None:
            self._load.settle(self._place, well=False)
            self._place = None
            self._load.go_on()


async def _run(requests: Sequence[bytes], *, port: int, seconds: float, rate: float) -> Round:
    loop = asyncio.get_running_loop()
    load = _Load(requests, seconds=seconds, rate=rate)
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
    load.start()
    while rate and not load.is_over:
        await asyncio.sleep(_TICK)
        load.go_on()
    with suppress(TimeoutError):
        await asyncio.wait_for(load.quiet.wait(), seconds + _LAST_ANSWERS)
    return load.result()


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while length := source.read(4):
            yield source.read(int.from_bytes(length, "big"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rate", type=float, default=0)
    given = parser.parse_args()
    requests = list(_read(given.file))
    gc.disable()  # a pause of the client is not the server's
    done = uvloop.run(_run(requests, port=given.port, seconds=given.seconds, rate=given.rate))
    print(json.dumps(asdict(done)))


if __name__ == "__main__":
    main()
