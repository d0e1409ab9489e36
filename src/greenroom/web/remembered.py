"""What many may ask for and few queries should answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """An answer that is good for some seconds. Who asks while it is sought waits for the same.

    What `seek` raises is not remembered.
    """

    def __init__(self, seek: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._seek = seek
        self._seconds = seconds
        self._one_at_a_time = asyncio.Lock()
        self._found: tuple[float, T] | None = None

    async def now(self) -> T:
        """The answer, as it was that many seconds ago at most."""
        async with self._one_at_a_time:
            if self._found is None or time.monotonic() - self._found[0] > self._seconds:
                found = await self._seek()
                self._found = time.monotonic(), found  # those who waited take this one
            return self._found[1]
