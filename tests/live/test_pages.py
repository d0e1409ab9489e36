"""What an open page is told, and when the stream ends."""

import asyncio
import json

import pytest

from greenroom.live.feed import Feed
from greenroom.live.pages import messages, stream

pytestmark = pytest.mark.anyio


@pytest.fixture
def feed():
    return Feed()


async def yes():
    return True


async def no():
    return False


async def hear(heard, count):
    return [await asyncio.wait_for(anext(heard), 5) for _ in range(count)]


def tell(feed, *topics):
    feed._tell(topics)  # what its LISTEN connection does


def read(message):
    fields = dict(line.split(": ", 1) for line in message.strip().splitlines())
    return fields["event"], json.loads(fields["data"])


async def test_a_page_is_told_first_to_ask_for_everything(feed):
    (first,) = await hear(stream(feed, yes), 1)

    assert read(first) == ("resync", {})
    assert 500 <= int(first.split("retry: ")[1].split("\n")[0]) < 2000


async def test_a_change_is_told_by_kind_and_id(feed):
    heard = stream(feed, yes)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0.01)
    tell(feed, "interview:17")

    assert read(await coming) == ("interview", {"ids": ["17"]})


async def test_what_came_meanwhile_is_told_at_once_and_once(feed):
    heard = stream(feed, yes)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0.01)
    tell(feed, "interview:1", "interview:2", "delivery", "interview:1")

    first, second = await coming, (await hear(heard, 1))[0]

    assert read(first) == ("interview", {"ids": ["1", "2"]})
    assert read(second) == ("delivery", {"ids": []})


async def test_a_silent_stream_gives_a_sign_of_life(feed):
    heard = stream(feed, yes, beat=0.01)

    assert (await hear(heard, 3))[1:] == [": hb\n\n", ": hb\n\n"]


async def test_a_silent_stream_ends_when_its_session_has_run_out(feed):
    heard = [message async for message in stream(feed, no, beat=0.01)]

    assert heard[1:] == [": hb\n\n"] * 3


@pytest.mark.parametrize("topic", ["user:3", "resync"])
async def test_the_stream_ends_at_once_when_its_users_rights_are_gone(feed, topic):
    heard = stream(feed, no)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard, "ended"))
    await asyncio.sleep(0.01)
    tell(feed, topic, "interview:17")

    assert await asyncio.wait_for(coming, 5) == "ended"


async def test_whose_rights_changed_is_not_told_to_browsers(feed):
    heard = stream(feed, yes)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0.01)
    tell(feed, "user:3", "interview:17")

    assert read(await coming) == ("interview", {"ids": ["17"]})


async def test_the_stream_ends_when_the_feed_closes(feed):
    heard = stream(feed, yes)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard, "ended"))
    await asyncio.sleep(0.01)
    feed.close()

    assert await asyncio.wait_for(coming, 5) == "ended"


async def test_a_page_that_goes_away_is_forgotten(feed):
    heard = stream(feed, yes)
    await hear(heard, 1)
    coming = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0.01)
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)

    assert not feed._queues


def test_resync_makes_all_else_superfluous():
    assert [read(each) for each in messages(["interview:1", "resync"])] == [("resync", {"ids": []})]


async def test_only_who_is_signed_in_may_listen(house):
    answer = await house.http.get("/live", headers={"accept": "text/event-stream"})

    assert answer.status_code == 401
