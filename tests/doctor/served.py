"""A Greenroom that Cal.com can deliver to, on a port of its own, with its background work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from calcom_desk import Calcom
from doctor.conftest import Clinic
from greenroom import app
from greenroom.calcom.connections import Connection
from house import House, opened


@dataclass(frozen=True)
class Served:
    """The Greenroom, its doctor, and the simulator's host connected to it."""

    house: House
    clinic: Clinic
    connection: Connection


@asynccontextmanager
async def serving(url: str, data_dir: Path, calcom: Calcom) -> AsyncIterator[Served]:
    """Serve it at the address its webhook at the simulator leads to."""
    listener = app.listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    quick = {"works": True, "public_url": address, "calcom_requests_per_minute": 600}
    async with opened(url, data_dir, **quick) as house:
        server = uvicorn.Server(uvicorn.Config(house.app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        clinic = Clinic(house.parts)
        yield Served(house, clinic, await clinic.connect(calcom))
        server.should_exit = True
        await task
