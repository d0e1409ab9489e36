"""A Greenroom that answers on a real port, for which tunnels are made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from addresses import tunnels
from calcom_desk import KEY, Calcom
from greenroom import app, jobs, parts, work
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.calcom import connecting, connections
from greenroom.calcom.connections import Connection
from greenroom.parts import Parts
from greenroom.settings import Settings


@dataclass(frozen=True)
class Post:
    """A Greenroom at a port of this machine."""

    parts: Parts
    app: FastAPI
    port: int
    http: httpx2.AsyncClient

    async def step(self) -> None:
        """Look for tunnels once, as it does each 15 seconds."""
        await self.parts.watch.step(datetime.now(UTC))

    async def token(self, role: Role) -> dict[str, str]:
        async with self.parts.database.transaction() as tx:
            token = await accounts.create_token(tx, f"a {role}", role, datetime.now(UTC))
        return {"authorization": f"Bearer {token}", "accept": "text/html"}

    async def connect(
        self, calcom: Calcom, *, key: str | None = KEY, reachable: bool = True
    ) -> Connection:
        """Connect the simulator's host; her webhook leads to where we are now."""
        done = await connecting.connect(
            self.parts.database,
            self.parts.seal,
            self.parts.http,
            name="Mara",
            api_url=calcom.api_url,
            api_key=key,
            secret=None,
            check=key is not None,
            webhook_url=self.parts.address.webhook_url,
            reachable=reachable,
            now=datetime.now(UTC),
        )
        return done.connection

    async def connection(self) -> Connection:
        async with self.parts.database.transaction() as tx:
            return (await connections.every(tx, self.parts.seal))[0]

    async def heard(self) -> int:
        """How many deliveries were kept."""
        async with self.parts.database.transaction() as tx:
            return (await tx.execute(text("SELECT count(*) FROM deliveries"))).scalar_one()


@asynccontextmanager
async def answering(
    url: str, data_dir: Path, *, works: bool = False, **given: object
) -> AsyncIterator[Post]:
    """Serve on a free port over the migrated database at `url`."""
    listener = app.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    settings = Settings(_env_file=None, data_dir=data_dir, **given).listening_on(port)
    async with jobs.opened(url), parts.opened(settings, url) as running:
        tasks = [
            asyncio.create_task(running.intake.run()),
            asyncio.create_task(running.announcer.run(url)),
        ]
        if works:
            tasks.append(asyncio.create_task(work.run(running)))
        built = app.create_app(settings, running)
        config = uvicorn.Config(
            built,
            log_config=None,
            access_log=False,
            forwarded_allow_ips=settings.trusted_proxies,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        tasks.append(asyncio.create_task(server.serve(sockets=[listener])))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield Post(running, built, port, http)
        server.should_exit = True
        await tasks[-1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def ngrok() -> AsyncIterator[tunnels.Ngrok]:
    async with tunnels.ngrok() as agent:
        yield agent


@pytest.fixture
async def post(database_url: str, tmp_path: Path, ngrok: tunnels.Ngrok) -> AsyncIterator[Post]:
    """A Greenroom that looks for tunnels at `ngrok`; nothing works in the background.

    Addresses of this machine may be typed, where those of the tests are.
    """
    given = {"find_tunnel": ngrok.origin, "allow_private_calcom": True}
    async with answering(database_url, tmp_path, **given) as post:
        yield post


@pytest.fixture
async def tunnel(post: Post) -> AsyncIterator[tunnels.Tunnel]:
    """A tunnel to `post`."""
    tunnel = await tunnels.Tunnel(post.port).open()
    yield tunnel
    tunnel.close()
