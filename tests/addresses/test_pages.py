"""The card of the public address: what it says, who may change it, what it takes."""

from datetime import UTC, datetime

import httpx2
import pytest
from sqlalchemy import text
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from addresses.conftest import answering
from addresses.tunnels import Tunnel, site
from greenroom.accounts.model import Role
from greenroom.addresses.model import Source
from greenroom.settings import WEBHOOK_PATH
from world import World

pytestmark = pytest.mark.anyio

CARD = "/connections/address"
NOBODY = "http://127.0.0.1:1"
"""An address where nobody listens."""


@pytest.fixture
async def admin(post):
    return await post.token(Role.ADMIN)


async def shown(post, headers, **more):
    return (await post.http.get(CARD, headers={**headers, **more})).text


async def test_a_laptop_is_told_how_to_be_reached(post, admin):
    said = await shown(post, admin)

    assert "Only this machine reaches Greenroom." in said
    assert f"ngrok http {post.port}" in said


async def test_an_address_that_leads_here_is_used_and_calcom_is_told(post, admin, tunnel, calcom):
    await post.connect(calcom)

    answer = await post.http.post(
        CARD, data={"address": f"{tunnel.origin}{WEBHOOK_PATH}"}, headers=admin
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == "/connections#public-address"
    assert (post.parts.address.origin, post.parts.address.source) == (tunnel.origin, Source.TYPED)
    said = await shown(post, admin)
    assert "typed in" in said
    assert "It answers, and it is this Greenroom" in said
    assert "is being told" in said


async def test_to_htmx_the_card_itself_is_answered(post, admin, tunnel):
    answer = await post.http.post(
        CARD, data={"address": tunnel.origin}, headers={**admin, "hx-request": "true"}
    )

    assert answer.text.lstrip().startswith("<section")
    assert tunnel.origin in answer.text


@pytest.mark.parametrize(
    "given",
    [
        "",
        "hire",
        "ftp://hire.example",
        "https://user:secret@hire.example",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://hire..example",
        "https://hire.example:99999",
        "javascript:alert(1)",
        "https://" + "a" * 400 + ".example",
    ],
)
async def test_what_is_no_address_of_a_site_is_refused(post, admin, given):
    answer = await post.http.post(CARD, data={"address": given, "anyway": "true"}, headers=admin)

    assert answer.status_code == 422
    assert "is not the address of a site" in answer.text
    assert "secret" not in answer.text or "user:secret" in given
    assert post.parts.address.source is Source.LOCAL


async def test_one_that_does_not_lead_here_is_used_only_if_one_insists(post, admin):
    async with site() as other:
        other.say(WEBHOOK_PATH, b"<h1>Hello</h1>")
        refused = await post.http.post(CARD, data={"address": other.origin}, headers=admin)
        assert post.parts.address.is_local
        assert post.parts.address.source is Source.LOCAL
        insisted = await post.http.post(
            CARD, data={"address": other.origin, "anyway": "true"}, headers=admin
        )

    assert refused.status_code == 422
    assert "Something else than Greenroom answers" in refused.text
    assert "It was not used." in refused.text
    assert insisted.status_code == 303
    assert post.parts.address.origin == other.origin
    assert "Something else than Greenroom answers" in await shown(post, admin)


@pytest.mark.parametrize("host", ["http://127.0.0.1", "https://127.0.0.1", "https://a.localhost"])
async def test_what_is_typed_tells_nothing_about_our_own_network(database_url, tmp_path, host):
    async with answering(database_url, tmp_path, find_tunnel="off") as post, site() as inside:
        admin = await post.token(Role.ADMIN)
        inside.say(WEBHOOK_PATH, b"", status=302, location="http://db.internal/")
        ports = [inside.origin.rpartition(":")[2], "1"]
        said = []
        for port in ports:
            answer = await post.http.post(CARD, data={"address": f"{host}:{port}"}, headers=admin)
            said.append(answer.text.replace(f":{port}", ""))
        data = {"address": f"{host}:{ports[0]}", "anyway": "true"}
        await post.http.post(CARD, data=data, headers=admin)
        await post.http.post(f"{CARD}/check", headers=admin)
        card = await shown(post, admin)

    assert inside.asked == []
    assert said[0] == said[1]
    assert "was not asked: it is no https address on the public internet" in said[0]
    assert post.parts.address.source is Source.TYPED
    assert "was not asked" in card


async def test_what_was_typed_can_be_forgotten_for_the_tunnel_that_runs(post, admin, ngrok, tunnel):
    await post.http.post(CARD, data={"address": NOBODY, "anyway": "true"}, headers=admin)
    ngrok.lists((tunnel.origin, post.port))

    await post.http.post(f"{CARD}/tunnel", headers=admin)

    assert (post.parts.address.origin, post.parts.address.source) == (tunnel.origin, Source.NGROK)
    assert "found: ngrok" in await shown(post, admin)


async def test_a_check_asked_for_says_how_it_went_and_when(post, admin, ngrok, tunnel):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    await post.http.post(f"{CARD}/check", headers=admin)
    assert "It answers, and it is this Greenroom" in await shown(post, admin)

    tunnel.close()
    await post.http.post(f"{CARD}/check", headers=admin)

    assert f"Nobody answers at {tunnel.origin}." in await shown(post, admin)


async def test_a_tunnel_that_stopped_is_said_with_what_to_do(post, admin, ngrok, tunnel):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    ngrok.lists()
    tunnel.close()
    await post.step()

    said = await shown(post, admin)

    assert "ngrok stopped at" in said
    assert f"{tunnel.origin} no longer leads here." in said
    assert "Start it again, or type an address." in said


async def test_a_set_address_is_changed_where_it_is_set(database_url, tmp_path):
    async with answering(database_url, tmp_path, public_url="https://hire.example") as post:
        admin = await post.token(Role.ADMIN)
        answer = await post.http.post(CARD, data={"address": "https://a.example"}, headers=admin)
        said = (await post.http.get("/connections", headers=admin)).text

    assert answer.status_code == 409
    assert "Public address" in said
    assert "Change or remove GREENROOM_PUBLIC_URL" in answer.text
    assert "Use this address" not in said


async def test_where_tunnels_are_not_looked_for_nobody_is_promised_that(database_url, tmp_path):
    async with answering(database_url, tmp_path, find_tunnel="off") as post:
        admin = await post.token(Role.ADMIN)
        before = await shown(post, admin)
        await post.http.post(CARD, data={"address": NOBODY, "anyway": "true"}, headers=admin)
        typed = await shown(post, admin)
        await post.http.post(f"{CARD}/tunnel", headers=admin)

        assert post.parts.address.source is Source.LOCAL

    assert "Then type its address." in before
    assert "Look for a tunnel" not in before
    assert "Forget this address" in typed


async def test_where_unsigned_deliveries_are_taken_no_public_address_is(
    database_url, tmp_path, ngrok
):
    given = {"unsigned_webhooks": "accept", "find_tunnel": ngrok.origin}
    async with answering(database_url, tmp_path, **given) as post:
        tunnel = await Tunnel(post.port).open()
        ngrok.lists((tunnel.origin, post.port))
        await post.step()
        admin = await post.token(Role.ADMIN)
        answer = await post.http.post(CARD, data={"address": tunnel.origin}, headers=admin)
        tunnel.close()

        assert answer.status_code == 409
        assert "Remove GREENROOM_UNSIGNED_WEBHOOKS" in answer.text
        assert post.parts.address.is_local


async def test_links_that_went_out_with_an_earlier_address_are_counted(post, admin, ngrok, tunnel):
    now = datetime.now(UTC)
    await post.http.post(CARD, data={"address": NOBODY, "anyway": "true"}, headers=admin)
    await execute(
        post,
        "INSERT INTO connections (name, api_url, private_links, created_at)"
        " VALUES ('World', 'https://api.cal.example/v2', true, now())",
    )
    world = World(post.parts.database, post.parts.intake, 1)
    await world.send(await world.candidate(), await world.event_type(), now=now)
    ngrok.lists((tunnel.origin, post.port))
    await post.http.post(f"{CARD}/tunnel", headers=admin)

    await execute(post, "UPDATE booking_links SET sent_at = (SELECT since FROM public_address)")
    assert "Sent links" not in await shown(post, admin)
    await execute(post, "UPDATE booking_links SET sent_at = sent_at - interval '1 second'")
    said = await shown(post, admin)
    await execute(post, "UPDATE booking_links SET revoked_at = now()")

    assert "1 booking link that still works went out with an earlier address." in said
    assert f"before it was <code>{NOBODY}</code>" in said
    assert "Sent links" not in await shown(post, admin)


async def execute(post, statement):
    async with post.parts.database.transaction() as tx:
        await tx.execute(text(statement))


async def test_candidates_links_begin_with_the_public_address(post, ngrok, tunnel, calcom):
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    await post.connect(calcom)
    headers = await post.token(Role.RECRUITER)
    world = World(post.parts.database, post.parts.intake, (await post.connection()).id)
    candidate = await world.candidate()
    answer = await post.http.get("/api/admin/scheduling/event-types", headers=headers)
    kind = answer.json()["items"][0]["id"]

    sent = await post.http.post(
        "/api/admin/scheduling/interviews",
        json={"candidate_ids": [candidate.id], "event_type_id": kind, "send": True},
        headers=headers,
    )

    assert sent.json()["created"][0]["link"]["url"].startswith(f"{tunnel.origin}/i/")
    async with post.parts.database.transaction() as tx:
        letter = (await tx.execute(text("SELECT text FROM letters"))).scalar_one()
    assert f"{tunnel.origin}/i/" in letter


@pytest.mark.parametrize(
    ("peer", "forwarded", "offered"),
    [
        ("127.0.0.1", {"x-forwarded-host": "hire.example"}, "https://hire.example"),
        ("127.0.0.1", {"host": "hire.example:8443"}, "https://hire.example:8443"),
        ("127.0.0.1", {"x-forwarded-host": "hire.example, inner.example"}, "https://hire.example"),
        ("127.0.0.1", {"x-forwarded-host": "hire.example/<script>"}, None),
        ("127.0.0.1", {"x-forwarded-host": "localhost"}, None),
        ("127.0.0.1", {"x-forwarded-host": "h.example", "x-forwarded-proto": "http"}, None),
        ("203.0.113.7", {"x-forwarded-host": "evil.example"}, None),
    ],
)
async def test_what_a_trusted_proxy_says_is_offered_and_never_used_by_itself(
    post, admin, peer, forwarded, offered
):
    app = ProxyHeadersMiddleware(post.app, trusted_hosts="127.0.0.1")
    transport = httpx2.ASGITransport(app, client=(peer, 1234))
    headers = {**admin, "x-forwarded-proto": "https", **forwarded}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as proxied:
        said = (await proxied.get(CARD, headers=headers)).text

    if offered is None:
        assert "You came by" not in said
    else:
        assert f"You came by {offered}." in said
        assert f'name="address" value="{offered}"' in said
    assert "evil.example" not in said
    assert post.parts.address.source is Source.LOCAL


async def test_the_offer_is_not_for_who_may_not_take_it(post):
    app = ProxyHeadersMiddleware(post.app, trusted_hosts="127.0.0.1")
    transport = httpx2.ASGITransport(app, client=("127.0.0.1", 1234))
    headers = await post.token(Role.VIEWER)
    headers |= {"x-forwarded-proto": "https", "x-forwarded-host": "hire.example"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as proxied:
        said = (await proxied.get(CARD, headers=headers)).text

    assert "You came by" not in said
    assert "<form" not in said
