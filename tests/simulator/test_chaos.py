"""What befalls webhooks by chance: the same each time, as told, and nothing else."""

import asyncio
import random
from datetime import datetime, timedelta

import pytest

from calcom_simulator import chaos
from calcom_simulator.chaos import CALM, Chaos
from calcom_simulator.webhooks import NO_SECRET, signature
from simulator.cal import SECRET

pytestmark = pytest.mark.anyio


async def fates(cal):
    return [one["fate"] for one in await cal.control("deliveries")]


# Webhooks


async def test_the_same_seed_and_the_same_calls_bring_the_same_chaos(cal):
    luck = []
    for seed in (5, 5, 6):
        await cal.control("reset", {})
        await cal.control("subscriptions", {"url": "http://receiver/main", "secret": SECRET})
        await cal.control("chaos", {"seed": seed, "drop": 0.4, "duplicate": 0.4, "delay": 0.4})
        await cal.book_many(20)
        luck.append(await fates(cal))

    assert luck[0] == luck[1] != luck[2]
    assert {"dropped", "answered", "waiting"} == set(luck[0])


async def test_chaos_does_not_change_the_ids(cal):
    await cal.control("reset", {})
    calm = await cal.book()
    await cal.control("reset", {})
    await cal.control("chaos", {"drop": 1, "api_500": 0.5})

    assert (await cal.book())["uid"] == calm["uid"]


async def test_a_repeated_webhook_has_the_same_bytes_and_one_from_a_copy_has_other_ones(cal):
    await cal.control("chaos", {"duplicate": 1})
    await cal.book()
    await cal.control("chaos", {"copies": 1})
    await cal.book(start="2026-11-25T10:00:00Z", name="Bob")

    first, same, one, other = cal.receiver.received
    assert first.body == same.body
    assert one.body != other.body
    assert one.about == other.about


async def test_a_delayed_webhook_waits_for_the_clock(cal):
    await cal.control("chaos", {"delay": 1, "delay_seconds": 300})
    await cal.book()
    assert (cal.receiver.received, await fates(cal)) == ([], ["waiting"])

    await cal.control("clock", {"advance_seconds": 301})

    assert (cal.receiver.triggers, await fates(cal)) == (["BOOKING_CREATED"], ["answered"])


async def test_an_overtaken_webhook_comes_after_the_next(cal):
    await cal.control("chaos", {"reorder": 1, "only": ["BOOKING_REQUESTED"]})
    asked = await cal.book(kind=3)
    assert cal.receiver.received == []
    await cal.control("chaos", {})
    await cal.data("POST", f"/bookings/{asked['uid']}/confirm", {})

    assert cal.receiver.triggers == ["BOOKING_CREATED", "BOOKING_REQUESTED"]


async def test_one_that_nothing_overtakes_comes_after_a_minute(cal):
    await cal.control("chaos", {"reorder": 1})
    await cal.book()
    await cal.control("clock", {"advance_seconds": 61})

    assert cal.receiver.triggers == ["BOOKING_CREATED"]


async def test_nothing_of_a_world_that_was_forgotten_is_sent(cal):
    await cal.control("chaos", {"reorder": 1, "delay": 0.5})
    await cal.book_many(3)
    cal.receiver.received.clear()
    await cal.control("reset", {})
    await cal.control("subscriptions", {"url": "http://receiver/main", "secret": SECRET})
    await cal.book()
    await cal.control("clock", {"advance_seconds": 3600})

    assert cal.receiver.triggers == ["BOOKING_CREATED"]


async def test_what_waits_is_released_in_another_order(cal):
    await cal.control("chaos", {"seed": 3, "delay": 1})
    await cal.book_many(12)
    sent = [one["uid"] for one in await cal.control("deliveries")]

    assert await cal.control("release", {}) == {"sent": 12}
    came = [one.uid for one in cal.receiver.received]
    assert sorted(came) == sorted(sent)
    assert came != sent
    assert await cal.control("release", {}) == {"sent": 0}


@pytest.mark.parametrize(
    ("switch", "sent"),
    [("wrong_signature", lambda body: signature(body, "another secret")),
     ("unsigned", lambda _: NO_SECRET)],
)  # fmt: skip
async def test_a_signature_can_be_wrong(cal, switch, sent):
    await cal.control("chaos", {switch: 1})
    await cal.book()

    (one,) = cal.receiver.received
    assert one.headers["x-cal-signature-256"] == sent(one.body) != signature(one.body, SECRET)


async def test_a_template_tells_in_somebodys_own_words(cal):
    await cal.control("chaos", {"template": 1})
    booked = await cal.book()
    await cal.book(name='Robert "Bob" X', start="2026-11-25T10:00:00Z")

    whole, broken = (one.json for one in cal.receiver.received)
    assert whole == {"event": "BOOKING_CREATED", "who": "Ada", "id": booked["uid"]}
    assert broken is False


async def test_a_lie_is_told_and_never_committed(cal):
    booked, paid = await cal.book(), await cal.book(kind=6, start="2026-11-25T12:00:00Z")
    await cal.control("chaos", {"lie": 1})
    cancelled = await cal.call("POST", f"/bookings/{booked['uid']}/cancel", {}, key=False)
    unpaid = await cal.browser.post(f"/control/api/bookings/{paid['uid']}/pay", json={})

    assert (cancelled.status_code, unpaid.status_code) == (500, 400)
    assert cal.receiver.triggers[-2:] == ["BOOKING_CANCELLED", "BOOKING_PAID"]
    assert (await cal.data("GET", f"/bookings/{booked['uid']}"))["status"] == "accepted"
    assert (await cal.data("GET", f"/bookings/{paid['uid']}"))["status"] == "pending"


async def test_a_commit_can_come_long_after_the_webhook(cal):
    booked = await cal.book()
    await cal.control("chaos", {"commit_seconds": 0.2})
    cancelling = asyncio.create_task(
        cal.data("POST", f"/bookings/{booked['uid']}/cancel", {}, key=False)
    )
    await asyncio.sleep(0.1)

    assert cal.receiver.triggers[-1] == "BOOKING_CANCELLED"
    assert (await cal.data("GET", f"/bookings/{booked['uid']}"))["status"] == "accepted"
    assert (await cancelling)["status"] == "cancelled"


# Sending again


async def test_a_refused_webhook_is_sent_again_as_newer_ones_are(cal):
    cal.receiver.status = 503
    await cal.control("chaos", {"retries": "newer"})
    await cal.book()
    waits = []
    while (last := (await cal.control("deliveries"))[-1])["fate"] == "waiting":
        now = datetime.fromisoformat((await cal.control("state"))["now"])
        waits.append((datetime.fromisoformat(last["due"]) - now).total_seconds())
        await cal.control("clock", {"advance_seconds": waits[-1] + 1})

    assert [1 <= wait / usual <= 2 for wait, usual in zip(waits, (10, 15, 22.5), strict=True)] == [
        True
    ] * 3
    assert (len(cal.receiver.received), last["fate"], last["attempts"]) == (4, "answered", 4)
    assert len({one.body for one in cal.receiver.received}) == 1


@pytest.mark.parametrize(("status", "times"), [(200, 1), (400, 1), (401, 1), (429, 4), (500, 4)])
async def test_only_some_answers_are_asked_for_again(cal, status, times):
    cal.receiver.status = status
    await cal.control("chaos", {"retries": "newer", "retry_pace": 0})
    await cal.book()
    for _ in range(5):
        await cal.control("release", {})

    assert len(cal.receiver.received) == times


async def test_gone_switches_the_subscription_off_where_it_does(cal):
    cal.receiver.status = 410
    await cal.book()
    assert [one["active"] for one in await cal.control("webhooks")] == [True]
    await cal.control("chaos", {"retries": "newer"})
    await cal.book(start="2026-11-25T10:00:00Z", name="Bob")

    assert [one["active"] for one in await cal.control("webhooks")] == [False]


def test_only_silence_is_answered_by_one_more_attempt_over_the_network():
    network = Chaos(retries="network")
    luck = random.Random(1)

    assert chaos.pause(network, 1, None, luck) == timedelta(seconds=10)
    assert chaos.pause(network, 2, None, luck) is None
    assert chaos.pause(network, 1, 500, luck) is None
    assert chaos.pause(CALM, 1, None, luck) is None
