"""When Cal.com was heard last, against what is usual; and what is offered when it fell silent."""

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import DAY, HOUR, MINUTE
from calcom.account import clock
from greenroom.calcom import connections
from greenroom.doctor.model import Light
from greenroom.syncs import actions as syncs
from greenroom.syncs import listening

pytestmark = pytest.mark.anyio


@pytest.fixture
async def there(clinic, connection):
    """Connected a month ago, and listened to ever since."""
    await clinic.execute("UPDATE connections SET created_at = :at", at=clock() - 30 * DAY)
    return connection


async def heard_until(clinic, connection, at, *, every=timedelta(minutes=3)):
    await clinic.execute(
        "INSERT INTO deliveries (connection_id, digest, received_at, state)"
        " SELECT :id, decode(md5(n::text), 'hex'), CAST(:at AS timestamptz) - n * :each, 'done'"
        " FROM generate_series(0, :count) n",
        id=connection.id,
        at=at,
        each=every,
        count=int(timedelta(weeks=4) / every),
    )
    async with clinic.parts.database.transaction() as tx:
        await listening.listen(tx, clinic.parts.seal, at + MINUTE)
    await clinic.execute(
        "UPDATE delivery_watches SET since = :since, counted_until = :until",
        since=at - 60 * DAY,
        until=clock() - MINUTE,
    )


async def a_minute(clinic, connection, at):
    """What the background does of it."""
    async with clinic.parts.database.transaction() as tx:
        await listening.listen(tx, clinic.parts.seal, at)
    async with clinic.parts.database.transaction() as tx:
        connection = await connections.get(tx, clinic.parts.seal, connection.id)
    await syncs.carry_on(replace(clinic.parts.leader(connection), clock=lambda: at))
    await listening.look_into(
        clinic.parts.database,
        clinic.parts.seal,
        connection,
        clinic.parts.calcom(connection),
        clinic.parts.address.webhook_url,
        now=at + timedelta(seconds=10),
    )
    return connection


async def asked(clinic, connection):
    """Somebody presses Sync, and it is done."""
    await clinic.execute("UPDATE connections SET synced_until = NULL")
    async with clinic.parts.database.transaction() as tx:
        await syncs.start(tx, clinic.parts.seal, asked_by="Robin", now=clock())
    await syncs.carry_on(clinic.parts.leader(connection))


async def switch_off(clinic, connection):
    async with clinic.parts.database.transaction() as tx:
        connection = await connections.get(tx, clinic.parts.seal, connection.id)
    await clinic.parts.calcom(connection).change_webhook(connection.webhook_id, active=False)


async def test_before_anything_is_connected_it_says_what_to_do_first(examine):
    (found,) = await examine("last-delivery")

    assert found.light is Light.OFF
    assert found.do.startswith("Press Connect Cal.com")


async def test_a_new_connection_has_heard_nothing_yet(examine, connection):
    (found,) = await examine("last-delivery")

    assert (found.light, found.what) == (Light.OFF, "Nothing heard yet.")
    assert "Ping test" in found.do


async def test_a_webhook_that_never_delivered_though_bookings_were_made_is_amber(
    clinic, examine, there, calcom
):
    await a_minute(clinic, there, clock())
    calcom.book()
    await asked(clinic, there)

    assert (await examine("last-delivery"))[0].light is Light.OFF
    (found,) = await examine("last-delivery", now=clock() + 6 * MINUTE)
    assert found.light is Light.AMBER
    assert "has never delivered, though 1 booking changed" in found.what


async def test_a_busy_account_is_green_with_what_is_usual(clinic, examine, there):
    await heard_until(clinic, there, clock() - 2 * MINUTE)

    (found,) = await examine("last-delivery")

    assert found.light is Light.GREEN
    assert found.what.startswith("Heard 2 min ago. Usually every 3 min at this hour; a silence of ")
    assert found.do == ""


async def test_a_quiet_account_is_green_however_long_ago_it_was_heard(clinic, examine, there):
    await heard_until(clinic, there, clock() - 12 * DAY, every=3 * DAY)

    (found,) = await examine("last-delivery")

    assert found.light is Light.GREEN
    assert found.what == (
        "Heard 12 days ago. Too little is known of its rhythm yet to call a silence unusual."
    )


async def test_deliveries_that_do_not_arrive_though_the_webhook_is_in_order_are_red(
    clinic, examine, there, calcom
):
    now = clock()
    await heard_until(clinic, there, now - 5 * HOUR)
    calcom.book()

    await a_minute(clinic, there, now)
    (found,) = await examine("last-delivery", now=now)

    assert found.light is Light.RED
    assert found.what.endswith(
        "1 booking was missed and is repaired. "
        "The webhook at Cal.com is in order, but its deliveries do not arrive."
    )
    assert "whether this Greenroom is reached from outside" in found.do
    assert found.offer is None


async def test_bookings_lost_before_a_delivery_that_came_are_no_silence_but_missed_news(
    clinic, examine, there, calcom
):
    now = clock()
    await a_minute(clinic, there, now)
    for at in calcom.free("intro-call")[:3]:
        calcom.book(at=at)
    await asked(clinic, there)
    await heard_until(clinic, there, now + MINUTE, every=3 * DAY)

    later = now + 8 * MINUTE
    await a_minute(clinic, there, later)
    (heard,) = await examine("last-delivery", now=later)
    (lost,) = await examine("drift", now=later)
    assert (heard.light, lost.light) == (Light.GREEN, Light.AMBER)
    assert heard.what.startswith("Heard 7 min ago.")
    assert lost.what.startswith("Of 3 bookings no delivery told")


async def test_a_webhook_switched_off_behind_our_back_is_amber_and_fix_it_ends_the_silence(
    clinic, examine, there, calcom
):
    now = clock()
    await heard_until(clinic, there, now - 3 * HOUR - 10 * MINUTE)
    await switch_off(clinic, there)
    for at in calcom.free("intro-call")[:2]:
        calcom.book(at=at)

    await a_minute(clinic, there, now)
    (found,) = await examine("last-delivery", now=now)
    assert found.light is Light.AMBER
    assert found.what == (
        "Cal.com has been silent for 3 h 10; usually it is heard every 3 min. "
        "2 bookings were missed and are repaired. The webhook is switched off at Cal.com."
    )
    assert (found.do, found.offer) == (
        "Press Switch it on: Greenroom does it at Cal.com.",
        "Switch it on",
    )

    assert (await examine("webhook-on"))[0].light is Light.RED
    await clinic.mend("last-delivery", there.id)
    assert await clinic.execute(
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'examine'"
    ) == [(1,)]
    (found,) = await examine("last-delivery")
    assert found.light is Light.GREEN
    assert "The webhook is in order again; its next delivery ends this." in found.what
    assert found.offer is None

    kept = clock() + MINUTE
    await clinic.execute(
        "INSERT INTO deliveries (connection_id, digest, received_at, state)"
        " VALUES (:id, 'new', :at, 'done')",
        id=there.id,
        at=kept,
    )
    await a_minute(clinic, there, kept + MINUTE)
    (found,) = await examine("last-delivery", now=kept + MINUTE)
    assert found.what.startswith("Heard 1 min ago. Usually every 3 min")


async def test_a_silence_in_which_nothing_was_missed_stays_green(clinic, examine, there):
    now = clock()
    await heard_until(clinic, there, now - 5 * HOUR)
    await a_minute(clinic, there, now)

    (found,) = await examine("last-delivery", now=now)

    assert found.light is Light.GREEN
    assert found.what.endswith("All is well: nothing was missed, and the webhook is in order.")
    assert (found.do, found.offer) == ("", None)
