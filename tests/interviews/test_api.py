"""Interviews and bookings over JSON."""

from datetime import UTC, datetime, timedelta

import pytest

from builders import delivery
from greenroom.accounts.model import Role
from greenroom.deliveries import actions as deliveries
from house import House

pytestmark = pytest.mark.anyio

HOME = "/api/admin/scheduling"


class Recruiter:
    """Somebody who asks the JSON API with a token of that role."""

    def __init__(self, house: House, headers: dict[str, str]) -> None:
        self.house = house
        self.headers = headers

    async def ask(self, method, path, status=None, **given):
        answer = await self.house.http.request(
            method, f"{HOME}{path}", headers=self.headers, **given
        )
        assert status is None or answer.status_code == status, answer.text
        return answer.json()

    async def candidate(self, name="Ada Byron", email="ada@example.org"):
        return await self.ask("POST", "/candidates", 201, json={"name": name, "email": email})

    async def event_type(self, title="Intro call"):
        given = {
            "title": title,
            "length_minutes": 30,
            "booking_url": f"https://cal.example/mara/{title.lower().replace(' ', '-')}",
        }
        return await self.ask("POST", "/event-types", 201, json=given)

    async def send(self, *candidates, event_type, **others):
        given = {
            "candidate_ids": [each["id"] for each in candidates],
            "event_type_id": event_type["id"],
            "send": False,
        }
        return await self.ask("POST", "/interviews", 201, json={**given, **others})

    async def book(self, interview, **payload):
        ours = {"greenroom": interview["link"]["token"]}
        await self.house.deliver(delivery(metadata=ours, status="ACCEPTED", **payload))
        await deliveries.drain(self.house.parts.database, now=datetime.now(UTC))


@pytest.fixture
async def recruiter(house):
    return Recruiter(house, await house.token())


@pytest.fixture
async def ada(recruiter):
    """Ada's interview, with a link."""
    sent = await recruiter.send(
        await recruiter.candidate(), event_type=await recruiter.event_type()
    )
    return sent["created"][0]


async def test_a_link_is_made_for_each_candidate_and_who_is_left_out_is_told_why(recruiter):
    event_type = await recruiter.event_type()
    ada, bob = await recruiter.candidate(), await recruiter.candidate("Bob Moses", "bob@x.org")
    first = await recruiter.send(ada, event_type=event_type)
    again = await recruiter.send(ada, bob, {"id": 999}, event_type=event_type)

    [made] = first["created"]
    assert made["status"] == "pending"
    assert made["candidate"]["email"] == "ada@example.org"
    assert made["link"]["url"].endswith(f"/i/{made['link']['token']}")
    assert made["booking"] is None
    assert [each["candidate"]["name"] for each in again["created"]] == ["Bob Moses"]
    assert again["skipped"] == [
        {
            "candidate_id": ada["id"],
            "reason": "already has a booking link for this event type",
        },
        {"candidate_id": 999, "reason": "is not in the list of candidates any more"},
    ]


async def test_a_misspelled_or_contradicting_request_makes_nothing(recruiter):
    event_type, ada = await recruiter.event_type(), await recruiter.candidate()
    wanted = {"candidate_ids": [ada["id"]], "event_type_id": event_type["id"], "send": False}

    for wrong in ({"sned": True}, {"connection_id": 999}, {"event_type_id": 999}):
        answer = await recruiter.ask("POST", "/interviews", json={**wanted, **wrong})
        assert answer["status"] in {404, 422}
        assert answer["detail"]

    assert (await recruiter.ask("GET", "/interviews", 200))["items"] == []


async def test_a_booked_interview_says_when_and_why(recruiter, ada):
    await recruiter.book(ada)

    found = await recruiter.ask("GET", f"/interviews/{ada['id']}", 200)

    assert (found["status"], found["booking"]["uid"]) == ("confirmed", "booking1")
    assert found["why"] == {
        "rung": "token",
        "explanation": "it carries our token for this interview",
    }
    assert [each["status"] for each in found["bookings"]] == ["confirmed"]
    decides = [each for each in found["timeline"] if each["decides"]]
    assert [each["source"] for each in decides] == ["Cal.com’s webhook"]
    assert decides[0]["delivery_id"] == 1


async def test_the_list_is_filtered_and_paged(recruiter):
    event_type, other = await recruiter.event_type(), await recruiter.event_type("Final round")
    people = [await recruiter.candidate(f"Person {n}", f"p{n}@x.org") for n in range(5)]
    made = (await recruiter.send(*people, event_type=event_type))["created"]
    await recruiter.send(people[0], event_type=other)
    await recruiter.book(made[0])

    async def ids(**query):
        found = await recruiter.ask("GET", "/interviews", 200, params=query)
        return [each["id"] for each in found["items"]], found["next"]

    assert (await ids(status="confirmed"))[0] == [made[0]["id"]]
    assert len((await ids(q="person 3"))[0]) == 1
    assert len((await ids(event_type_id=other["id"]))[0]) == 1
    assert (await ids(attention=True))[0] == [made[0]["id"]]  # booked by another address
    seen, cursor = [], None
    for _ in range(3):
        page, cursor = await ids(limit=2, **({"cursor": cursor} if cursor else {}))
        seen += page
    assert cursor is None
    assert len(set(seen)) == 6


async def test_a_cursor_that_is_not_ours_is_refused(recruiter):
    answer = await recruiter.ask("GET", "/interviews", params={"cursor": "nonsense"})

    assert answer["status"] == 400


async def test_a_letter_waits_in_the_outbox_when_asked_for(recruiter, ada):
    await recruiter.ask("POST", f"/interviews/{ada['id']}/invitation", 202, json={})

    found = await recruiter.ask("GET", f"/interviews/{ada['id']}", 200)
    assert "wrote the invitation" in [each["text"] for each in found["timeline"]]


async def test_a_link_is_extended_replaced_and_revoked(recruiter, ada):
    home = f"/interviews/{ada['id']}"
    longer = await recruiter.ask("POST", f"{home}/extension", 202, json={"days": 30})
    end = datetime.fromisoformat(longer["link"]["expires_at"])
    assert end > datetime.now(UTC) + timedelta(days=29)
    assert longer["link"]["token"] == ada["link"]["token"]

    replaced = await recruiter.ask("POST", f"{home}/replacement", 202)
    assert replaced["link"]["token"] != ada["link"]["token"]
    assert replaced["status"] == "pending"

    revoked = await recruiter.ask("POST", f"{home}/revocation", 202)
    assert revoked["status"] == "to_invite"
    assert revoked["link"]["revoked_at"]


async def test_how_it_went_is_said_by_a_person(recruiter, ada):
    home = f"/interviews/{ada['id']}/outcome"
    refused = await recruiter.ask("POST", home, json={"outcome": "candidate_no_show"})
    assert refused["status"] == 409

    await recruiter.book(ada)
    said = await recruiter.ask("POST", home, 202, json={"outcome": "candidate_no_show"})
    taken_back = await recruiter.ask("POST", home, 202, json={"outcome": None})

    assert (said["status"], taken_back["status"]) == ("no_show", "confirmed")


async def test_a_viewer_reads_and_does_not_change(house, recruiter, ada):
    viewer = Recruiter(house, await house.token(Role.VIEWER))

    assert len((await viewer.ask("GET", "/interviews", 200))["items"]) == 1
    for what in ("invitation", "revocation", "extension", "replacement", "outcome"):
        answer = await viewer.ask("POST", f"/interviews/{ada['id']}/{what}", json={"outcome": None})
        assert answer["status"] == 403


async def test_bookings_are_listed_and_matched_by_hand(recruiter, ada):
    await recruiter.house.deliver(delivery(status="ACCEPTED", attendees=[]))
    await deliveries.drain(recruiter.house.parts.database, now=datetime.now(UTC))
    [unmatched] = (await recruiter.ask("GET", "/bookings", 200))["items"]
    assert (unmatched["uid"], unmatched["interview_id"]) == ("booking1", None)
    assert unmatched["unconfirmed"] is True

    matched = await recruiter.ask(
        "POST", "/bookings/booking1/match", 200, json={"interview_id": ada["id"]}
    )

    assert matched["match"]["rung"] == "person"
    found = await recruiter.ask("GET", f"/interviews/{ada['id']}", 200)
    assert found["status"] == "confirmed"
    assert (await recruiter.ask("GET", "/bookings/nobody"))["status"] == 404


@pytest.mark.parametrize("address", ["http://[x", "https://a]b/", "ftp://x.org/", "nonsense"])
async def test_a_booking_page_has_an_address(recruiter, address):
    given = {"title": "Intro", "length_minutes": 30, "booking_url": address}

    assert (await recruiter.ask("POST", "/event-types", json=given))["status"] == 422


async def test_a_list_is_not_asked_for_by_thousands_of_statuses(recruiter):
    answer = await recruiter.ask("GET", "/interviews?" + "&".join(["status=done"] * 1000))

    assert answer["status"] == 422


@pytest.mark.parametrize("current", ["http://[", "//[", "http://[\xbd]/"])
async def test_a_page_may_claim_to_be_anywhere(house, current):
    headers = [(b"hx-request", b"true"), (b"hx-current-url", current.encode("latin-1"))]
    answer = await house.http.get("/", headers=[*headers, (b"accept", b"text/html")])

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")
