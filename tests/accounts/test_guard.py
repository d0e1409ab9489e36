"""Who may do what, by cookie and by token."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi.routing import APIRoute
from starlette.requests import Request

from greenroom.accounts import actions, credentials, pages, settings_pages
from greenroom.accounts.guard import admin, recruiter, viewer, who
from greenroom.accounts.model import Role

pytestmark = pytest.mark.anyio

_RIGHTS = [
    (None, {"/": 303, "/change": 303, "/install": 303}),
    (Role.VIEWER, {"/": 200, "/change": 403, "/install": 403}),
    (Role.RECRUITER, {"/": 200, "/change": 200, "/install": 403}),
    (Role.ADMIN, {"/": 200, "/change": 200, "/install": 200}),
]


@pytest.mark.parametrize(("role", "expected"), _RIGHTS)
async def test_a_person_may_do_what_the_role_covers(role, expected, signed_in, browse):
    browser = (await signed_in("Ada", role))[0] if role else browse()

    assert await _statuses(browser) == expected


@pytest.mark.parametrize(("role", "expected"), _RIGHTS)
async def test_a_program_may_do_what_its_token_covers(role, expected, database, program):
    token = "grt_unknown"
    if role:
        async with database.transaction() as tx:
            token = await actions.create_token(tx, "Export", role, datetime.now(UTC))
    as_program = {path: 401 if status == 303 else status for path, status in expected.items()}

    assert await _statuses(program(token)) == as_program


async def test_every_route_of_this_room_names_its_rights():
    rights = {
        f"{min(route.methods)} {route.path}": _guard(route)
        for router in (pages.router, settings_pages.router)
        for route in router.routes
        if isinstance(route, APIRoute)
    }

    assert rights == {
        "GET /sign-in": None,
        "POST /sign-in": None,
        "POST /sign-out": None,
        "GET /set-up/{ticket}": None,
        "POST /set-up/{ticket}": None,
        "GET /ticket/{ticket}": None,
        "POST /ticket/{ticket}": None,
        "GET /account": viewer,
        "POST /account/password": viewer,
        "POST /account/sessions/revocation": viewer,
        "GET /settings/users": admin,
        "POST /settings/users": admin,
        "POST /settings/users/{user_id}/set-up-link": admin,
        "POST /settings/users/{user_id}/role": admin,
        "POST /settings/users/{user_id}/access": admin,
        "GET /settings/tokens": admin,
        "POST /settings/tokens": admin,
        "POST /settings/tokens/{token_id}/revocation": admin,
    }


async def test_a_token_acts_by_its_name_and_role(database, program):
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Export", Role.RECRUITER, datetime.now(UTC))

    response = await program(token).get("/")

    assert response.json() == {"name": "Export", "role": "recruiter"}


async def test_a_revoked_token_is_refused_by_the_next_request(database, program):
    now = datetime.now(UTC)
    async with database.transaction() as tx:
        token = await actions.create_token(tx, "Export", Role.VIEWER, now)
    client = program(token)
    before = (await client.get("/")).status_code
    async with database.transaction() as tx:
        [kept] = await actions.list_tokens(tx)
        await actions.revoke_token(tx, kept.id, now)

    assert (before, (await client.get("/")).status_code) == (200, 401)


async def test_a_bad_token_is_not_rescued_by_a_good_cookie(signed_in):
    browser, _ = await signed_in("Ada")

    response = await browser.get("/", headers={"authorization": "Bearer grt_wrong"})

    assert response.status_code == 303


async def test_a_password_for_a_proxy_does_not_hide_the_cookie(signed_in):
    browser, _ = await signed_in("Ada")

    response = await browser.get("/", headers={"authorization": "Basic eDp5"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ", "bearer  ", "Bearer grt_\xe9", "Bearer a b", "x" * 9000]
)
async def test_an_odd_authorization_is_nobody(authorization, program):
    client = program("")

    response = await client.get("/", headers={"authorization": authorization.encode("latin-1")})

    assert response.status_code == 401


@pytest.mark.parametrize("cookie", ["", "wrong", "\xe9", "a" * 5000])
async def test_an_odd_cookie_is_nobody(cookie, browse):
    headers = {"cookie": b"__Host-greenroom=" + cookie.encode("latin-1")}

    response = await browse(headers=headers).get("/")

    assert response.status_code == 303


async def test_a_cookie_without_the_prefix_is_not_looked_at(signed_in, browse):
    browser, _ = await signed_in("Ada")
    token = browser.cookies["__Host-greenroom"]

    response = await browse(headers={"cookie": f"greenroom={token}"}).get("/")

    assert response.status_code == 303


async def test_an_ended_access_is_ended_for_the_next_request(signed_in, database, person):
    await person("Root", Role.ADMIN)
    browser, ada = await signed_in("Ada")
    before = (await browser.get("/")).status_code
    async with database.transaction() as tx:
        await actions.disable_user(tx, ada.id, datetime.now(UTC))

    assert (before, (await browser.get("/")).status_code) == (200, 303)


async def test_another_role_counts_from_the_next_request_on(signed_in, database):
    browser, ada = await signed_in("Ada", Role.RECRUITER)
    async with database.transaction() as tx:
        await actions.change_role(tx, ada.id, Role.VIEWER)

    assert (await browser.post("/change")).status_code == 403


async def test_an_open_stream_can_ask_again_who_is_there(app, signed_in, database):
    browser, ada = await signed_in("Ada")
    cookie = f"__Host-greenroom={browser.cookies['__Host-greenroom']}"
    request = Request({"type": "http", "app": app, "headers": [(b"cookie", cookie.encode())]})
    before = await who(request)
    async with database.transaction() as tx:
        await credentials.end_sessions(tx, ada.id)

    assert (before, await who(request)) == (ada, None)


@pytest.mark.parametrize("days", [14, 31])
async def test_an_old_session_is_nobody(days, signed_in, database):
    browser, _ = await signed_in("Ada")
    async with database.transaction() as tx:
        await tx.exec_driver_sql(
            "UPDATE sessions SET created_at = created_at - %(d)s, seen_at = seen_at - %(d)s, "
            "expires_at = expires_at - %(d)s",
            {"d": timedelta(days=days)},
        )

    assert (await browser.get("/")).status_code == 303


def _guard(route):
    calls = {dependency.call for dependency in route.dependant.dependencies}
    found = calls & {viewer, recruiter, admin}
    return found.pop() if found else None


async def _statuses(client: httpx2.AsyncClient) -> dict[str, int]:
    return {
        "/": (await client.get("/")).status_code,
        "/change": (await client.post("/change")).status_code,
        "/install": (await client.post("/install")).status_code,
    }
