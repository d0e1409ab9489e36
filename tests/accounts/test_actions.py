"""Users, links to hand over, and tokens."""

import asyncio
from datetime import timedelta

import pytest

from accounts.cast import NOW, count
from greenroom.accounts import actions, credentials, signin, store
from greenroom.accounts.model import Purpose, Role
from greenroom.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.anyio


async def test_the_first_ticket_is_there_until_somebody_is(database, person):
    async with database.transaction() as tx:
        before = await actions.first_ticket(tx, NOW)
        was_set_up = await actions.is_set_up(tx)
    await person("Ada")
    async with database.transaction() as tx:
        after = await actions.first_ticket(tx, NOW)
        is_set_up = await actions.is_set_up(tx)

    assert before is not None
    assert after is None
    assert (was_set_up, is_set_up) == (False, True)


async def test_a_new_first_ticket_makes_the_last_one_worthless(database):
    async with database.transaction() as tx:
        first = await actions.first_ticket(tx, NOW)
        second = await actions.first_ticket(tx, NOW)
        await signin.ticket(tx, second, Purpose.SET_UP, NOW)

        with pytest.raises(NotFound, match="used or has run out"):
            await signin.ticket(tx, first, Purpose.SET_UP, NOW)


async def test_an_address_has_one_account_however_it_is_spelled(database, person):
    await person("Ada")

    with pytest.raises(Conflict, match="has an account already"):
        async with database.transaction() as tx:
            await actions.add_user(
                tx, email="ADA@example.org", name="Ada", role=Role.VIEWER, now=NOW
            )


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@", "@example.org", "ada@example.org, eve@example.org", "a b@example.org",
     "Ada <ada@example.org>", '"a@evil.example"<ada@example.org>', "ada@example.org\nbcc: x@y.z"],
)  # fmt: skip
async def test_an_address_that_cannot_be_is_refused(email, database):
    with pytest.raises(Invalid):
        async with database.transaction() as tx:
            await actions.add_user(tx, email=email, name="Ada", role=Role.VIEWER, now=NOW)


@pytest.mark.parametrize("name", ["", "  ", "\u0000", "a" * 101])
async def test_a_name_that_cannot_be_is_refused(name, database):
    with pytest.raises(Invalid):
        async with database.transaction() as tx:
            await actions.add_user(
                tx, email="ada@example.org", name=name, role=Role.VIEWER, now=NOW
            )


async def test_a_name_is_one_line(database):
    async with database.transaction() as tx:
        user, _ = await actions.add_user(
            tx, email="ada@example.org", name=" Ada\r\n\x1b Lovelace ", role=Role.VIEWER, now=NOW
        )

    assert user.name == "Ada Lovelace"


async def test_users_are_found_by_any_spelling_and_listed_by_name(database, person):
    bob, ada, zoe = await person("bob"), await person("Ada"), await person("Zoe", Role.ADMIN)
    async with database.transaction() as tx:
        await actions.disable_user(tx, ada.id, NOW)
        found = await actions.by_email(tx, "BOB@Example.ORG")
        listed = [each.name for each in await actions.list_users(tx)]
        with pytest.raises(NotFound):
            await actions.by_email(tx, "eve@example.org")

    assert found == bob
    assert listed == ["bob", "Zoe", "Ada"]
    assert zoe.role is Role.ADMIN


async def test_a_disabled_user_loses_everything_at_once(database, person):
    await person("Root", Role.ADMIN)
    ada = await person("Ada", set_up=False)
    async with database.transaction() as tx:
        set_up = await actions.set_up_ticket(tx, ada.id, NOW)
        session = await _session(tx, ada)
        await actions.disable_user(tx, ada.id, NOW)
        with pytest.raises(NotFound):
            await signin.ticket(tx, set_up, Purpose.SET_UP, NOW)
        with pytest.raises(Conflict):
            await actions.sign_in_ticket(tx, ada.id, NOW)
        acting = await signin.by_session(tx, session, idle_days=14, now=NOW)
        await actions.enable_user(tx, ada.id)
        revived = await signin.by_session(tx, session, idle_days=14, now=NOW)

    assert (acting, revived) == (None, None)


async def test_open_pages_of_a_user_are_told_when_access_ends_or_changes(database, person):
    heard = []
    database.heard = heard.append
    await person("Root", Role.ADMIN)
    ada = await person("Ada")
    async with database.transaction() as tx:
        await actions.change_role(tx, ada.id, Role.VIEWER)
    async with database.transaction() as tx:
        await actions.disable_user(tx, ada.id, NOW)

    assert heard == [{f"user:{ada.id}"}, {f"user:{ada.id}"}]


@pytest.mark.parametrize("how", ["disable", "demote"])
async def test_the_last_admin_stays(how, database, person):
    root = await person("Root", Role.ADMIN)
    await person("Invited", Role.ADMIN, set_up=False)
    gone = await person("Gone", Role.ADMIN)
    async with database.transaction() as tx:
        await actions.disable_user(tx, gone.id, NOW)

    with pytest.raises(Conflict, match="Root is the only admin"):
        await _remove(database, root, how)


async def test_two_admins_who_remove_each_other_at_once_leave_one(database, person):
    one, other = await person("One", Role.ADMIN), await person("Other", Role.ADMIN)

    results = await asyncio.gather(
        _remove(database, one, "disable"),
        _remove(database, other, "demote"),
        return_exceptions=True,
    )
    async with database.transaction() as tx:
        left = [
            u for u in await actions.list_users(tx) if u.role is Role.ADMIN and not u.disabled_at
        ]

    assert sorted(type(each) for each in results if each) == [Conflict]
    assert len(left) == 1


async def test_an_unknown_user_or_token_is_said_to_be_unknown(database):
    async with database.transaction() as tx:
        for call in (
            actions.disable_user(tx, 404, NOW),
            actions.enable_user(tx, 404),
            actions.change_role(tx, 404, Role.ADMIN),
            actions.sign_in_ticket(tx, 404, NOW),
            actions.set_up_ticket(tx, 404, NOW),
            actions.revoke_token(tx, 404, NOW),
            actions.get(tx, 404),
        ):
            with pytest.raises(NotFound):
                await call


async def test_a_token_acts_until_it_is_revoked(database):
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Nightly export", Role.VIEWER, NOW)
        acting = await signin.by_token(tx, token, NOW)
        [kept] = await actions.list_tokens(tx)
        await actions.revoke_token(tx, kept.id, NOW)
        after = await signin.by_token(tx, token, NOW)

    assert token.startswith("grt_")
    assert (acting.id, acting.name, acting.role) == (None, "Nightly export", Role.VIEWER)
    assert (kept.last_used_at, kept.revoked_at) == (NOW, None)
    assert after is None


async def test_a_token_ends_when_it_was_to_end(database):
    end = NOW + timedelta(days=1)
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Trial", Role.ADMIN, NOW, end)
        acting = [
            await signin.by_token(tx, token, at) is not None
            for at in (NOW, end - timedelta(seconds=1), end)
        ]
        with pytest.raises(Invalid):
            await actions.create_token(tx, "Too late", Role.ADMIN, NOW, NOW)

    assert acting == [True, True, False]


async def test_a_revocation_keeps_its_first_time(database):
    async with database.transaction() as tx:
        await actions.create_token(tx, "Export", Role.VIEWER, NOW)
        [token] = await actions.list_tokens(tx)
        await actions.revoke_token(tx, token.id, NOW)
        await actions.revoke_token(tx, token.id, NOW + timedelta(days=1))
        [after] = await actions.list_tokens(tx)

    assert after.revoked_at == NOW


@pytest.mark.parametrize("token", ["", "grt_", "grt_unknown", "unknown", "grt_\u00e9", "x" * 9000])
async def test_what_is_no_token_acts_as_nobody(token, database):
    async with database.transaction() as tx:
        assert await signin.by_token(tx, token, NOW) is None


async def test_the_use_of_a_token_is_written_at_most_once_a_minute(database):
    written = []
    database.count_statements(lambda each: written.append(each.startswith("UPDATE")))
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Export", Role.VIEWER, NOW)
        for seconds in (0, 1, 59, 60, 61):
            await signin.by_token(tx, token, NOW + timedelta(seconds=seconds))

    assert sum(written) == 2


async def test_sweeping_forgets_what_is_over_and_keeps_the_rest(database, person):
    ada = await person("Ada")
    async with database.transaction() as tx:
        session = await _session(tx, ada)
        await actions.sign_in_ticket(tx, ada.id, NOW)
        await actions.sweep(tx, NOW)
        kept = await count(tx, credentials.sessions, store.tickets)
        still = await signin.by_session(tx, session, idle_days=14, now=NOW)
        await actions.sweep(tx, NOW + timedelta(days=31))
        left = await count(tx, credentials.sessions, store.tickets)

    assert kept == [1, 2]
    assert still == ada
    assert left == [0, 0]


async def _remove(database, user, how):
    async with database.transaction() as tx:
        if how == "disable":
            await actions.disable_user(tx, user.id, NOW)
        else:
            await actions.change_role(tx, user.id, Role.VIEWER)


async def _session(tx, user):
    visit = signin.Visit(network="home", user_agent="Firefox", idle_days=14)
    return await signin._open_session(tx, user.id, visit, NOW)
