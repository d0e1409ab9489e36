"""One stream per open page: names and ids of what changed, never what it is now."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from secrets import randbelow

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from greenroom.accounts.guard import viewer, who
from greenroom.live.feed import RESYNC, Feed

router = APIRouter(include_in_schema=False)

BEAT = 15.0
"""Seconds between signs of life: proxies close what is silent for long."""
_ASK_EVERY = 4
"""Beats between two questions whether the user is still signed in: sessions also run out."""
_RIGHTS = "user:"
"""The topic of a user whose rights or sessions have changed; browsers are not told."""
_HEADERS = {"x-accel-buffering": "no"}


@router.get("/live", dependencies=[Depends(viewer)])
async def live_stream(request: Request) -> StreamingResponse:
    """Tell the page what changes, as long as its user is signed in."""

    async def allowed() -> bool:
        return await who(request) is not None

    feed: Feed = request.app.state.parts.feed
    return StreamingResponse(
        stream(feed, allowed), media_type="text/event-stream", headers=_HEADERS
    )


async def stream(
    feed: Feed, allowed: Callable[[], Awaitable[bool]], *, beat: float = BEAT
) -> AsyncIterator[str]:
    """Messages for a browser until the feed closes, or it is no longer `allowed`.

    That is asked when somebody's rights have changed, or may have, and now and then. What was
    announced while the last message went out is told in one.
    """
    beats = 0
    # The reconnects after a restart are spread, so that not all pages knock at once.
    yield f"event: {RESYNC}\nretry: {500 + randbelow(1500)}\ndata: {{}}\n\n"
    async with feed.topics() as topics:
        await anext(topics)  # the feed's own resync, told above
        coming = asyncio.ensure_future(anext(topics, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=beat)
                if not coming.done():
                    beats += 1
                    if beats % _ASK_EVERY == 0 and not await allowed():
                        return
                    yield ": hb\n\n"
                    continue
                gathered: list[str] = []
                while coming.done():
                    topic = coming.result()
                    if topic is None:
                        return
                    gathered.append(topic)
                    coming = asyncio.ensure_future(anext(topics, None))
                    await asyncio.sleep(0)
                if any(map(_is_about_rights, gathered)) and not await allowed():
                    return
                for message in messages(gathered):
                    yield message
        finally:
            coming.cancel()


def _is_about_rights(topic: str) -> bool:
    return topic == RESYNC or topic.startswith(_RIGHTS)


def messages(topics: Iterable[str]) -> Iterable[str]:
    """One message for each kind of topic, with the ids: "interview:17" is kind and id."""
    ids: dict[str, list[str]] = {}
    for topic in topics:
        if topic.startswith(_RIGHTS):
            continue
        kind, _, id_ = topic.partition(":")
        known = ids.setdefault(kind, [])
        if id_ and id_ not in known:
            known.append(id_)
    if RESYNC in ids:
        ids = {RESYNC: []}
    for kind, those in ids.items():
        yield f"event: {kind}\ndata: {json.dumps({'ids': those})}\n\n"
