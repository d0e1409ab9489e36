"""Connections and their webhooks at Cal.com, over time: moved, shared, parted, signed anew."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from builders import delivery
from calcom.account import KEY, clock, connected, ungated
from greenroom.calcom import (
    connecting,
    connections,
    drafts,
    parting,
    subscribing,
    webhook,
    webhook_secrets,
)
from greenroom.calcom.client import Failing
from greenroom.deliveries import heard
from greenroom.deliveries.secrets import Secrets
from greenroom.deliveries.store import Signature
from greenroom.errors import Conflict, Invalid, NotFound
from greenroom.event_types import actions as event_types
from greenroom.seal import Seal
from world import SEAL

pytestmark = pytest.mark.anyio

PATH = "/api/admin/scheduling/cal-com/webhook"
HERE = f"http://127.0.0.1:1{PATH}"
THERE = f"http://127.0.0.1:2{PATH}"
BODY = delivery()


@pytest.fixture
def cal(account, http, calcom):
    """The account's own hands at Cal.com."""
    return ungated(http, calcom.api_url)


async def see_to(account, http, url=HERE):
    connection = await account.fresh()
    api = ungated(http, connection.api_url)
    return await subscribing.see_to(account.world.database, SEAL, api, connection, url, now=clock())


async def signs(account, secret):
    """Which of the account's secrets that is, to a process that starts now."""
    secrets = Secrets(account.world.database, SEAL, accept_unsigned=False)
    signed = webhook.signature(secret, BODY).encode()
    return (await secrets.verify(BODY, signed))[1]


async def newest(account):
    async with account.world.database.transaction() as tx:
        return await webhook_secrets.newest_secret(tx, SEAL, account.id)


async def test_the_webhook_is_made_once_and_then_in_order(account, http, cal):
    assert await see_to(account, http) == "Made at Cal.com."
    assert await see_to(account, http) == "There already, and in order."

    [row] = await cal.webhooks()
    connection = await account.fresh()
    assert (row["subscriberUrl"], row["active"]) == (HERE, True)
    assert row["secret"] == await newest(account)
    assert (connection.webhook_id, connection.webhook_url) == (row["id"], HERE)


async def test_the_one_we_made_is_moved_when_our_address_changes(account, http, cal):
    await see_to(account, http)

    said = await see_to(account, http, THERE)

    assert said == f"Moved at Cal.com: it delivered to {HERE} before."
    [row] = await cal.webhooks()
    assert (row["subscriberUrl"], row["id"]) == (THERE, (await account.fresh()).webhook_id)


async def test_a_webhook_with_our_address_is_taken_over_and_mended(account, http, cal):
    made = await cal.create_webhook(HERE, ["BOOKING_CREATED", "MEETING_ENDED"], "of somebody else")
    await cal.change_webhook(made["id"], active=False, payloadTemplate='{"a": "{{title}}"}')

    assert await see_to(account, http) == "Mended at Cal.com."

    [row] = await cal.webhooks()
    assert (row["id"], row["active"], row["payloadTemplate"]) == (made["id"], True, None)
    assert row["secret"] == await newest(account)
    assert {"BOOKING_CANCELLED", "BOOKING_REASSIGNED", "MEETING_ENDED"} <= set(row["triggers"])


async def test_two_of_ours_become_one(account, http, cal):
    await see_to(account, http)
    await cal.create_webhook(THERE, ["BOOKING_CREATED"], "made by hand meanwhile")

    await see_to(account, http, THERE)

    assert [each["subscriberUrl"] for each in await cal.webhooks()] == [THERE]


async def test_one_whose_number_was_lost_is_known_by_our_secret(account, http, cal):
    await see_to(account, http)
    await account.execute("UPDATE connections SET webhook_id = NULL")

    await see_to(account, http, THERE)

    assert [each["subscriberUrl"] for each in await cal.webhooks()] == [THERE]


async def test_one_that_was_deleted_behind_our_back_is_made_anew(account, http, cal):
    await see_to(account, http)
    await cal.delete_webhook((await account.fresh()).webhook_id)

    assert await see_to(account, http) == "Made at Cal.com."


async def test_another_greenroom_on_the_account_is_named_and_left_alone(account, http, cal):
    other = await cal.create_webhook(THERE, ["BOOKING_CREATED"], "the other's own secret")
    await cal.create_webhook("https://example.org/elsewhere", ["BOOKING_CREATED"], "no Greenroom")

    said = await see_to(account, http)

    assert said.startswith("Made at Cal.com. Another Greenroom hears of every booking too")
    assert THERE in said
    assert "elsewhere" not in said
    assert other in await cal.webhooks()


async def test_why_cal_com_could_not_be_told_is_kept_until_it_is(account, http):
    connection = await account.fresh()
    with pytest.raises(Failing):
        await subscribing.see_to(
            account.world.database,
            SEAL,
            ungated(http, "http://127.0.0.1:1/v2"),
            connection,
            HERE,
            now=clock(),
        )
    assert "did not answer" in (await account.fresh()).webhook_problem

    await see_to(account, http)
    assert (await account.fresh()).webhook_problem is None


async def test_a_secret_is_replaced_without_losing_a_delivery(account, http, cal):
    await see_to(account, http)
    before = await newest(account)

    done = await connecting.new_secret(
        account.world.database, SEAL, cal, await account.fresh(), HERE, now=clock(), pause=0
    )

    assert done.is_told
    assert [each["secret"] for each in await cal.webhooks()] == [done.new_secret]
    assert await signs(account, done.new_secret) is Signature.CURRENT
    assert await signs(account, before) is Signature.PREVIOUS
    [(left,)] = await account.execute(
        "SELECT retires_at - now() FROM webhook_secrets WHERE retires_at IS NOT NULL"
    )
    assert timedelta(hours=23) < left <= timedelta(days=1)


async def test_while_cal_com_is_not_told_both_secrets_stay_good(account, http, cal):
    await see_to(account, http)
    before = await newest(account)
    away = ungated(http, "http://127.0.0.1:1/v2")

    done = await connecting.new_secret(
        account.world.database, SEAL, away, await account.fresh(), HERE, now=clock(), pause=0
    )

    assert not done.is_told
    assert await account.execute("SELECT 1 FROM webhook_secrets WHERE retires_at IS NOT NULL") == []
    assert await signs(account, before) is Signature.PREVIOUS

    await see_to(account, http)
    assert [each["secret"] for each in await cal.webhooks()] == [done.new_secret]
    [(retiring,)] = await account.execute(
        "SELECT count(*) FROM webhook_secrets WHERE retires_at IS NOT NULL"
    )
    assert retiring == 1


async def test_a_secret_entered_by_hand_retires_the_one_before_once_it_is_heard(world):
    """Nobody tells us that Cal.com has it but Cal.com's own signature."""
    made = datetime.now(UTC) - timedelta(hours=1)
    async with world.database.transaction() as tx:
        await webhook_secrets.add(tx, SEAL, world.connection_id, "x" * 20, made)
        await heard.settle(tx, clock())
        assert (await heard.of_connection(tx, world.connection_id)).is_between

    await world.intake.keep(world.connection_id, BODY, clock(), signature=Signature.CURRENT)
    async with world.database.transaction() as tx:
        await heard.settle(tx, clock())
        found = await heard.of_connection(tx, world.connection_id)

    assert (found.is_between, found.at is None) == (False, False)


async def test_disconnecting_deletes_our_webhook_and_forgets_key_and_secrets(account, http, cal):
    await see_to(account, http)
    secret = await newest(account)

    said = await parting.disconnect(account.world.database, cal, await account.fresh(), now=clock())

    assert said == "Its webhook at Cal.com is deleted."
    assert await cal.webhooks() == []
    gone = await account.fresh()
    assert (gone.api_key, gone.webhook_id, gone.name) == (None, None, "Mara")
    with pytest.raises(webhook.BadSignature):
        await signs(account, secret)
    assert await account.offered() == []
    async with account.world.database.transaction() as tx:
        assert [each.name for each in await connections.every(tx, SEAL)] == ["Test"]
        assert [name for _, name, _ in await connections.parted(tx)] == ["Mara"]


async def test_disconnecting_works_while_cal_com_is_away_and_says_what_stays(account, http):
    await see_to(account, http)
    away = ungated(http, "http://127.0.0.1:1/v2")

    said = await parting.disconnect(
        account.world.database, away, await account.fresh(), now=clock()
    )

    assert said.startswith("Its webhook stays at Cal.com, which could not be told")
    assert "Settings, Developer, Webhooks" in said
    assert HERE in said
    assert (await account.fresh()).api_key is None


async def test_it_is_connected_again_under_its_name_with_a_new_secret(account, http, calcom, cal):
    before = await newest(account)
    await parting.disconnect(account.world.database, cal, await account.fresh(), now=clock())

    again = await connected(account.world, http, calcom.api_url)

    assert again.id == account.id
    assert await newest(account) != before
    assert "intro-call" in await account.offered()


async def test_the_same_account_twice_is_refused_and_its_name_is_told(account, http, calcom):
    with pytest.raises(Conflict, match="connected already, as “Mara”"):
        await connected(account.world, http, calcom.api_url, name="Mara again")


async def test_a_key_of_another_account_is_refused_unless_it_is_meant(account, http, calcom):
    await account.execute("UPDATE connections SET account_id = 4711, account = 'ben@x.example'")

    with pytest.raises(Conflict, match=r"“Mara” is connected to ben@x.example"):
        await connected(account.world, http, calcom.api_url)

    done = await connecting.connect(
        account.world.database,
        SEAL,
        http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url=HERE,
        reachable=False,
        now=clock(),
        other_account=True,
    )
    assert done.connection.account_id not in {None, 4711}


async def test_event_types_that_were_not_chosen_are_not_sent_and_may_be_later(account):
    async with account.world.database.transaction() as tx:
        mine = await event_types.of_connection(tx, account.id)
        one = next(each for each in mine if each.slug == "intro-call")
        await event_types.choose(tx, account.id, [one.id])
    assert await account.offered() == ["intro-call"]

    async with account.world.database.transaction() as tx:
        with pytest.raises(Invalid, match="nothing to send"):
            await event_types.choose(tx, account.id, [])
        await event_types.choose(tx, account.id, [each.id for each in mine])
    assert len(await account.offered()) == len(mine)


async def test_a_key_waits_sealed_and_only_for_minutes(database):
    now = clock()
    async with database.transaction() as tx:
        token = await drafts.keep(tx, SEAL, "cal_live_secret", now)
    async with database.transaction() as tx:
        [(kept,)] = await tx.execute(text("SELECT api_key FROM connection_drafts"))
        assert b"cal_live" not in bytes(kept)
        assert (await drafts.get(tx, SEAL, token, now)).api_key == "cal_live_secret"
        for held, at, seal in (
            ("another", now, SEAL),
            (token, now + drafts.KEPT, SEAL),
            (token, now, Seal(b"another key, 32 bytes long......")),
        ):
            with pytest.raises(NotFound, match="no longer remembered"):
                await drafts.get(tx, seal, held, at)
        await drafts.sweep(tx, now + drafts.KEPT)
        assert (await tx.execute(text("SELECT 1 FROM connection_drafts"))).all() == []
