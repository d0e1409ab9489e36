"""Bringing the database's tables up to this version of Greenroom. Forward only."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.exc import OperationalError

from greenroom.database import Transaction, unavailable
from greenroom.errors import Conflict, GreenroomError

_PLACE = Path(__file__).parent / "migrations"
_LOCK = 0x677265656E726F6F
"""The advisory lock, "greenroo" in ASCII: processes that start together migrate one by one."""
_OLDEST = 150_000
"""PostgreSQL's own number for its version 15."""


def upgrade(url: str) -> bool:
    """Run the migrations that are missing; True if there were any.

    Raises Unavailable without a database, Conflict when it is of a newer Greenroom.
    """
    config = Config()
    config.set_main_option("script_location", str(_PLACE))
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=pool.NullPool,
        connect_args={"connect_timeout": 5, "application_name": "greenroom migrate"},
    )
    try:
        with engine.connect() as connection:
            _check_version(connection)
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
            connection.commit()
            return _upgrade(connection, config)
    except OperationalError as error:
        raise unavailable(error) from error
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a database is, and where this version would have it."""

    at: str | None
    head: str | None
    is_known: bool

    @property
    def is_current(self) -> bool:
        """Whether the tables are those that this version works with."""
        return self.at == self.head


async def standing(tx: Transaction) -> Standing:
    """Where the database is."""
    head, known = _revisions()
    at = await tx.run_sync(lambda it: MigrationContext.configure(it).get_current_revision())
    return Standing(at, head, at is None or at in known)


async def is_behind(tx: Transaction) -> bool:
    """Whether the tables are older than this version: one small query, for whoever asks often.

    Those of a newer version are not: it says nothing while the processes of an older one end.
    """
    head, known = _revisions()
    found = await tx.exec_driver_sql("SELECT version_num FROM alembic_version")
    at = found.scalar_one_or_none()
    return at != head and (at is None or at in known)


@cache
def _revisions() -> tuple[str | None, frozenset[str]]:
    """The newest revision there is for, and all that this version knows."""
    scripts = ScriptDirectory(str(_PLACE))
    return scripts.get_current_head(), frozenset(each.revision for each in scripts.walk_revisions())


def _upgrade(connection: Connection, config: Config) -> bool:
    scripts = ScriptDirectory.from_config(config)
    at = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    if at == scripts.get_current_head():
        return False
    if at is not None and at not in {each.revision for each in scripts.walk_revisions()}:
        raise Conflict(
            f"The database was made by a newer Greenroom (its revision {at} is not known here).",
            do="Install that version, or restore a backup made by this one.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def _check_version(connection: Connection) -> None:
    number = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if number < _OLDEST:
        raise GreenroomError(
            f"This PostgreSQL is version {number // 10_000}.",
            do="Use PostgreSQL 15 or later, or unset GREENROOM_DATABASE_URL for the embedded one.",
        )
