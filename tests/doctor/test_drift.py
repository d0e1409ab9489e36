"""The check of missed news: how much deliveries did not tell in the last day."""

from datetime import UTC, datetime

import pytest

from greenroom.doctor.model import Light
from greenroom.syncs import actions as syncs
from greenroom.syncs import runs

pytestmark = pytest.mark.anyio


async def missed(clinic, calcom, connection, count):
    """So many bookings are made that nobody tells us of, and found by asking."""
    for n in range(count):
        at = calcom.free("intro-call")[n]
        calcom.book("intro-call", email=f"guest{n}@example.org", at=at)
    async with clinic.parts.database.transaction() as tx:
        await runs.begin(tx, connection.id, asked_by="a test", now=datetime.now(UTC))
    await syncs.carry_on(clinic.parts.leader(connection))


async def found_by(clinic):
    (found,) = await clinic.examine("drift")
    return found


async def test_nothing_missed_is_green(clinic, connection):
    assert (await found_by(clinic)).light is Light.GREEN


async def test_a_few_lost_bookings_are_said_and_no_alarm(clinic, calcom, connection):
    await missed(clinic, calcom, connection, 1)
    found = await found_by(clinic)
    assert found.light is Light.GREEN
    assert "1 booking" in found.what
    assert "between" not in found.what


async def test_losses_of_one_minute_are_of_one_moment(clinic, calcom, connection):
    await missed(clinic, calcom, connection, 2)
    await clinic.execute(
        "UPDATE drift SET said_at = CAST('2026-11-23 22:42:05Z' AS timestamptz)"
        " + id % 2 * interval '9 s'"
    )
    found = await found_by(clinic)
    assert found.what.startswith("Of 2 bookings no delivery told (2026-11-23 22:42 UTC). Asking")


async def test_many_lost_bookings_are_amber_for_an_hour_with_the_time_they_were_lost(
    clinic, calcom, connection
):
    await missed(clinic, calcom, connection, 4)
    await clinic.execute(
        "UPDATE drift SET said_at = said_at - interval '90 min'"
        " WHERE id = (SELECT min(id) FROM drift)"
    )
    found = await found_by(clinic)
    assert found.light is Light.AMBER
    assert "4 bookings" in found.what
    assert "between" in found.what

    await clinic.execute("UPDATE drift SET said_at = said_at - interval '1 hour'")
    found = await found_by(clinic)
    assert (found.light, found.do) == (Light.GREEN, ""), "nothing is left to do"
    assert "4 bookings" in found.what

    await clinic.execute("UPDATE drift SET found_at = found_at - interval '1 day'")
    assert "4 bookings" not in (await found_by(clinic)).what


async def test_a_connection_that_cannot_ask_cannot_know(clinic, calcom):
    await clinic.connect(calcom, key=None)
    assert (await found_by(clinic)).light is Light.OFF
