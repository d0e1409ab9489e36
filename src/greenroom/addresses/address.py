"""Our address as a running process knows it, so that no page has to ask for it."""

import asyncio
from contextlib import suppress

from greenroom.addresses import actions, model
from greenroom.addresses.model import Place, Source, Standing
from greenroom.database import Database
from greenroom.errors import Unavailable
from greenroom.live.feed import RESYNC, Feed
from greenroom.settings import WEBHOOK_PATH, Settings

_EVERY = 10.0
"""Seconds after which it is read again, should word of a change not have come."""


class Address:
    """Where Cal.com and candidates reach us now. Read once it is `refresh`ed; costs nothing.

    Staff have an address of their own: cookies and forms hold to `settings.origin`.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self.local = settings.origin
        self.may_be_public = settings.unsigned_webhooks == "refuse"
        self.looks = settings.find_tunnel != "off"
        # Where anybody may invent deliveries, none but this machine is to know the way.
        fixed = settings.is_public_url_set or not self.may_be_public
        self.setting = settings.origin if fixed else None
        self.standing = Standing(key="")

    @property
    def place(self) -> Place:
        """The address and who says so."""
        if self.setting is not None:
            return Place(self.setting, Source.SETTING)
        return self.standing.place or model.choose(None, self.standing, local=self.local)

    @property
    def origin(self) -> str:
        """Such as https://interviews.example.org, without a slash at the end."""
        return self.place.origin

    @property
    def source(self) -> Source:
        """Who says so."""
        return self.place.source

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches us there."""
        return self.place.is_local

    @property
    def is_disputed(self) -> bool:
        """Whether a server with other settings has settled another address than ours."""
        settled = self.standing.place
        return settled is not None and settled.origin != self.origin

    @property
    def webhook_url(self) -> str:
        """Where Cal.com delivers."""
        return self.origin + WEBHOOK_PATH

    def is_reachable_from(self, api_url: str) -> bool:
        """Whether Cal.com at `api_url` can deliver to us: one on this machine, or we are public."""
        return not self.is_local or model.is_local(api_url)

    def proof(self, nonce: str) -> str:
        """What we alone answer to `nonce`, by which we are known at an address."""
        return model.proof(self.standing.key, nonce)

    async def refresh(self) -> None:
        """Read what is known by now. Raises Unavailable."""
        async with self._database.transaction() as tx:
            self.standing = await actions.get(tx)

    async def run(self, feed: Feed) -> None:
        """Keep up with what other processes settle, until cancelled."""
        async with feed.topics() as topics:
            coming: asyncio.Future[str | None] = asyncio.ensure_future(anext(topics, None))
            try:
                while True:
                    await asyncio.wait({coming}, timeout=_EVERY)
                    said = coming.result() if coming.done() else RESYNC
                    if said is None:  # the feed has closed; this process ends soon
                        await asyncio.sleep(_EVERY)
                        continue
                    if coming.done():
                        coming = asyncio.ensure_future(anext(topics, None))
                    if said in {RESYNC, actions.TOPIC}:
                        with suppress(Unavailable):
                            await self.refresh()
            finally:
                coming.cancel()
