"""The database, its tables and the disk: what is wrong with them is said."""

from datetime import timedelta
from typing import NamedTuple

import psycopg
import pytest

from greenroom.doctor.checks.database import Facts, of_database, of_disks
from greenroom.doctor.model import Light

pytestmark = pytest.mark.anyio

GB, MB = 1024**3, 1024**2


class Usage(NamedTuple):
    total: int
    free: int


WELL = {
    "version": 18,
    "octets": 30 * MB,
    "used": 9,
    "most": 97,
    "longest": None,
    "whose": "",
    "unswept": None,
}


async def only(examine, check_id):
    (found,) = await examine(check_id)
    return found


async def test_a_database_that_is_well_is_green_and_says_how_large_it_is(examine):
    found = await only(examine, "database")

    assert found.light is Light.GREEN
    assert "PostgreSQL 1" in found.what
    assert " MB" in found.what


@pytest.mark.parametrize(
    ("broken", "light", "words"),
    [
        ({"version": 14}, Light.RED, "version 14"),
        ({"used": 80}, Light.AMBER, "80 of the 97 connections"),
        ({"used": 95}, Light.RED, "95 of the 97 connections"),
        ({"longest": timedelta(hours=1), "whose": "psql"}, Light.AMBER, "“psql” has been open"),
        ({"unswept": "deliveries"}, Light.AMBER, "The table deliveries has more dead rows"),
    ],
)
def test_what_is_wrong_with_a_database_is_said(broken, light, words):
    (found,) = of_database(Facts(**{**WELL, **broken}))

    assert found.light is light
    assert words in found.what
    assert found.do.endswith(".")
    assert of_database(Facts(**WELL))[0].light is Light.GREEN


async def test_a_transaction_left_open_is_seen(examine, clinic, monkeypatch):
    monkeypatch.setattr("greenroom.doctor.checks.database._LONG", timedelta(0))
    with psycopg.connect(clinic.parts.database.conninfo, application_name="a report") as other:
        other.execute("SELECT 1")

        found = await only(examine, "database")

    assert found.light is Light.AMBER
    assert "“a report”" in found.what
    assert (await only(examine, "database")).light is Light.GREEN


async def test_tables_of_another_version_are_said(examine, clinic):
    assert (await only(examine, "migrations")).light is Light.GREEN
    ((head,),) = await clinic.execute("SELECT version_num FROM alembic_version")

    await clinic.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = await only(examine, "migrations")
    await clinic.execute("UPDATE alembic_version SET version_num = '0003'")
    older = await only(examine, "migrations")
    await clinic.execute("UPDATE alembic_version SET version_num = :head", head=head)

    assert (newer.light, older.light) == (Light.RED, Light.RED)
    assert "An older Greenroom runs on a database that a newer one has changed" in newer.what
    assert "older than this version (0003" in older.what
    assert (await only(examine, "migrations")).light is Light.GREEN


@pytest.mark.parametrize(
    ("total", "free", "light"),
    [
        (100 * GB, 50 * GB, Light.GREEN),
        (100 * GB, 9 * GB, Light.AMBER),
        (8 * GB, 1.9 * GB, Light.AMBER),
        (1000 * GB, 9 * GB, Light.RED),
        (8 * GB, 100 * MB, Light.RED),
    ],
)
def test_a_disk_is_told_by_the_room_that_is_left(tmp_path, total, free, light):
    (found,) = of_disks([tmp_path], usage=lambda _: Usage(total, int(free)))

    assert found.light is light
    assert (str(tmp_path) in found.what) is (light is not Light.GREEN)


def test_two_places_on_one_disk_are_told_once(tmp_path):
    (tmp_path / "postgres").mkdir()

    found = of_disks([tmp_path, tmp_path / "postgres"], usage=lambda _: Usage(GB, MB))

    assert len(found) == 1


def test_where_there_is_no_data_directory_none_can_fill_up(tmp_path):
    (found,) = of_disks([tmp_path / "none"])

    assert found.light is Light.OFF


async def test_the_disk_of_this_installation_is_looked_at(examine, clinic):
    assert (await only(examine, "disk")).what.endswith((" free.", "letter.", "are free."))
