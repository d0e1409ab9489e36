"""Cal.com's API: answers that are not its own end in an error a person can act on."""

import asyncio
import gzip
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from calcom.account import ungated
from calcom.odd import answering
from greenroom.calcom import client
from greenroom.calcom.client import Busy, CalcomError, Failing, KeyRefused, Missing, NotAllowed

pytestmark = pytest.mark.anyio

DEADLINE = 20.0
"""Seconds for what takes one on a machine with nothing else to do."""


@asynccontextmanager
async def sending(raw, *, pause=0.0):
    """A server that sends these bytes, in pieces with pauses between if there are several."""
    pieces = [raw] if isinstance(raw, bytes) else raw

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"


def plain(body, status="200 OK", **headers):
    more = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
    return head.encode() + body


def bomb():
    """64 MB of nothing, in 0.3."""
    return gzip.compress(b'{"data": [' + b" " * (1 << 26), 1, mtime=0)


ODD = {
    "500": (plain(b"{}", "500 Oops"), Failing, "answered 500"),
    "502 in HTML": (plain(b"<html>Bad gateway</html>", "502 Bad Gateway"), Failing, "502"),
    "524 of a proxy": (plain(b"<html>Timeout</html>", "524 Timeout"), Failing, "524"),
    "200 in HTML": (plain(b"<html>Sign in</html>"), Failing, "A web page is at http://127.0.0.1"),
    "200 with half its JSON": (plain(b'{"status": "success", "da'), Failing, "not its API's"),
    "200 with nothing": (plain(b""), Failing, "not its API's JSON"),
    "200 without data": (plain(b'{"status": "success"}'), Failing, "not in the shape of its API"),
    "nested too deeply": (plain(b"[" * 100_000), Failing, "not its API's JSON"),
    "truncated": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{",
        Failing,
        "did not answer",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", Failing, "did not answer"),
    "redirect within": (
        plain(b"", "302 Found", Location="/v2/x?token=x"),
        Failing,
        r"/v2/bookings leads on to http://127.0.0.1:\d+/v2/x, where",
    ),
    "redirect to metadata": (
        plain(b"", "307 -", Location="http://169.254.169.254/latest"),
        Failing,
        "leads on to http://169.254.169.254/latest, where",
    ),
    "gzip that is none": (plain(b"what", Content_Encoding="gzip"), Failing, "unpacked"),
    "half a gzip": (
        plain(gzip.compress(b'{"data": []}')[:-9], Content_Encoding="gzip"),
        Failing,
        "half an answer",
    ),
    "packed as nobody asked": (plain(b"x", Content_Encoding="br"), Failing, "packed as br"),
    "401": (plain(b"{}", "401 -"), KeyRefused, "refused the API key"),
    "403": (
        plain(b'{"error": {"message": "No"}}', "403 -"),
        NotAllowed,
        "does not let this API key do that .No",
    ),
    "403 of a proxy": (
        plain(b'{"message": "No"}', "403 -"),
        Failing,
        "before Cal.com turned the question away .403",
    ),
    "401 of a proxy": (
        plain(b"<html>Who?</html>", "401 -", WWW_Authenticate="Basic realm=x"),
        Failing,
        "before Cal.com asks for a password",
    ),
    "404": (plain(b"{}", "404 -"), Missing, "does not know that"),
    "409": (plain(b'{"error": {"message": "Twice"}}', "409 -"), CalcomError, "409 .Twice"),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_answer_is_an_error_that_says_what_to_do(http, name):
    raw, kind, what = ODD[name]
    async with sending(raw) as url:
        with pytest.raises(CalcomError, match=what) as refused:
            await ungated(http, url).bookings()

    assert type(refused.value) is kind
    assert refused.value.do


@pytest.mark.parametrize("packed", [True, False])
async def test_an_answer_without_an_end_is_not_read_to_its_end(http, packed):
    if packed:
        raw = [plain(bomb(), Content_Encoding="gzip")]
    else:
        raw = [b"HTTP/1.1 200 OK\r\n\r\n", *[b" " * (1 << 20)] * 64]
    async with sending(raw) as url:
        began = time.monotonic()
        with pytest.raises(Failing, match="larger than 5 MB"):
            await ungated(http, url).bookings()

    assert time.monotonic() - began < DEADLINE


async def test_a_packed_answer_is_read(http):
    body = gzip.compress(b'{"data": [{"uid": "x"}]}')
    async with sending(plain(body, Content_Encoding="gzip")) as url:
        assert (await ungated(http, url).bookings()).data == [{"uid": "x"}]


@pytest.mark.parametrize("data", [{"bookings": [{"uid": "x"}]}, [[]], ["x"], "x", None, 3])
async def test_bookings_in_another_shape_are_an_error(http, data):
    async with answering(lambda *_: (200, {"status": "success", "data": data})) as url:
        with pytest.raises(Failing, match="no list where one was expected"):
            await ungated(http, url).bookings()


@pytest.mark.parametrize("piece", [b" ", b""])
async def test_an_answer_that_drips_or_does_not_come_is_not_waited_for(http, monkeypatch, piece):
    monkeypatch.setattr(client, "_SLOWEST", 0.5)
    raw = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *[piece] * 900]
    async with sending(raw, pause=0.05) as url:
        began = time.monotonic()
        with pytest.raises(Failing, match="did not answer"):
            await ungated(http, url).me()

        assert time.monotonic() - began < DEADLINE


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://nowhere.invalid/v2", "There is no host called “nowhere.invalid”"),
        ("http://127.0.0.1:1/v2", "127.0.0.1 refused the connection, so nothing listens"),
        ("nonsense", "did not answer: that is no address"),
        ("http://169.254.169.254/v2", "where machines are told their own secrets"),
    ],
)
async def test_an_address_where_nobody_is_is_an_error_too(http, url, what):
    with pytest.raises(Failing, match=what) as refused:
        await ungated(http, url).me()

    assert refused.value.do


async def test_a_rate_limit_says_how_long_it_lasts(http):
    async with answering(lambda *_: (429, {})) as url:
        with pytest.raises(Busy) as refused:
            await ungated(http, url).me()

    assert refused.value.wait == 7


async def test_a_rate_limit_may_name_the_moment_it_ends(http):
    ends = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    async with answering(lambda *_: (429, {}, {"Retry-After": ends})) as url:
        with pytest.raises(Busy) as refused:
            await ungated(http, url).me()

    assert 25 < refused.value.wait <= 30


async def test_a_uid_stays_in_its_place_in_the_address(http):
    asked = []

    def answer(path, query):
        asked.append((path, query))
        return 200, {"data": {}}

    async with answering(answer) as url:
        await ungated(http, url).booking("../webhooks?take=1#x")

    assert asked == [("/bookings/..%2Fwebhooks%3Ftake%3D1%23x", {})]
