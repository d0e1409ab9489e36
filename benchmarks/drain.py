"""How fast kept deliveries are read, folded and matched, and how soon after they arrived."""

import asyncio
import cProfile
import gc
import io
import pstats
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg
import uvloop

from benchmarks import journeys, machine, population
from benchmarks.client import CONNECTIONS
from benchmarks.journeys import Invited
from benchmarks.load import send
from benchmarks.table import Line, table
from greenroom import logs
from greenroom.database import migrate
from greenroom.deliveries import actions as deliveries

_OFFERED = 500
"""Deliveries per second while the lag is measured."""
_CATCH_UP = 30.0
"""Seconds after the last delivery in which the application may catch up."""


@dataclass(frozen=True)
class Drained:
    """One run; `waiting` deliveries were not taken in, `cpu` is our own processor's seconds."""

    taken: int
    waiting: int
    seconds: float
    cpu: float
    statements: int
    batches: int

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.taken / self.seconds


@dataclass(frozen=True)
class Lag:
    """How long after it was received each delivery's effect was committed; seconds."""

    offered: int
    failed: int
    waiting: int
    took: Sequence[float]

    @property
    def p50(self) -> float:
        """Half were sooner."""
        return self.took[len(self.took) // 2]

    @property
    def p99(self) -> float:
        """One in a hundred was later; infinite when that many were not taken in at all."""
        rank = (len(self.took) + self.waiting) * 99 // 100
        return self.took[rank] if rank < len(self.took) else float("inf")


def measure(place: Path, *, quick: bool, profile: bool = False) -> str:
    """Run everything; a report to print."""
    invited, rounds, seconds = (600, 1, 4.0) if quick else (3000, 3, 10.0)
    with machine.database(place, track_commit_timestamp="on") as url:
        postgresql = machine.postgresql(url)
        migrate.upgrade(url)
        people = uvloop.run(population.invite(url, place, invited))
        profiler = cProfile.Profile() if profile else None
        # The application's own log lines are part of its work.
        with (place / "drain.log").open("w") as log, redirect_stderr(log):
            logs.set_up("info")
            done = [_on_a_copy(url, place, people, number) for number in range(rounds)]
            if profiler:
                _on_a_copy(url, place, people, rounds, profiler)
        lag = _lag(url, place, people, seconds)
    report = "\n\n".join(
        (postgresql, f"{_speed(done)}\n{_told(lag, seconds)}", table(_verdicts(done, lag)))
    )
    return report if profiler is None else f"{report}\n\n{_top(profiler)}"


def _verdicts(done: Sequence[Drained], lag: Lag) -> Sequence[Line]:
    rate = median(each.rate for each in done)
    waiting = lag.waiting + sum(each.waiting for each in done)
    lag_line = f"drain: lag p99 at {_OFFERED}/s offered"
    return (
        Line("drain: read, folded, matched", ">= 1500/s", f"{rate:.0f}/s", met=rate >= 1500),
        Line(lag_line, "<= 1 s", f"{lag.p99:.2f} s", met=lag.p99 <= 1),
        Line("drain: kept but not taken in", "0", str(waiting), met=waiting == 0),
    )


def _on_a_copy(
    url: str,
    place: Path,
    people: Sequence[Invited],
    number: int,
    profiler: cProfile.Profile | None = None,
) -> Drained:
    copy = machine.another(url, f"drain_{number}", template="greenroom")
    done = uvloop.run(_drain(copy, place, journeys.journeys(people, number), profiler))
    machine.gone(copy)
    return done


async def _drain(
    url: str, place: Path, bodies: Sequence[bytes], profiler: cProfile.Profile | None
) -> Drained:
    statements: list[str] = []
    async with population.opened(url, place) as running:
        await population.fill(running, bodies)
        announcer = asyncio.create_task(running.announcer.run(url))
        running.database.count_statements(statements.append)
        gc.collect()
        gc.freeze()  # as `serve` does
        if profiler:
            profiler.enable()
        begun, cpu, batches = time.perf_counter(), time.process_time(), 0
        while await deliveries.drain(running.database, now=datetime.now(UTC)):
            batches += 1
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        if profiler:
            profiler.disable()
        announcer.cancel()
        async with running.database.transaction() as tx:
            waiting, _ = await deliveries.waiting(tx)
    gc.unfreeze()
    taken = len(bodies) - waiting
    return Drained(taken, waiting, seconds, cpu, len(statements), batches)


def _lag(url: str, place: Path, people: Sequence[Invited], seconds: float) -> Lag:
    bodies = journeys.journeys(people, seed=99)[: round(_OFFERED * seconds)]
    port = machine.free_port()
    serve = ("greenroom", "serve", f"--port={port}")
    with (
        machine.server(place, port, *serve, data_dir=str(place)),
        psycopg.connect(url, autocommit=True) as connection,
    ):
        done = send(place, port, map(journeys.request, bodies), seconds=60, rate=_OFFERED)
        until = time.monotonic() + _CATCH_UP
        while (waiting := _waiting(connection)) and time.monotonic() < until:
            time.sleep(0.2)
        took = [float(row[0]) for row in connection.execute(_TOOK)]
    return Lag(done.sent, len(done.failed), waiting, sorted(took) or [float("inf")])


def _waiting(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT count(*) FROM deliveries WHERE state <> 'done'").fetchone()
    assert row is not None
    return int(str(row[0]))


# What wrote a row last is the transaction that took the delivery in.
_TOOK = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - received_at)
      FROM deliveries WHERE state = 'done'
"""


def _speed(done: Sequence[Drained]) -> str:
    runs = ", ".join(f"{each.rate:.0f}" for each in done)
    taken = sum(each.taken for each in done)
    cpu = 1e6 * sum(each.cpu for each in done) / taken
    statements = sum(each.statements for each in done) / sum(each.batches for each in done)
    return (
        f"{len(done)} runs over {taken // len(done)} deliveries each, in deliveries/s: {runs}\n"
        f"  {cpu:.0f} us of our own processor time each; {statements:.0f} statements a batch "
        f"of {deliveries.BATCH}"
    )


def _told(lag: Lag, seconds: float) -> str:
    return (
        f"{lag.offered} deliveries offered in {seconds:g} s over {CONNECTIONS} connections to the "
        f"application at work\n  {lag.failed} not answered 200; lag p50 {lag.p50:.2f} s, "
        f"p99 {lag.p99:.2f} s, longest {lag.took[-1]:.2f} s"
    )


def _top(profiler: cProfile.Profile) -> str:
    out = io.StringIO()
    found = pstats.Stats(profiler, stream=out).strip_dirs()
    found.sort_stats("tottime").print_stats(25)
    found.sort_stats("cumulative").print_stats(r"(actions|store|deliveries|webhook|model).py", 25)
    return out.getvalue()
