"""The switches, and the program as it is started."""

import asyncio
import sys
from datetime import UTC, datetime

import httpx2
import pytest

from simulator.cal import Cal

pytestmark = pytest.mark.anyio


async def test_webhooks_switched_off_are_kept_and_can_be_sent_later(cal):
    await cal.control("webhooks", {"enabled": False})
    booking = await cal.book()
    assert cal.receiver.received == []

    (kept,) = await cal.control("deliveries")
    assert ("switched off", booking["uid"]) == (kept["fate"], kept["uid"])
    again = await cal.control(f"deliveries/{kept['id']}/resend", {})
    (received,) = cal.receiver.received
    assert kept["body"].encode() == received.body
    assert (again["fate"], again["status"], again["resend_of"]) == ("answered", 200, kept["id"])


async def test_lost_deliveries_are_lost_and_the_next_arrive(cal):
    await cal.control("drop", {"next": 1})
    lost = await cal.book()
    found = await cal.book(start="2026-11-25T10:00:00Z")

    assert [found["uid"]] == [one.uid for one in cal.receiver.received]
    fates = {one["uid"]: one["fate"] for one in await cal.control("deliveries")}
    assert fates == {lost["uid"]: "dropped", found["uid"]: "answered"}


async def test_an_answer_is_kept_with_its_first_200_characters(cal):
    await cal.book()

    (delivery,) = await cal.control("deliveries")
    assert (delivery["answer"], delivery["status"]) == ("thank you", 200)
    assert delivery["ms"] >= 0
    assert delivery["trigger"] == "BOOKING_CREATED"


async def test_a_receiver_that_is_not_there_fails_the_delivery_not_the_booking():
    async with Cal(datetime(2026, 11, 23, 7, tzinfo=UTC), subscribe=False) as cal:
        cal.browser._transport.app.state.postman._client = httpx2.AsyncClient()
        await cal.control("subscriptions", {"url": "http://127.0.0.1:9/", "secret": "s"})
        booking = await cal.book()

        (delivery,) = await cal.control("deliveries")
        assert (delivery["fate"], delivery["status"]) == ("failed", None)
        assert "ConnectError" in delivery["answer"]
        assert booking["status"] == "accepted"


async def test_the_same_seed_makes_the_same_ids(cal):
    await cal.control("reset", {"seed": 1})
    first = await cal.book()
    await cal.control("reset", {"seed": 1})
    assert (await cal.control("state"))["bookings"] == 0
    same = await cal.book()
    await cal.control("reset", {"seed": 2})
    other = await cal.book()

    assert first["uid"] == same["uid"] != other["uid"]


async def test_the_clock_runs_on_from_where_it_was_set(cal):
    await cal.control("clock", {"now": "2026-12-01T09:00:00Z"})
    answer = await cal.control("clock", {"advance_seconds": 90})

    assert answer == {"now": "2026-12-01T09:01:30.000Z"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"now": "tomorrow"}),
        ("clock", {}),
        ("drop", {"next": "many"}),
        ("edition", {"colour": "green"}),
        ("edition", {"name": "none"}),
        ("ping", {"webhook_id": "none"}),
        ("deliveries/99/resend", {}),
    ],
)
async def test_mistakes_are_said(cal, path, body):
    answer = await cal.browser.post(f"/control/api/{path}", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_the_buttons_of_the_control_page_work(cal):
    await cal.book()
    for switch, fields in (
        ("webhooks", {"enabled": "off"}),
        ("drop", {"next": "2"}),
        ("advance", {"seconds": "3600"}),
        ("edition", {"name": "self-hosted"}),
        ("owners/subscribe", {"url": "http://receiver/more", "secret": ""}),
    ):
        assert (await cal.submit(f"/control/{switch}", **fields)).status_code == 200

    state = await cal.control("state")
    assert state["webhooks"] == {"enabled": False, "drop_next": 2}
    assert state["edition"]["name"] == "self-hosted"
    assert state["subscriptions"] == 2
    assert state["now"] > "2026-11-23T08:00:00"
    assert (await cal.submit("/control/clock", now="never")).status_code == 400


async def test_the_program_says_where_it_listens_and_sends_over_real_sockets():
    received = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        received.set_result(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hook = ["--webhook-url", f"http://127.0.0.1:{port}/hook", "--webhook-secret", "s"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "calcom_simulator", "--port", "0", *hook),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 15)).decode().strip()
        assert line.startswith("Cal.com simulator ready on http://127.0.0.1:")
        async with httpx2.AsyncClient(base_url=line.split()[-1]) as client:
            await client.post("/control/api/clock", json={"now": "2026-11-23T07:00:00Z"})
            attendee = {"name": "Ada", "email": "ada@client.example", "timeZone": "UTC"}
            body = {"eventTypeId": 2, "start": "2026-11-25T09:00:00Z", "attendee": attendee}
            booked = await client.post(
                "/v2/bookings", json=body, headers={"cal-api-version": "2024-08-13"}
            )
        assert booked.status_code == 201
        delivery = await asyncio.wait_for(received, 1)
        assert delivery.startswith(b"POST /hook HTTP/1.1\r\n")
        assert booked.json()["data"]["uid"].encode() in delivery
    finally:
        process.terminate()
        await process.wait()
        server.close()
