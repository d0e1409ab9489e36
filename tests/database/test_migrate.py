"""Tables as the migrations make them, and as the code believes them to be."""

import importlib
import pkgutil

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import greenroom
from greenroom.database import metadata, migrate
from greenroom.errors import Conflict, Unavailable


def every_module():
    for module in pkgutil.walk_packages(greenroom.__path__, "greenroom."):
        if "__main__" not in module.name and ".migrations." not in module.name:
            importlib.import_module(module.name)


def test_migrations_make_exactly_the_tables_that_the_code_declares(database_url):
    every_module()
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: not str(name).startswith("procrastinate")},
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_second_start_has_nothing_to_migrate(database_url):
    assert migrate.upgrade(database_url) is False


def test_a_database_of_a_newer_greenroom_is_left_alone(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(Conflict, match="newer Greenroom"):
        migrate.upgrade(database_url)


def test_a_database_that_is_away_is_said_to_be_away():
    with pytest.raises(Unavailable, match="did not answer"):
        migrate.upgrade("postgresql://postgres@127.0.0.1:1/greenroom")
