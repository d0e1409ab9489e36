"""What is measured on: the machine, the versions, a PostgreSQL of our own, processes of our own."""

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql

from greenroom.database import embedded

ROOT = Path(__file__).parent.parent
_PATIENCE = 30.0
"""Seconds a server may take to start."""


def describe() -> str:
    """CPU, versions and commit: without them a figure means nothing."""
    packages = ("uvicorn", "uvloop", "httptools", "fastapi", "starlette", "psycopg", "sqlalchemy")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return "\n".join(
        (
            f"CPU         {_cpu()}, {os.cpu_count()} cores; load average {load}",
            f"Python      {platform.python_version()} on {platform.system()} {platform.release()}",
            f"Libraries   {', '.join(f'{each} {version(each)}' for each in packages)}",
            f"Commit      {_commit()}",
        )
    )


def postgresql(url: str) -> str:
    """Its version, and the settings that decide what a commit costs."""
    with psycopg.connect(url) as connection:
        said = [
            connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            for name in ("server_version", "fsync", "synchronous_commit")
        ]
    number, fsync, commit = (row[0] if row else "?" for row in said)
    return f"PostgreSQL  {number}, fsync {fsync}, synchronous_commit {commit}, same disk and cores"


@contextmanager
def database(place: Path, **settings: str) -> Iterator[str]:
    """An embedded server in `place` with the defaults and these settings; gives its URL."""
    with embedded.running(place) as url:
        _set(url, settings)
    # Some settings count from the start of the server only.
    with embedded.running(place) as url:
        yield url


def another(url: str, name: str, template: str = "template1") -> str:
    """Make a database called `name` on the same server, as a copy; give its URL."""
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return _named(url, name)


def gone(url: str) -> None:
    """Remove the database again."""
    name = urlsplit(url).path[1:]
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def server(place: Path, port: int, *module: str, **settings: str) -> Iterator[psutil.Process]:
    """Run `python -m ...` until the block ends; gives the process once it answers on `port`.

    It sees no settings but `settings`, given as GREENROOM_*; what it prints is in `place`.
    """
    with started(place, *module, **settings) as process:
        _wait(process, port, place / f"{module[0]}.log")
        yield psutil.Process(process.pid)


@contextmanager
def started(place: Path, *module: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python -m ...`, and end it with the block."""
    with (place / f"{module[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=place,  # no .env of anybody's there
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(place: Path, *module: str, **settings: str) -> str:
    """Run `python -m ...` to its end; what it printed. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=place,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    return done.stdout.decode()


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time it has used, whoever else was busy meanwhile."""
    used = process.cpu_times()
    return float(used.user + used.system)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def _environment(settings: Mapping[str, str]) -> Mapping[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GREENROOM_", "CAL_COM_"))
    }
    given = {f"GREENROOM_{name.upper()}": value for name, value in settings.items()}
    return {**kept, **given, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            # That it listens says little: a request may wait until the application has started.
            with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as door:
                door.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if door.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-2000:]
    message = f"{process.args!r} did not answer within {_PATIENCE:g} s. It said:\n{said}"
    raise RuntimeError(message)


def _set(url: str, settings: Mapping[str, str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(
                sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            )


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
        return done.stdout.decode().strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD") or "none yet"
    return f"{commit}, with changes not committed" if git("status", "--porcelain") else commit
