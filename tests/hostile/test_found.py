"""What the hunt has found, each in its smallest form."""

import json
import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, literal, select, text

from builders import delivery
from greenroom.accounts.model import Role
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import redaction
from greenroom.errors import Invalid
from greenroom.mail.wording import moment
from hostile import values
from hostile.shown import API

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logs")]

NOW = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)


@pytest.fixture
async def post(house):
    headers = await house.token(Role.RECRUITER)

    async def post(path, given):
        return await house.http.post(API + path, json=given, headers=headers)

    return post


async def _drain(house):
    while await deliveries.drain(house.parts.database, now=datetime.now(UTC)):
        pass


@pytest.mark.parametrize(
    "address", ["http://[x", "https://a]b/", "http://℀.example/", "http://x:y/"]
)
async def test_a_booking_page_is_an_address(post, address):
    kind = {"title": "Intro", "length_minutes": 30, "booking_url": address}

    assert (await post("/event-types", kind)).status_code == 422


async def test_an_address_too_long_for_its_index_is_refused(post):
    chance = random.Random(1)
    address = "https://x/" + "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(980))
    kind = {"title": "Intro", "length_minutes": 30, "booking_url": address}

    assert (await post("/event-types", kind)).status_code == 422


@pytest.mark.parametrize("name", ["localtime", "posixrules", "right/UTC", "posix/Europe/Berlin"])
async def test_a_zone_is_one_of_ianas_on_every_machine(name):
    assert moment(NOW, name) == "Wednesday 25 November 2026, 11:00 (UTC)"


async def test_every_zone_of_ianas_is_known_old_names_too():
    shown = {moment(NOW, name).rpartition("(")[2].partition(",")[0] for name in values.EVERY_ZONE}

    assert shown >= set(values.EVERY_ZONE) - {"UTC"}


def test_a_covered_body_is_text():
    body = rb'{"triggerEvent":"BOOKING_CREATED","payload":{"status":"\ud800"}}'

    assert r"\ud800" in redaction.readable(body, everything=False)


async def test_more_than_the_database_takes_is_no_reason_to_wait_for_it(database):
    for statement in (
        select(func.count()).where(literal(0).in_(range(70_000))),
        text("CREATE TABLE t AS SELECT 1 AS a; CREATE INDEX ON t ((repeat(md5(a::text), 100000)))"),
    ):
        with pytest.raises(Invalid):
            async with database.transaction() as tx:
                await tx.execute(statement)


async def test_one_booking_told_of_in_both_formats_at_once_is_one(house):
    headers = await house.token()
    about = {"startTime": "2026-12-15T10:00:00Z", "endTime": "2026-12-15T10:30:00Z"}
    guide = {"id": "4711", "bookingId": "4711", "attendees": [{"email": "c@example.com"}], **about}
    await house.deliver(json.dumps({"trigger": "BOOKING_CONFIRMED", "data": guide}).encode())
    await house.deliver(delivery(uid="uid1", bookingId=4711, **about))

    await _drain(house)

    listed = await house.http.get(f"{API}/bookings", headers=headers)
    assert [each["uid"] for each in listed.json()["items"]] == ["uid1"]
