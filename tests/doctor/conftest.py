"""A Greenroom to examine: the real parts, on a database of its own, beside the simulator."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from calcom_desk import KEY, Calcom
from greenroom import jobs, parts
from greenroom.calcom import connecting
from greenroom.calcom.connections import Connection
from greenroom.doctor import actions as doctor
from greenroom.doctor.model import Finding, Light
from greenroom.parts import Parts
from greenroom.settings import Settings


@dataclass(frozen=True)
class Clinic:
    """One installation and its doctor."""

    parts: Parts

    async def examine(self, *check_ids: str, now: datetime | None = None) -> list[Finding]:
        """Look at these checks (none named: at all), as the doctor does; give what they found."""
        looked = await doctor.examine(
            self.parts, which=check_ids or "all", now=now or datetime.now(UTC)
        )
        return [found.finding for each in looked for found in each.found]

    async def lights(self, *check_ids: str) -> dict[str, Light]:
        """The worst light of each of these checks (none named: of all)."""
        looked = await doctor.examine(self.parts, which=check_ids or "all", now=datetime.now(UTC))
        return {each.check.id: each.light for each in looked}

    async def mend(self, check_id: str, connection_id: int | None = None) -> str:
        """Press *Fix it*."""
        return await doctor.mend(
            self.parts, check_id, connection_id, by="a test", now=datetime.now(UTC)
        )

    async def execute(self, statement: str, **values: object) -> list:
        async with self.parts.database.transaction() as tx:
            found = await tx.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    async def connect(
        self,
        calcom: Calcom,
        *,
        key: str | None = KEY,
        name: str = "Mara",
        webhook_url: str | None = None,
    ) -> Connection:
        """Connect an account of the simulator; its webhook leads to our public address."""
        done = await connecting.connect(
            self.parts.database,
            self.parts.seal,
            self.parts.http,
            name=name,
            api_url=calcom.api_url,
            api_key=key,
            secret=None,
            check=key is not None,
            webhook_url=webhook_url or self.parts.address.webhook_url,
            reachable=True,
            now=datetime.now(UTC),
        )
        return done.connection


@pytest.fixture
async def installation(database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    """The parts of an installation that nobody has set up yet. Nothing works in the background."""
    settings = Settings(_env_file=None, data_dir=tmp_path, calcom_requests_per_minute=600)  # type: ignore[call-arg]
    async with jobs.opened(database_url), parts.opened(settings, database_url) as running:
        yield running


@pytest.fixture
def clinic(installation: Parts) -> Clinic:
    """An installation that nobody has set up yet, and its doctor."""
    return Clinic(installation)


@pytest.fixture
def examine(clinic: Clinic):
    """`await examine("key", "clock")`: what these checks find, on the installation of `clinic`."""
    return clinic.examine


@pytest.fixture
async def connection(clinic: Clinic, calcom: Calcom) -> Connection:
    """The simulator's host, connected to `clinic`; her webhook leads to our public address."""
    return await clinic.connect(calcom)


def lights(found: Sequence[Finding]) -> list[Light]:
    return [each.light for each in found]
