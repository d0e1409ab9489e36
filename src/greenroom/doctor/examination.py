"""One examination: what its checks share, and what a check is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from greenroom.calcom.client import Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import CalcomError
from greenroom.doctor.model import Area, Finding
from greenroom.parts import Parts

MINUTE = timedelta(minutes=1)
"""How often what costs a query or two is looked at."""
TEN_MINUTES = timedelta(minutes=10)
"""How often what asks Cal.com, or the network, is looked at."""
HOUR = timedelta(hours=1)
"""How often what asks strangers is looked at: mail servers, name servers."""


@dataclass(slots=True, kw_only=True)
class Examination:
    """What the checks of one examination share: Cal.com is asked the same thing once.

    `connections` are those that can be opened; whose key was lost is told by `secrets`.
    """

    parts: Parts
    now: datetime
    connections: Sequence[Connection]
    _webhooks: dict[int, Sequence[Row] | CalcomError] = field(default_factory=dict)

    async def webhooks(self, connection: Connection) -> Sequence[Row]:
        """The subscriptions of an account, asked once. Raises CalcomError, the same each time."""
        if connection.id not in self._webhooks:
            try:
                self._webhooks[connection.id] = await self.parts.calcom(connection).webhooks()
            except CalcomError as error:
                self._webhooks[connection.id] = error
        found = self._webhooks[connection.id]
        if isinstance(found, CalcomError):
            raise found
        return found


Look = Callable[[Examination], Awaitable[Sequence[Finding]]]
"""Look at one thing. It raises nothing that can be said in a finding."""
Mend = Callable[[Examination, Connection | None], Awaitable[str]]
"""Mend what a finding named; say in a sentence what was done. Raises GreenroomError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing the doctor looks at, `every` so often.

    `id` is in addresses, in the API and in the guide: never rename one. `means` is a sentence on
    why it matters, for whoever meets it for the first time. `mend` is what *Fix it* does.
    """

    id: str
    title: str
    area: Area
    means: str
    every: timedelta
    look: Look
    mend: Mend | None = None
