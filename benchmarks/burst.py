"""Whether people can work while thousands of deliveries come at once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import httpx2
import psycopg
import uvloop

from benchmarks import journeys, machine, population
from benchmarks.client import CONNECTIONS, Round
from benchmarks.load import send
from benchmarks.table import Line, table
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.database import migrate

_RECRUITERS = 5
"""People who look at a page, think for a moment, and look at the next."""
_THINKING = 0.3
"""Seconds."""
_CALM = 3.0
"""Seconds of looking before the burst, to compare with."""
_AT_MOST = 120.0
"""Seconds a burst may take to be kept and drained; what waits then was not drained."""


@dataclass(frozen=True)
class Looked:
    """How long pages took, in seconds, shortest first; `failed` were not answered with 200."""

    took: Sequence[float]
    failed: int

    @property
    def p50(self) -> float:
        """Half were sooner."""
        return self.took[len(self.took) // 2]

    @property
    def p95(self) -> float:
        """One in twenty was later."""
        return self.took[len(self.took) * 95 // 100]


@dataclass(frozen=True)
class Burst:
    """One burst: the client's view, and how long until nothing waited any more; seconds."""

    sent: Round
    drained: float
    waiting: int
    before: Looked
    during: Looked


def measure(place: Path, *, quick: bool, profile: bool = False) -> str:
    """Run one burst; a report to print."""
    del profile  # of a server: cannot be had from outside
    size = 2_000 if quick else 10_000
    with machine.database(place) as url:
        postgresql = machine.postgresql(url)
        migrate.upgrade(url)
        people = uvloop.run(population.invite(url, place, size * 6 // 10))
        token = uvloop.run(_token(url, place))
        bodies = journeys.journeys(people, 7)[:size]
        port = machine.free_port()
        serve = ("greenroom", "serve", f"--port={port}")
        with machine.server(place, port, *serve, data_dir=str(place)):
            done = _burst(place, port, url, token, bodies)
    return f"{postgresql}\n\n{_told(done)}\n\n{table(_verdicts(done))}"


async def _token(url: str, place: Path) -> str:
    async with population.opened(url, place) as running, running.database.transaction() as tx:
        return await accounts.create_token(tx, "benchmark", Role.VIEWER, datetime.now(UTC))


def _burst(place: Path, port: int, url: str, token: str, bodies: Sequence[bytes]) -> Burst:
    recruiters = [_Recruiter(port, token, first) for first in range(_RECRUITERS)]
    for each in recruiters:
        each.start()
    time.sleep(_CALM)
    begun = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        sent = send(place, port, map(journeys.request, bodies), seconds=_AT_MOST / 2)
        while (waiting := _waiting(connection)) and time.monotonic() < begun + _AT_MOST:
            time.sleep(0.1)
        drained = time.monotonic() - begun
    for each in recruiters:
        each.over.set()
    for each in recruiters:
        each.join()
    return Burst(
        sent,
        drained,
        waiting,
        _looked(recruiters, 0, begun),
        _looked(recruiters, begun, begun + drained),
    )


class _Recruiter(Thread):
    """Goes from page to page until `over`; `seen` is (begun, seconds, well)."""

    def __init__(self, port: int, token: str, first: int) -> None:
        super().__init__()
        self._url, self._token, self._next = f"http://127.0.0.1:{port}", token, first
        self.seen: list[tuple[float, float, bool]] = []
        self.over = Event()

    def run(self) -> None:
        now = datetime.now(UTC)
        month = {"start": now.isoformat(), "end": (now + timedelta(days=31)).isoformat()}
        pages = (
            ("/", {}),
            ("/calendar/events", month),
            ("/interviews/{}", {}),
            ("/", {"tab": "confirmed"}),
            ("/deliveries", {}),
        )
        with httpx2.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=30) as http:
            while not self.over.wait(_THINKING):
                path, query = pages[self._next % len(pages)]
                self._next += 1
                begun = time.monotonic()
                answer = http.get(self._url + path.format(self._next), params=query)
                self.seen.append((begun, time.monotonic() - begun, answer.is_success))


def _looked(recruiters: Sequence[_Recruiter], start: float, end: float) -> Looked:
    seen = [each for one in recruiters for each in one.seen if start <= each[0] < end]
    took = sorted(took for _, took, _ in seen) or [float("inf")]
    return Looked(took, sum(not well for _, _, well in seen))


def _waiting(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT count(*) FROM deliveries WHERE state <> 'done'").fetchone()
    assert row is not None
    return int(str(row[0]))


def _told(done: Burst) -> str:
    return (
        f"{done.sent.sent} deliveries at once over {CONNECTIONS} connections: "
        f"kept in {done.sent.seconds:.1f} s ({done.sent.rate:.0f}/s), "
        f"drained after {done.drained:.1f} s\n"
        f"  {_RECRUITERS} people at work: {len(done.before.took)} pages before "
        f"(p50 {1000 * done.before.p50:.0f} ms, p95 {1000 * done.before.p95:.0f} ms), "
        f"{len(done.during.took)} meanwhile "
        f"(p50 {1000 * done.during.p50:.0f} ms, p95 {1000 * done.during.p95:.0f} ms)"
    )


def _verdicts(done: Burst) -> Sequence[Line]:
    failed = len(done.sent.failed) + done.before.failed + done.during.failed
    p95 = done.during.p95
    return (
        Line("burst: not drained", "0", str(done.waiting), met=done.waiting == 0),
        Line("burst: drained within", "120 s", f"{done.drained:.0f} s", met=done.drained <= 120),
        Line("burst: pages meanwhile, p95", "<= 500 ms", f"{1000 * p95:.0f} ms", met=p95 <= 0.5),
        Line("burst: against pages before", "", f"{p95 / done.before.p95:.1f} x"),
        Line("burst: not answered 200", "0", str(failed), met=failed == 0),
    )
