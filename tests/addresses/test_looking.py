"""Asking an address whether it leads to us: each way it does not has its sentence and its fix."""

import socket

import pytest

from addresses.tunnels import site
from calcom import tls
from greenroom.addresses import looking
from greenroom.calcom.client import guarded_client, http_client
from greenroom.settings import WEBHOOK_PATH

pytestmark = pytest.mark.anyio


@pytest.fixture
async def look(post):
    async def ask(origin, http=None):
        return await looking.look(http or post.parts.http, origin, post.parts.address.proof)

    return ask


async def test_a_tunnel_to_us_is_well(look, tunnel):
    found = await look(tunnel.origin)

    assert (found.is_well, found.what) == (True, "")


@pytest.mark.parametrize(
    ("status", "headers", "body", "what", "do"),
    [
        (
            301,
            {"location": "https://www.a.example/x?y=1"},
            b"",
            "to https://www.a.example. Cal",
            "",
        ),
        (308, {"location": "/elsewhere"}, b"", "redirects. Cal.com does not follow", "as it is"),
        (302, {"location": "http://[bad"}, b"", "redirects. Cal.com does not follow", "as it is"),
        (401, {}, b"", "wants a sign-in before it lets anybody through (401)", "Let /api/admin"),
        (404, {"ngrok-error-code": "ERR_NGROK_3200"}, b"", "no tunnel is open", "Start ngrok"),
        (502, {}, b"", "does not reach Greenroom behind it (502)", "the port where"),
        (530, {}, b"", "does not reach Greenroom behind it (530)", "the port where"),
        (404, {}, b"", "answers 404 where Greenroom would answer 200", "the tunnel or proxy"),
        (200, {}, b"<h1>Hello</h1>", "Something else than Greenroom answers", "the tunnel or"),
        (200, {}, b"[" * 3000, "Something else than Greenroom answers", "the tunnel or proxy"),
        (200, {}, b"x" * 300_000, "Something else than Greenroom answers", "the tunnel or"),
        (200, {}, b'{"status": "ready"}', "Somebody else’s Greenroom answers", "stop it"),
        (200, {}, b'{"status": "ready", "proof": "\xc3\xa9"}', "Somebody else’s", "stop it"),
        (200, {}, b'{"status": "ready", "proof": 7}', "Somebody else’s", "stop it"),
    ],
)
async def test_what_answers_there_instead_is_said(look, status, headers, body, what, do):
    async with site() as other:
        other.say(WEBHOOK_PATH, body, status=status, **headers)
        found = await look(other.origin)

    assert what in found.what
    assert do in found.do


async def test_an_address_where_nobody_listens(look, tunnel):
    tunnel.close()

    found = await look(tunnel.origin)

    assert f"Nobody answers at {tunnel.origin}." in found.what


async def test_a_name_that_leads_nowhere(look):
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with http_client(resolve=unknown) as http:
        found = await look("https://gone.ngrok.example", http)

    assert "The name gone.ngrok.example leads nowhere." in found.what


@pytest.mark.parametrize("leads_to", [[], ["10.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]])
async def test_a_typed_name_that_nobody_has_and_one_of_our_network_get_the_same_words(
    post, leads_to
):
    async def resolve(host, port):
        if not leads_to:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return leads_to

    async with guarded_client(resolve=resolve) as http:
        found = await looking.look(
            http, "https://hire.example", post.parts.address.proof, only_public=True
        )

    assert found.was_asked
    assert found.what == (
        "https://hire.example was not asked: it is no https address on the public internet, as "
        "seen from here, and Greenroom asks no other that was typed."
    )


async def test_a_certificate_of_ones_own_is_no_certificate(look, tmp_path):
    async with tls.serving(b"", tls.certificate("127.0.0.1"), tmp_path) as server:
        found = await look(f"https://127.0.0.1:{server.port}")

    assert "The certificate of 127.0.0.1 is not good" in found.what


async def test_https_where_only_http_is_spoken(look, tunnel):
    found = await look(tunnel.origin.replace("http:", "https:"))

    assert "127.0.0.1 does not speak https there." in found.what


async def test_one_that_never_answers_is_given_up(look, monkeypatch):
    monkeypatch.setattr(looking, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = await look(f"http://127.0.0.1:{mute.getsockname()[1]}")

    assert "did not answer within 0.3 seconds" in found.what


async def test_the_proof_answers_only_a_nonce_and_each_nonce_otherwise(post):
    async def said(**query):
        return (await post.http.get(WEBHOOK_PATH, params=query)).json()

    assert "proof" not in await said()
    assert (await said(proof="0" * 32))["proof"] != (await said(proof="1" * 32))["proof"]
    assert (await post.http.get(WEBHOOK_PATH, params={"proof": "../x"})).status_code == 422
