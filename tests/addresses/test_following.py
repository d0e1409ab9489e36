"""Whom we owe our address: each is told apart from the others, and a no is not asked for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from addresses.test_finding import aim, follow, waiting, webhooks
from greenroom import work
from greenroom.addresses import actions, following, tellings, watching
from greenroom.addresses.address import Address
from greenroom.calcom import connections
from greenroom.seal import Seal
from greenroom.settings import WEBHOOK_PATH, Settings
from world import SEAL

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
LOST = Seal(b"a key that was lost long ago")


async def execute(database, statement, **values):
    async with database.transaction() as tx:
        await tx.execute(text(statement), values)


def server(database, tmp_path, public_url):
    """What a process that serves with this setting does each 15 seconds."""
    address = Address(Settings(_env_file=None, data_dir=tmp_path, public_url=public_url), database)
    return watching.Watch(database, address, None, "off"), address


async def test_two_servers_with_different_settings_settle_theirs_once_and_then_leave_it(
    database, queue, tmp_path
):
    old, _ = server(database, tmp_path, "https://old.example.org")
    new, ours = server(database, tmp_path, "https://new.example.org")
    settled = []
    for each in (old, new, old, new, old, new):
        await each.step(datetime.now(UTC))
        await ours.refresh()
        settled.append(ours.standing.place.origin)

    assert settled == ["https://old.example.org"] + ["https://new.example.org"] * 5


async def test_while_two_servers_disagree_calcom_is_told_of_no_change(database, world, tmp_path):
    await execute(database, "UPDATE connections SET api_key = :key", key=SEAL.close("cal_live_x"))
    here, address = server(database, tmp_path, "https://old.example.org")
    there, _ = server(database, tmp_path, "https://new.example.org")
    owed = []
    for each in (here, there):
        await each.step(datetime.now(UTC))
        await execute(database, "DELETE FROM procrastinate_jobs")
        await address.refresh()
        async with database.transaction() as tx:
            await following.remind(tx, SEAL, address, datetime.now(UTC))
            query = text("SELECT count(*) FROM procrastinate_jobs")
            owed.append((await tx.execute(query)).scalar_one())

    assert owed == [1, 0]


async def test_what_a_person_types_is_settled_though_another_server_disagreed(post, tunnel):
    await post.step()
    await execute(post.parts.database, "UPDATE public_address SET origin = 'https://a.example'")
    async with post.parts.database.transaction() as tx:
        await actions.type_in(tx, tunnel.origin)

    await post.step()

    assert post.parts.address.standing.place.origin == tunnel.origin


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE connections SET api_key = :lost WHERE name = 'First'",
        "UPDATE webhook_secrets SET secret = :lost",
        "DELETE FROM webhook_secrets WHERE :lost <> ''",
    ],
)
async def test_a_connection_that_cannot_be_told_does_not_keep_the_others_from_it(
    post, ngrok, tunnel, calcom, damage
):
    database = post.parts.database
    async with database.transaction() as tx:
        await connections.connect(
            tx,
            post.parts.seal,
            name="First",
            api_url=calcom.api_url,
            api_key="cal_live_first",
            secret=None,
            now=datetime.now(UTC),
        )
    await execute(database, damage, lost=LOST.close("it was a secret"))
    await post.connect(calcom, reachable=False)
    ngrok.lists((tunnel.origin, post.port))
    await post.step()

    await follow(post)

    assert webhooks(calcom) == [tunnel.origin + WEBHOOK_PATH]


async def test_whoever_says_no_is_asked_after_longer_and_longer_pauses(post, ngrok, tunnel, calcom):
    await post.connect(calcom)
    await aim(post, "http://127.0.0.1:1/v2")
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    connection, url = await post.connection(), tunnel.origin + WEBHOOK_PATH
    began, asked = datetime.now(UTC), []
    for minutes in range(180):
        now = began + minutes * MINUTE
        async with post.parts.database.transaction() as tx:
            if await tellings.due(tx, [connection], url, now):
                asked.append(minutes)
                await tellings.failed(tx, connection, url, now)

    assert asked == [0, 1, 3, 7, 14, 28, 55, 85, 115, 145, 175]


async def test_a_no_is_asked_again_when_due_and_at_once_with_another_key_or_address(
    post, ngrok, tunnel, calcom
):
    await post.connect(calcom)
    await aim(post, "http://127.0.0.1:1/v2")
    ngrok.lists((tunnel.origin, post.port))
    await post.step()
    await follow(post)
    connection, url = await post.connection(), tunnel.origin + WEBHOOK_PATH

    async def reminded(after=timedelta()):
        await waiting(post, done=True)
        async with post.parts.database.transaction() as tx:
            now = datetime.now(UTC) + after
            await following.remind(tx, post.parts.seal, post.parts.address, now)
        return await waiting(post) == 1

    assert not await reminded()
    assert await reminded(after=MINUTE)
    async with post.parts.database.transaction() as tx:
        now = datetime.now(UTC)
        assert await tellings.due(tx, [connection], url, now) == []
        assert await tellings.due(tx, [connection], "https://elsewhere.example", now)
    await execute(post.parts.database, "UPDATE connections SET renewals = renewals + 1")
    assert await reminded()

    await aim(post, calcom.api_url)
    await follow(post)
    assert webhooks(calcom) == [url]
    assert not await reminded(after=MINUTE)


async def test_what_is_wrong_with_one_does_not_keep_others_from_being_listened_to(house, calcom):
    """Where the count of one cannot be kept, the others' is."""
    parts, now = house.parts, datetime.now(UTC)
    for name in ("First", "Second"):
        async with parts.database.transaction() as tx:
            await connections.connect(
                tx,
                parts.seal,
                name=name,
                api_url=calcom.api_url,
                api_key=name,
                secret=None,
                now=now,
            )
    lost = LOST.close("it was a key")
    await execute(
        parts.database, "UPDATE connections SET api_key = :lost WHERE name = 'First'", lost=lost
    )
    await execute(
        parts.database,
        "ALTER TABLE delivery_watches ADD CHECK (connection_id <>"
        f" {await id_of(parts.database, 'House')})",
    )

    async with parts.database.transaction() as tx:
        await work.listening.listen(tx, parts.seal, now)

    async with parts.database.transaction() as tx:
        query = text("SELECT connection_id FROM delivery_watches")
        heard = list((await tx.execute(query)).scalars())
    assert heard == [await id_of(parts.database, "Second")]


async def id_of(database, name):
    async with database.transaction() as tx:
        query = text("SELECT id FROM connections WHERE name = :name")
        return (await tx.execute(query, {"name": name})).scalar_one()
