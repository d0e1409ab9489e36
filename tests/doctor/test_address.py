"""The checks of the address: each thing that can be wrong with it has its own sentence and fix."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from addresses.conftest import Post, answering
from addresses.tunnels import Ngrok, Tunnel, ngrok, site
from doctor.conftest import Clinic
from greenroom import jobs, parts
from greenroom.addresses import actions
from greenroom.calcom import connections
from greenroom.doctor.model import Light
from greenroom.errors import Conflict
from greenroom.settings import WEBHOOK_PATH, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def post(database_url, tmp_path):
    """A Greenroom on a real port, an ngrok beside it, and its doctor."""
    async with (
        ngrok() as agent,
        answering(
            database_url, tmp_path, find_tunnel=agent.origin, allow_private_calcom=True
        ) as post,
    ):
        yield Visit(post.parts, post, agent)


@dataclass(frozen=True)
class Visit(Clinic):
    """A Greenroom on a real port, an ngrok beside it, and its doctor."""

    post: Post
    agent: Ngrok

    async def use(self, origin: str) -> None:
        """Have that be the address, as if it were typed."""
        async with self.parts.database.transaction() as tx:
            await actions.type_in(tx, origin)
        await self.parts.watch.settle(datetime.now(UTC))


async def hosted(clinic):
    """A connection to Cal.com's own cloud."""
    async with clinic.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            clinic.parts.seal,
            name="Hosted",
            api_url="https://api.cal.example/v2",
            api_key=None,
            secret=None,
            now=datetime.now(UTC),
        )


async def test_a_fresh_installation_gets_advice(clinic):
    found = [*await clinic.examine("public-address"), *await clinic.examine("address-reachable")]

    assert [each.light for each in found] == [Light.OFF, Light.OFF]
    assert "ngrok http 8000" in found[0].do


async def test_calcom_on_the_same_machine_needs_no_public_address(clinic, connection):
    (found,) = await clinic.examine("public-address")

    assert found.light is Light.GREEN
    assert "on this machine too" in found.what
    (found,) = await clinic.examine("address-reachable")
    assert (found.light, found.do) == (Light.OFF, "")


async def test_connected_to_a_cloud_that_cannot_deliver_here_is_worth_doing_something(clinic):
    await hosted(clinic)

    (found,) = await clinic.examine("public-address")

    assert found.light is Light.AMBER
    assert "candidates cannot open their links" in found.what


@pytest.mark.parametrize(
    ("given", "light", "said"),
    [
        ({"public_url": "http://localhost:8000"}, Light.AMBER, "Change GREENROOM_PUBLIC_URL"),
        ({"public_url": "http://hire.example"}, Light.AMBER, "a proxy with a certificate"),
        ({"public_url": "https://hire.example"}, Light.GREEN, ""),
        ({"unsigned_webhooks": "accept"}, Light.OFF, "Remove GREENROOM_UNSIGNED_WEBHOOKS"),
    ],
)
async def test_what_is_set_is_judged_too(database_url, tmp_path, given, light, said):
    settings = Settings(_env_file=None, data_dir=tmp_path, **given)
    async with jobs.opened(database_url), parts.opened(settings, database_url) as running:
        clinic = Clinic(running)
        await hosted(clinic)
        (found,) = await clinic.examine("public-address")

    assert found.light is light
    assert said in found.do


async def test_two_servers_that_disagree_about_the_address_are_said(database_url, tmp_path):
    async with jobs.opened(database_url):
        for origin in ("https://old.example", "https://new.example"):
            settings = Settings(_env_file=None, data_dir=tmp_path, public_url=origin)
            async with parts.opened(settings, database_url) as running:
                await running.watch.step(datetime.now(UTC))
                (agreed,) = await Clinic(running).examine("public-address")
        settings = Settings(_env_file=None, data_dir=tmp_path, public_url="https://old.example")
        async with parts.opened(settings, database_url) as running:
            (disputed,) = await Clinic(running).examine("public-address")

    assert agreed.light is Light.GREEN
    assert disputed.light is Light.AMBER
    assert "https://old.example (set by GREENROOM_PUBLIC_URL) here" in disputed.what
    assert "https://new.example elsewhere" in disputed.what
    assert "the same GREENROOM_PUBLIC_URL" in disputed.do


async def test_a_tunnel_that_died_turns_red_and_green_again_once_it_is_back(post, calcom):
    tunnel = await Tunnel(post.post.port).open()
    post.agent.lists((tunnel.origin, post.post.port))
    await post.parts.watch.step(datetime.now(UTC))
    post.agent.lists()
    tunnel.close()
    await post.parts.watch.step(datetime.now(UTC))
    (dead,) = await post.examine("public-address")
    with pytest.raises(Conflict, match="No tunnel to this Greenroom runs"):
        await post.mend("public-address")

    again = await Tunnel(post.post.port).open()
    post.agent.lists((again.origin, post.post.port))
    said = await post.mend("public-address")
    await hosted(post)
    (alive,) = await post.examine("public-address")

    assert dead.light is Light.RED
    assert "ngrok stopped" in dead.what
    assert again.origin in said
    assert alive.light is not Light.RED
    again.close()


async def test_an_address_that_leads_here_is_green_and_one_that_redirects_is_red(post):
    tunnel = await Tunnel(post.post.port).open()
    async with site() as proxy:
        proxy.say(WEBHOOK_PATH, b"", status=301, location="https://www.hire.example/elsewhere")
        await post.use(proxy.origin)
        (redirected,) = await post.examine("address-reachable")
        await post.use(tunnel.origin)
        (good,) = await post.examine("address-reachable")

    assert redirected.light is Light.RED
    assert "redirects to https://www.hire.example." in redirected.what
    assert good.light is Light.GREEN
    tunnel.close()


async def test_a_typed_address_in_the_own_network_is_not_asked(database_url, tmp_path):
    async with site() as inside, answering(database_url, tmp_path, find_tunnel="off") as post:
        async with post.parts.database.transaction() as tx:
            await actions.type_in(tx, inside.origin)
        await post.parts.watch.settle(datetime.now(UTC))
        (found,) = await Clinic(post.parts).examine("address-reachable")

    assert inside.asked == []
    assert found.light is Light.OFF
    assert "was not asked" in found.what
    assert "GREENROOM_PUBLIC_URL" in found.do


async def test_an_address_is_not_looked_at_while_its_tunnel_is_stopped(post):
    tunnel = await Tunnel(post.post.port).open()
    post.agent.lists((tunnel.origin, post.post.port))
    await post.parts.watch.step(datetime.now(UTC))
    post.agent.lists()
    tunnel.close()
    await post.parts.watch.step(datetime.now(UTC))

    (found,) = await post.examine("address-reachable")

    assert found.light is Light.OFF
    assert "start the tunnel again" in found.do


async def test_somebody_elses_greenroom_behind_the_tunnel_is_said(post, new_database, tmp_path):
    async with answering(new_database(), tmp_path / "other") as other:
        post.agent.lists((f"http://127.0.0.1:{other.port}", post.post.port))
        await post.parts.watch.step(datetime.now(UTC))
        (found,) = await post.examine("public-address")
        with pytest.raises(Conflict, match="Somebody else’s Greenroom"):
            await post.mend("public-address")
    post.agent.lists()
    await post.parts.watch.step(datetime.now(UTC))
    (gone,) = await post.examine("public-address")

    assert found.light is Light.AMBER
    assert "Somebody else’s Greenroom answers" in found.what
    assert gone.light is Light.OFF
