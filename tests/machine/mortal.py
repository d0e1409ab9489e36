"""What a Greenroom on stage has in place of its own: a life that ends, a budget that does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from greenroom.calcom.budget import Unlimited, Urgency
from greenroom.database import Database


class Died(BaseException):
    """The process ended here: nothing of ours may catch it."""


@dataclass
class Mortal:
    """A database whose process dies when it comes to the `last` beginning or end of a transaction.

    At the end the transaction is not committed.
    """

    database: Database
    last: int

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[object]:
        self._breathe()
        async with self.database.transaction() as tx:
            yield tx
            self._breathe()

    def _breathe(self) -> None:
        self.last -= 1
        if self.last < 0:
            raise Died


class Boundless(Unlimited):
    """A budget for as many requests as there are: nobody waits by the clock on the wall."""

    def urge(self, urgency: Urgency) -> None:
        """Everything is."""
