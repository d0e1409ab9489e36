"""Other ways to take a delivery in, to measure ours against: the same framework and server.

`python -m benchmarks.receivers nothing|commit|orm|shell --port=... --database=postgresql://...`

- nothing: verifies the signature, parses the JSON, keeps nothing.
- commit: verifies, then one INSERT and COMMIT for each request, over a pool of the same driver.
- orm: a body model and an ORM session per request, as the tutorials have it.
- shell: Greenroom's own application, whose intake keeps nothing: what its checks cost.
"""

import argparse
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import uvicorn
from fastapi import Depends, FastAPI, Request
from psycopg_pool import AsyncConnectionPool
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import DateTime, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.journeys import SECRET
from greenroom import app as house
from greenroom import parts
from greenroom.calcom import webhook
from greenroom.deliveries.intake import Intake, Kept
from greenroom.deliveries.store import Signature
from greenroom.parts import Parts
from greenroom.settings import WEBHOOK_PATH, Settings

_POOL = 16
"""Connections of `commit`; from 8 to 64 the difference is smaller than from round to round."""
_KNOWN = [(1, SECRET)]

Opened = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def _application(opened: Opened | None = None) -> FastAPI:
    return FastAPI(lifespan=opened, docs_url=None, redoc_url=None, openapi_url=None)


async def _verified(request: Request) -> bytes:
    body = await request.body()
    webhook.verify(body, request.headers.get("x-cal-signature-256", "").encode(), _KNOWN)
    return body


def nothing(url: str) -> FastAPI:
    del url
    app = _application()

    @app.post(WEBHOOK_PATH)
    async def receive(request: Request) -> dict[str, str]:
        payload = json.loads(await _verified(request))
        return {"status": "received", "delivery": payload["payload"]["uid"]}

    return app


def commit(url: str) -> FastAPI:
    pool = AsyncConnectionPool(url, min_size=_POOL, max_size=_POOL, open=False)

    @asynccontextmanager
    async def opened(_app: FastAPI) -> AsyncIterator[None]:
        async with pool:
            async with pool.connection() as connection:
                await connection.execute(_TABLE)
            yield

    app = _application(opened)

    @app.post(WEBHOOK_PATH)
    async def receive(request: Request) -> dict[str, str]:
        body = await _verified(request)
        row = (1, hashlib.sha256(body).digest(), body, datetime.now(UTC))
        async with pool.connection() as connection:
            cursor = await connection.execute(_INSERT, row)
            found = await cursor.fetchone()
        assert found is not None
        return {"status": "received", "delivery": str(found[0])}

    return app


_TABLE = """
    CREATE TABLE received (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connection_id bigint NOT NULL, digest bytea NOT NULL, body bytea,
        received_at timestamptz NOT NULL, state text NOT NULL DEFAULT 'new',
        UNIQUE (connection_id, digest)
    )
"""
_INSERT = """
    INSERT INTO received (connection_id, digest, body, received_at) VALUES (%s, %b, %b, %s)
    ON CONFLICT (connection_id, digest) DO UPDATE SET state = received.state
    RETURNING id
"""


class _Person(BaseModel):
    name: str
    email: str
    timeZone: str  # noqa: N815  (Cal.com's name)


class _Payload(BaseModel):
    uid: str
    bookingId: int  # noqa: N815  (Cal.com's name)
    title: str
    startTime: AwareDatetime  # noqa: N815  (Cal.com's name)
    endTime: AwareDatetime  # noqa: N815  (Cal.com's name)
    organizer: _Person
    attendees: list[_Person]
    responses: dict[str, object]
    status: str | None = None


class _Webhook(BaseModel):
    triggerEvent: str  # noqa: N815  (Cal.com's name)
    createdAt: AwareDatetime  # noqa: N815  (Cal.com's name)
    payload: _Payload


class _Base(DeclarativeBase):
    pass


class _Booking(_Base):
    __tablename__ = "bookings"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    status: Mapped[str | None]
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)


def orm(url: str) -> FastAPI:
    # As many connections as threads: with the default 5 + 10 all threads end up waiting for one.
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=40)
    _Base.metadata.create_all(engine)

    def session() -> Iterator[Session]:
        with Session(engine) as each:
            yield each

    app = _application()

    @app.post(WEBHOOK_PATH)
    def receive(
        said: _Webhook,
        session: Annotated[Session, Depends(session)],
        _: Annotated[bytes, Depends(_verified)],
    ) -> dict[str, str]:
        booking = _Booking(
            uid=said.payload.uid,
            title=said.payload.title,
            status=said.payload.status,
            starts_at=said.payload.startTime,
            ends_at=said.payload.endTime,
            payload=said.model_dump(mode="json"),
        )
        session.add(booking)
        session.commit()
        session.refresh(booking)
        return {"status": "received", "delivery": str(booking.id)}

    return app


class _Keeper(Intake):
    """An intake that forgets."""

    async def keep(
        self,
        connection_id: int,
        body: bytes,
        received_at: datetime,
        signature: Signature | None = None,
    ) -> Kept:
        del connection_id, body, received_at, signature
        return Kept(1, is_new=True)


def shell(url: str) -> FastAPI:
    settings = Settings(_env_file=None, data_dir=Path.cwd())

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        async with parts.opened(settings, url) as running:
            app.state.parts = replace(running, intake=_Keeper(url))
            yield

    app = house.create_app(settings, cast(Parts, None))
    app.router.lifespan_context = opened
    return app


_RECEIVERS: Mapping[str, Callable[[str], FastAPI]] = {
    "nothing": nothing,
    "commit": commit,
    "orm": orm,
    "shell": shell,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receivers")
    parser.add_argument("kind", choices=_RECEIVERS)
    parser.add_argument("--port", type=int)
    parser.add_argument("--database")
    given = parser.parse_args()
    # As Greenroom sets its own server up.
    uvicorn.Server(
        uvicorn.Config(
            _RECEIVERS[given.kind](given.database),
            port=given.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
    ).run()


if __name__ == "__main__":
    main()
