"""Deliveries that were recorded while people used the web application, by using our pages."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calcom_simulator.editions import SELF_HOSTED
from simulator.cal import Cal
from simulator.recordings import Lookalike, names, recorded
from simulator.test_contract import _mara

pytestmark = pytest.mark.anyio

_NOTES = 'First line\nsecond "quoted" <i>line</i>'
_LENA = {"name": "Lena Brandt", "email": "lena@client.example", "notes": _NOTES}
_EVENT_TYPES = [name for name in names("api") if "create_event_type_" in name]


@pytest.fixture
async def studio():
    """The recorded Mara with the recorded event types (and one webhook that hears all)."""
    now = datetime(2026, 11, 23, 15, 28, tzinfo=UTC)
    async with Cal(now, edition=SELF_HOSTED, furnish=_mara) as cal:
        for name in _EVENT_TYPES:
            asked = recorded(f"api/{name}")["request"]
            if not asked["path"].endswith("/webhooks"):
                await cal.data("POST", "/event-types", asked["body"], version=asked["version"])
        yield cal


def _count_from(cal, **last):
    """Let ids go on as they did when this was recorded."""
    cal.world._numbers.update(last)


def _differences(received, name):
    expected = json.loads(recorded(f"deliveries/{name}")["body"])
    return Lookalike().differences(expected, received.json)


async def test_every_sort_of_question_is_delivered_as_recorded(studio):
    _count_from(studio, booking=37)

    await studio.visit(
        "/mara/intake?page=2&tz=Europe/Berlin",
        start="2026-12-08T09:00:00Z",
        **_LENA,
        **{"mobile": "+4930901820", "pet-name": 'Käthe <b>"K"</b> & co', "age": "7"},
        history="line1\nline2 ü 🐶",
        species="Dog",
        symptoms=["Cough", "Limp"],
        addons=["Report"],
        visit="yes",
        terms="true",
        home="Hauptstr. 1",
        site="https://client.example/",
        cc="a@client.example, b@client.example",
    )

    (received,) = studio.receiver.received
    differences = _differences(received, "booking_created__questions")
    # The recorded visitor also gave a number for reminders, which our page does not ask for.
    assert differences == [
        ".payload.attendees[0].phoneNumber is missing",
        ".payload.responses.attendeePhoneNumber.value is missing",
    ]


async def test_asking_for_another_time_and_getting_it_is_delivered_as_recorded(studio):
    _count_from(studio, booking=26, attendee=31)

    await studio.visit("/mara/intro-call?page=1", start="2026-12-03T09:00:00Z", **_LENA)
    first = studio.receiver.received[0].uid
    await studio.visit(
        f"/reschedule/{first}?page=1", start="2026-12-03T11:00:00Z", rescheduleReason="Kid is sick"
    )
    second = studio.receiver.received[1].uid
    await studio.submit(f"/host/{second}/request-reschedule", reason="I have to travel")
    await studio.visit(f"/reschedule/{second}?page=1", start="2026-12-04T11:00:00Z")

    _, _, asked, moved = studio.receiver.received
    assert _differences(asked, "booking_cancelled__reschedule_requested") == []
    assert _differences(moved, "booking_rescheduled__after_request") == []


async def test_cancelling_by_the_host_on_the_web_is_delivered_as_recorded(studio):
    _count_from(studio, booking=29)

    await studio.submit(
        "/mara/checkup", slot="2026-12-05T09:00:00Z", locationPhone="+4930901820", **_LENA
    )
    uid = studio.receiver.received[0].uid
    await studio.submit(f"/host/{uid}/cancel", reason="host cancels from the web")

    received = studio.receiver.received[-1]
    assert _differences(received, "booking_cancelled__on_the_web") == []


async def test_giving_up_one_seat_of_two_is_delivered_as_recorded(studio):
    _count_from(studio, booking=39, attendee=44)
    start = "2026-12-09T09:00:00Z"
    lena = {"name": "Lena Brandt", "email": "lena@client.example", "guests": "otto@client.example"}

    await studio.visit("/mara/class?page=2", start=start, **lena)
    otto = {"name": "Otto", "email": "otto@client.example"}
    await studio.visit("/mara/class?page=2", start=start, **otto)
    booked = studio.receiver.received[-1].about
    await studio.submit(
        f"/booking/{booked['uid']}/cancel", seat=booked["attendeeSeatId"], reason="seat only"
    )

    assert _differences(studio.receiver.received[-1], "booking_cancelled__one_seat") == []


async def test_paying_is_delivered_as_recorded(studio):
    world = studio.world
    world.event_types[10] = replace(world.event_types[10], price=2500, currency="eur")
    _count_from(studio, booking=41)

    await studio.visit("/mara/hosted?page=2", start="2026-12-10T09:00:00Z", **_LENA)
    uid = studio.receiver.received[0].uid
    await studio.submit(f"/payment/{uid}")

    wanted = ("booking_payment_initiated__new", "booking_paid__new", "booking_created__paid")
    found = [
        _differences(received, name)
        for received, name in zip(studio.receiver.received, wanted, strict=True)
    ]
    external = found[1].pop()
    assert "externalId" in external
    assert found == [[], [], []]


async def test_templates_are_filled_in_as_recorded(studio):
    template = recorded("api/018_create_webhook_jsontemplate")["request"]["body"]
    await studio.data("POST", "/webhooks", template | {"subscriberUrl": "http://receiver/own"})

    attendee = {"email": "jonas@client.example", "timeZone": "Europe/Berlin"}
    for start, name in (("09:00", "Jonas Weber"), ("10:00", 'Jo "JJ" O\'Neil & Söhne <x>')):
        body = {"start": f"2026-11-25T{start}:00Z", "eventTypeId": 1}
        await studio.data("POST", "/bookings", body | {"attendee": attendee | {"name": name}})

    filled, broken = (one for one in studio.receiver.received if one.path == "/own")
    expected = json.loads(recorded("deliveries/booking_created__json_template")["body"])
    assert {**expected, "at": 0, "uid": 0} == {**filled.json, "at": 0, "uid": 0}
    assert recorded("deliveries/booking_created__broken_template")["body"] == "false"
    assert broken.body == b"false"
