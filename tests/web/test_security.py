"""Which requests are let in, and what every answer carries."""

import asyncio
import time

import httpx2
import pytest
from starlette.responses import PlainTextResponse

from greenroom.errors import NotAllowed
from greenroom.settings import WEBHOOK_PATH
from greenroom.web.security import (
    CONTENT_SECURITY_POLICY,
    BodyLimit,
    SameOrigin,
    SecurityHeaders,
    TooSlow,
    own_path,
)

pytestmark = pytest.mark.anyio

_LAN = "http://10.0.0.5:8000"
_KIB = 1024


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        pytest.param({"sec-fetch-site": "same-origin"}, True, id="our own page"),
        pytest.param({"sec-fetch-site": "none"}, True, id="typed by the user"),
        pytest.param({"sec-fetch-site": "cross-site"}, False, id="another site"),
        pytest.param({"sec-fetch-site": "same-site"}, False, id="a sibling subdomain"),
        pytest.param({"sec-fetch-site": "nonsense"}, False, id="an unknown word"),
        pytest.param(
            {"sec-fetch-site": "cross-site", "origin": _LAN}, False, id="an origin that lies"
        ),
        pytest.param({"origin": _LAN}, True, id="our page over plain http"),
        pytest.param({"origin": _LAN.upper()}, True, id="our page, spelled loudly"),
        pytest.param({"origin": "http://evil.example"}, False, id="another site, plain http"),
        pytest.param({"origin": "http://10.0.0.5:8001"}, False, id="another port"),
        pytest.param({"origin": "https://10.0.0.5:8000"}, False, id="another scheme"),
        pytest.param({"origin": "null"}, False, id="a sandboxed frame"),
        pytest.param({}, True, id="curl"),
        pytest.param(
            {"sec-fetch-site": "cross-site", "authorization": "Bearer grt_x"},
            True,
            id="a token, which no form can send",
        ),
        pytest.param(
            {"sec-fetch-site": "cross-site", "authorization": "Basic eDp5"},
            False,
            id="basic authentication, which browsers send by themselves",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_let_through_only_from_our_own_pages(method, headers, allowed):
    app = SameOrigin(PlainTextResponse("ok"), public_url=_LAN + "/x", webhook_path=WEBHOOK_PATH)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=_LAN) as browser:
        if allowed:
            assert (await browser.request(method, "/form", headers=headers)).text == "ok"
        else:
            with pytest.raises(NotAllowed, match="sent from another site"):
                await browser.request(method, "/form", headers=headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_anybody_may_read_from_anywhere(method, client):
    response = await client.request(method, "/page", headers={"sec-fetch-site": "cross-site"})

    assert response.status_code != 403


@pytest.mark.parametrize("path", [WEBHOOK_PATH, "/i/token/decline"])
async def test_a_request_with_its_own_proof_is_never_taken_for_a_foreign_form(path, client):
    headers = {"sec-fetch-site": "cross-site", "origin": "null"}

    response = await client.post(path, headers=headers)

    assert response.status_code == 200


@pytest.mark.parametrize("path", [WEBHOOK_PATH + "/", "/I/token/decline", "//form"])
async def test_a_path_that_only_looks_like_one_with_proof_is_refused(path, client):
    response = await client.post(path, headers={"sec-fetch-site": "cross-site"})

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        (WEBHOOK_PATH, 256 * _KIB),
        ("/raw", 1024 * _KIB),
        ("/candidates/import", 8 * 1024 * _KIB),
    ],
)
@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
async def test_a_body_is_taken_up_to_the_limit_of_its_address(path, limit, announced, client):
    fits, too_large = [
        (await client.post(path, content=_body(size, announced=announced)))
        for size in (limit, limit + 1)
    ]

    assert (fits.status_code, fits.json()) == (200, limit)
    assert too_large.status_code == 413
    assert too_large.headers["content-type"] == "application/problem+json"
    assert too_large.headers["connection"] == "close"
    assert "KiB" in too_large.json()["title"]


@pytest.mark.parametrize("path", ["/form", "/api/thing"])
async def test_no_parser_of_ours_turns_too_large_into_something_else(path, client):
    kind = "application/json" if "api" in path else "application/x-www-form-urlencoded"
    body = _body(1024 * _KIB + 1, announced=False)

    response = await client.post(path, content=body, headers={"content-type": kind})

    assert response.status_code == 413


async def test_a_huge_body_is_refused_before_it_is_read(app):
    async def never():
        raise AssertionError("the body was read")

    response = await _call(app, "POST", "/raw", never, [(b"content-length", b"9" * 30)])

    assert response[0]["status"] == 413


@pytest.mark.parametrize("length", ["-1", "nonsense", "", "٣"])
async def test_an_odd_content_length_does_not_get_around_the_count(length, app):
    async def receive():
        return {"type": "http.request", "body": b"x" * (1024 * _KIB + 1), "more_body": True}

    headers = [(b"content-length", length.encode("utf-8"))]
    response = await _call(app, "POST", "/raw", receive, headers)

    assert response[0]["status"] == 413


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "x"])
async def test_a_compressed_body_is_not_taken(encoding, client):
    response = await client.post(WEBHOOK_PATH, content=b"x", headers={"content-encoding": encoding})

    assert response.status_code == 415
    assert response.json()["detail"] == "Send it without Content-Encoding."


async def test_a_body_that_says_it_is_not_compressed_is_taken(client):
    response = await client.post("/raw", content=b"x", headers={"content-encoding": "identity"})

    assert response.json() == 1


async def test_a_body_that_drips_is_given_up(app):
    async def drip():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    limited = BodyLimit(app, limits={}, seconds=0.1)
    began = time.monotonic()

    with pytest.raises(TooSlow, match=r"within 0\.1 seconds"):
        await _call(limited, "POST", "/raw", drip)

    assert time.monotonic() - began < 2


async def test_a_stream_may_outlast_the_time_for_the_body():
    async def patient(_scope, receive, send):
        await receive()
        await receive()
        await PlainTextResponse("the reader left")(_scope, receive, send)

    messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive():
        await asyncio.sleep(0.05 * (2 - len(messages)))
        return messages.pop(0)

    response = await _call(BodyLimit(patient, limits={}, seconds=0.01), "GET", "/live", receive)

    assert response[0]["status"] == 200


async def test_events_go_out_one_by_one(app):
    asked = []

    async def receive():
        if asked:
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request"}

    sent = await _call(app, "GET", "/live", receive)

    chunks = [message["body"] for message in sent[1:] if message.get("body")]
    assert chunks == [b"data: one\n\n", b"data: two\n\n"]


@pytest.mark.parametrize(
    "host", ["evil.example/x", "a b", "evil.example#", "x@y", "é", "a:b:c", "[::1", "x" * 300]
)
async def test_a_host_that_no_browser_sends_is_refused(host, client):
    response = await client.get("/page", headers={"host": host.encode()})

    assert response.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "a-b.example.org:8000", "10.0.0.5", "[::1]:8000"])
async def test_a_host_that_a_browser_sends_is_fine(host, client):
    response = await client.get("/page", headers={"host": host})

    assert response.status_code == 200


async def test_two_hosts_are_refused(app):
    response = await _call(app, "GET", "/page", None, [(b"host", b"b.example")])

    assert response[0]["status"] == 400


_BROWSER = {"accept": "text/html"}
_ANSWERS = [
    pytest.param("GET", "/page", {}, 200, id="page"),
    pytest.param("GET", "/api/thing", {}, 200, id="json"),
    pytest.param("GET", "/live", {}, 200, id="stream"),
    pytest.param("GET", "/static/base-AAAA1111.js", {}, 200, id="built file"),
    pytest.param("GET", "/static/licenses.txt", {}, 200, id="file without a hash"),
    pytest.param("GET", "/static/gone-AAAA1111.js", {}, 404, id="file that is gone"),
    pytest.param("GET", "/nothing", _BROWSER, 404, id="page that is not"),
    pytest.param("GET", "/api/nothing", {}, 404, id="json that is not"),
    pytest.param("PUT", "/page", {}, 405, id="wrong method"),
    pytest.param("GET", "/needs-sign-in", _BROWSER, 303, id="redirect"),
    pytest.param("POST", "/form", {"sec-fetch-site": "cross-site"}, 403, id="foreign form"),
    pytest.param("POST", "/form", {"content-encoding": "gzip"}, 415, id="compressed"),
    pytest.param("GET", "/page", {"host": "a b"}, 400, id="odd host"),
    pytest.param("POST", "/api/thing", {}, 422, id="invalid"),
    pytest.param("GET", "/away", _BROWSER, 503, id="unavailable"),
    pytest.param("GET", "/bug", _BROWSER, 500, id="bug"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), _ANSWERS)
async def test_every_answer_carries_the_headers(method, path, headers, status, client):
    response = await client.request(method, path, headers=headers)

    built = path == "/static/base-AAAA1111.js"
    assert response.status_code == status
    assert {name: response.headers.get_list(name) for name in _EXPECTED} == _EXPECTED
    assert response.headers.get_list("cache-control") == [
        "public, max-age=31536000, immutable" if built else "no-store"
    ]
    assert "server" not in response.headers
    assert "set-cookie" not in response.headers


_EXPECTED = {
    "content-security-policy": [CONTENT_SECURITY_POLICY],
    "x-content-type-options": ["nosniff"],
    "referrer-policy": ["same-origin"],
    "cross-origin-opener-policy": ["same-origin"],
    "cross-origin-resource-policy": ["same-origin"],
    "permissions-policy": ["camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
    "strict-transport-security": ["max-age=31536000"],
}


def test_the_policy_allows_nothing_inline_and_nothing_foreign():
    policy = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


async def test_a_candidates_address_is_told_to_no_other_site(client):
    response = await client.get("/i/token")

    assert response.headers["referrer-policy"] == "no-referrer"


async def test_an_unencrypted_installation_does_not_ask_for_encryption():
    app = SecurityHeaders(PlainTextResponse("ok"), public_url=_LAN)

    response = await _call(app, "GET", "/page", None)

    assert b"strict-transport-security" not in dict(response[0]["headers"])


@pytest.mark.parametrize("path", ["/", "/candidates", "/?status=pending&q=ada", "/a%20b"])
def test_a_path_of_ours_is_gone_back_to(path):
    assert own_path(path) == path


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example",
        "http:///evil.example",
        "%2f%2fevil.example",
        "%2Fevil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/candidates\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        "evil.example",
        "／／evil.example",
        "/／evil.example",
        "/\u2215evil.example",
        " /candidates",
        "/candidates ",
        "/" + "a" * 3000,
        "",
        None,
    ],
)
def test_no_address_of_another_site_is_gone_to(address):
    assert own_path(address) == "/"


def _body(size, *, announced):
    if announced:
        return b"x" * size

    async def chunks():
        for start in range(0, size, 100_000):
            yield b"x" * min(100_000, size - start)

    return chunks()


async def _call(app, method, path, receive, headers=()):
    """Everything the application sends, message by message."""
    sent = []

    async def nothing():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"interviews.example.org"), *headers],
        "client": ("192.0.2.1", 1),
        "server": ("interviews.example.org", 443),
        "scheme": "https",
        "http_version": "1.1",
        "root_path": "",
    }
    await app(scope, receive or nothing, send)
    return sent
