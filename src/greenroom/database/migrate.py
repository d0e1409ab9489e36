"""Bringing the database's tables up to this version of Greenroom. Forward only."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.exc import OperationalError

from greenroom.database import unavailable
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
