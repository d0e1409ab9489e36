"""Signing in and out in a browser, one's account, and the settings of users and tokens."""

import re
from datetime import UTC, datetime

import httpx2
import pytest

from accounts.cast import ANOTHER, PASSWORD, PUBLIC, everything
from greenroom.accounts import actions, throttle
from greenroom.accounts.model import Role
from greenroom.settings import Settings

pytestmark = pytest.mark.anyio

_COOKIE = "__Host-greenroom"


async def test_a_person_signs_in_goes_where_they_wanted_and_out_again(person, browse):
    await person("Ada")
    browser = browse()
    wanted = await browser.get("/?status=pending")
    form = await browser.get(wanted.headers["location"])
    entered = await browser.post("/sign-in", data=_fields(form) | _ADA)
    inside = await browser.get(entered.headers["location"])
    out = await browser.post("/sign-out")
    after = await browser.get("/")

    assert entered.status_code == 303
    assert entered.headers["location"] == "/?status=pending"
    assert inside.json()["name"] == "Ada"
    assert out.headers["location"] == "/sign-in"
    assert _COOKIE not in browser.cookies
    assert after.status_code == 303


_ADA = {"email": "ada@example.org", "password": PASSWORD}


async def test_the_cookie_is_bound_to_this_host_and_hidden_from_scripts(person, browse):
    await person("Ada")
    browser = browse()

    response = await browser.post("/sign-in", data=_ADA)

    [cookie] = response.headers.get_list("set-cookie")
    name_and_value, *attributes = cookie.split("; ")
    assert name_and_value.startswith(f"{_COOKIE}=")
    assert {each.lower() for each in attributes} == {
        "path=/", "httponly", "secure", "samesite=lax", "max-age=2592000",
    }  # fmt: skip
    assert len(cookie) < 4096


async def test_the_cookie_is_taken_away_as_it_was_given(signed_in):
    browser, _ = await signed_in("Ada")

    [cookie] = (await browser.post("/sign-out")).headers.get_list("set-cookie")

    assert cookie.startswith(f'{_COOKIE}=""; ')
    assert {"Max-Age=0", "Path=/", "Secure", "HttpOnly"} <= set(cookie.split("; "))


async def test_without_encryption_the_cookie_is_a_plain_one(app, person, browse):
    app.state.parts.settings = Settings(_env_file=None, public_url="http://10.0.0.5:8000")
    await person("Ada")
    browser = browse()
    headers = {"sec-fetch-site": "same-origin"}

    response = await browser.post("/sign-in", data=_ADA, headers=headers)

    [cookie] = response.headers.get_list("set-cookie")
    assert cookie.startswith("greenroom=")
    assert "secure" not in cookie.lower()


async def test_signing_out_ends_the_session_for_a_stolen_cookie_too(signed_in, browse):
    browser, _ = await signed_in("Ada")
    stolen = browser.cookies[_COOKIE]
    await browser.post("/sign-out")

    response = await browse(headers={"cookie": f"{_COOKIE}={stolen}"}).get("/")

    assert response.status_code == 303


async def test_a_cookie_planted_before_signing_in_is_worth_nothing(person, browse):
    await person("Ada")
    browser = browse()
    browser.cookies.set(_COOKIE, "planted", domain="interviews.example.org")

    await browser.post("/sign-in", data=_ADA)

    assert len({each.value for each in browser.cookies.jar} - {"planted"}) == 1
    assert (await browse(headers={"cookie": f"{_COOKIE}=planted"}).get("/")).status_code == 303


async def test_wrong_people_and_wrong_passwords_get_the_same_answer(person, browse):
    await person("Ada")
    browser = browse()
    tries = [
        {"email": "ada@example.org", "password": "not the password at all"},
        {"email": "bob@example.org", "password": "not the password at all"},
    ]

    one, other = [await browser.post("/sign-in", data=each) for each in tries]

    assert one.status_code == other.status_code == 422
    assert one.text.replace("ada@", "bob@") == other.text
    assert "The address or the password is not right." in one.text
    assert "not the password" not in one.text
    assert dict(one.headers) == dict(other.headers)


async def test_too_many_tries_are_answered_with_429(browse):
    browser = browse()
    statuses = [
        (await browser.post("/sign-in", data={"email": "a@b.example", "password": "x"})).status_code
        for _ in range(throttle.STRANGERS.tries + 1)
    ]

    assert statuses == [422] * throttle.STRANGERS.tries + [429]


async def test_a_claimed_address_of_a_proxy_does_not_reset_the_count(browse, database):
    for n in range(3):
        browser = browse(headers={"x-forwarded-for": f"192.0.2.{n}", "x-real-ip": "192.0.2.9"})
        await browser.post("/sign-in", data={"email": f"u{n}@b.example", "password": "x"})

    async with database.transaction() as tx:
        levels = (await tx.exec_driver_sql("SELECT max(level) FROM attempts")).scalar_one()
    assert levels > 2.9


@pytest.mark.parametrize(
    "next_",
    ["//evil.example", "/\\evil.example", "https:evil.example", "%2f%2fevil.example",
     "\t//evil.example", "javascript:alert(1)", "@evil.example", "／／evil.example"],
)  # fmt: skip
async def test_signing_in_never_leads_to_another_site(next_, person, browse, signed_in):
    await person("Ada")
    shown = _fields(await browse().get("/sign-in", params={"next": next_}))
    entered = await browse().post("/sign-in", data=_ADA | {"next": next_})
    inside, _ = await signed_in("Bob")
    passing = await inside.get("/sign-in", params={"next": next_})

    assert shown["next"] == "/"
    assert entered.headers["location"] == "/"
    assert passing.headers["location"] == "/"


async def test_before_anybody_has_an_account_the_form_says_where_to_find_the_link(browse):
    response = await browse().get("/sign-in")

    assert response.status_code == 200
    assert "greenroom serve" in response.text
    assert "<form" not in response.text


async def test_the_first_admin_sets_greenroom_up(browse, database):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, datetime.now(UTC))
    browser = browse()
    form = await browser.get(f"/set-up/{ticket}")
    entered = await browser.post(
        f"/set-up/{ticket}",
        data={"name": "Ada", "email": "ada@example.org", "password": PASSWORD},
    )
    inside = await browser.get("/")
    again = await browse().get(f"/set-up/{ticket}")

    assert "you become its admin" in form.text
    assert entered.status_code == 303
    assert inside.json() == {"name": "Ada", "role": "admin"}
    assert again.status_code == 404


async def test_nobody_becomes_admin_without_a_link(browse):
    for ticket in ("", "guess", "x" * 43, "%ff", "a%00b"):
        fields = {"name": "Eve", "email": "eve@example.org", "password": PASSWORD}
        response = await browse().post(f"/set-up/{ticket}", data=fields)
        assert response.status_code == 404


@pytest.mark.parametrize(
    "extra", [{"role": "admin"}, {"user_id": "1"}, {"disabled_at": ""}, {"is_set_up": "1"}]
)
async def test_fields_nobody_asked_for_are_refused(extra, browse, database):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, datetime.now(UTC))
    fields = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD} | extra

    response = await browse().post(f"/set-up/{ticket}", data=fields)

    assert response.status_code == 422


async def test_a_weak_password_is_explained_on_the_form_and_what_was_typed_stays(browse, database):
    async with database.transaction() as tx:
        ticket = await actions.first_ticket(tx, datetime.now(UTC))
    fields = {"name": "Ada <3", "email": "ada@example.org", "password": "passwordpassword"}

    response = await browse().post(f"/set-up/{ticket}", data=fields)

    assert response.status_code == 422
    assert "made of well-known words" in response.text
    assert 'value="Ada &lt;3"' in response.text
    assert "passwordpassword" not in response.text


async def test_looking_at_links_changes_nothing(database, person, browse, signed_in):
    inside, _ = await signed_in("Root", Role.ADMIN)
    ada = await person("Ada", set_up=False)
    async with database.transaction() as tx:
        set_up = await actions.set_up_ticket(tx, ada.id, datetime.now(UTC))
        sign_in = await actions.sign_in_ticket(tx, ada.id, datetime.now(UTC))
    async with database.transaction() as tx:
        before = await everything(tx)
    scanner = browse()
    for path in (f"/set-up/{set_up}", f"/ticket/{sign_in}", "/sign-in", "/account"):
        for _ in range(2):
            assert (await scanner.get(path)).status_code in {200, 303}
    for path in ("/account", "/settings/users", "/settings/tokens", "/sign-in"):
        assert (await inside.get(path)).status_code in {200, 303}

    async with database.transaction() as tx:
        assert await everything(tx) == before
    assert _COOKIE not in scanner.cookies


async def test_a_sign_in_link_shows_a_button_and_works_once(database, person, browse):
    ada = await person("Ada")
    async with database.transaction() as tx:
        ticket = await actions.sign_in_ticket(tx, ada.id, datetime.now(UTC))
    browser, late = browse(), browse()
    form = await browser.get(f"/ticket/{ticket}")
    entered = await browser.post(f"/ticket/{ticket}")
    again = await late.post(f"/ticket/{ticket}")

    assert "Sign in as Ada" in form.text
    assert (entered.status_code, (await browser.get("/")).status_code) == (303, 200)
    assert (again.status_code, _COOKIE in late.cookies) == (404, False)


async def test_a_link_cannot_be_used_from_another_site(database, person, browse):
    ada = await person("Ada")
    async with database.transaction() as tx:
        ticket = await actions.sign_in_ticket(tx, ada.id, datetime.now(UTC))
    foreign = browse(headers={"sec-fetch-site": "cross-site"})

    statuses = [
        (await foreign.post(path)).status_code
        for path in (f"/ticket/{ticket}", "/sign-in", "/sign-out", f"/set-up/{ticket}")
    ]

    assert statuses == [403] * 4


async def test_an_account_shows_its_sessions_and_ends_others(signed_in, browse):
    browser, _ = await signed_in("Ada")
    other = browse(headers={"user-agent": "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1"})
    await other.post("/sign-in", data=_ADA)
    seen = await browser.get("/account")
    [handle, everywhere] = re.findall(r'name="session" value="([a-z0-9]+)"', seen.text)
    ended = await browser.post("/account/sessions/revocation", data={"session": handle})

    assert "Firefox on Linux (this one)" in seen.text
    assert "Safari on iPhone" in seen.text
    assert everywhere == "others"
    assert ended.headers["location"] == "/account?done=sessions"
    assert (await other.get("/")).status_code == 303
    assert (await browser.get("/account?done=sessions")).status_code == 200


async def test_all_other_sessions_can_be_ended_together(signed_in, browse):
    browser, _ = await signed_in("Ada")
    others = [browse() for _ in range(2)]
    for other in others:
        await other.post("/sign-in", data=_ADA)

    await browser.post("/account/sessions/revocation", data={"session": "others"})

    assert [(await other.get("/")).status_code for other in others] == [303, 303]
    assert (await browser.get("/")).status_code == 200


async def test_a_password_is_changed_with_the_old_one(signed_in, browse):
    browser, _ = await signed_in("Ada")
    before = browser.cookies[_COOKIE]
    wrong = await _change(browser, current="not the password at all", new=ANOTHER)
    weak = await _change(browser, current=PASSWORD, new="Ada Ada Ada Ada Ada")
    right = await _change(browser, current=PASSWORD, new=ANOTHER)

    assert (wrong.status_code, "current password is not right" in wrong.text) == (422, True)
    assert (weak.status_code, "well-known words" in weak.text) == (422, True)
    assert right.headers["location"] == "/account?done=password"
    assert browser.cookies[_COOKIE] != before
    assert (await browser.get("/account?done=password")).status_code == 200
    entered = await browse().post("/sign-in", data=_ADA | {"password": ANOTHER})
    assert entered.status_code == 303


async def _change(browser, *, current, new):
    return await browser.post("/account/password", data={"current": current, "password": new})


async def test_a_program_has_no_account(database, program):
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Export", Role.ADMIN, datetime.now(UTC))

    response = await program(token).get("/account")

    assert response.status_code == 403
    assert response.json()["title"] == "An API token has no account."


async def test_an_admin_adds_somebody_who_then_chooses_a_password(signed_in, browse):
    admin, _ = await signed_in("Root", Role.ADMIN)
    added = await admin.post(
        "/settings/users", data={"email": "bob@example.org", "name": "Bob", "role": "viewer"}
    )
    [link] = set(re.findall(rf"{PUBLIC}/set-up/[\w-]{{43}}", added.text))
    bob = browse()
    form = await bob.get(link)
    entered = await bob.post(link, data={"password": PASSWORD})
    listed = await admin.get("/settings/users")

    assert added.status_code == 201
    assert "Choose your password, <bdi>Bob</bdi>" in form.text
    assert entered.status_code == 303
    assert (await bob.get("/")).json() == {"name": "Bob", "role": "viewer"}
    assert "/set-up/" + link.rpartition("/")[2] not in listed.text


async def test_a_link_never_follows_the_host_of_the_request(signed_in):
    admin, _ = await signed_in("Root", Role.ADMIN)

    added = await admin.post(
        "/settings/users",
        data={"email": "bob@example.org", "name": "Bob", "role": "viewer"},
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )

    # httpx keeps cookies by the address, so the request is still the admin's.
    assert added.status_code == 201
    assert "evil.example" not in added.text
    assert f"{PUBLIC}/set-up/" in added.text


async def test_an_admin_ends_and_gives_back_access_and_roles(signed_in, person, browse):
    admin, root = await signed_in("Root", Role.ADMIN)
    ada = await person("Ada")
    browser = browse()
    await browser.post("/sign-in", data=_ADA)
    steps = [
        (f"/settings/users/{ada.id}/role", {"role": "admin"}, 303),
        (f"/settings/users/{ada.id}/access", {"access": "ended"}, 303),
        (f"/settings/users/{ada.id}/set-up-link", {}, 409),
        (f"/settings/users/{ada.id}/access", {"access": "given"}, 303),
        (f"/settings/users/{ada.id}/set-up-link", {}, 201),
        (f"/settings/users/{ada.id}/role", {"role": "king"}, 422),
        (f"/settings/users/{root.id}/access", {"access": "ended"}, 303),
        (f"/settings/users/{2**63}/access", {"access": "ended"}, 303),
    ]
    for path, data, expected in steps:
        response = await admin.post(path, data=data)
        assert (path, response.status_code) == (path, expected)

    assert (await browser.get("/")).status_code == 303
    assert (await admin.get("/settings/users")).status_code == 303


async def test_an_admin_makes_and_revokes_tokens(signed_in, program):
    admin, _ = await signed_in("Root", Role.ADMIN)
    made = await admin.post(
        "/settings/tokens", data={"name": "Night <export>", "role": "viewer", "days": "30"}
    )
    [token] = set(re.findall(r"grt_[\w-]{43}", made.text))
    acting = await program(token).get("/")
    listed = await admin.get("/settings/tokens")
    [id_] = re.findall(r'id="token-(\d+)"', listed.text)
    revoked = await admin.post(f"/settings/tokens/{id_}/revocation")

    assert (made.status_code, acting.status_code, revoked.status_code) == (201, 200, 303)
    assert token not in listed.text
    assert "Night &lt;export&gt;" in listed.text
    assert (await program(token).get("/")).status_code == 401
    assert "revoked" in (await admin.get("/settings/tokens")).text


@pytest.mark.parametrize(("id_", "status"), [(404, 404), (2**63, 422), (-1, 422), ("x", 422)])
async def test_an_id_that_cannot_be_is_no_mistake_of_ours(id_, status, signed_in):
    admin, _ = await signed_in("Root", Role.ADMIN)
    paths = [f"/settings/users/{id_}/set-up-link", f"/settings/tokens/{id_}/revocation"]

    assert [(await admin.post(path)).status_code for path in paths] == [status] * 2


async def test_every_page_is_valid_enough_for_readers(signed_in, browse, database, person):
    admin, _ = await signed_in("Root", Role.ADMIN)
    bob = await person("Bob", set_up=False)
    async with database.transaction() as tx:
        set_up = await actions.set_up_ticket(tx, bob.id, datetime.now(UTC))
        sign_in = await actions.sign_in_ticket(tx, bob.id, datetime.now(UTC))
        await actions.create_token(tx, "Export", Role.VIEWER, datetime.now(UTC))
    shown = [
        await browse().get(path) for path in ("/sign-in", f"/set-up/{set_up}", f"/ticket/{sign_in}")
    ]
    shown += [
        await admin.get(path) for path in ("/account", "/settings/users", "/settings/tokens", "/no")
    ]
    for response in shown:
        html = response.text
        ids = re.findall(r'\sid="([^"]+)"', html)
        labels = set(re.findall(r'<label[^>]* for="([^"]+)"', html))
        fields = re.findall(r'<(?:input(?![^>]*type="hidden")|select)[^>]* id="([^"]+)"', html)
        assert html.count("<h1") == html.count("<main") == html.count("<title>") == 1
        assert len(ids) == len(set(ids))
        assert set(fields) <= labels
        assert not re.search(r"<style|\sstyle=|<script(?! type=\"module\" src=)|\son[a-z]+=", html)


def _fields(response: httpx2.Response) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', response.text))
