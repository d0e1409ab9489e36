"""One PostgreSQL, one kind of transaction."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import MetaData, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError  # noqa: A004
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from greenroom.database.reach import Reach
from greenroom.errors import Invalid, Unavailable

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

Transaction = AsyncConnection
"""A connection with an open transaction. Functions that take one neither begin nor commit."""

_SERVER_SETTINGS = (
    "-c timezone=UTC -c statement_timeout=30s -c lock_timeout=20s "
    "-c idle_in_transaction_session_timeout=60s"
)
_TOPICS = "greenroom_topics"
SIGNS_OF_LIFE: Mapping[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds, the others are seconds
}
"""For every connection that lasts: one that a firewall forgot is noticed within a minute.

Left to the system it takes two hours, in which a listener hears nothing. Without effect where
the database is reached through a socket file.
"""


class Database:
    """The application's PostgreSQL.

    `url` is a libpq URL (postgresql://...). `heard` is called after each commit with the
    topics announced in it, in the committing task.
    """

    def __init__(
        self, url: str, *, connections: int = 8, wait: float = 2.0, options: str = _SERVER_SETTINGS
    ) -> None:
        self.conninfo = url
        self.heard: Callable[[frozenset[str]], None] = lambda _: None
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=wait,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,  # errors end up in logs, and values are people's
            connect_args={
                "options": options,
                "connect_timeout": 5,
                "application_name": "greenroom",
                **SIGNS_OF_LIFE,
            },
        )

        self._reach = Reach(self._engine)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction: committed when the block ends, rolled back if it raises.

        Raises Unavailable when the database cannot be reached, also at commit; what was
        done may then have been kept or not. Raises Invalid for more than it can ever take.
        """
        try:
            async with self._reach.connection() as tx, tx.begin():
                topics: set[str] = set()
                tx.info[_TOPICS] = topics
                yield tx
        except (OperationalError, InterfaceError, TimeoutError) as error:
            raise (_too_much(error) or unavailable(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise unavailable(error) from error
            raise
        if topics:
            self.heard(frozenset(topics))

    async def close(self) -> None:
        """Return every connection."""
        await self._engine.dispose()

    def count_statements(self, each: Callable[[str], None]) -> None:
        """Call `each` with every SQL statement; for tests and benchmarks."""
        event.listen(
            self._engine.sync_engine,
            "before_cursor_execute",
            lambda _conn, _cursor, statement, *_: each(statement),
        )


def remember_topic(tx: Transaction, topic: str) -> None:
    """Have `Database.heard` told of `topic` once `tx` has committed."""
    tx.info[_TOPICS].add(topic)


async def driver_connection(tx: Transaction) -> "psycopg.AsyncConnection[tuple[object, ...]]":
    """The psycopg connection under `tx`, for COPY, arrays and for queueing jobs."""
    raw = await tx.get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, psycopg.AsyncConnection)
    return connection


def _too_much(error: Exception) -> Invalid | None:
    """What drivers call an operational error, though no database that is there could help it."""
    driver = getattr(error, "orig", None)
    state = getattr(driver, "sqlstate", None) or ""
    if state.startswith(_PROGRAM_LIMIT) or _TOO_MANY_PARAMETERS in str(driver):
        return Invalid("That is more than the database takes.", do="Send less at a time.")
    return None


_PROGRAM_LIMIT = "54"
"""Class 54 of PostgreSQL's errors: a value too long for its index, a statement too complex."""
_TOO_MANY_PARAMETERS = "number of parameters must be between"
"""In libpq's own words: it has no code for this."""


def unavailable(error: Exception) -> Unavailable:
    """The driver's error, said so that a person can act on it."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()
    return Unavailable(
        f"The database did not answer ({reason[0] if reason else type(error).__name__}).",
        do="Nothing is lost; try again in a moment. If it goes on, check that PostgreSQL runs.",
    )
