"""Tunnels are found, kept, lost and told apart; Cal.com follows without a person."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from addresses.conftest import answering
from addresses.tunnels import Tunnel, site
from calcom_desk import KEY
from greenroom import parts
from greenroom.addresses import actions, following
from greenroom.addresses.model import Source
from greenroom.calcom import connections
from greenroom.settings import WEBHOOK_PATH, Settings

pytestmark = pytest.mark.anyio

LATER = timedelta(minutes=1)
"""After which who could not be told is told again."""


def webhooks(calcom):
    answer = calcom.http.get(
        f"{calcom.api_url}/webhooks", headers={"authorization": f"Bearer {KEY}"}
    )
    return [each["subscriberUrl"] for each in answer.json()["data"]]


async def until(done, *, seconds=20):
    deadline = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < deadline, "It did not come about."
        await asyncio.sleep(0.1)


async def follow(post, after=timedelta()):
    ours, now = post.parts, datetime.now(UTC) + after
    await following.follow(ours.database, ours.seal, ours.address, calcom=ours.calcom, now=now)


async def test_a_tunnel_whose_address_changes_takes_the_webhook_along_and_nobody_does_a_thing(
    database_url, tmp_path, ngrok, calcom
):
    async def moved(origin):
        async def so():
            return await asyncio.to_thread(webhooks, calcom) == [origin + WEBHOOK_PATH]

        await until(so)

    async def heard(count):
        async def so():
            return await post.heard() >= count

        await until(so)

    settings = {"find_tunnel": ngrok.origin, "works": True}
    async with answering(database_url, tmp_path, **settings) as post:
        await post.connect(calcom)
        first = await Tunnel(post.port).open()
        ngrok.lists((first.origin, f"http://localhost:{post.port}"))
        await post.step()
        await moved(first.origin)
        await asyncio.to_thread(calcom.book)
        await heard(1)

        # ngrok is stopped, and started again
        first.close()
        second = await Tunnel(post.port).open()
        ngrok.lists((second.origin, f"http://localhost:{post.port}"))
        await post.step()
        await moved(second.origin)
        carried = second.carried
        await asyncio.to_thread(calcom.book, email="grace@example.org", name="Grace Hopper")
        await heard(2)

        assert second.carried > carried
        assert post.parts.address.origin == second.origin
        assert post.parts.address.standing.previous == first.origin
        assert (await post.connection()).webhook_url == second.origin + WEBHOOK_PATH
        second.close()


async def test_a_tunnel_of_cloudflared_is_found_too(database_url, tmp_path):
    async with (
        site() as agent,
        answering(database_url, tmp_path, find_tunnel=agent.origin) as post,
    ):
        tunnel = await Tunnel(post.port).open()
        agent.say("/quicktunnel", {"hostname": tunnel.origin.removeprefix("http://")})

        await post.step()

        assert post.parts.address.origin == tunnel.origin
        assert post.parts.address.source is Source.CLOUDFLARED
        tunnel.close()


async def test_of_several_tunnels_only_the_one_to_our_port_is_ours(post, ngrok, tunnel):
    async with site() as somebody:
        ngrok.lists(
            (somebody.origin, "http://localhost:1"),
            ("tcp://0.tcp.example:12345", f"localhost:{post.port}"),
            (tunnel.origin, f"localhost:{post.port}"),
        )
        await post.step()

    assert somebody.asked == []
    assert post.parts.address.origin == tunnel.origin
    assert post.parts.address.source is Source.NGROK


async def test_a_tunnel_to_another_greenroom_is_not_used_and_the_page_says_why(
    post, ngrok, new_database, tmp_path
):
    async with answering(new_database(), tmp_path / "other") as other:
        ngrok.lists((f"http://127.0.0.1:{other.port}", post.port))
        await post.step()

    assert post.parts.address.is_local
    assert "Somebody else’s Greenroom answers" in post.parts.address.standing.refused.what


async def test_a_copy_of_what_we_answered_before_is_not_us(post, ngrok):
    async with site() as copycat:
        real = await post.http.get(WEBHOOK_PATH, params={"proof": "0" * 32})
        copycat.say(WEBHOOK_PATH, real.content)
        ngrok.lists((copycat.origin, post.port))
        await post.step()

    assert post.parts.address.is_local


async def test_a_tunnel_that_died_stays_our_address_is_said_and_may_come_back(post, ngrok, tunnel):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    ngrok.lists()
    await post.step()
    assert post.parts.address.standing.lost_at is None, "it still leads here"

    tunnel.close()
    await post.step()
    assert post.parts.address.standing.lost_at is not None
    assert post.parts.address.origin == tunnel.origin

    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    assert post.parts.address.standing.lost_at is None


async def test_without_a_tunnel_nothing_is_found_and_nothing_lost(post):
    await post.step()

    assert post.parts.address.origin == f"http://localhost:{post.port}"
    assert post.parts.address.standing.lost_at is None


@pytest.mark.parametrize(
    "said",
    [b"", b"[", b"[" * 5000, b"{}", b'{"tunnels": 7}', b'{"tunnels": [7, {"config": 7}]}'],
)
async def test_an_agent_that_says_something_odd_has_no_tunnel(post, ngrok, said):
    ngrok.say("/api/tunnels", said)
    ngrok.say("/quicktunnel", {"hostname": 7})

    await post.step()

    assert post.parts.address.is_local


async def test_nothing_is_looked_for_where_an_address_is_set_or_typed_or_it_is_switched_off(
    post, ngrok, tunnel, new_database, tmp_path
):
    ngrok.lists((tunnel.origin, post.port))
    chosen = ({"public_url": "https://hire.example"}, {"find_tunnel": "off"})
    for given in chosen:
        async with answering(
            new_database(), tmp_path / "x", **{"find_tunnel": ngrok.origin, **given}
        ) as other:
            await other.step()
            assert other.parts.address.origin != tunnel.origin

    assert ngrok.asked == []


async def test_what_cannot_be_told_to_calcom_is_said_and_told_later(post, ngrok, tunnel, calcom):
    await post.connect(calcom)
    await aim(post, "http://127.0.0.1:1/v2")
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    assert await waiting(post, job="examine") == 1, "the doctor looks at the new address"
    await waiting(post, done=True)
    await follow(post)

    assert await waiting(post, job="examine") == 1, "and at what became of the webhook"
    assert "did not answer" in (await post.connection()).webhook_problem

    await aim(post, calcom.api_url)
    await waiting(post, done=True)
    async with post.parts.database.transaction() as tx:
        await following.remind(tx, post.parts.seal, post.parts.address, datetime.now(UTC) + LATER)
    assert await waiting(post) == 1

    await follow(post, LATER)
    connection = await post.connection()
    assert webhooks(calcom) == [tunnel.origin + WEBHOOK_PATH]
    assert (connection.webhook_problem, connection.webhook_url) == (None, webhooks(calcom)[0])


async def test_who_was_told_is_not_reminded(post, ngrok, tunnel, calcom):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    await post.connect(calcom)
    await follow(post)
    await waiting(post, done=True)

    async with post.parts.database.transaction() as tx:
        await following.remind(tx, post.parts.seal, post.parts.address, datetime.now(UTC) + LATER)

    assert await waiting(post) == 0


async def test_an_account_connected_while_nobody_could_reach_us_gets_its_webhook_once_they_can(
    post, ngrok, tunnel, calcom
):
    await post.connect(calcom, reachable=False)
    assert webhooks(calcom) == []

    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    await follow(post)

    assert webhooks(calcom) == [tunnel.origin + WEBHOOK_PATH]


async def test_the_other_processes_know_the_address_too(
    post, ngrok, tunnel, database_url, tmp_path
):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()

    async with parts.opened(Settings(_env_file=None, data_dir=tmp_path), database_url) as beside:
        assert beside.address.origin == tunnel.origin


async def test_a_process_hears_of_a_new_address_at_once(post, database_url, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)
    async with parts.opened(settings, database_url) as beside:
        feed = asyncio.create_task(beside.feed.run(database_url))
        task = asyncio.create_task(beside.address.run(beside.feed))
        async with post.parts.database.transaction() as tx:
            await actions.type_in(tx, "https://hire.example")
        await post.step()

        async def heard():
            return beside.address.origin == "https://hire.example"

        await until(heard, seconds=5)
        task.cancel()
        feed.cancel()


async def aim(post, api_url):
    async with post.parts.database.transaction() as tx:
        await connections.learn(tx, (await post.connection()).id, api_url=api_url)


async def waiting(post, *, job="follow_address", done=False):
    """How many such jobs wait, to tell Cal.com; `done`: none after this."""
    async with post.parts.database.transaction() as tx:
        if done:
            await tx.execute(text("DELETE FROM procrastinate_jobs"))
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :job")
        return (await tx.execute(query, {"job": job})).scalar_one()
