"""Checks: the database, its tables, and room on the disk."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from greenroom.database import Transaction, migrate
from greenroom.doctor.examination import MINUTE, TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.words import size
from greenroom.spans import span

_OLDEST = 15
"""Of PostgreSQL's versions, the first that Greenroom is made for."""
_LONG = timedelta(minutes=5)
_BUSY, _FULL = 0.8, 0.95
"""Of the connections the server takes."""
_DEAD_ROWS = 200_000
_GB, _MB = 1024**3, 1024**2
_LITTLE, _LEAST = 2 * _GB, 200 * _MB
"""Bytes free on a disk. PostgreSQL stops where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What PostgreSQL says of itself. `longest` has the oldest transaction open, by `whose`."""

    version: int
    octets: int
    used: int
    most: int
    longest: timedelta | None
    whose: str
    unswept: str | None


_FACTS = """
    SELECT current_setting('server_version_num')::int / 10000 AS version,
           pg_database_size(current_database()) AS octets,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
           current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int AS most
"""
_LONGEST = """
    SELECT clock_timestamp() - xact_start AS longest, application_name AS whose
      FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
       AND backend_type = 'client backend'
     ORDER BY xact_start LIMIT 1
"""
_UNSWEPT = """
    SELECT relname FROM pg_stat_user_tables
     WHERE n_dead_tup > :dead AND n_dead_tup > 2 * n_live_tup ORDER BY n_dead_tup DESC LIMIT 1
"""


async def facts(tx: Transaction) -> Facts:
    """Ask it."""
    version, octets, used, most = (await tx.execute(text(_FACTS))).one()
    longest = (await tx.execute(text(_LONGEST))).one_or_none()
    unswept = (await tx.execute(text(_UNSWEPT), {"dead": _DEAD_ROWS})).scalar_one_or_none()
    return Facts(
        version=version,
        octets=octets,
        used=used,
        most=most,
        longest=longest[0] if longest else None,
        whose=longest[1] if longest else "",
        unswept=unswept,
    )


async def _database(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        return of_database(await facts(tx))


def of_database(found: Facts) -> Sequence[Finding]:
    """What these say; one green finding where all is well."""
    said: list[Finding] = []
    if found.version < _OLDEST:
        said.append(
            Finding(
                light=Light.RED,
                what=f"This PostgreSQL is version {found.version}; Greenroom is made for "
                f"{_OLDEST} or later.",
                do="Update PostgreSQL, or unset GREENROOM_DATABASE_URL for the embedded one.",
            )
        )
    if found.used > _BUSY * found.most:
        said.append(
            Finding(
                light=Light.RED if found.used > _FULL * found.most else Light.AMBER,
                what=f"{found.used} of the {found.most} connections that PostgreSQL takes "
                "are used.",
                do="Raise max_connections in PostgreSQL, or end other programs that use it.",
            )
        )
    if found.longest is not None and found.longest > _LONG:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"A transaction of “{found.whose or 'a program without a name'}” has been "
                f"open for {span(found.longest)}. While it is, the database cannot tidy up, "
                "and grows slower.",
                do="End that program, or its session in PostgreSQL (pg_terminate_backend).",
            )
        )
    if found.unswept is not None:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"The table {found.unswept} has more dead rows than living ones.",
                do="See that autovacuum is on in PostgreSQL; `VACUUM` helps for now.",
            )
        )
    return said or [
        Finding(
            light=Light.GREEN,
            what=f"PostgreSQL {found.version}, {size(found.octets)}; {found.used} of "
            f"{found.most} connections used.",
        )
    ]


async def _migrations(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        standing = await migrate.standing(tx)
    if standing.is_current:
        return [
            Finding(
                light=Light.GREEN, what=f"The tables are those of this version ({standing.at})."
            )
        ]
    if not standing.is_known:
        return [
            Finding(
                light=Light.RED,
                what="An older Greenroom runs on a database that a newer one has changed "
                f"(revision {standing.at}; this one knows up to {standing.head}).",
                do="Stop this Greenroom and start the newer version.",
            )
        ]
    return [
        Finding(
            light=Light.RED,
            what=f"The tables are older than this version ({standing.at or 'none'}, not "
            f"{standing.head}).",
            do="Run `greenroom migrate`, or start `greenroom serve` again: both do it.",
        )
    ]


class Usage(Protocol):
    """Bytes of a disk."""

    @property
    def total(self) -> int:
        """All of them."""

    @property
    def free(self) -> int:
        """Those that can still be written."""


async def _disk(exam: Examination) -> Sequence[Finding]:
    settings = exam.parts.settings
    places = [settings.data_dir.expanduser()]
    if settings.database_url is None:
        places.append(places[0] / "postgres")
    return await asyncio.to_thread(of_disks, places)


def of_disks(
    places: Sequence[Path], usage: Callable[[Path], Usage] = shutil.disk_usage
) -> Sequence[Finding]:
    """One finding for each disk that has little room; one green one where none has."""
    disks: dict[int, tuple[Path, Usage]] = {}
    for place in places:
        if place.exists():
            disks.setdefault(place.stat().st_dev, (place, usage(place)))
    if not disks:
        return [Finding(light=Light.OFF, what="There is no data directory here to fill up.")]
    low = [each for place, found in disks.values() for each in _low(place, found)]
    free = min(found.free for _, found in disks.values())
    return low or [Finding(light=Light.GREEN, what=f"{size(free)} are free.")]


def _low(place: Path, found: Usage) -> Sequence[Finding]:
    share = found.free / found.total if found.total else 1.0
    if share >= 0.1 and found.free >= _LITTLE:  # noqa: PLR2004  (a tenth)
        return []
    is_red = share < 0.01 or found.free < _LEAST  # noqa: PLR2004  (a hundredth)
    return [
        Finding(
            light=Light.RED if is_red else Light.AMBER,
            what=f"The disk with {place} has {size(found.free)} left, {share:.0%} of it. When it "
            "is full, Greenroom can keep nothing more: no booking, no letter.",
            do="Free space on it, or move the data directory to a larger disk.",
        )
    ]


CHECKS: Sequence[Check] = (
    Check(
        id="database",
        title="Database",
        area=Area.DATABASE,
        means="Everything Greenroom knows is in PostgreSQL. It must be version 15 or later, take "
        "our connections, and not be held up by a transaction that somebody left open.",
        every=MINUTE,
        look=_database,
    ),
    Check(
        id="migrations",
        title="Tables",
        area=Area.DATABASE,
        means="Each version of Greenroom brings the tables up to date when it starts. Two "
        "versions on one database do not agree about them.",
        every=TEN_MINUTES,
        look=_migrations,
    ),
    Check(
        id="disk",
        title="Room on the disk",
        area=Area.DATABASE,
        means="The embedded database and the secret key are in the data directory. A full disk "
        "stops everything.",
        every=MINUTE,
        look=_disk,
    ),
)
