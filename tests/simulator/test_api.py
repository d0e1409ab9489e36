"""What the recordings do not show of API v2: limits, pages, versions, editions, links."""

import asyncio

import pytest

from calcom_simulator.editions import SELF_HOSTED

pytestmark = pytest.mark.anyio

_LINKS = "/event-types/2/private-links"
_LINK_VERSION = "2024-09-04"


async def test_too_many_requests_are_refused_without_a_retry_after(cal):
    await cal.control("rate-limit", {"limit": 2, "window_seconds": 60, "block_seconds": 30})
    answers = [await cal.call("GET", "/me") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining-default"] for one in answers] == ["1", "0", "0"]
    assert answers[2].headers["x-ratelimit-reset-default"] == "30"
    assert "retry-after" not in answers[2].headers
    assert answers[2].json()["error"]["code"] == "ThrottlerException"


async def test_after_the_block_requests_pass_again(cal):
    await cal.control("rate-limit", {"limit": 1, "window_seconds": 10, "block_seconds": 30})
    for _ in range(2):
        await cal.call("GET", "/me")

    await cal.control("clock", {"advance_seconds": 29})
    assert (await cal.call("GET", "/me")).status_code == 429
    await cal.control("clock", {"advance_seconds": 1})
    assert (await cal.call("GET", "/me")).status_code == 200


async def test_the_date_of_an_answer_is_the_simulated_one(cal):
    await cal.control("clock", {"now": "2026-12-24T18:00:00Z"})

    assert (await cal.call("GET", "/me")).headers["date"] == "Thu, 24 Dec 2026 18:00:00 GMT"


async def test_a_booking_has_no_time_of_change_until_it_changes(cal):
    booking = await cal.book()
    assert booking["updatedAt"] is None

    cancelled = await cal.data(
        "POST", f"/bookings/{booking['uid']}/cancel", {"cancellationReason": "ill"}
    )
    assert cancelled["updatedAt"] is not None


async def test_a_sweep_by_change_misses_new_bookings_and_one_by_creation_finds_them(cal):
    booking = await cal.book()

    changed = await cal.data("GET", "/bookings?afterUpdatedAt=2026-01-01T00:00:00Z")
    created = await cal.data("GET", "/bookings?afterCreatedAt=2026-01-01T00:00:00Z")
    assert changed == []
    assert [one["uid"] for one in created] == [booking["uid"]]


async def test_times_are_compared_from_the_moment_itself_on(cal):
    booking = await cal.book()
    made = booking["createdAt"]

    for query, found in (
        (f"afterCreatedAt={made}", 1),
        (f"beforeCreatedAt={made}", 1),
        ("beforeCreatedAt=2026-11-23T06:59:59Z", 0),
        ("afterStart=2026-11-25T09:00:00Z&beforeEnd=2026-11-25T09:30:00Z", 1),
        ("afterStart=2026-11-25T09:00:01Z", 0),
    ):
        assert len(await cal.data("GET", f"/bookings?{query}")) == found, query


async def test_pages_count_from_zero_and_the_total_ignores_the_times(cal):
    for hour in ("09", "10", "11"):
        await cal.book(start=f"2026-11-25T{hour}:00:00Z")

    answer = await cal.call("GET", "/bookings?take=2&skip=2")
    assert answer.json()["pagination"] == {
        "returnedItems": 1,
        "totalItems": 3,
        "itemsPerPage": 2,
        "remainingItems": 0,
        "currentPage": 1,
        "totalPages": 2,
        "hasNextPage": False,
        "hasPreviousPage": True,
    }
    later = await cal.call("GET", "/bookings?take=2&afterCreatedAt=2027-01-01T00:00:00Z")
    assert later.json()["data"] == []
    assert later.json()["pagination"]["totalItems"] == 3
    assert later.json()["pagination"]["hasNextPage"] is True


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=upcoming", ["Ada", "Bea", "Cem"]),
        ("status=unconfirmed", ["Cem"]),
        ("status=cancelled", ["Dan"]),
        ("status=past", []),
        ("status=cancelled,unconfirmed", ["Cem", "Dan"]),
        ("attendeeEmail=bea@client.example", ["Bea"]),
        ("eventTypeId=3", ["Cem"]),
        ("eventTypeIds=1,3", ["Bea", "Cem"]),
        ("sortStart=desc", ["Dan", "Cem", "Bea", "Ada"]),
        ("sortCreated=asc&take=2", ["Dan", "Cem"]),
    ],
)
async def test_lists_are_filtered_and_sorted(cal, query, expected):
    dan = await cal.book(kind=2, name="Dan", start="2026-11-25T15:00:00Z")
    await cal.data("POST", f"/bookings/{dan['uid']}/cancel", {"cancellationReason": "ill"})
    await cal.book(kind=3, name="Cem", start="2026-11-25T13:00:00Z")
    await cal.book(kind=1, name="Bea", start="2026-11-25T11:00:00Z")
    await cal.book(kind=2, name="Ada", start="2026-11-25T09:00:00Z")

    found = await cal.data("GET", f"/bookings?{query}")
    assert [one["attendees"][0]["name"] for one in found] == expected


@pytest.mark.parametrize("query", ["take=0", "take=251", "skip=-1", "status=confirmed"])
async def test_wrong_queries_are_refused(cal, query):
    assert (await cal.call("GET", f"/bookings?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "version", "status"),
    [
        ("GET", "/bookings", "nonsense", 200),
        ("GET", "/bookings", "2024-06-14", 404),
        ("GET", "/event-types", "2024-08-13", 404),
        ("GET", "/slots?eventTypeId=1&start=2026-11-25&end=2026-11-25", None, 404),
        ("POST", "/bookings", None, 400),
        ("POST", "/bookings/x/confirm", None, 404),
        ("GET", "/nothing", "2024-08-13", 404),
    ],
)
async def test_the_version_header_decides_who_answers(cal, method, path, version, status):
    answer = await cal.call(method, path, {} if method == "POST" else None, version=version)

    assert answer.status_code == status
    if status == 404:
        assert answer.json()["error"]["message"].startswith(f"Cannot {method} /v2{path}")


async def test_without_a_version_lists_have_the_old_shape(cal):
    await cal.book()

    data = await cal.data("GET", "/bookings", version=None)
    assert [one["status"] for one in data["bookings"]] == ["ACCEPTED"]
    groups = (await cal.data("GET", "/event-types", version=None))["eventTypeGroups"]
    assert groups[0]["eventTypes"][0]["length"] == 45


async def test_a_hidden_field_can_be_added_to_an_event_type_and_comes_back_in_bookings(cal):
    kind = await cal.data("GET", "/event-types/1", version="2024-06-14")
    own = [one for one in kind["bookingFields"] if not one["isDefault"]]
    token = {"type": "text", "slug": "token", "label": "Token", "required": False, "hidden": True}
    await cal.data(
        "PATCH", "/event-types/1", {"bookingFields": [*own, token]}, version="2024-06-14"
    )
    booking = await cal.book(kind=1, bookingFieldsResponses={"token": "t-1"})

    assert booking["bookingFieldsResponses"]["token"] == "t-1"
    told = cal.receiver.received[0].about
    assert told["responses"]["token"] == {"label": "Token", "value": "t-1", "isHidden": True}
    assert told["userFieldsResponses"]["token"]["value"] == "t-1"


# Private links


async def test_the_hosted_edition_gives_complete_private_links(cal):
    link = await cal.data("POST", _LINKS, {"maxUsageCount": 1}, version=_LINK_VERSION)

    address = f"http://localhost:3000/d/{link['linkId']}/intro-call"
    assert link == {
        "linkId": link["linkId"],
        "eventTypeId": 2,
        "isExpired": False,
        "bookingUrl": address,
        "maxUsageCount": 1,
        "usageCount": 0,
    }
    assert (await cal.call("POST", _LINKS, {"maxUsageCount": 1}, version=None)).status_code == 404


async def test_the_self_hosted_edition_gives_private_links_without_the_slug(cal):
    cal.world.edition = SELF_HOSTED
    link = await cal.data("POST", _LINKS, {"maxUsageCount": 1}, version=None)

    assert link["bookingUrl"] == f"http://localhost:3000/d/{link['linkId']}"
    for version in (_LINK_VERSION, "2024-08-13"):
        answer = await cal.call("POST", _LINKS, {"maxUsageCount": 1}, version=version)
        assert answer.status_code == 404


async def test_one_difference_can_be_switched_alone(cal):
    edition = await cal.control("edition", {"private_links": "unversioned"})

    assert edition["updated_at"] == "when_changed"
    assert (await cal.call("POST", _LINKS, {}, version=None)).json()["error"]["message"] == (
        "Either expiresAt or maxUsageCount must be provided"
    )


async def test_a_private_link_ends_at_its_time(cal):
    link = await cal.data(
        "POST", _LINKS, {"expiresAt": "2026-11-24T00:00:00Z"}, version=_LINK_VERSION
    )
    assert link["expiresAt"] == "2026-11-24T00:00:00.000Z"
    assert "usageCount" not in link

    await cal.control("clock", {"now": "2026-11-24T00:00:00Z"})
    (link,) = await cal.data("GET", _LINKS, version=_LINK_VERSION)
    assert link["isExpired"] is True


async def test_a_private_link_wants_one_limit_and_forgets_the_end_it_is_not_told_again(cal):
    both = {"expiresAt": "2026-12-01T00:00:00Z", "maxUsageCount": 1}
    answer = await cal.call("POST", _LINKS, both, version=_LINK_VERSION)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Provide only one of expiresAt or maxUsageCount"

    link = await cal.data(
        "POST", _LINKS, {"expiresAt": "2026-12-01T00:00:00Z"}, version=_LINK_VERSION
    )
    path = f"{_LINKS}/{link['linkId']}"
    updated = await cal.data("PATCH", path, {"maxUsageCount": 3}, version=_LINK_VERSION)
    assert (updated["maxUsageCount"], "expiresAt" in updated) == (3, False)
    gone = await cal.data("DELETE", path, version=_LINK_VERSION)
    assert gone["message"] == "Private link deleted successfully"
    assert (await cal.call("DELETE", path, version=_LINK_VERSION)).status_code == 404


# Bookings


async def test_two_bookers_at_once_cannot_have_the_same_time(cal):
    attendee = {"name": "Ada", "email": "ada@client.example", "timeZone": "UTC"}
    body = {"eventTypeId": 2, "start": "2026-11-25T09:00:00Z", "attendee": attendee}
    answers = await asyncio.gather(*(cal.call("POST", "/bookings", body) for _ in range(2)))

    assert sorted(one.status_code for one in answers) == [201, 400]


async def test_a_full_slot_has_no_seat_left(cal):
    for name in ("Ada", "Bea", "Cem"):
        await cal.book(kind=5, name=name)

    attendee = {"name": "Dan", "email": "dan@client.example", "timeZone": "UTC"}
    body = {"eventTypeId": 5, "start": "2026-11-25T09:00:00Z", "attendee": attendee}
    assert (await cal.call("POST", "/bookings", body)).status_code == 400
    (only,) = await cal.data("GET", "/bookings")
    assert [one["name"] for one in only["attendees"]] == ["Ada", "Bea", "Cem"]


async def test_a_booking_moved_twice_is_a_chain(cal):
    first = await cal.book(metadata={"greenroom": "token"})
    path = "/bookings/{}/reschedule"
    second = await cal.data("POST", path.format(first["uid"]), {"start": "2026-11-26T09:00:00Z"})
    third = await cal.data("POST", path.format(second["uid"]), {"start": "2026-11-27T09:00:00Z"})
    middle = await cal.data("GET", f"/bookings/{second['uid']}")

    assert first["uid"] == middle["rescheduledFromUid"]
    assert third["uid"] == middle["rescheduledToUid"]
    assert (middle["status"], third["status"]) == ("cancelled", "accepted")
    assert third["metadata"] == {"greenroom": "token"}
    assert first["icsUid"] == third["icsUid"]
    again = await cal.call("POST", path.format(first["uid"]), {"start": "2026-11-27T10:00:00Z"})
    assert (again.status_code, second["uid"] in again.text) == (400, True)


async def test_a_host_must_give_a_reason_and_an_attendee_need_not(cal):
    booking = await cal.book()
    path = f"/bookings/{booking['uid']}/cancel"

    assert (await cal.call("POST", path, {})).status_code == 400
    assert (await cal.call("POST", path, {}, key=False)).status_code == 200


async def test_a_request_to_reschedule_leaves_the_booking_open_to_be_moved(cal):
    booking = await cal.book()
    asked = await cal.data(
        "POST", f"/bookings/{booking['uid']}/request-reschedule", {"rescheduleReason": "I travel"}
    )
    assert (asked["status"], asked["cancellationReason"]) == ("cancelled", "I travel")
    assert cal.receiver.received[-1].about["requestReschedule"] is True

    new = await cal.data(
        "POST", f"/bookings/{booking['uid']}/reschedule", {"start": "2026-11-26T09:00:00Z"}
    )
    assert new["rescheduledFromUid"] == booking["uid"]


async def test_slots_are_the_hosts_hours_without_what_is_taken(cal):
    await cal.book(kind=3, start="2026-11-25T10:00:00Z")
    query = "/slots?eventTypeId=2&start=2026-11-25&end=2026-11-29&timeZone=Europe/Berlin"
    days = await cal.data("GET", query, version="2024-09-04")

    wednesday = [slot["start"][11:16] for slot in days["2026-11-25"]]
    assert (wednesday[0], wednesday[-1]) == ("09:00", "16:30")
    assert not {"11:00", "11:30"} & set(wednesday)
    assert sorted(days) == ["2026-11-25", "2026-11-26", "2026-11-27"]
    assert days["2026-11-25"][0]["start"] == "2026-11-25T09:00:00.000+01:00"


async def test_nobody_is_booked_outside_the_hosts_hours(cal):
    attendee = {"name": "Ada", "email": "ada@client.example", "timeZone": "UTC"}
    for start in ("2026-11-25T07:00:00Z", "2026-11-28T10:00:00Z", "2026-11-25T15:45:00Z"):
        body = {"eventTypeId": 2, "start": start, "attendee": attendee}
        assert (await cal.call("POST", "/bookings", body)).status_code == 400, start


async def test_webhooks_accept_the_newer_triggers_in_the_hosted_edition_only(cal):
    body = {"subscriberUrl": "http://receiver/new", "active": True}
    body |= {"triggers": ["BOOKING_REASSIGNED"]}
    assert (await cal.call("POST", "/webhooks", body)).status_code == 201

    cal.world.edition = SELF_HOSTED
    body["subscriberUrl"] += "/2"
    assert (await cal.call("POST", "/webhooks", body)).status_code == 400
    body["triggers"] = ["BOOKING_CONFIRMED"]
    assert (await cal.call("POST", "/webhooks", body)).status_code == 400
