"""One examination: what its checks share, and what a check is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar, cast

from greenroom.calcom.client import Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import CalcomError
from greenroom.doctor.model import Area, Finding
from greenroom.parts import Parts

T = TypeVar("T")

MINUTE = timedelta(minutes=1)
"""How often what costs a query or two is looked at."""
TEN_MINUTES = timedelta(minutes=10)
"""How often what asks Cal.com, or the network, is looked at."""
HOUR = timedelta(hours=1)
"""How often what asks strangers is looked at: mail servers, name servers."""


@dataclass(slots=True, kw_only=True)
class Examination:
    """What the checks of one examination share: Cal.com is asked the same thing once.

    `connections` are those that can be opened; whose key was lost is told by `secrets`. `by` is
    who asked for it.
    """

    parts: Parts
    now: datetime
    connections: Sequence[Connection]
    by: str = "Greenroom"
    _asked: dict[tuple[str, int], object] = field(default_factory=dict)
    _asking: dict[tuple[str, int], asyncio.Lock] = field(default_factory=dict)

    async def webhooks(self, connection: Connection) -> Sequence[Row]:
        """The subscriptions of an account, asked once. Raises CalcomError, the same each time."""
        return await self.once("webhooks", connection, self.parts.calcom(connection).webhooks)

    async def once(self, what: str, connection: Connection, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives about the connection, asked once however many checks want it.

        Raises CalcomError, the same each time.
        """
        key = (what, connection.id)
        # Checks look side by side: the second waits for what the first is asking.
        async with self._asking.setdefault(key, asyncio.Lock()):
            if key not in self._asked:
                try:
                    self._asked[key] = await ask()
                except CalcomError as error:
                    self._asked[key] = error
        found = self._asked[key]
        if isinstance(found, CalcomError):
            raise found
        return cast("T", found)


Look = Callable[[Examination], Awaitable[Sequence[Finding]]]
"""Look at one thing. It raises nothing that can be said in a finding."""
Mend = Callable[[Examination, Connection | None], Awaitable[str]]
"""Mend what a finding named; say in a sentence what was done. Raises GreenroomError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing the doctor looks at, `every` so often.

    `id` is in addresses, in the API and in the guide: never rename one. `means` is a sentence on
    why it matters, for whoever meets it for the first time. `mend` is what *Fix it* does;
    where it is not to be done `by_itself`, only for whoever asked for just that.
    """

    id: str
    title: str
    area: Area
    means: str
    every: timedelta
    look: Look
    mend: Mend | None = None
    by_itself: bool = True
