"""How deliveries travel: signed, in order, waited for, once."""

import json

import pytest

from calcom_simulator.webhooks import signature
from simulator.cal import SECRET
from simulator.recordings import names, recorded

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", names("deliveries"))
def test_our_signature_is_cal_coms(name):
    delivery = recorded(f"deliveries/{name}")
    expected = delivery["headers"]["x-cal-signature-256"]
    secret = None if "no_secret" in name else "whsec_realcal_9f1c"

    assert signature(delivery["body"].encode(), secret) == expected


async def test_a_delivery_has_the_recorded_headers(cal):
    await cal.book()

    (received,) = cal.receiver.received
    expected = recorded("deliveries/booking_created__plain")["headers"]
    changing = {"x-cal-signature-256", "content-length"}
    ours = {name: received.headers[name] for name in expected}
    assert {name: ours[name] for name in set(expected) - changing} == {
        name: expected[name] for name in set(expected) - changing
    }
    assert ours["x-cal-signature-256"] == signature(received.body, SECRET)
    assert ours["content-length"] == str(len(received.body))


async def test_a_delivery_arrives_before_the_call_returns(cal):
    booking = await cal.book()

    assert [one.uid for one in cal.receiver.received] == [booking["uid"]]


async def test_who_reads_the_api_while_told_of_a_cancellation_sees_the_old_state(cal):
    booking = await cal.book()
    seen = []

    async def read(_):
        answer = await cal.data("GET", f"/bookings/{booking['uid']}")
        seen.append(answer["status"])

    cal.receiver.meanwhile = read
    await cal.data("POST", f"/bookings/{booking['uid']}/cancel", {"cancellationReason": "ill"})

    assert seen == ["accepted"]
    assert (await cal.data("GET", f"/bookings/{booking['uid']}"))["status"] == "cancelled"


async def test_who_reads_the_api_while_told_of_a_confirmation_sees_the_new_state(cal):
    booking = await cal.book(kind=3)
    seen = []

    async def read(_):
        seen.append((await cal.data("GET", f"/bookings/{booking['uid']}"))["status"])

    cal.receiver.meanwhile = read
    await cal.data("POST", f"/bookings/{booking['uid']}/confirm", {})

    assert seen == ["accepted"]


async def test_a_confirmation_is_told_as_created_without_our_metadata(cal):
    booking = await cal.book(kind=3, metadata={"greenroom": "token"})
    await cal.data("POST", f"/bookings/{booking['uid']}/confirm", {})

    requested, created = cal.receiver.received
    assert (
        requested.trigger,
        requested.about["metadata"],
    ) == ("BOOKING_REQUESTED", {"greenroom": "token"})
    assert (created.trigger, created.about["status"]) == ("BOOKING_CREATED", "ACCEPTED")
    assert "metadata" not in created.about
    answer = await cal.data("GET", f"/bookings/{booking['uid']}")
    assert answer["metadata"] == {"greenroom": "token"}


async def test_a_reschedule_is_told_once_and_the_old_booking_ends_silently(cal):
    old = await cal.book()
    new = await cal.data(
        "POST", f"/bookings/{old['uid']}/reschedule", {"start": "2026-11-26T09:00:00Z"}
    )

    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_RESCHEDULED"]
    told = cal.receiver.received[1].about
    assert (old["uid"], new["uid"]) == (told["rescheduleUid"], told["uid"])


async def test_a_whole_series_is_cancelled_with_one_delivery(cal):
    first, second, third = await cal.book(kind=4)
    body = {"cancellationReason": "stop", "cancelSubsequentBookings": True}
    left = await cal.data("POST", f"/bookings/{second['uid']}/cancel", body)

    assert cal.receiver.triggers == [*["BOOKING_CREATED"] * 3, "BOOKING_CANCELLED"]
    assert [one["status"] for one in left] == ["accepted", "cancelled", "cancelled"]
    assert [one["uid"] for one in left] == [first["uid"], second["uid"], third["uid"]]


async def test_two_subscriptions_get_a_delivery_each_with_their_own_time(cal):
    await cal.control("subscriptions", {"url": "http://receiver/two", "secret": None})
    await cal.book()

    one, two = cal.receiver.received
    assert one.json["payload"] == two.json["payload"]
    assert one.json["createdAt"] != two.json["createdAt"]
    assert two.headers["x-cal-signature-256"] == "no-secret-provided"


async def test_a_webhook_of_one_event_type_hears_of_that_one_only(cal):
    body = {"subscriberUrl": "http://receiver/final", "active": True}
    body |= {"triggers": ["BOOKING_CREATED", "BOOKING_REQUESTED"], "secret": "s"}
    created = await cal.data("POST", "/event-types/3/webhooks", body)
    await cal.book(kind=2)
    await cal.book(kind=3, start="2026-11-25T10:00:00Z")

    heard = [one.trigger for one in cal.receiver.received if one.path == "/final"]
    assert heard == ["BOOKING_REQUESTED"]
    assert created["eventTypeId"] == 3
    assert "userId" not in created


@pytest.mark.parametrize("status", [301, 307, 401, 410, 500, 503])
async def test_whatever_the_answer_a_delivery_is_sent_once_and_the_call_succeeds(cal, status):
    cal.receiver.status = status
    booking = await cal.book()

    assert len(cal.receiver.received) == 1
    (delivery,) = await cal.control("deliveries")
    assert (status, "answered") == (delivery["status"], delivery["fate"])
    assert booking["status"] == "accepted"


async def test_meetings_are_told_when_the_clock_passes_them(cal):
    booking = await cal.book(start="2026-11-23T10:00:00Z")
    await cal.control("clock", {"now": "2026-11-23T09:59:59Z"})
    assert cal.receiver.triggers == ["BOOKING_CREATED"]

    await cal.control("clock", {"advance_seconds": 1})
    await cal.control("clock", {"advance_seconds": 1800})

    _, started, ended = cal.receiver.received
    assert [started.trigger, ended.trigger] == ["MEETING_STARTED", "MEETING_ENDED"]
    assert "payload" not in started.json
    assert booking["uid"] == started.json["uid"] == ended.json["uid"]
    assert started.json["idempotencyKey"] == ended.json["idempotencyKey"]


async def test_meetings_of_a_cancelled_booking_are_not_told(cal):
    booking = await cal.book(start="2026-11-23T10:00:00Z")
    await cal.data("POST", f"/bookings/{booking['uid']}/cancel", {"cancellationReason": "ill"})
    await cal.control("clock", {"advance_seconds": 86400})

    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_CANCELLED"]


async def test_a_no_show_names_who_and_changes_no_time_of_change(cal):
    booking = await cal.book(start="2026-11-23T10:00:00Z")
    await cal.control("clock", {"now": "2026-11-23T10:05:00Z"})
    absent = {"attendees": [{"email": "ada@client.example", "absent": True}]}
    answer = await cal.data("POST", f"/bookings/{booking['uid']}/mark-absent", absent)

    told = cal.receiver.received[-1]
    assert told.about == {
        "message": "ada@client.example marked as no-show",
        "attendees": [{"email": "ada@client.example", "noShow": True}],
        "bookingUid": booking["uid"],
        "bookingId": booking["id"],
    }
    assert answer["attendees"][0]["absent"] is True
    assert answer["updatedAt"] is None


async def test_the_ping_button_sends_the_recorded_ping(cal):
    (webhook,) = await cal.control("webhooks")
    await cal.control("ping", {"webhook_id": webhook["id"]})

    expected = json.loads(recorded("deliveries/ping__test")["body"])
    ours = cal.receiver.received[0].json
    for ping in (expected, ours):
        ping["createdAt"] = ping["payload"]["startTime"] = ping["payload"]["endTime"] = "now"
    assert ours == expected


async def test_a_form_template_is_sent_as_a_form(cal):
    body = {"subscriberUrl": "http://receiver/form", "active": True, "secret": "s"}
    template = "event={{triggerEvent}}&name={{attendees.0.name}}&none={{no.such.thing}}"
    asked = body | {"triggers": ["BOOKING_CREATED"], "payloadTemplate": template}
    await cal.data("POST", "/webhooks", asked)
    await cal.book(name="Ada")

    form = next(one for one in cal.receiver.received if one.path == "/form")
    assert form.body == b"event=BOOKING_CREATED&name=Ada&none="
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form.headers["x-cal-signature-256"] == signature(form.body, "s")
