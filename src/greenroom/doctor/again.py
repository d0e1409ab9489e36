"""*Check again*: everything is looked at once, however many ask for it at a time."""

import asyncio
from datetime import datetime

from greenroom.doctor import actions
from greenroom.parts import Parts


class Again:
    """Examinations that somebody waits for, in one process."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[object] | None = None

    async def examine(self, parts: Parts, now: datetime) -> None:
        """Look at everything; who comes while that goes on waits for it and looks no more.

        One look at all of a connection takes most of the requests it may make at once.
        """
        if self._under_way is None or self._under_way.done():
            looking = actions.examine(parts, which="all", now=now)
            self._under_way = asyncio.create_task(looking)
        # Who goes away takes it from nobody else.
        await asyncio.shield(self._under_way)
