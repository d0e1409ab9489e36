"""Leaving an account: for good, for another one, and while somebody sees to its webhook."""

from dataclasses import replace
from datetime import timedelta

import pytest

import calcom_desk
from calcom.account import KEY, Account, clock, ungated
from calcom.odd import answering
from greenroom.calcom import connecting, keeping, parting, subscribing, webhook_secrets
from greenroom.calcom.client import CalcomError
from greenroom.errors import Conflict
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from world import SEAL

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:1/api/admin/scheduling/cal-com/webhook"


async def connect(world, http, api_url, *, key=KEY, reachable=True, **more):
    done = await connecting.connect(
        world.database,
        SEAL,
        http,
        name="Mara",
        api_url=api_url,
        api_key=key,
        secret=None,
        webhook_url=HERE,
        reachable=reachable,
        now=clock(),
        **({"check": True} | more),
    )
    return done, Account(world, http, done.connection)


async def good_secrets(account, *, in_days=0):
    at = clock() + timedelta(days=in_days)
    async with account.world.database.transaction() as tx:
        known = await webhook_secrets.secrets(tx, SEAL, at)
    return [each.secret for each in known if each.connection_id == account.id]


class Meanwhile:
    """Cal.com's API, where something happens just before the first call of `what`."""

    def __init__(self, calcom, what, happens):
        self._calcom, self._what, self._happens = calcom, what, happens

    def __getattr__(self, name):
        asked = getattr(self._calcom, name)
        if name != self._what or self._happens is None:
            return asked

        async def after(*args, **more):
            happens, self._happens = self._happens, None
            await happens()
            return await asked(*args, **more)

        return after


@pytest.fixture
async def mara(world, http, calcom):
    """The simulator's host, with a webhook that is ours."""
    _, account = await connect(world, http, calcom.api_url)
    return Account(world, http, await account.fresh())


async def test_another_account_leaves_no_webhook_and_no_secret_of_the_one_before(mara, http):
    before = ungated(http, mara.connection.api_url)
    [old] = await before.webhooks()
    with calcom_desk.running() as other:
        done, account = await connect(mara.world, http, other.api_url, other_account=True)
        [new] = await ungated(http, other.api_url).webhooks()

    assert await before.webhooks() == []
    assert "The webhook of mara@studio.example" in done.webhook
    assert done.webhook.endswith(" is deleted.")
    assert (await account.fresh()).webhook_done == done.webhook
    assert await good_secrets(account) == [new["secret"]] == [done.new_secret]
    assert old["secret"] != new["secret"]


async def test_a_webhook_that_cannot_be_deleted_is_named_and_its_secret_is_good_no_more(
    mara, http, calcom
):
    [old] = await ungated(http, calcom.api_url).webhooks()
    await mara.aim("http://127.0.0.1:1/v2")

    done, account = await connect(mara.world, http, calcom.api_url, reachable=False)

    assert "stays: Cal.com at http://127.0.0.1:1/v2 did not answer" in done.webhook
    assert f"Delete it there under Settings, Developer, Webhooks: it delivers to {HERE}" in (
        done.webhook
    )
    assert old["secret"] not in await good_secrets(account)


async def test_the_same_account_keeps_its_secret_and_its_webhook(mara, http, calcom):
    done, account = await connect(mara.world, http, calcom.api_url)

    assert (done.new_secret, done.webhook) == (None, "There already, and in order.")
    assert len(await good_secrets(account, in_days=2)) == 1


async def test_a_kept_key_goes_to_no_other_address(mara, http):
    _, account = await connect(mara.world, http, "http://127.0.0.1:1/v2", key=None, check=False)

    assert (await account.fresh()).api_key is None


async def test_event_types_of_the_account_before_are_sent_no_more(mara, http):
    assert "intro-call" in await mara.offered()

    def nothing_offered(path, _query):
        data = {"id": 4711, "email": "ben@x.example"} if path == "/me" else []
        return 200, {"status": "success", "data": data}

    async with answering(nothing_offered) as url:
        await connect(mara.world, http, url, reachable=False, other_account=True)

    assert await mara.offered() == []


async def test_a_secret_made_while_cal_com_is_told_of_the_one_before_is_told_too(mara, http):
    cal = ungated(http, mara.connection.api_url)
    await cal.change_webhook(mara.connection.webhook_id, active=False)

    async def renewed():
        await connecting.new_secret(
            mara.world.database, SEAL, cal, mara.connection, HERE, now=clock(), pause=0
        )

    late = Meanwhile(cal, "change_webhook", renewed)
    await subscribing.see_to(mara.world.database, SEAL, late, mara.connection, HERE, now=clock())

    [row] = await cal.webhooks()
    assert [row["secret"]] == await good_secrets(mara, in_days=2)


@pytest.mark.parametrize("moment", ["webhooks", "create_webhook"])
async def test_a_webhook_does_not_come_back_after_disconnecting(mara, http, moment):
    cal = ungated(http, mara.connection.api_url)
    await cal.delete_webhook(mara.connection.webhook_id)

    async def parted():
        await parting.disconnect(mara.world.database, cal, mara.connection, now=clock())

    late = Meanwhile(cal, moment, parted)
    with pytest.raises(CalcomError, match="was disconnected, or given another account, meanwhile"):
        await subscribing.see_to(
            mara.world.database, SEAL, late, mara.connection, HERE, now=clock()
        )

    assert await cal.webhooks() == []
    gone = await mara.fresh()
    assert (gone.webhook_id, gone.webhook_problem) == (None, None)


async def test_a_webhook_made_while_somebody_presses_disconnect_is_deleted_too(mara, http):
    """The page was read before the webhook was known."""
    cal = ungated(http, mara.connection.api_url)
    stale = replace(mara.connection, webhook_id=None)

    said = await parting.disconnect(mara.world.database, cal, stale, now=clock())

    assert said == "Its webhook at Cal.com is deleted."
    assert await cal.webhooks() == []


async def test_event_types_entered_by_hand_come_back_with_their_connection(world):
    async def by_hand():
        async with world.database.transaction() as tx:
            return await keeping.by_hand(
                tx, SEAL, name="Team", api_url="https://api.cal.com/v2", now=clock()
            )

    made, secret = await by_hand()
    offer = Offer(
        calcom_id=None, slug="panel", title="Panel", length_minutes=45, booking_url="https://c.x/p"
    )
    async with world.database.transaction() as tx:
        await event_types.enter(tx, made.id, offer)
    with pytest.raises(Conflict, match="a connection “Team” already"):
        await by_hand()
    await parting.disconnect(world.database, ungated(None, made.api_url), made, now=clock())
    async with world.database.transaction() as tx:
        assert await event_types.of_connection(tx, made.id) == []

    again, other_secret = await by_hand()

    assert (again.id, secret != other_secret) == (made.id, True)
    async with world.database.transaction() as tx:
        assert [each.title for each in await event_types.of_connection(tx, made.id)] == ["Panel"]
        assert len(await webhook_secrets.good(tx, made.id)) == 1
