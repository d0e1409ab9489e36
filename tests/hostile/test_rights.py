"""Who may do what, for every route there is; and that looking changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.settings import WEBHOOK_PATH
from hostile import town as towns
from hostile.town import Route
from hostile.wire import ask

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logs")]

_TABLE = Path(__file__).with_name("allowed.txt")
_WORDS = ("public", "viewer", "recruiter", "admin")
_MISSING = {"user_id": "9999", "token_id": "9999", "ticket": "none", "token": "none", "uid": "none"}
"""What is not there, so that a request that is let through does nothing."""


def read_table():
    """(method, path) -> the least role, and whether it must be a person's."""
    found = {}
    for line in _TABLE.read_text().splitlines():
        method, path, word, *rest = line.partition("#")[0].split() or ("", "", "")
        if method:
            assert word in _WORDS, line
            assert (method, path) not in found, f"{method} {path} is in allowed.txt twice"
            found[method, path] = (word, rest == ["person"])
    return found


async def test_the_table_of_rights_names_every_route_and_no_other(routes):
    there = {(each.method, each.path) for each in routes}
    named = {(method, path) for method, path in read_table() if "?" not in path}

    assert there - named == set(), "new: say in allowed.txt who may"
    assert named - there == set(), "gone: take them out of allowed.txt"


def _let_through(answer):
    to_sign_in = answer.headers.get("location", "").startswith("/sign-in")
    return answer.status not in {401, 403} and not to_sign_in


async def test_every_route_lets_through_whom_the_table_names(town, routes):
    table, wrong = read_table(), []
    sessions = [(role, await town.session(role)) for role in Role]
    there = {(each.method, each.path): each for each in routes}
    for (method, path), (word, needs_person) in table.items():
        bare, mark, query = path.partition("?")
        route = there[method, bare]
        if str(route) in {f"POST {WEBHOOK_PATH}", "POST /sign-out"}:
            continue  # by its signature; ends what it is asked with: both have tests of their own
        target = route.target({**dict.fromkeys(route.names, "9999"), **_MISSING}) + mark + query
        for role, headers in [(None, {}), *town.tokens.items(), *sessions]:
            answer = await town.ask(route, headers, target=target)
            allowed = word == "public" or (role is not None and role.covers(Role(word)))
            through = _let_through(answer)
            if needs_person and "Authorization" in headers:
                # Some look at the form before they look who it is.
                allowed, through = False, answer.status < 400
            if through != allowed or answer.status >= 500:
                wrong.append(f"{method} {path}: {answer.status} for {role} by {[*headers]}, {word}")

    assert wrong == []


async def test_a_credential_that_has_ended_is_as_good_as_none(town, routes):
    ended = await _ended(town)
    open_ = {each for each, (word, _) in read_table().items() if word == "public"}
    wrong = []
    for route in routes:
        if (route.method, route.path) in open_:
            continue
        for why, headers in ended.items():
            answer = await town.ask(route, headers)
            if _let_through(answer):
                wrong.append(f"{route}: {answer.status} for {why}")

    assert wrong == []


async def _ended(town):
    """Headers of a session that was ended, one that ran out, one of a user without access, ..."""
    signed_out, disabled = await town.session(Role.ADMIN), await town.session(Role.RECRUITER)
    out_of_time = await town.session(Role.VIEWER)
    await ask(town.house.app, "POST", "/sign-out", headers=signed_out)
    token = await town.house.token(Role.ADMIN)
    now = datetime.now(UTC)
    async with town.house.parts.database.transaction() as tx:
        await tx.execute(
            text("UPDATE sessions SET expires_at = now() WHERE user_id = :id"),
            {"id": town.users[Role.VIEWER]},
        )
        await accounts.disable_user(tx, town.users[Role.RECRUITER], now)
        await accounts.revoke_token(tx, (await accounts.list_tokens(tx))[0].id, now)
    return {
        "a session that was signed out": signed_out,
        "a session that ran out": out_of_time,
        "a user without access": disabled,
        "a token that was revoked": token,
        "no token": {"authorization": "Bearer grt_none"},
        "another scheme": {"authorization": "Basic YWRhOmFkYQ=="},
        "a token in the cookie": {"cookie": f"greenroom={token['Authorization'][7:]}"},
    }


async def test_no_other_way_of_writing_an_address_gets_around_its_rights(town, routes):
    closed = [
        each
        for each in routes
        if each.method == "GET" and read_table()[each.method, each.path][0] != "public"
    ]
    wrong = []
    for route in closed:
        path = route.target(town.known)
        for target, headers in _disguises(path):
            answer = await town.ask(route, headers, target=target)
            if answer.status < 300 or answer.status >= 500:
                wrong.append(f"{answer.status} at {target} with {headers}")

    assert wrong == []


def _disguises(path):
    if path != "/":
        yield from ((each, {}) for each in (path + "/", "/" + path, path.upper(), path + ";a=b"))
        yield path.replace("/", "/%2e/", 1), {}
        yield "/static/.." + path, {}
    yield "/healthz/..;" + path, {}
    for name in ("x-original-url", "x-rewrite-url", "x-forwarded-path"):
        yield path, {name: "/healthz"}
    yield path, {"x-http-method-override": "OPTIONS"}
    yield path, {"host": "localhost:8000", "x-forwarded-host": "localhost"}


_FROM_ELSEWHERE = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:8000.evil.example"},
)


async def test_no_other_site_can_write_with_somebodys_cookie(town, routes):
    cookie = await town.session(Role.ADMIN)
    before = await towns.dump(town.house)
    wrong = []
    for route in routes:
        if route.method in {"GET", "HEAD"} or route.path.startswith(("/i/", WEBHOOK_PATH)):
            continue  # the address, or the signature, is the right itself: no cookie acts there
        for headers in _FROM_ELSEWHERE:
            answer = await town.ask(route, {**cookie, **headers})
            if answer.status != 403:
                wrong.append(f"{route}: {answer.status} with {headers}")

    assert wrong == []
    assert await towns.dump(town.house) == before


async def test_looking_changes_nothing(town, routes):
    program = town.tokens[Role.ADMIN]
    person = {**await town.session(Role.ADMIN), "accept": "text/html"}
    await town.ask(Route("GET", "/freshness", (), (), ()), program)
    before = await towns.dump(town.house)
    looked = 0
    for route in routes:
        if route.method != "GET":
            continue
        known = dict(town.known)
        if route.path.startswith("/ticket/"):
            known["ticket"] = town.known["sign_in"]
        for headers in ({}, program, person, {**person, "hx-request": "true"}):
            for more in (_ALL, _ALL + "&show=all") if "show" in route.query else (_ALL,):
                answer = await town.ask(route, headers, target=route.target(known) + more)
                looked += answer.status == 200

    assert looked > 100, "most pages were not there"
    assert await towns.dump(town.house) == before


_ALL = (
    "?start=2026-11-01T00:00:00Z&end=2026-12-01T00:00:00Z"
    f"&connection_id=1&uid={towns.UNMATCHED}&bodies=1"
)
