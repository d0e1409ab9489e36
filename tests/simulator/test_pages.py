"""People at the booking, host and control pages."""

import pytest

pytestmark = pytest.mark.anyio

_PREFILL = "name=Ada+Lovelace&email=ada@client.example"
_TOKEN = "greenroom=tok-1&metadata[greenroom]=tok-1&metadata[source]=mail"


async def _private_link(cal, **limit):
    link = await cal.data("POST", "/event-types/2/private-links", limit, version="2024-09-04")
    return link["bookingUrl"].removeprefix("http://localhost:3000")


async def test_what_the_address_carries_ends_in_the_booking(cal):
    page = await cal.visit(f"/mara/technical-interview?{_PREFILL}&{_TOKEN}", number=2)

    assert "You are booked" in page.text
    (booking,) = await cal.data("GET", "/bookings")
    assert booking["attendees"][0]["name"] == "Ada Lovelace"
    assert booking["bookingFieldsResponses"]["greenroom"] == "tok-1"
    assert booking["metadata"] == {"greenroom": "tok-1", "source": "mail"}
    told = cal.receiver.received[0].about
    assert told["responses"]["greenroom"]["value"] == "tok-1"
    assert told["metadata"] == {"greenroom": "tok-1", "source": "mail"}


async def test_times_are_shown_in_the_visitors_zone(cal):
    page = await cal.browser.get("/mara/intro-call?tz=Asia/Kolkata")
    assert "13:30" in page.text
    assert "UTC+05:30" in page.text

    await cal.visit(f"/mara/intro-call?tz=Asia/Kolkata&{_PREFILL}", start="2026-11-25T09:00:00Z")
    (booking,) = await cal.data("GET", "/bookings")
    assert booking["attendees"][0]["timeZone"] == "Asia/Kolkata"


async def test_a_used_private_link_is_not_found(cal):
    address = await _private_link(cal, maxUsageCount=1)
    await cal.visit(f"{address}?{_PREFILL}", number=0)

    assert cal.receiver.received[0].about["hashedLink"] == address.split("/")[2]
    again = await cal.browser.get(address)
    assert again.status_code == 404
    assert "has expired or was used up" in again.text


async def test_two_bookers_at_the_same_time_both_get_through_a_link_for_one(cal):
    address = await _private_link(cal, maxUsageCount=1)

    async def book_too(_):
        cal.receiver.meanwhile = None
        page = await cal.visit(address, number=3, name="Bea", email="bea@client.example")
        assert page.status_code == 200

    cal.receiver.meanwhile = book_too
    await cal.visit(f"{address}?{_PREFILL}", number=0)

    assert len(await cal.data("GET", "/bookings")) == 2
    (link,) = await cal.data("GET", "/event-types/2/private-links", version="2024-09-04")
    assert (link["usageCount"], link["maxUsageCount"]) == (2, 1)


async def test_an_expired_or_unknown_private_link_is_not_found(cal):
    address = await _private_link(cal, expiresAt="2026-11-24T00:00:00Z")
    assert (await cal.browser.get(address)).status_code == 200

    await cal.control("clock", {"now": "2026-11-24T00:00:01Z"})
    for path in (address, "/d/unknown/intro-call", address.rsplit("/", 1)[0] + "/weekly"):
        assert (await cal.browser.get(path)).status_code == 404


async def test_a_time_taken_meanwhile_is_refused_and_what_was_typed_is_kept(cal):
    await cal.book(start="2026-11-25T09:00:00Z")
    form = {"slot": "2026-11-25T09:00:00Z", "name": "Bea", "email": "bea@client.example"}
    page = await cal.submit("/mara/intro-call", **form, notes="Hello", greenroom="tok-2")

    assert page.status_code == 409
    for kept in ("is not available", 'value="Bea"', "Hello", 'value="tok-2"'):
        assert kept in page.text


async def test_a_name_full_of_html_stays_text(cal):
    await cal.visit(
        "/mara/intro-call", number=0, name="<script>x</script>", email="a@client.example"
    )

    for path in ("/host", "/control", "/control/deliveries/1"):
        page = await cal.browser.get(path)
        assert "<script>" not in page.text, path


async def test_an_attendee_moves_and_cancels(cal):
    await cal.visit(f"/mara/intro-call?{_PREFILL}&{_TOKEN}", number=0)
    first = cal.receiver.received[0].uid
    await cal.visit(f"/reschedule/{first}", number=3, rescheduleReason="Train late")
    second = cal.receiver.received[1].uid
    await cal.submit(f"/booking/{second}/cancel", reason="Found a job")

    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]
    _, moved, cancelled = (one.about for one in cal.receiver.received)
    assert (moved["rescheduleUid"], moved["rescheduledBy"]) == (first, "ada@client.example")
    assert moved["metadata"] == {"greenroom": "tok-1", "source": "mail"}
    assert cancelled["cancelledBy"] == "ada@client.example"
    assert cancelled["cancellationReason"] == "Found a job"
    assert cancelled["responses"]["greenroom"]["value"] == "tok-1"


async def test_the_old_address_of_a_moved_booking_leads_to_the_new_one(cal):
    old = await cal.book()
    new = await cal.data(
        "POST", f"/bookings/{old['uid']}/reschedule", {"start": "2026-11-26T09:00:00Z"}
    )

    page = await cal.browser.get(f"/booking/{old['uid']}")
    assert f"/booking/{new['uid']}" in page.text
    moved = await cal.browser.get(f"/reschedule/{old['uid']}")
    assert str(moved.url.path) == f"/reschedule/{new['uid']}"


async def test_a_series_is_booked_and_its_rest_cancelled(cal):
    page = await cal.visit(f"/mara/weekly?{_PREFILL}", number=0, occurrences="2")
    assert page.text.count("2026, 09:00") == 2

    uid = cal.receiver.received[0].uid
    await cal.submit(f"/booking/{uid}/cancel", reason="no", subsequent="yes")
    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_CREATED", "BOOKING_CANCELLED"]


async def test_two_people_take_seats_and_one_moves(cal):
    start = "2026-11-25T09:00:00Z"
    await cal.visit("/mara/panel", start=start, name="Ada", email="ada@client.example")
    page = await cal.visit("/mara/panel", start=start, name="Bea", email="bea@client.example")
    seat = page.url.params["seat"]
    uid = page.url.path.rsplit("/", 1)[1]
    await cal.visit(f"/reschedule/{uid}?seatUid={seat}", start="2026-11-26T09:00:00Z")

    told = cal.receiver.received[-1]
    assert told.trigger == "BOOKING_RESCHEDULED"
    assert told.about["rescheduleUid"] == uid
    assert [one["name"] for one in told.about["attendees"]] == ["Bea"]
    left = await cal.data("GET", f"/bookings/{uid}")
    assert [one["name"] for one in left["attendees"]] == ["Ada"]


async def test_paying_takes_three_deliveries(cal):
    page = await cal.visit(f"/mara/paid-assessment?{_PREFILL}", number=0)
    assert "Pay for" in page.text
    (booking,) = await cal.data("GET", "/bookings")
    assert booking["status"] == "pending"

    await cal.submit(page.url.path)
    assert cal.receiver.triggers == [
        "BOOKING_PAYMENT_INITIATED",
        "BOOKING_PAID",
        "BOOKING_CREATED",
    ]
    assert cal.receiver.received[0].about["status"] == "ACCEPTED"  # so it says, untruly


async def test_a_host_confirms_declines_and_asks_for_another_time(cal):
    one, two, three = [
        await cal.book(kind=3, start=f"2026-11-25T{hour}:00:00Z") for hour in ("09", "10", "11")
    ]
    await cal.submit(f"/host/{one['uid']}/confirm")
    await cal.submit(f"/host/{two['uid']}/decline", reason="Full")
    await cal.submit(f"/host/{three['uid']}/request-reschedule", reason="Ill")

    assert cal.receiver.triggers[3:] == ["BOOKING_CREATED", "BOOKING_REJECTED", "BOOKING_CANCELLED"]
    page = await cal.browser.get("/host")
    for word in ("Confirmed", "Declined", "Moved", "“Full”"):
        assert word in page.text


async def test_a_host_who_moves_a_confirmed_booking_needs_no_second_confirmation(cal):
    booking = await cal.book(kind=3)
    await cal.submit(f"/host/{booking['uid']}/confirm")
    address = f"/reschedule/{booking['uid']}?rescheduledBy=mara@studio.example"
    await cal.visit(address, start="2026-11-26T09:00:00Z")

    told = cal.receiver.received[-1]
    assert (told.trigger, told.about["status"]) == ("BOOKING_RESCHEDULED", "ACCEPTED")


async def test_a_host_marks_who_did_not_come(cal):
    booking = await cal.book(start="2026-11-23T10:00:00Z")
    early = await cal.submit(f"/host/{booking['uid']}/absent", email="ada@client.example")
    assert early.status_code == 400

    await cal.control("clock", {"now": "2026-11-23T10:05:00Z"})
    await cal.submit(f"/host/{booking['uid']}/absent", email="ada@client.example")
    assert cal.receiver.triggers[-1] == "BOOKING_NO_SHOW_UPDATED"
    page = await cal.browser.get("/host")
    assert "Undo no-show of Ada" in page.text


async def test_every_link_on_the_pages_leads_somewhere(cal):
    await cal.visit(f"/mara/intro-call?{_PREFILL}", number=0)
    uid = cal.receiver.received[0].uid

    pages = ["/", "/mara", "/host", "/control", "/control/deliveries/1", "/static/style.css"]
    for path in [*pages, f"/booking/{uid}", f"/reschedule/{uid}", "/mara/panel?page=2"]:
        assert (await cal.browser.get(path)).status_code == 200, path
    for path in ("/nobody", "/mara/nothing", "/booking/none", "/reschedule/none", "/payment/none"):
        answer = await cal.browser.get(path)
        assert (answer.status_code, "not available" in answer.text) == (404, True), path
