"""How fast deliveries are kept, beside other ways to take them in, in one run.

The receivers take turns, so that whatever else the machine does falls on all of them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

import psutil
import psycopg

from benchmarks import journeys, machine
from benchmarks.client import CONNECTIONS, Round
from benchmarks.load import send
from benchmarks.table import Line, table

_SPARE = 1.5
"""Requests made beforehand: so many times what the last round sent in the same time."""
_FIRST_GUESS = 3000.0
"""Requests per second a receiver is taken for before its first round."""


@dataclass
class Receiver:
    """A server under load, and what came of it so far."""

    name: str
    port: int
    process: psutil.Process
    rounds: list[Round] = field(default_factory=list)
    kept: set[bytes] = field(default_factory=set)
    """Digests of the bodies that were answered with 200."""
    pace: float = _FIRST_GUESS
    cpu: list[float] = field(default_factory=list)
    """Microseconds of the server's own processor time per request, by round."""

    @property
    def rate(self) -> float:
        """Requests per second, the median of the rounds."""
        return median(each.rate for each in self.rounds)

    @property
    def failed(self) -> int:
        """Requests that were not answered with 200."""
        return sum(len(each.failed) for each in self.rounds)


def measure(place: Path, *, quick: bool, profile: bool = False) -> str:
    """Run everything; a report to print."""
    del profile  # of a server: cannot be had from outside
    rounds, seconds = (2, 1.5) if quick else (5, 3.0)
    with machine.database(place) as url, _receivers(place, url) as receivers:
        postgresql = machine.postgresql(url)
        seeds = count()
        for each in receivers.values():
            _round(each, place, next(seeds), 1.0)
            each.rounds.clear()  # that one was for warming up
            each.cpu.clear()
        for number in range(rounds):
            turn = list(receivers.values())
            for each in turn if number % 2 == 0 else reversed(turn):
                _round(each, place, next(seeds), seconds)
        lost = len(receivers["greenroom"].kept - _kept(url))
    return f"{postgresql}\n\n{_report(receivers, lost, rounds, seconds)}"


@contextmanager
def _receivers(place: Path, url: str) -> Iterator[Mapping[str, Receiver]]:
    connect = ("connect", f"--webhook-secret={journeys.SECRET}", "--skip-check")
    machine.run(place, "greenroom", *connect, data_dir=str(place))
    own = {
        "nothing": "",
        "shell": url,
        "commit": machine.another(url, "commits"),
        "orm": machine.another(url, "orm"),
    }
    with ExitStack() as stack:
        port = machine.free_port()
        serve = ("greenroom", "serve", "--no-work", f"--port={port}")
        process = stack.enter_context(machine.server(place, port, *serve, data_dir=str(place)))
        found = {"greenroom": Receiver("greenroom", port, process)}
        for name, its_url in own.items():
            port = machine.free_port()
            words = ("benchmarks.receivers", name, f"--port={port}", f"--database={its_url}")
            process = stack.enter_context(machine.server(place, port, *words))
            found[name] = Receiver(name, port, process)
        yield found


def _round(receiver: Receiver, place: Path, seed: int, seconds: float) -> None:
    bodies = list(journeys.created(seed, round(receiver.pace * seconds * _SPARE)))
    before = machine.cpu_seconds(receiver.process)
    done = send(place, receiver.port, map(journeys.request, bodies), seconds=seconds)
    receiver.cpu.append(1e6 * (machine.cpu_seconds(receiver.process) - before) / max(done.sent, 1))
    failed = set(done.failed)
    receiver.kept |= {
        hashlib.sha256(body).digest()
        for number, body in enumerate(bodies[: done.sent])
        if number not in failed
    }
    receiver.rounds.append(done)
    receiver.pace = max(done.rate, 200)


def _kept(url: str) -> set[bytes]:
    with psycopg.connect(url) as connection:
        return {bytes(row[0]) for row in connection.execute("SELECT digest FROM deliveries")}


def _report(receivers: Mapping[str, Receiver], lost: int, rounds: int, seconds: float) -> str:
    ours = receivers["greenroom"]
    p99 = median(each.p99 for each in ours.rounds)

    def times(name: str, at_least: float) -> Line:
        ratio = ours.rate / receivers[name].rate
        return Line(
            f"intake: {_WHAT[name]}", f">= {at_least:g} x", f"{ratio:.2f} x", met=ratio >= at_least
        )

    verdicts = [
        times("nothing", 0.6),
        times("commit", 2),
        times("orm", 10),
        Line("intake: p99", "<= 50 ms", f"{p99:.1f} ms", met=p99 <= 50),
        Line("intake: answered 200 but not kept", "0", str(lost), met=lost == 0),
        Line("intake: not answered 200", "0", str(ours.failed), met=ours.failed == 0),
    ]
    head = (
        f"{rounds} rounds of {seconds:g} s each in turn, {CONNECTIONS} connections, bodies of "
        "2.5 kB; medians.\nCPU us is the server's own processor time per request; `shell` is "
        "Greenroom's application whose\nintake keeps nothing, the others are in receivers.py."
    )
    return f"{head}\n{_rates(receivers.values())}\n\n{table(verdicts)}"


_WHAT = {
    "nothing": "against verifying and parsing only",
    "commit": "against one INSERT and COMMIT each",
    "orm": "against an ORM session each",
}


def _rates(receivers: Iterable[Receiver]) -> str:
    rows = [("", "requests/s", "lowest", "highest", "p50 ms", "p99 ms", "CPU us", "errors")]
    for each in receivers:
        rates = [one.rate for one in each.rounds]
        rows.append(
            (
                each.name,
                f"{each.rate:.0f}",
                f"{min(rates):.0f}",
                f"{max(rates):.0f}",
                f"{median(one.p50 for one in each.rounds):.1f}",
                f"{median(one.p99 for one in each.rounds):.1f}",
                f"{median(each.cpu):.0f}",
                str(each.failed),
            )
        )
    return "\n".join(
        f"  {name:<12}" + "".join(f"{each:>11}" for each in rest) for name, *rest in rows
    )
