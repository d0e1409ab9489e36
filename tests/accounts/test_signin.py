"""Passwords, links that work once, and sessions, below the pages."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from accounts.cast import ANOTHER, NOW, PASSWORD, everything
from greenroom.accounts import actions, passwords, signin, store
from greenroom.accounts.model import Purpose, Role, digest
from greenroom.accounts.signin import Visit
from greenroom.accounts.throttle import STRANGERS
from greenroom.errors import Invalid, NotFound, TooMany

pytestmark = pytest.mark.anyio

_HOME = Visit(network="home", user_agent="Firefox", idle_days=14)


@pytest.fixture
def sign_in(database):
    async def sign_in(email="ada@example.org", password=PASSWORD, visit=_HOME, now=NOW):
        return await signin.sign_in(database, email=email, password=password, visit=visit, now=now)

    return sign_in


@pytest.fixture
def who(database):
    async def who(token, now=NOW, idle_days=14):
        async with database.transaction() as tx:
            return await signin.by_session(tx, token, idle_days=idle_days, now=now)

    return who


async def test_the_right_password_opens_a_session(person, sign_in, who):
    ada = await person("Ada")

    token = await sign_in()

    assert await who(token) == ada


@pytest.mark.parametrize("email", ["ADA@example.org", " ada@EXAMPLE.org "])
async def test_an_address_may_be_spelled_differently(email, person, sign_in):
    await person("Ada")

    assert await sign_in(email)


async def test_what_does_not_fit_opens_nothing(person, sign_in, database):
    await person("Root", Role.ADMIN)
    await person("Ada")
    await person("Invited", set_up=False)
    gone = await person("Gone")
    async with database.transaction() as tx:
        await actions.disable_user(tx, gone.id, NOW)

    assert [
        await sign_in("ada@example.org", "not the password at all"),
        await sign_in("ada@example.org", ""),
        await sign_in("nobody@example.org"),
        await sign_in("not an address \x00"),
        await sign_in("invited@example.org"),
        await sign_in("gone@example.org"),
    ] == [None] * 6


async def test_known_and_unknown_people_cost_the_same_work(person, sign_in, database, monkeypatch):
    await person("Ada")
    await person("Invited", set_up=False)
    counted = _Counting(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counted)
    statements = []
    database.count_statements(statements.append)

    work = []
    for email in ("ada@example.org", "nobody@example.org", "invited@example.org"):
        counted.verified = 0
        statements.clear()
        await sign_in(email, "not the password at all")
        work.append((counted.verified, [each.split()[0] for each in statements]))

    assert work[0] == work[1] == work[2]
    assert work[0][0] == 1


def test_the_hash_of_nobody_is_made_like_everybody_elses():
    assert not passwords.is_dated(passwords._NOBODYS)


async def test_a_password_is_the_same_from_every_keyboard(database, sign_in, person):
    ada = await person("Ada")
    composed, decomposed = "caf\u00e9 with nine spoons", "cafe\u0301 with nine spoons"
    async with database.transaction() as tx:
        await store.update_user(tx, ada.id, password_hash=await passwords.hashed(composed))

    assert await sign_in(password=decomposed)


async def test_a_hash_of_weaker_parameters_is_made_anew_at_sign_in(person, sign_in, database):
    ada = await person("Ada")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with database.transaction() as tx:
        await store.update_user(tx, ada.id, password_hash=weak)

    await sign_in()

    async with database.transaction() as tx:
        kept = await store.password_hash(tx, ada.id)
    assert not passwords.is_dated(kept)
    assert await sign_in()


async def test_no_more_than_two_passwords_are_hashed_at_once(monkeypatch):
    counted = _Counting(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counted)

    await asyncio.gather(*(passwords.matches("x", None) for _ in range(8)))

    assert (counted.verified, counted.most) == (8, 2)


async def test_guessing_is_stopped_even_with_the_right_password_at_the_end(person, sign_in):
    await person("Ada")
    for _ in range(STRANGERS.tries):
        await sign_in(password="not the password at all")

    with pytest.raises(TooMany, match="Too many passwords"):
        await sign_in()


async def test_somebody_who_was_here_before_gets_in_while_others_guess(person, sign_in, who):
    ada = await person("Ada")
    await sign_in()
    for n in range(STRANGERS.tries):
        await sign_in(password="a guess of strangers", visit=Visit(f"bot {n}", "bot", 14))
    with pytest.raises(TooMany):
        await sign_in(visit=Visit("one more bot", "bot", 14))

    assert await who(await sign_in()) == ada


async def test_a_sign_in_ends_the_session_the_browser_had(person, sign_in, who):
    await person("Ada")
    first = await sign_in()

    second = await sign_in(visit=Visit("home", "Firefox", 14, token=first))

    assert await who(first) is None
    assert await who(second)


async def test_a_password_changed_while_it_is_checked_opens_nothing(
    person, sign_in, database, monkeypatch
):
    ada = await person("Ada")
    really = passwords.matches

    async def slowly(password, kept):
        fits = await really(password, kept)
        async with database.transaction() as tx:
            await store.update_user(tx, ada.id, password_hash="another")
        return fits

    monkeypatch.setattr(passwords, "matches", slowly)

    assert await sign_in() is None


async def test_a_session_that_outlived_its_users_access_is_nobodys(person, sign_in, who, database):
    ada = await person("Ada")
    token = await sign_in()
    async with database.transaction() as tx:
        await store.update_user(tx, ada.id, disabled_at=NOW)

    assert await who(token) is None


async def test_an_idle_session_ends(person, sign_in, who):
    await person("Ada")
    token = await sign_in()

    before = await who(token, NOW + timedelta(days=13), 14)
    after = await who(token, NOW + timedelta(days=13 + 14), 14)

    assert (before is not None, after) == (True, None)


async def test_a_busy_session_ends_after_thirty_days(person, sign_in, who):
    await person("Ada")
    token = await sign_in()
    acting = [await who(token, NOW + timedelta(days=day)) for day in (10, 20, 29, 30)]

    assert [each is not None for each in acting] == [True, True, True, False]


async def test_the_use_of_a_session_is_written_at_most_once_a_minute(
    person, sign_in, who, database
):
    await person("Ada")
    token = await sign_in()
    written = []
    database.count_statements(lambda each: written.append(each.startswith("UPDATE")))
    for seconds in (1, 59, 60, 61, 119):
        await who(token, NOW + timedelta(seconds=seconds))

    assert sum(written) == 1


async def test_signing_out_ends_the_session_on_the_server(person, sign_in, who, database):
    await person("Ada")
    token = await sign_in()
    async with database.transaction() as tx:
        await signin.sign_out(tx, token)

    assert await who(token) is None


async def test_a_set_up_link_makes_the_first_admin_once(database, who):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, NOW)

    token = await _set_up(database, ticket)

    admin = await who(token)
    assert (admin.email, admin.name, admin.role) == ("ada@example.org", "Ada", Role.ADMIN)
    with pytest.raises(NotFound):
        await _set_up(database, ticket, email="eve@example.org")


async def test_two_who_use_one_first_link_at_once_make_one_admin(database):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, NOW)

    results = await asyncio.gather(
        *(_set_up(database, ticket, email=f"user{n}@example.org") for n in range(4)),
        return_exceptions=True,
    )
    async with database.transaction() as tx:
        users = await actions.list_users(tx)

    assert sum(isinstance(each, str) for each in results) == 1
    assert {type(each) for each in results} == {str, NotFound}
    assert len(users) == 1


async def test_two_first_links_at_once_make_one_admin(database):
    async with database.transaction() as tx:
        for ticket in ("one", "other"):
            await store.insert_ticket(
                tx,
                digest(ticket),
                purpose=Purpose.SET_UP,
                user_id=None,
                now=NOW,
                expires_at=NOW + timedelta(days=1),
            )

    results = await asyncio.gather(
        _set_up(database, "one", email="one@example.org"),
        _set_up(database, "other", email="other@example.org"),
        return_exceptions=True,
    )
    async with database.transaction() as tx:
        users = await actions.list_users(tx)

    assert sorted(type(each).__name__ for each in results) == ["Conflict", "str"]
    assert len(users) == 1


async def test_a_set_up_link_of_somebody_cannot_make_another_person_or_role(database, person, who):
    ada = await person("Ada", Role.VIEWER, set_up=False)
    async with database.transaction() as tx:
        ticket = await actions.set_up_ticket(tx, ada.id, NOW)

    acting = await who(await _set_up(database, ticket, email="eve@example.org", name="Eve"))

    assert (acting.id, acting.email, acting.name) == (ada.id, "ada@example.org", "Ada")
    assert acting.role is Role.VIEWER


@pytest.mark.parametrize("purpose", Purpose)
async def test_a_link_runs_out(purpose, database, person):
    ada = await person("Ada")
    make = actions.set_up_ticket if purpose is Purpose.SET_UP else actions.sign_in_ticket
    good_for = timedelta(days=7) if purpose is Purpose.SET_UP else timedelta(hours=1)
    async with database.transaction() as tx:
        ticket = await make(tx, ada.id, NOW)
        await signin.ticket(tx, ticket, purpose, NOW + good_for - timedelta(seconds=1))

        with pytest.raises(NotFound):
            await signin.ticket(tx, ticket, purpose, NOW + good_for)


async def test_a_link_does_only_what_it_is_for(database, person):
    ada = await person("Ada")
    async with database.transaction() as tx:
        set_up = await actions.set_up_ticket(tx, ada.id, NOW)
        sign_in = await actions.sign_in_ticket(tx, ada.id, NOW)
        with pytest.raises(NotFound):
            await signin.use_sign_in_ticket(tx, set_up, _HOME, NOW)
    with pytest.raises(NotFound):
        await _set_up(database, sign_in)


async def test_a_sign_in_link_used_twice_at_once_works_once(database, person):
    ada = await person("Ada")
    async with database.transaction() as tx:
        ticket = await actions.sign_in_ticket(tx, ada.id, NOW)

    async def use():
        async with database.transaction() as tx:
            return await signin.use_sign_in_ticket(tx, ticket, _HOME, NOW)

    async with database.transaction() as first:
        token = await signin.use_sign_in_ticket(first, ticket, _HOME, NOW)
        second = asyncio.create_task(use())
        await _until_somebody_waits(database)

    assert token
    with pytest.raises(NotFound, match="has just been used"):
        await second


async def _until_somebody_waits(database):
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    async with asyncio.timeout(5):
        while True:
            async with database.transaction() as tx:
                if (await tx.execute(waiting)).scalar_one():
                    return


async def test_a_refused_password_leaves_the_link_unused(database):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, NOW)

    with pytest.raises(Invalid):
        await _set_up(database, ticket, password="passwordpassword")

    assert await _set_up(database, ticket)


async def test_a_new_password_ends_every_session_and_link(person, sign_in, who, database):
    ada = await person("Ada")
    old = await sign_in()
    async with database.transaction() as tx:
        link = await actions.sign_in_ticket(tx, ada.id, NOW)

    new = await signin.change_password(
        database, ada, current=PASSWORD, new=ANOTHER, visit=_HOME, now=NOW
    )

    assert await who(old) is None
    assert await who(new) == ada
    assert await sign_in(password=PASSWORD) is None
    assert await sign_in(password=ANOTHER)
    with pytest.raises(NotFound):
        async with database.transaction() as tx:
            await signin.ticket(tx, link, Purpose.SIGN_IN, NOW)


async def test_a_wrong_current_password_changes_nothing_and_is_counted(person, sign_in, database):
    ada = await person("Ada")
    for _ in range(STRANGERS.tries):
        refused = await signin.change_password(
            database, ada, current="a guess at somebody", new=ANOTHER, visit=_HOME, now=NOW
        )
        assert refused is None

    with pytest.raises(TooMany):
        await signin.change_password(
            database, ada, current=PASSWORD, new=ANOTHER, visit=_HOME, now=NOW
        )
    assert await sign_in(now=NOW + timedelta(hours=2))


async def test_only_ones_own_sessions_can_be_ended(person, sign_in, who, database):
    ada, eve = await person("Ada"), await person("Eve")
    token = await sign_in()
    async with database.transaction() as tx:
        [session] = await signin.sessions(tx, ada.id, NOW)
        await signin.end_session(tx, eve.id, session.handle)
        await signin.end_session(tx, ada.id, "no handle")
    still = await who(token)
    async with database.transaction() as tx:
        await signin.end_session(tx, ada.id, session.handle)

    assert still == ada
    assert await who(token) is None


async def test_nothing_secret_is_kept_or_logged_in_clear(person, sign_in, database, caplog, logs):
    caplog.set_level("DEBUG")
    ada = await person("Ada")
    session = await sign_in()
    await sign_in(password="a wrong one, unlike others")
    async with database.transaction() as tx:
        ticket = await actions.set_up_ticket(tx, ada.id, NOW)
        token = await actions.create_token(tx, "Export", Role.VIEWER, NOW)
    await _set_up(database, ticket, password=ANOTHER)
    secrets = [PASSWORD, ANOTHER, "a wrong one, unlike others", session, ticket, token]

    async with database.transaction() as tx:
        kept = await everything(tx)
    told = "\n".join([kept, str(logs), caplog.text])

    assert [each for each in secrets if each in told] == []
    assert "ada@example.org" not in str(logs)


async def _set_up(database, ticket, *, email="ada@example.org", name="Ada", password=PASSWORD):
    return await signin.set_up(
        database, ticket, email=email, name=name, password=password, visit=_HOME, now=NOW
    )


class _Counting:
    """A hasher that counts."""

    def __init__(self, hasher):
        self._hasher = hasher
        self.verified = self._now = self.most = 0

    def verify(self, kept, password):
        self.verified += 1
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return self._hasher.verify(kept, password)
        finally:
            self._now -= 1
