"""What a person may give as Cal.com's address and key: each mistake has its own words."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calcom import tls
from calcom.account import KEY, ungated
from calcom.odd import answering
from greenroom.calcom import budget, client, connecting
from greenroom.calcom.client import Calcom, Failing, KeyRefused, Missing, NotAllowed
from greenroom.calcom.reach import OutOfReach, guarded_client, http_client

pytestmark = pytest.mark.anyio

NOT_VALID = "Your api key is not valid"
NO_KEY = f"ApiAuthStrategy - api key - {NOT_VALID}"
EXPIRED = "ApiAuthStrategy - api key - Your api key is expired"


def error(message, code="UnauthorizedException"):
    return {"status": "error", "error": {"code": code, "message": message}}


def html(status="200 OK", more=""):
    page = b"<!doctype html><title>Cal.com</title>a page with CANARY in it"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(page)}\r\n{more}Connection: close\r\n\r\n"
    return head.encode() + page


@asynccontextmanager
async def asking(server, *, host="127.0.0.1", scheme="https"):
    async with http_client() as http:
        yield ungated(http, f"{scheme}://{host}:{server.port}/v2")


async def why(calcom, kind=Failing):
    with pytest.raises(kind) as refused:
        await calcom.me()
    assert type(refused.value) is kind
    assert refused.value.do.endswith(".")
    assert KEY not in str(refused.value)
    assert "CANARY" not in str(refused.value)
    return refused.value


async def test_a_self_signed_certificate_and_what_makes_it_good(tmp_path, monkeypatch):
    pair = tls.certificate("localhost")
    async with tls.serving(tls.me(), pair, tmp_path) as server:
        async with asking(server, host="localhost") as calcom:
            refused = await why(calcom)
        assert "the certificate of localhost is self-signed" in refused.what
        assert "SSL_CERT_FILE" in refused.do
        assert server.heads == []

        monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, pair[0])))
        async with asking(server, host="localhost") as calcom:
            assert (await calcom.me())["username"] == "mara"


async def test_an_authority_of_their_own_and_what_makes_it_good(tmp_path, monkeypatch):
    authority = tls.authority()
    pair = tls.certificate("localhost", by=authority)
    async with tls.serving(tls.me(), pair, tmp_path) as server:
        async with asking(server, host="localhost") as calcom:
            refused = await why(calcom)
        assert "does not know who signed the certificate of localhost" in refused.what
        assert "SSL_CERT_FILE" in refused.do

        monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))
        async with asking(server, host="localhost") as calcom:
            assert (await calcom.me())["username"] == "mara"


@pytest.mark.parametrize(
    ("days", "name", "what"),
    [
        ((-60, -1), "localhost", "the certificate of localhost has expired"),
        ((1, 60), "localhost", "the certificate of localhost is not valid yet"),
        ((-1, 60), "cal.example", "the certificate there is not for localhost"),
    ],
)
async def test_a_certificate_that_is_not_good(tmp_path, monkeypatch, days, name, what):
    authority = tls.authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))
    pair = tls.certificate(name, by=authority, days=days)
    async with (
        tls.serving(tls.me(), pair, tmp_path) as server,
        asking(server, host="localhost") as calcom,
    ):
        assert what in (await why(calcom)).what


async def test_https_where_only_http_is_spoken(tmp_path):
    async with tls.serving(tls.me(), None, tmp_path) as server, asking(server) as calcom:
        assert "127.0.0.1 does not speak https there" in (await why(calcom)).what


async def test_a_web_page(tmp_path):
    async with (
        tls.serving(html(more="Content-Type: text/html\r\n"), None, tmp_path) as server,
        asking(server, scheme="http") as calcom,
    ):
        refused = await why(calcom)

    assert refused.what.startswith(f"A web page is at http://127.0.0.1:{server.port}/v2/me")
    assert "https://api.cal.com/v2" in refused.do


@pytest.mark.parametrize(
    ("host", "api"), [("app.cal.com", "api.cal.com"), ("cal.eu", "api.cal.eu")]
)
async def test_the_web_site_of_cal_com(tmp_path, monkeypatch, host, api):
    authority = tls.authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))

    async def here(*_):
        return ["127.0.0.1"]

    pair = tls.certificate(host, by=authority)
    async with (
        tls.serving(html(), pair, tmp_path) as server,
        http_client(resolve=here) as http,
    ):
        refused = await why(ungated(http, f"https://{host}:{server.port}/v2"))

    assert refused.what == f"{host} is Cal.com's web site, not its API."
    assert refused.do == f"Give https://{api}/v2 instead."


@pytest.mark.parametrize(
    ("location", "where", "do"),
    [
        ("https://127.0.0.1/v2/me?token=1", "to https://127.0.0.1/v2/me,", "with https://"),
        ("https://login.example/?next=CANARY", "to https://login.example/,", "to which it leads"),
        ("/signin", "/signin,", "to which it leads"),
        ("http://[broken", "leads on to", "to which it leads"),
    ],
)
async def test_a_redirect_is_not_followed_and_says_where_it_leads(tmp_path, location, where, do):
    answer = html("308 Permanent Redirect", f"Location: {location}\r\n")
    async with (
        tls.serving(answer, None, tmp_path) as server,
        asking(server, scheme="http") as calcom,
    ):
        refused = await why(calcom)

    assert where in refused.what
    assert "token=1" not in refused.what
    assert do in refused.do
    assert server.connections == 1


async def test_an_address_without_its_v2():
    async with (
        answering(lambda *_: (404, error("Cannot GET /me", "NotFoundException"))) as url,
        http_client() as http,
    ):
        base = url.removesuffix("/v2")
        refused = await why(ungated(http, base), Missing)

    assert refused.what == f"Cal.com's API is not at {base}."
    assert "/v2" in refused.do


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    "said", [{"status": "success", "result": {}}, {"status": "success", "data": []}, ["x"]]
)
async def test_an_answer_of_an_api_that_is_newer(status, said):
    async with answering(lambda *_: (status, said)) as url, http_client() as http:
        refused = await why(ungated(http, url))

    assert "newer than this Greenroom" in refused.do


async def test_a_host_that_says_nothing(monkeypatch):
    monkeypatch.setattr(client, "_SLOWEST", 0.2)

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    async with server, http_client() as http:
        refused = await why(ungated(http, url))

    assert refused.what.endswith("127.0.0.1 took the question and did not answer it in time.")


@pytest.mark.parametrize(
    ("said", "worked", "what"),
    [
        (NO_KEY, False, f"Cal.com refused the API key ({NOT_VALID})."),
        (NO_KEY, True, f"Cal.com no longer takes the API key ({NOT_VALID}): it was deleted there."),
        (EXPIRED, False, "The API key has expired (Your api key is expired)."),
    ],
)
async def test_a_wrong_key_a_deleted_one_and_one_that_ran_out(said, worked, what):
    async with answering(lambda *_: (401, error(said))) as url, http_client() as http:
        calcom = Calcom(http, url, KEY, budget.Unlimited(), worked=worked)
        refused = await why(calcom, KeyRefused)

    assert refused.what == what
    assert "Settings, Developer, API keys" in refused.do


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("CustomThrottlerGuard - Invalid API Key", "Invalid API Key"),
        ("InputEventTypesService_2024_06_14 - No such length", "No such length"),
        ("ThrottlerException: Too much", "Too much"),
        ("Google Calendar - not connected", "Google Calendar - not connected"),
        ("PermissionsGuard", "PermissionsGuard"),
    ],
)
async def test_a_reason_is_told_without_the_names_of_cal_coms_program(said, shown):
    async with answering(lambda *_: (403, error(said))) as url, http_client() as http:
        refused = await why(ungated(http, url), NotAllowed)

    assert refused.what == f"Cal.com does not let this API key do that ({shown})."


async def test_a_connection_is_asked_as_it_was_made(house, calcom):
    parts, now = house.parts, datetime.now(UTC)
    done = await connecting.connect(
        parts.database,
        parts.seal,
        parts.http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url=parts.address.webhook_url,
        reachable=True,
        now=now,
    )
    assert (await parts.calcom(done.connection).me())["username"] == "mara"

    of_the_page = replace(done.connection, allows_private=False)
    with pytest.raises(OutOfReach):
        await parts.calcom(of_the_page).me()

    deleted = replace(done.connection, api_key="cal_deleted_at_cal_com")
    with pytest.raises(KeyRefused, match="no longer takes the API key"):
        await parts.calcom(deleted).me()


async def test_a_good_key_that_may_not_do_this_is_not_called_wrong():
    said = error("User is not allowed to access this webhook", "ForbiddenException")
    async with answering(lambda *_: (403, said)) as url, http_client() as http:
        refused = await why(ungated(http, url), NotAllowed)

    assert refused.what.startswith("Cal.com does not let this API key do that (User is not")


async def test_no_error_repeats_the_key_or_the_secret_that_was_sent():
    secret = "a webhook secret of some length"
    said = error(f"Bad token {KEY}\n and secret {secret}", "BadRequestException")
    async with answering(lambda *_: (400, said)) as url, http_client() as http:
        with pytest.raises(client.CalcomError) as refused:
            await ungated(http, url).create_webhook("https://x.example", ["PING"], secret)

    assert refused.value.what == "Cal.com answered 400 (Bad token ... and secret ...)."


async def test_the_body_of_a_stranger_is_not_shown(tmp_path, monkeypatch):
    authority = tls.authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))
    body = json.dumps({"error": "CANARY", "message": "CANARY"}).encode()
    for status in ("200 -", "400 -", "401 -", "403 -", "404 -", "500 -"):
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        pair = tls.certificate("localhost", by=authority)
        async with (
            tls.serving(head.encode() + body, pair, tmp_path) as server,
            guarded_client(judge=lambda _: True) as http,
        ):
            with pytest.raises(client.CalcomError) as refused:
                await ungated(http, f"https://localhost:{server.port}/v2").me()

        assert server.connections == 1
        assert "CANARY" not in str(refused.value)
