"""Keeping deliveries: raw, durable before the answer, and nothing else.

Requests that arrive together are kept by one statement (group commit): a commit waits for
the disk, and fifty deliveries can wait for the same one.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from greenroom.deliveries.store import Signature
from greenroom.errors import Unavailable

_AT_ONCE = 500
"""Deliveries kept by one statement."""
_PATIENCE = 4.0
"""Seconds a sender is kept waiting before it hears that the database is away."""

_KEEP = """
    INSERT INTO deliveries AS d (connection_id, digest, body, received_at, state, signature,
                                 duplicates, last_duplicate_at)
    SELECT c, h, b, r, 'new', s, n, CASE WHEN n > 0 THEN r END
      FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::timestamptz[],
                  %b::text[], %b::int[]) AS arrived(c, h, b, r, s, n)
    ON CONFLICT (connection_id, digest) DO UPDATE
        SET duplicates = d.duplicates + excluded.duplicates + 1,
            last_duplicate_at = excluded.received_at
    RETURNING connection_id, digest, id, (xmax = 0)
"""
# The statement commits on its own. NOTIFY stays out of it: it would take a lock shared by all.


@dataclass(frozen=True, slots=True)
class Kept:
    """The delivery as it is kept. `is_new` is False for bytes that were here before."""

    id: int
    is_new: bool


class _CutError(Exception):
    """The connection was lost under deliveries that were tried for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    connection_id: int
    digest: bytes
    body: bytes
    received_at: datetime
    signature: Signature | None
    kept: "asyncio.Future[Kept]"

    @property
    def key(self) -> tuple[int, bytes]:
        return (self.connection_id, self.digest)


class Intake:
    """Keeps deliveries over one connection of its own, which nothing else can use up.

    `news` is set when something new was kept.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._arrived: list[_Arrived] = []
        self._again: Sequence[_Arrived] = ()
        self._woken = asyncio.Event()
        self.news = asyncio.Event()

    async def keep(
        self,
        connection_id: int,
        body: bytes,
        received_at: datetime,
        signature: Signature | None = None,
    ) -> Kept:
        """Wait until `body` is on disk, with how it was signed, where that is known.

        Raises Unavailable when that cannot be said in time; it may be kept all the same,
        and the same bytes sent again are then a duplicate.
        """
        arrived = _Arrived(
            connection_id=connection_id,
            digest=hashlib.sha256(body).digest(),
            body=body,
            received_at=received_at,
            signature=signature,
            kept=asyncio.get_running_loop().create_future(),
        )
        self._arrived.append(arrived)
        self._woken.set()
        try:
            async with asyncio.timeout(_PATIENCE):
                return await arrived.kept
        except TimeoutError as error:
            raise _away() from error

    async def run(self) -> None:
        """Keep what arrives until cancelled; connects again whenever the database comes back.

        A cut connection is noticed by the first delivery after the cut, when the database may
        be well again: what was being kept is tried once more on a new connection.
        """
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=3, application_name="intake"
                ) as connection:
                    await self._keep_all(connection)
            except _CutError:
                continue
            except (psycopg.Error, OSError):
                self._refuse(self._again)
                self._again = ()
                self._refuse(self._take())
                await asyncio.sleep(0.2)

    async def _keep_all(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        while True:
            is_second_try = bool(self._again)
            if not is_second_try:
                await self._woken.wait()
                self._again = self._take()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._keep(connection, self._again)
            except (psycopg.Error, OSError) as error:
                if is_second_try:
                    raise
                raise _CutError from error
            self._again = ()

    def _take(self) -> Sequence[_Arrived]:
        batch, self._arrived = self._arrived[:_AT_ONCE], self._arrived[_AT_ONCE:]
        if not self._arrived:
            self._woken.clear()
        return [each for each in batch if not each.kept.done()]

    async def _keep(
        self, connection: "psycopg.AsyncConnection[tuple[object, ...]]", batch: Sequence[_Arrived]
    ) -> None:
        same: dict[tuple[int, bytes], list[_Arrived]] = {}
        for each in batch:
            same.setdefault(each.key, []).append(each)
        first = [copies[0] for copies in same.values()]
        cursor = await connection.execute(
            _KEEP,
            (
                [each.connection_id for each in first],
                [each.digest for each in first],
                [each.body for each in first],
                [each.received_at for each in first],
                [each.signature and each.signature.value for each in first],
                [len(copies) - 1 for copies in same.values()],
            ),
            binary=True,
        )
        for connection_id, digest, id_, is_new in await cursor.fetchall():
            for position, each in enumerate(same[connection_id, digest]):  # type: ignore[index]
                if not each.kept.done():
                    each.kept.set_result(Kept(id_, bool(is_new) and position == 0))  # type: ignore[arg-type]
            if is_new:
                self.news.set()

    def _refuse(self, batch: Sequence[_Arrived]) -> None:
        for each in batch:
            if not each.kept.done():
                each.kept.set_exception(_away())


def _away() -> Unavailable:
    return Unavailable(
        "The database did not confirm the delivery in time.",
        do="Send it again; the same bytes are never counted twice.",
    )
