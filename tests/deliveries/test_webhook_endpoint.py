"""The address Cal.com delivers to, row by row of its table of answers."""

import asyncio
import gzip
import json
from datetime import UTC, datetime

import psycopg
import pytest
import uvicorn
from sqlalchemy import text

from builders import delivery, fixture, manifest
from greenroom import app
from greenroom.calcom import connections, webhook
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import rejections
from greenroom.settings import WEBHOOK_PATH
from house import SECRET, opened

pytestmark = pytest.mark.anyio

KIB = 1024


async def kept(house):
    async with house.parts.database.transaction() as tx:
        rows = await tx.execute(text("SELECT body FROM deliveries ORDER BY id"))
        return [bytes(row.body) for row in rows]


async def rejected(house):
    async with house.parts.database.transaction() as tx:
        return {reason: count for reason, (count, _) in (await rejections.rejected(tx)).items()}


async def drain(house):
    while await deliveries.drain(house.parts.database, now=datetime.now(UTC)):
        pass


async def test_a_signed_delivery_is_received(house):
    answer = await house.deliver(delivery())

    assert answer.status_code == 200
    assert answer.json() == {"status": "received", "delivery": "1"}
    assert await kept(house) == [delivery()]


async def test_the_same_bytes_again_are_a_duplicate_of_the_first(house):
    await house.deliver(delivery())
    answer = await house.deliver(delivery())

    assert answer.status_code == 200
    assert answer.json() == {"status": "duplicate", "delivery": "1"}
    assert await kept(house) == [delivery()]


@pytest.mark.parametrize(
    "body",
    [
        b"false",
        b"[]",
        b'"x"',
        b"",
        b"   ",
        b"{",
        b"name=Ada&uid=1",
        delivery("SOMETHING_NEW"),
        b"\xff\xfe\x00",
        b'{"triggerEvent":"BOOKING_CREATED","payload":{"uid":"\\u0000"}}',
        b'{"triggerEvent":"BOOKING_CREATED","payload":{"uid":"\\ud800"}}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" + b"1e131071," * 1000 + b"1]",
        b'{"triggerEvent":"BOOKING_CREATED","createdAt":NaN}',
        delivery(startTime="infinity"),
        delivery(startTime="+275760-09-13T00:00:00Z"),
        delivery(attendees=[{"name": "<script>alert(1)</script>", "email": "x@x"}] * 10_000)[
            : 250 * KIB
        ],
    ],
    ids=range(17),
)
async def test_what_is_signed_but_unreadable_is_kept_and_explained(house, body):
    answer = await house.deliver(body)
    await drain(house)

    assert answer.status_code == 200
    assert answer.json()["status"] == "received"
    assert await kept(house) == [body]
    async with house.parts.database.transaction() as tx:
        found = await deliveries.get(tx, int(answer.json()["delivery"]))
    assert found.state == "unread"
    assert found.outcome


RIGHT = webhook.signature(SECRET, delivery())


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        pytest.param(None, "missing", id="none"),
        pytest.param("", "missing", id="empty"),
        pytest.param("no-secret-provided", "no-secret-provided", id="no secret at Cal.com"),
        pytest.param("sha256=" + RIGHT, "malformed", id="prefixed"),
        pytest.param(RIGHT.upper(), "malformed", id="upper case"),
        pytest.param(RIGHT[:-1], "malformed", id="too short"),
        pytest.param(RIGHT + "0", "malformed", id="too long"),
        pytest.param(RIGHT[:32] + " " + RIGHT[33:], "malformed", id="a blank inside"),
        pytest.param(" " + RIGHT, "malformed", id="a blank before"),
        pytest.param(RIGHT + "\t", "malformed", id="a tab after"),
        pytest.param(RIGHT + "\n", "malformed", id="a line break after"),
        pytest.param(f"{RIGHT}, {RIGHT}", "malformed", id="twice in one"),
        pytest.param("0x" + RIGHT[2:], "malformed", id="with 0x"),
        pytest.param("no-secret-provided ", "malformed", id="no secret, and a blank"),
        pytest.param("é".encode() * 32, "malformed", id="not ASCII"),
        pytest.param("é".encode("latin-1") * 64, "malformed", id="not UTF-8"),
        pytest.param("٣" * 64, "malformed", id="digits of another script"),
        pytest.param("0" * 64, "wrong", id="another key"),
        pytest.param(webhook.signature("", delivery()), "wrong", id="an empty key"),
        pytest.param(webhook.signature(SECRET + "\n", delivery()), "pasted", id="key and newline"),
        pytest.param(webhook.signature(SECRET, delivery() + b"\n"), "wrong", id="body and newline"),
        pytest.param(webhook.signature(SECRET, b""), "wrong", id="of no body"),
    ],
)
async def test_what_is_not_signed_with_our_secret_is_refused_and_says_what_to_do(
    house, signature, reason
):
    answer = await house.deliver(delivery(), signature=signature)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]
    assert answer.json()["detail"]
    assert await kept(house) == []
    [counted] = (await rejected(house)).values()
    assert counted == 1
    assert list(await rejected(house)) == [reason]


async def test_two_signatures_are_refused(house):
    headers = [(b"x-cal-signature-256", RIGHT.encode())] * 2
    answer = await house.http.post(WEBHOOK_PATH, content=delivery(), headers=headers)

    assert answer.status_code == 401


async def test_a_recorded_delivery_is_verified_over_its_own_bytes(house):
    for name, vector in manifest().items():
        secret = vector.get("secret")
        if secret and secret != "no-secret-provided":
            body = fixture(name)
            async with house.parts.database.transaction() as tx:
                await connections.connect(
                    tx,
                    house.parts.seal,
                    name=secret[:8],
                    api_url="http://127.0.0.1:1/v2",
                    api_key=None,
                    secret=secret,
                    now=datetime.now(UTC),
                )
            house.parts.secrets.forget()
            answer = await house.deliver(body, signature=vector["signature"])
            assert answer.status_code == 200, name


async def test_an_older_secret_stays_good_after_a_new_one(house):
    async with house.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            house.parts.seal,
            name="House",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret="whsec_newer_0123456789abcdef",
            now=datetime.now(UTC),
        )

    body = delivery()
    newer = webhook.signature("whsec_newer_0123456789abcdef", body)
    await asyncio.sleep(1.1)

    assert (await house.deliver(body, signature=newer)).status_code == 200
    assert (await house.deliver(body)).status_code == 200

    async with house.parts.database.transaction() as tx:
        await tx.execute(text("UPDATE webhook_secrets SET retires_at = now() WHERE id = 1"))
    house.parts.secrets.forget()

    assert (await house.deliver(body, signature=newer)).status_code == 200
    assert (await house.deliver(body)).status_code == 401


async def test_with_each_delivery_is_kept_which_secret_signed_it(house):
    await house.deliver(b"1")
    async with house.parts.database.transaction() as tx:
        await tx.execute(text("UPDATE webhook_secrets SET retires_at = now() + interval '1 day'"))
    house.parts.secrets.forget()
    await house.deliver(b"2")
    await house.deliver(b"1")

    async with house.parts.database.transaction() as tx:
        rows = await tx.execute(text("SELECT signature, duplicates FROM deliveries ORDER BY id"))
        assert [tuple(row) for row in rows] == [("current", 1), ("previous", 0)]


async def test_the_secret_that_fits_names_the_connection(house):
    async with house.parts.database.transaction() as tx:
        other, _ = await connections.connect(
            tx,
            house.parts.seal,
            name="Other",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret="whsec_other_0123456789abcdef",
            now=datetime.now(UTC),
        )
    body = delivery()
    answer = await house.deliver(
        body, signature=webhook.signature("whsec_other_0123456789abcdef", body)
    )

    async with house.parts.database.transaction() as tx:
        found = await deliveries.get(tx, int(answer.json()["delivery"]))
    assert found.connection_id == other.id


@pytest.mark.parametrize(
    ("size", "status"), [(256 * KIB - 1, 200), (256 * KIB, 200), (256 * KIB + 1, 413)]
)
async def test_a_body_may_have_256_kib(house, size, status):
    answer = await house.deliver(b"x" * size)

    assert answer.status_code == status


async def test_a_body_that_grows_while_it_comes_is_stopped(house):
    async def chunks():
        for _ in range(10_000):
            yield b"x" * 64 * KIB

    answer = await house.http.post(WEBHOOK_PATH, content=chunks())

    assert answer.status_code == 413


async def test_a_body_that_was_written_anew_on_the_way_is_not_what_was_signed(house):
    body = delivery()
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()

    answer = await house.deliver(again, signature=webhook.signature(SECRET, body))

    assert answer.status_code == 401
    assert list(await rejected(house)) == ["wrong"]


async def test_a_body_may_come_in_pieces(house):
    async def pieces():
        for each in range(0, len(delivery()), 7):
            yield delivery()[each : each + 7]

    headers = {"x-cal-signature-256": RIGHT}
    answer = await house.http.post(WEBHOOK_PATH, content=pieces(), headers=headers)

    assert answer.status_code == 200
    assert await kept(house) == [delivery()]


@pytest.fixture
async def wire(house):
    """The house behind a real socket; call it with bytes for what comes back to them."""
    listener = app.listen("127.0.0.1", 0)
    config = uvicorn.Config(house.app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def talk(*said: tuple[bytes, bytes]) -> list[bytes]:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        heard = []
        for what, until in said:
            writer.write(what)
            heard.append(await asyncio.wait_for(reader.readuntil(until), 10))
        writer.close()
        return heard

    yield talk
    server.should_exit = True
    await serving


async def test_over_the_wire_a_sender_may_ask_before_it_sends_and_send_in_chunks(house, wire):
    def head(*lines: str) -> bytes:
        fixed = (f"POST {WEBHOOK_PATH} HTTP/1.1", "host: localhost:8000")
        signed = f"x-cal-signature-256: {RIGHT}"
        return "\r\n".join([*fixed, signed, *lines, "", ""]).encode()

    body = delivery()
    told, answer = await wire(
        (head(f"content-length: {len(body)}", "expect: 100-continue"), b"\r\n\r\n"),
        (body, b"}"),
    )
    assert told.startswith(b"HTTP/1.1 100 ")
    assert b" 200 " in answer.splitlines()[0]

    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (3, body[:3], len(body) - 3, body[3:])
    [answer] = await wire((head("transfer-encoding: chunked") + chunks, b"}"))
    assert b'"duplicate"' in answer
    assert await kept(house) == [body]


TEMPLATES = {
    "bare": {"name": "Ada", "uid": "booking1", "status": "CANCELLED"},
    "flat": {"triggerEvent": "BOOKING_CANCELLED", "uid": "booking1", "status": "CANCELLED"},
    "a name that closes its quotes": {"title": "Intro", "name": "Ada", "status": "CANCELLED"},
    "another envelope": {"event": "BOOKING_CANCELLED", "booking": {"uid": "booking1"}},
    "no payload": {"triggerEvent": "BOOKING_CANCELLED", "payload": {}},
}


@pytest.mark.parametrize("name", TEMPLATES)
async def test_what_a_payload_template_makes_changes_no_booking(house, name):
    await house.deliver(delivery(status="ACCEPTED"))
    answer = await house.deliver(json.dumps(TEMPLATES[name]).encode())
    await drain(house)

    async with house.parts.database.transaction() as tx:
        found = await deliveries.get(tx, int(answer.json()["delivery"]))
        [status] = (await tx.execute(text("SELECT status FROM bookings"))).scalars()
    assert (found.state, status) == ("unread", "confirmed")
    assert found.outcome


async def test_a_packed_body_is_refused(house):
    answer = await house.deliver(gzip.compress(delivery()), content_encoding="gzip")

    assert answer.status_code == 415


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_the_content_type_does_not_matter(house, kind):
    headers = {"x-cal-signature-256": RIGHT, "content-type": kind}
    answer = await house.http.post(WEBHOOK_PATH, content=delivery(), headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_address_says_that_it_works(house, method):
    answer = await house.http.request(method, WEBHOOK_PATH)

    assert answer.status_code == 200
    if method == "GET":
        assert answer.json()["status"] == "ready"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", WEBHOOK_PATH, 405),
        ("DELETE", WEBHOOK_PATH, 405),
        ("OPTIONS", WEBHOOK_PATH, 405),
        ("PATCH", WEBHOOK_PATH, 405),
        ("TRACE", WEBHOOK_PATH, 405),
        ("POST", WEBHOOK_PATH.upper(), 404),
        ("POST", WEBHOOK_PATH + "//", 404),
        ("POST", "/" + WEBHOOK_PATH, 404),
        ("POST", WEBHOOK_PATH + "?", 401),
        ("POST", WEBHOOK_PATH + "/", 404),
        ("GET", WEBHOOK_PATH + "/", 404),
        ("POST", WEBHOOK_PATH.replace("/api", "//api"), 404),
    ],
)
async def test_cal_com_is_never_redirected(house, method, path, status):
    answer = await house.http.request(method, f"http://localhost:8000{path}", content=b"{}")

    assert answer.status_code == status


async def test_behind_a_proxy_that_ends_tls_nobody_is_redirected(tmp_path, database_url):
    async with opened(database_url, tmp_path, public_url="https://hire.example.org") as house:
        for proto in ("http", "https"):
            answer = await house.deliver(
                delivery(), x_forwarded_proto=proto, host="hire.example.org"
            )
            assert answer.status_code == 200


async def test_without_a_database_the_sender_is_asked_to_come_back(tmp_path, database_url):
    async with opened(database_url, tmp_path) as house:
        await house.deliver(b"remembered")
        house.parts.intake._conninfo = "postgresql://nobody@127.0.0.1:1/nothing"
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'intake'"
            )
        answer = await house.deliver(delivery())

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["detail"]


async def test_unsigned_deliveries_are_taken_only_where_that_was_asked_for(tmp_path, database_url):
    async with opened(database_url, tmp_path, unsigned_webhooks="accept") as house:
        assert (await house.deliver(delivery(), signature=None)).status_code == 200
        assert (await house.deliver(delivery(), signature="0" * 64)).status_code == 401


async def test_a_browser_page_of_another_site_cannot_hide_behind_the_webhook(house):
    answer = await house.deliver(delivery(), sec_fetch_site="cross-site", signature=None)

    assert answer.status_code == 401


async def test_a_flood_of_unsigned_requests_is_counted_to_the_last(house):
    answers = await asyncio.gather(*(house.deliver(b"x", signature=None) for _ in range(40)))
    await house.parts.secrets.flush()

    assert {each.status_code for each in answers} == {401}
    assert await rejected(house) == {"missing": 40}
