"""The webhook secrets in memory, so that a delivery is verified without asking the database."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from greenroom.calcom import webhook, webhook_secrets
from greenroom.calcom.webhook import BadSignature, Refusal
from greenroom.calcom.webhook_secrets import KnownSecret
from greenroom.database import Database
from greenroom.deliveries import rejections
from greenroom.deliveries.store import Signature
from greenroom.errors import Unavailable
from greenroom.live.feed import announce
from greenroom.seal import Seal

_FRESH = 30.0
"""Seconds after which the secrets are read again: some may have retired."""
_DOUBT = 1.0
"""Seconds after which a wrong signature has them read again: one may have been added."""

_PATIENCE = 1.0
"""Seconds a delivery waits for the database while older secrets are known."""
_EXPLAIN = 0.2
"""Seconds between two wrong signatures that are looked into."""
_FLUSH = 1.0
"""Seconds between countings of refused requests: whoever sends many costs few statements."""

_log = structlog.get_logger()


class Secrets:
    """Every secret a delivery may be signed with; read again when old, or when in doubt.

    `accept_unsigned` lets requests without a signature in, as the first connection's; it is
    for trials on one machine.
    """

    def __init__(self, database: Database, seal: Seal, *, accept_unsigned: bool) -> None:
        self._database = database
        self._seal = seal
        self._accept_unsigned = accept_unsigned
        self._known: Sequence[KnownSecret] = ()
        self._read_at = float("-inf")
        self._one_reads = asyncio.Lock()
        self._refused: Counter[Refusal] = Counter()
        self._flushed_at = float("-inf")
        self._explained_at = float("-inf")

    async def verify(self, body: bytes, header: bytes | None) -> tuple[int, Signature]:
        """The connection whose secret signed `body`, and which of its secrets it was.

        Raises BadSignature.
        """
        if header is None and self._accept_unsigned:
            known = await self._within(_FRESH)
            if known:
                return known[-1].connection_id, Signature.UNSIGNED
        try:
            return _signer(body, header, await self._within(_FRESH))
        except BadSignature as error:
            if error.refusal is not Refusal.WRONG:
                raise
        try:
            return _signer(body, header, await self._within(_DOUBT))
        except BadSignature as error:
            raise BadSignature(await self._why(body, header or b"")) from error

    def forget(self) -> None:
        """Read the secrets again next time: some were changed."""
        self._read_at = float("-inf")

    async def count(self, refusal: Refusal) -> None:
        """Count a refused request; those of the same second are kept together, by `run`."""
        self._refused[refusal] += 1
        if time.monotonic() - self._flushed_at > _FLUSH:
            self._flushed_at = time.monotonic()
            await self.flush()

    async def run(self) -> None:
        """Keep what was counted, each second, until cancelled."""
        while True:
            await asyncio.sleep(1)
            await self.flush()

    async def flush(self) -> None:
        """Keep what was counted; while the database is away it stays counted here."""
        refused, self._refused = self._refused, Counter()
        if not refused:
            return
        try:
            async with self._database.transaction() as tx:
                await rejections.reject(tx, refused, datetime.now(UTC))
                announce(tx, "delivery")
        except Unavailable:
            self._refused.update(refused)

    async def _why(self, body: bytes, header: bytes) -> Refusal:
        """Why a signature is wrong, as far as that can be told without much ado."""
        # Strangers send wrong ones too, as many as they like.
        if time.monotonic() - self._explained_at < _EXPLAIN:
            return Refusal.WRONG
        self._explained_at = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE), self._database.transaction() as tx:
                retired = await webhook_secrets.retired(tx, self._seal, datetime.now(UTC))
        except (Unavailable, TimeoutError):
            retired = ()
        return webhook.why_wrong(body, header, [each.secret for each in self._known], retired)

    async def _within(self, age: float) -> Sequence[KnownSecret]:
        async with self._one_reads:
            if time.monotonic() - self._read_at > age:
                try:
                    async with asyncio.timeout(_PATIENCE if self._known else None):
                        await self._read()
                except (Unavailable, TimeoutError):
                    if not self._known:
                        raise
                    _log.warning("Deliveries are verified with the secrets known so far")
                self._read_at = time.monotonic()
        return self._known

    async def _read(self) -> None:
        async with self._database.transaction() as tx:
            self._known = await webhook_secrets.secrets(tx, self._seal, datetime.now(UTC))


def _signer(
    body: bytes, header: bytes | None, known: Sequence[KnownSecret]
) -> tuple[int, Signature]:
    fits = known[webhook.verify(body, header, [(n, e.secret) for n, e in enumerate(known)])]
    return fits.connection_id, Signature.CURRENT if fits.is_current else Signature.PREVIOUS
