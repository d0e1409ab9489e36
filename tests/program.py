"""Greenroom as a person runs it: commands as processes, and hands to use what they serve."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from greenroom.calcom.webhook import signature
from greenroom.database import embedded
from greenroom.settings import WEBHOOK_PATH

GREENROOM = str(Path(sys.executable).with_name("greenroom"))
_PATIENCE = 90.0
"""Seconds for what takes one or two on a machine with nothing else to do."""


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def problem(self) -> list[str]:
        """The lines of a problem: what happened, and what to do."""
        return self.err.splitlines()


@dataclass(frozen=True)
class Served:
    """A running `serve` or `demo`."""

    process: "subprocess.Popen[str]"
    url: str
    said: str
    http: httpx2.Client

    def get(self, path: str, token: str = "", **query: object) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.http.get(f"{self.url}{path}", headers=headers, params=query)

    def deliver(self, body: bytes, secret: str) -> httpx2.Response:
        headers = {"x-cal-signature-256": signature(secret, body)}
        return self.http.post(f"{self.url}{WEBHOOK_PATH}", content=body, headers=headers)

    def end(self, how: int = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal; give the exit code and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        return self.process.wait(timeout=_PATIENCE), time.monotonic() - began


def environment(**settings: str) -> dict[str, str]:
    """This process's, without what it may have set for Greenroom, and with compiled files."""
    foreign = ("GREENROOM_", "CAL_COM_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **settings}


def run(*words: str | Path | int, cwd: Path | None = None, **settings: str) -> Said:
    """Run one command to its end, away from any .env file."""
    done = subprocess.run(
        [GREENROOM, *map(str, words)],
        cwd=cwd or tempfile.gettempdir(),
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(data_dir: Path, *options: str, **settings: str) -> Iterator[Served]:
    """`serve` on a free port, ended with the block; its log lines go to `data_dir`.log."""
    words = ["serve", "--port", "0", "--data-dir", str(data_dir), *options]
    with started(words, data_dir, until="Greenroom is on ", **settings) as served:
        yield served


@contextmanager
def started(
    words: list[str], data_dir: Path, *, until: str | None, **settings: str
) -> Iterator[Served]:
    """A command that goes on; given once it has printed the line that begins with `until`."""
    with data_dir.with_name(f"{data_dir.name}.log").open("a") as log:
        process = subprocess.Popen(
            [GREENROOM, *words],
            cwd=data_dir.parent,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        said = _said(process, until) if until else ""
        named = said.partition("Greenroom ")[2]
        url = next((word for word in named.split() if "://" in word), "")
        with httpx2.Client(timeout=_PATIENCE, trust_env=False) as http:
            yield Served(process, url, said, http)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=_PATIENCE)
        put_out(data_dir)


def _said(process: "subprocess.Popen[str]", until: str) -> str:
    said = ""
    for line in process.stdout:
        said += line
        if line.lstrip().startswith(until):
            return said
    raise AssertionError(f"It ended with {process.wait()}, and said: {said}")


def put_out(data_dir: Path) -> None:
    """Stop the database that a killed process left running, unless others use it."""
    if (data_dir / "postgres" / "postmaster.pid").exists():
        with embedded.running(data_dir):
            pass


def until(done: Callable[[], object], *, seconds: float = _PATIENCE) -> None:
    """Wait until `done` says so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"It did not come about in {seconds} seconds."
        time.sleep(0.1)
