"""Cal.com falls silent: it is noticed, looked into, said once, and over when it is heard again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from builders import DAY, HOUR, MINUTE, delivery
from calcom.account import Account, clock
from greenroom.calcom import connections, subscribing, subscription
from greenroom.calcom.subscription import Subscription
from greenroom.deliveries import hours
from greenroom.syncs import actions as syncs
from greenroom.syncs import listening, silence, silence_store
from greenroom.syncs.silence import Silence, Webhook
from world import SEAL

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:1/nobody-listens"
"""Where the webhook of an account in tests delivers."""


class Listener:
    """The job of each minute, about one account."""

    def __init__(self, account, url=URL):
        self.account = account
        self.url = url
        self.database = account.world.database

    async def busy_until(self, at, *, weeks=4, each=timedelta(minutes=3), there=True):
        """It was heard day and night, every three minutes, until then; we were there, or not."""
        count = int(timedelta(weeks=weeks) / each)
        await self.account.execute(
            "INSERT INTO deliveries (connection_id, digest, received_at, state)"
            " SELECT :id, decode(md5(n::text), 'hex'), CAST(:at AS timestamptz) - n * :each, 'done'"
            " FROM generate_series(0, :count) n",
            id=self.account.id,
            at=at,
            each=each,
            count=count,
        )
        if there:
            await self.count(at)
            await self.account.execute("UPDATE delivery_watches SET since = :at", at=at - 60 * DAY)

    async def count(self, at):
        async with self.database.transaction() as tx:
            return await hours.watch(tx, self.account.id, at)

    async def there_until(self, at):
        """We listened without a break until then."""
        await self.account.execute("UPDATE delivery_watches SET counted_until = :at", at=at)

    async def listen(self, at):
        """A minute goes by; what is asked for is done."""
        async with self.database.transaction() as tx:
            await listening.listen(tx, SEAL, at)
        await syncs.carry_on(await self.account.leader(at=lambda: at))
        await self.look(at + timedelta(seconds=10))

    async def look(self, at, **how):
        leader = await self.account.leader()
        await listening.look_into(
            self.database, SEAL, leader.connection, leader.calcom, self.url, now=at, **how
        )

    async def silence(self) -> Silence | None:
        async with self.database.transaction() as tx:
            return await silence_store.of(tx, self.account.id)

    async def runs_for_silences(self):
        ((count,),) = await self.account.execute(
            "SELECT count(*) FROM sync_runs WHERE asked_by = 'a silence'"
        )
        return count


@pytest.fixture
async def listener(account):
    """An account connected a month ago, its webhook in order, all asked that there was to ask."""
    account = await account.since_long()
    leader = await account.leader()
    await subscribing.see_to(
        account.world.database, SEAL, leader.calcom, leader.connection, URL, now=clock()
    )
    await account.ask()
    return Listener(account)


async def switched(listener, *, on):
    """Somebody switches the webhook at Cal.com."""
    leader = await listener.account.leader()
    await leader.calcom.change_webhook(leader.connection.webhook_id, active=on)


async def heard(listener, at):
    world = replace(listener.account.world, connection_id=listener.account.id)
    await world.deliver(delivery("BOOKING_CREATED", uid="heard"), at=at)


async def test_a_webhook_switched_off_behind_our_back_is_noticed_with_what_it_missed(
    listener, calcom
):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)
    await switched(listener, on=False)
    booked = {calcom.book(at=at)["uid"] for at in calcom.free("intro-call")[:2]}

    await listener.listen(now)

    found = await listener.silence()
    assert await listener.runs_for_silences() == 1
    assert booked == set(await listener.account.known())
    assert (found.missed, found.webhook) == (2, Webhook.OFF)
    assert found.how_long(now) == (
        "Cal.com has been silent for 4 h; usually it is heard every 3 min."
    )
    assert found.found == (
        "2 bookings were missed and are repaired. The webhook is switched off at Cal.com."
    )
    assert found.do == "Press Switch it on: Greenroom does it at Cal.com."
    assert not found.is_harmless

    await switched(listener, on=True)
    await listener.listen(now + 2 * MINUTE)
    mended = await listener.silence()
    assert mended.is_harmless
    assert "The webhook is in order again; its next delivery ends this." in mended.found

    await heard(listener, now + 3 * MINUTE)
    await listener.listen(now + 4 * MINUTE)
    assert await listener.silence() is None
    assert await listener.runs_for_silences() == 1


async def test_what_is_missed_after_the_webhook_was_mended_is_news_again(listener, calcom):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)
    await switched(listener, on=False)
    await listener.listen(now)
    await switched(listener, on=True)
    await listener.listen(now + 2 * MINUTE)
    assert (await listener.silence()).is_harmless

    calcom.book()
    await listener.account.ask()
    await listener.listen(now + 2 * HOUR)

    found = await listener.silence()
    assert not found.is_harmless
    assert found.found == (
        "1 booking was missed and is repaired. "
        "The webhook at Cal.com is in order, but its deliveries do not arrive."
    )


async def test_where_nothing_was_missed_all_is_well_and_it_is_asked_ever_less_often(listener):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)

    await listener.listen(now)

    found = await listener.silence()
    assert found.is_harmless
    assert found.found == "All is well: nothing was missed, and the webhook is in order."
    assert found.do == ""
    asked = {}
    for minutes in range(10, 18 * 60, 20):
        await listener.listen(now + minutes * MINUTE)
        asked[minutes] = await listener.runs_for_silences()
    assert [each for each in asked if asked[each] > asked.get(each - 20, 1)] == [70, 210, 470, 970]


async def test_one_silence_is_told_once_however_many_listen(listener):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)

    async def at_once():
        async with listener.database.transaction() as tx:
            await listening.listen(tx, SEAL, now)

    await asyncio.gather(*(at_once() for _ in range(3)))
    await listener.listen(now + MINUTE)

    assert await listener.account.execute("SELECT count(*) FROM silences") == [(1,)]
    assert await listener.runs_for_silences() == 1


async def test_a_short_silence_is_none(listener):
    now = clock()
    await listener.busy_until(now - 20 * MINUTE)
    await listener.there_until(now - MINUTE)

    await listener.listen(now)

    assert await listener.silence() is None


async def test_a_machine_that_slept_is_no_silence(listener):
    now = clock()
    await listener.busy_until(now - 9 * HOUR)
    await listener.there_until(now - 9 * HOUR)

    await listener.listen(now)
    await listener.listen(now + MINUTE)

    assert await listener.silence() is None


async def test_a_quiet_account_gives_no_alarm_by_its_silence_alone(listener):
    now = clock()
    await listener.busy_until(now - 10 * DAY, weeks=7, each=DAY * 2)
    await listener.there_until(now - MINUTE)

    await listener.listen(now)

    assert await listener.silence() is None


async def test_bookings_that_changed_without_a_word_end_the_patience_with_a_quiet_account(
    listener, calcom
):
    """One may be chance; two are not."""
    now = clock()
    await listener.busy_until(now - 2 * DAY, weeks=7, each=DAY * 2)
    await listener.there_until(now - MINUTE)
    await switched(listener, on=False)
    first, second = calcom.free("intro-call")[:2]
    calcom.book(at=first)
    await listener.account.ask()
    await listener.listen(now + 6 * MINUTE)
    assert await listener.silence() is None

    calcom.book(at=second)
    await listener.account.ask()
    await listener.listen(now + 12 * MINUTE)

    found = await listener.silence()
    assert (found.missed, found.webhook, found.usual) == (2, Webhook.OFF, None)


async def test_an_account_that_is_heard_in_office_hours_is_not_missed_at_night(listener):
    friday = datetime(2026, 11, 20, 17, tzinfo=UTC)
    await listener.account.execute(
        "INSERT INTO delivery_hours SELECT :id, hour, 12"
        " FROM generate_series(CAST(:since AS timestamptz), :until, '1 hour') hour"
        " WHERE extract(hour FROM hour) BETWEEN 8 AND 16 AND extract(isodow FROM hour) < 6",
        id=listener.account.id,
        since=friday - 6 * 7 * DAY,
        until=friday,
    )
    await heard(listener, friday)
    await listener.count(friday)
    await listener.account.execute("UPDATE delivery_watches SET since = :at", at=friday - 60 * DAY)
    noticed = []
    for hours_ in range(1, 96, 2):
        at = friday + hours_ * HOUR
        await listener.there_until(at - MINUTE)
        async with listener.database.transaction() as tx:
            await listening.listen(tx, SEAL, at)
        if await listener.silence() is not None:
            noticed.append(at)
    # Not in a night, nor on the weekend; and Monday might have been a holiday.
    tuesday = datetime(2026, 11, 24, tzinfo=UTC)
    assert tuesday + 8 * HOUR <= noticed[0] <= tuesday + 12 * HOUR


async def test_without_an_api_key_it_is_said_that_it_cannot_be_asked(world):
    account = Account(world, None, await connection_of(world))
    listener = Listener(account)
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)

    async with world.database.transaction() as tx:
        await listening.listen(tx, SEAL, now)

    found = await listener.silence()
    assert found.run_id is None
    assert not found.is_harmless
    assert found.found == ("It cannot be asked what was missed: this connection has no API key.")


async def connection_of(world):
    async with world.database.transaction() as tx:
        return await connections.get(tx, SEAL, world.connection_id)


async def test_a_cal_com_that_does_not_answer_is_said_too(listener):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)
    await listener.account.aim("http://127.0.0.1:1/v2")

    await listener.listen(now)

    found = await listener.silence()
    assert not found.is_harmless
    assert found.found.startswith("It could not be asked what was missed: Cal.com at")
    assert found.do == "See what the checks of Cal.com say on the Health page."


async def test_a_connection_that_is_parted_from_is_silent_no_more(listener):
    now = clock()
    await listener.busy_until(now - 4 * HOUR)
    await listener.there_until(now - MINUTE)
    await listener.listen(now)
    async with listener.database.transaction() as tx:
        await connections.part(tx, listener.account.id, now)
        await listening.listen(tx, SEAL, now)

    assert await listener.silence() is None


@pytest.mark.parametrize(
    ("changes", "webhook"),
    [
        ({}, Webhook.IN_ORDER),
        ({"active": False}, Webhook.OFF),
        ({"url": "https://old.example/hook", "id": "1"}, Webhook.ELSEWHERE),
        ({"url": "https://old.example/hook", "id": "2", "secret": "theirs"}, Webhook.GONE),
        ({"secret": "another"}, Webhook.SECRET),
        ({"secret": None}, Webhook.IN_ORDER),
        ({"events": frozenset({"BOOKING_CREATED"})}, Webhook.EVENTS),
        ({"has_template": True}, Webhook.IN_ORDER),
    ],
)
async def test_what_is_wrong_with_the_webhook_is_named(changes, webhook):
    right = Subscription(
        id="1",
        url="https://here.example/hook",
        active=True,
        events=frozenset(subscription.EVENTS),
        secret="ours",
        has_template=False,
        version=None,
    )
    there = [replace(right, **changes)]
    assert silence.judge(there, right.url, "1", "ours") is webhook
    assert bool(webhook.sentence) is bool(webhook.offer) is webhook.is_wrong


async def test_hours_are_counted_once_and_by_minutes_not_by_deliveries(world):
    at = datetime(2026, 11, 24, 8, 59, tzinfo=UTC)
    bodies = [delivery("BOOKING_CREATED", uid=f"uid{n}") for n in range(5)]
    for body, seconds in zip(bodies, (0, 10, 70, 80, 200), strict=True):
        await world.deliver(body, at=at + timedelta(seconds=seconds))

    for _ in range(2):
        async with world.database.transaction() as tx:
            await hours.watch(tx, world.connection_id, at + 10 * MINUTE)
    async with world.database.transaction() as tx:
        found = await hours.history(tx, world.connection_id, at + HOUR)

    assert found == {at.replace(minute=0): 1, at.replace(hour=9, minute=0): 2}
