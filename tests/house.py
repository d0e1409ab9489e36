"""A whole Greenroom for tests: the application, its background tasks, and clients that ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from fastapi import FastAPI

from greenroom import app, jobs, parts, work
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.calcom import connections, webhook
from greenroom.parts import Parts
from greenroom.settings import WEBHOOK_PATH, Settings

SECRET = "whsec_house_0123456789abcdef"


@dataclass(frozen=True)
class House:
    """The application as others see it."""

    app: FastAPI
    parts: Parts
    connection_id: int
    http: httpx2.AsyncClient
    """Nobody in particular."""

    async def token(self, role: Role = Role.RECRUITER) -> dict[str, str]:
        """Headers of an API token of that role."""
        async with self.parts.database.transaction() as tx:
            token = await accounts.create_token(tx, f"a {role}", role, datetime.now(UTC))
        return {"Authorization": f"Bearer {token}"}

    async def deliver(
        self, body: bytes, *, signature: str | bytes | None = "right", **headers: str
    ) -> httpx2.Response:
        """Post `body` as Cal.com would; `signature` None leaves the header out."""
        sent: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
        sent += [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
        if signature == "right":
            signature = webhook.signature(SECRET, body)
        if signature is not None:
            raw = signature.encode() if isinstance(signature, str) else signature
            sent.append((b"x-cal-signature-256", raw))
        return await self.http.post(WEBHOOK_PATH, content=body, headers=sent)


@asynccontextmanager
async def opened(
    url: str, data_dir: Path, *, works: bool = False, **given: object
) -> AsyncIterator[House]:
    """A house on the migrated database at `url`, with one webhook-only connection."""
    settings = Settings(_env_file=None, data_dir=data_dir, **given)  # type: ignore[arg-type, call-arg]
    async with jobs.opened(url), parts.opened(settings, url) as running:
        async with running.database.transaction() as tx:
            connection, _ = await connections.connect(
                tx,
                running.seal,
                name="House",
                api_url="http://127.0.0.1:1/v2",
                api_key=None,
                secret=SECRET,
                now=datetime.now(UTC),
            )
        tasks = [
            asyncio.create_task(running.intake.run()),
            asyncio.create_task(running.feed.run(url)),
            asyncio.create_task(running.announcer.run(url)),
        ]
        if works:
            tasks.append(asyncio.create_task(work.run(running)))
        built = app.create_app(settings, running)
        transport = httpx2.ASGITransport(app=built)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost:8000"
        ) as http:
            yield House(built, running, connection.id, http)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
