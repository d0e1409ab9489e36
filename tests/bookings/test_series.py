"""Several meetings booked at once are one interview's, and end as Cal.com's API says."""

from datetime import UTC, datetime, timedelta

import pytest

from builders import HOUR, answer, fixture
from greenroom.bookings import actions as bookings
from greenroom.bookings.model import Status as BookingStatus
from greenroom.bookings.model import Told
from greenroom.calcom import answers
from greenroom.interviews.model import Status

pytestmark = pytest.mark.anyio

SENT = datetime(2026, 11, 23, 15, 24, 43, tzinfo=UTC)
FIRST, *OTHERS = "qpryhi7oSRxcx2q5L3QebP", "pu6w29JTuj1rm6fcsfRAta", "nNK3e2MZbNbswA4GZS7oAX"


@pytest.fixture(params=["token", "address"])
async def row(request, world):
    """Aisha's interview, whose link books three meetings at once."""
    candidate = await world.candidate("Aisha", "aisha@client.example")
    row = await world.send(
        candidate, await world.event_type(3, "weekly"), now=SENT - timedelta(days=1)
    )
    ours = f'"metadata":{{"greenroom":"{row.link.token}"}}'.encode()
    for number in (1, 2, 3):
        body = fixture(f"booking_created__series_{number}_of_3")
        if request.param == "token":
            body = body.replace(b'"metadata":{}', ours)
            assert ours in body
        await world.deliver(body, at=SENT)
    return row


async def statuses(world):
    async with world.database.transaction() as tx:
        return [(await bookings.get(tx, uid)).booking.status for uid in (FIRST, *OTHERS)]


async def api_says(world, *uids, at=SENT + HOUR):
    rows = [each for each in answer("api__series") if each["uid"] in uids]
    facts = [answers.booking(each, fetched_at=at) for each in rows]
    async with world.database.transaction() as tx:
        told = [Told(connection_id=world.connection_id, fact=fact) for fact in facts]
        await bookings.record(tx, told, now=at)


async def test_meetings_of_a_series_are_no_second_bookings(world, row):
    interview = (await world.row(row.id)).interview

    assert (interview.status, interview.attention) == (Status.CONFIRMED, frozenset())


async def test_one_cancellation_speaks_for_its_own_meeting_and_the_api_for_the_rest(world, row):
    await world.deliver(fixture("booking_cancelled__series"), at=SENT + timedelta(seconds=3))

    dead, live = BookingStatus.CANCELLED, BookingStatus.CONFIRMED
    assert await statuses(world) == [dead, live, live]
    assert (await world.row(row.id)).interview.status is Status.CONFIRMED

    await api_says(world, OTHERS[0])
    # Part of the series has its name from the API by now, part has not.
    assert (await world.row(row.id)).interview.attention == frozenset()

    await api_says(world, FIRST, *OTHERS)

    assert await statuses(world) == [dead, dead, dead]
    assert (await world.row(row.id)).interview.status is Status.CANCELLED
