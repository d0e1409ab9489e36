"""The simulator answers and delivers as the recorded Cal.com did, request by request.

What was recorded is replayed once: the same requests in the same order, with our uids
in place of the recorded ones.
"""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import httpx2
import pytest

from calcom_simulator.app import create_app
from calcom_simulator.editions import SELF_HOSTED
from calcom_simulator.model import Hours, User
from calcom_simulator.world import World
from simulator.receiver import Receiver
from simulator.recordings import Lookalike, names, recorded

_NOW = datetime(2026, 11, 23, 15, 23, tzinfo=UTC)
_ALL_DAY = Hours(frozenset(range(7)), time(0), time(23, 59))
_MAIN = "/main"
_TRIMMED = {
    "015_list_event_types_public",
    "027_slots",
    "075_list_bookings_default_version_2024_04_15",
}
_NOT_REPLAYED = {"ping__test", "ping__no_secret"}
_BY_HAND = {
    "booking_cancelled__one_seat",
    "booking_cancelled__on_the_web",
    "booking_cancelled__reschedule_requested",
    "booking_created__broken_template",
    "booking_created__json_template",
    "booking_created__paid",
    "booking_created__questions",
    "booking_paid__new",
    "booking_payment_initiated__new",
    "booking_rescheduled__after_request",
    *_NOT_REPLAYED,
}


def _mara(world):
    world.users[1] = User(
        world.number("user"),
        world.new_uuid(),
        "mara",
        "Mara Lindqvist",
        "mara@studio.example",
        "cal_simulator_mara",
        hours=_ALL_DAY,
    )


class Replay:
    """All that was recorded once more, against the simulator."""

    def __init__(self):
        self.world = World(
            clock=lambda: _NOW,
            edition=SELF_HOSTED,
            furnish=_mara,
            public_url="http://localhost:3000",
        )
        self.receiver = Receiver()
        self.lookalike = Lookalike()
        self.answers = {}
        self.differences = {}

    async def run(self):
        app = create_app(self.world, httpx2.ASGITransport(self.receiver))
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://cal") as client:
            for name in names("api"):
                await self._step(client, name, recorded(f"api/{name}"))
            uid = self.lookalike.translated("cLY8AAA3VRS4Lw4YZrXAYM")
            await client.post(
                f"/v2/bookings/{uid}/confirm",
                headers={
                    "authorization": "Bearer cal_simulator_mara",
                    "cal-api-version": "2024-08-13",
                },
            )
            await client.post("/control/api/clock", json={"now": "2026-11-26T12:00:00Z"})
        return self

    async def _step(self, client, name, exchange):
        if name == "077_mark_attendee_absent":  # when recorded, it was moved by SQL as well
            booking = self.world.booking(self.lookalike.translated("mAaQYzV9Hgo7rkfa2XtHXR"))
            booking.start -= timedelta(hours=2)
            booking.end -= timedelta(hours=2)
            self.world.advance(600)
        if name == "062_book_video":  # when recorded, this location was set in the database too
            jitsi = ({"type": "integration", "integration": "jitsi"},)
            self.world.event_types[8] = replace(self.world.event_types[8], locations=jitsi)
        asked = exchange["request"]
        headers = {"content-type": "application/json"}
        if asked["key"]:
            headers["authorization"] = f"Bearer {asked['key']}"
        if asked["version"]:
            headers["cal-api-version"] = asked["version"]
        body = None
        if asked["body"] is not None:
            body = self.lookalike.translated(json.dumps(asked["body"])).encode()
        answer = await client.request(
            asked["method"], self.lookalike.translated(asked["path"]), headers=headers, content=body
        )
        self.answers[name] = answer
        self.lookalike.trimmed = name in _TRIMMED
        self.differences[name] = self.lookalike.differences(exchange["body"], answer.json())


@pytest.fixture(scope="module")
def replay():
    return asyncio.run(Replay().run())


@pytest.mark.parametrize("name", names("api"))
def test_an_answer_is_as_recorded(replay, name):
    answer, exchange = replay.answers[name], recorded(f"api/{name}")

    assert exchange["status"] == answer.status_code
    assert replay.differences[name] == []
    assert exchange["rate_limit_headers"] is ("x-ratelimit-limit-default" in answer.headers)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("name", sorted(set(names("deliveries")) - _BY_HAND))
def test_a_delivery_is_as_recorded(replay, name):
    delivery = recorded(f"deliveries/{name}")
    expected = json.loads(delivery["body"])
    about = expected.get("payload", expected)
    uid = replay.lookalike.translated(about.get("uid") or about.get("bookingUid", ""))
    seat = replay.lookalike.translated(about.get("attendeeSeatId", "")) or None
    path = {"booking_created__no_secret": "/nosecret"}.get(name, _MAIN)
    received = replay.receiver.find(path, expected["triggerEvent"], uid, seat)

    assert replay.lookalike.differences(expected, received.json) == []
