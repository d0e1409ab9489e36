"""Requests no client library would send, as bytes to the real server: refused, and never two."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest
import uvicorn
from structlog.testing import capture_logs

from greenroom import app
from greenroom.calcom import webhook
from greenroom.settings import WEBHOOK_PATH
from house import SECRET

pytestmark = pytest.mark.anyio

_HOST = b"Host: localhost\r\n"
_END = b"Connection: close\r\n\r\n"
_HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""A request inside the body of another, which a confused server would answer."""
_POST = b"POST /sign-in HTTP/1.1\r\n" + _HOST


def _get(target: bytes, *headers: bytes, host: bytes = _HOST, version: bytes = b"1.1") -> bytes:
    fields = b"".join(each + b"\r\n" for each in headers)
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + host + fields + _END


BROKEN = {
    "length and chunks": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" + _HIDDEN,
    "chunks and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    b"0\r\n\r\n" + _HIDDEN,
    "chunks spelt oddly": _POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n"
    + _HIDDEN,
    "chunks behind a tab": _POST + b"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n"
    b"\r\n" + _HIDDEN,
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + _HIDDEN,
    "a list of lengths": _POST + b"Content-Length: 0, 40\r\n\r\n" + _HIDDEN,
    "a negative length": _POST + b"Content-Length: -1\r\n\r\n" + _HIDDEN,
    "a signed length": _POST + b"Content-Length: +0\r\n\r\n" + _HIDDEN,
    "a huge length": _POST + b"Content-Length: 99999999999999999999999\r\n\r\nx",
    "a long length": _POST + b"Content-Length: 999999999999\r\n\r\nx",
    "no such chunk size": _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + _HIDDEN,
    "a huge chunk": _POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n",
    "a chunk without an end": _POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost : localhost\r\n" + _END,
    "no colon": _get(b"/", b"nothing"),
    "a folded header": _get(b"/", b"X: a\r\n b"),
    "a NUL in a header": _get(b"/", b"X: a\x00b"),
    "a lone CR in a header": _get(b"/", b"X: a\rGET /hidden HTTP/1.1"),
    "lines that end in LF": b"GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    "100 kB of header": _get(b"/healthz", b"X: " + b"x" * 100_000),
    "1 000 headers": _get(b"/healthz", *(b"X-%d: x" % n for n in range(1_000))),
    "no host": _get(b"/healthz", host=b""),
    "two hosts": _get(b"/healthz", host=_HOST + b"Host: evil.example\r\n"),
    "a path as a host": _get(b"/candidates", host=b"Host: localhost/healthz?\r\n"),
    "a host with a user": _get(b"/candidates", host=b"Host: a@evil.example\r\n"),
    "a host in bytes": _get(b"/candidates", host=b"Host: \xff\xfe\r\n"),
    "a whole address": _get(b"http://evil.example/candidates"),
    "an address in another scheme": _get(b"javascript://evil.example/candidates"),
    "two slashes": _get(b"//evil.example/candidates"),
    "a way up": _get(b"/static/../../../../etc/passwd"),
    "an encoded way up": _get(b"/static/%2e%2e/%2e%2e/%2e%2e%2fetc/passwd"),
    "a way up on Windows": _get(b"/static/..%5c..%5c..%5cetc%5cpasswd"),
    "a NUL in the path": _get(b"/candidates\x00"),
    "an encoded NUL": _get(b"/static/a%00.css"),
    "a path in bytes": _get(b"/\xff\xfe"),
    "a query in bytes": _get(b"/?q=\xff\xfe"),
    "a long path": _get(b"/" + b"x" * 60_000),
    "a fragment": _get(b"/candidates#/healthz"),
    "a star": b"OPTIONS * HTTP/1.1\r\n" + _HOST + _END,
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\n" + _HOST + _END,
    "a trace": b"TRACE / HTTP/1.1\r\n" + _HOST + _END,
    "a socket": _get(b"/live", b"Upgrade: websocket", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"),
    "another protocol": _get(b"/healthz", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
    "HTTP/1.0": _get(b"/healthz", host=b"", version=b"1.0"),
    "HTTP/0.9": b"GET /healthz\r\n",
    "HTTP/9.9": _get(b"/healthz", version=b"9.9"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 32,
    "nothing but bytes": bytes(range(256)) * 8,
}  # fmt: skip


@asynccontextmanager
async def _served(house):
    """The port of a server that answers for the house, set up as `serve` sets it up."""
    config = uvicorn.Config(
        house.app, log_config=None, access_log=False, server_header=False, lifespan="off"
    )
    server, listener = uvicorn.Server(config), app.listen("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


async def _answers(port: int, request: bytes) -> bytes:
    """Everything that comes back, until the server has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    heard = b""
    try:
        async with asyncio.timeout(1):
            while more := await reader.read(65_536):
                heard += more
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return heard


async def test_no_bytes_get_more_than_a_refusal_and_none_gets_two_answers(house):
    with capture_logs() as logs:
        async with _served(house) as port:
            heard = dict(
                zip(
                    BROKEN,
                    await asyncio.gather(*(_answers(port, each) for each in BROKEN.values())),
                    strict=True,
                )
            )
            after = await _answers(port, _get(b"/healthz"))

    assert b" 200 OK" in after
    assert [each for each in logs if each["log_level"] == "error"] == []
    for what, answer in heard.items():
        found = re.findall(rb"^HTTP/1\.[01] (\d+)", answer, re.MULTILINE)
        statuses = [int(each) for each in found]
        assert len(statuses) <= 1, f"{what}: {answer!r:.500}"
        assert all(status < 500 for status in statuses), f"{what}: {answer!r:.500}"
        if "host" in what and what != "no host":
            assert statuses == [400], f"{what}: {answer!r:.500}"
        for told in (b"Traceback", b"root:", b"/hidden", b"evil.example"):
            assert told not in answer, f"{what}: {answer!r:.500}"


async def test_a_delivery_may_come_in_chunks_with_extensions_and_in_company(house):
    body = b'{"triggerEvent":"PING","createdAt":"2026-11-24T09:00:00Z","payload":{}}'
    head = (
        f"POST {WEBHOOK_PATH} HTTP/1.1\r\nHost: localhost\r\n"
        f"X-Cal-Signature-256: {webhook.signature(SECRET, body)}\r\n"
    ).encode()
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body) + b"0;last\r\nTrailer: x\r\n\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    counted = head + b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(body) + _END + body

    async with _served(house) as port:
        answer = await _answers(port, chunked + counted)

    assert b'"status":"received"' in answer
    assert b'"status":"duplicate"' in answer
