"""A connection that answers, or word in time that there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from greenroom.errors import Unavailable

PATIENCE = 4.0
"""Seconds a caller waits for a connection that has been tried; the pool has its own, shorter."""


class Reach:
    """Opens connections of one engine.

    A server that stands still, or is cut off, takes bytes and says nothing. Nothing ends such a
    wait, and psycopg goes on waiting for some seconds even when it is cancelled. So a task of ours
    waits in the caller's place, and gives the connection back when the server goes on.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._left_waiting: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Raises Unavailable when none answers in time, and what SQLAlchemy raises."""
        opening = asyncio.create_task(self._open())
        done: set[asyncio.Task[AsyncConnection]] = set()
        try:
            done, _ = await asyncio.wait([opening], timeout=PATIENCE)
        finally:
            if not done:
                self._leave(opening)
        if not done:
            raise Unavailable(
                f"The database did not answer within {PATIENCE:g} seconds.",
                do="Nothing is lost; try again in a moment. If it goes on, look at PostgreSQL.",
            )
        connection = opening.result()
        try:
            yield connection
        finally:
            await asyncio.shield(asyncio.create_task(connection.close()))

    async def _open(self) -> AsyncConnection:
        return await self._engine.connect().start()

    def _leave(self, opening: "asyncio.Task[AsyncConnection]") -> None:
        waiting = asyncio.create_task(_give_back(opening))
        self._left_waiting.add(waiting)
        waiting.add_done_callback(self._left_waiting.discard)


async def _give_back(opening: "asyncio.Task[AsyncConnection]") -> None:
    with suppress(Exception):
        await (await opening).close()
