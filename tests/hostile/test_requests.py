"""Requests that no page of ours makes, to every route there is: refused in words, never a bug."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import pytest

from greenroom.accounts.model import Role
from greenroom.web import render
from hostile import hunt
from hostile import town as towns
from hostile.inputs import (
    HEADER_VALUES,
    HEADERS,
    OTHER_FIELDS,
    STRINGS,
    TOKENS,
    bodies,
    usual_body,
    usual_form,
)
from hostile.markup import Pages
from hostile.town import Route, Town
from hostile.wire import Answer, ask

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logs")]


@dataclass
class Asker:
    """Asks as an admin and keeps what was not as it should be."""

    town: Town
    pages: Pages
    logs: Sequence[Mapping[str, object]]
    problems: list[str] = field(default_factory=list)
    asked: int = 0

    async def __call__(self, route: Route, what: str, **given: object) -> Answer:
        headers = {"accept": "text/html", **(given.pop("headers", None) or {})}
        person = route.path.startswith("/account") or "cookie" in headers
        proof = await self.town.session(Role.ADMIN) if person else self.town.tokens[Role.ADMIN]
        answer = await self.town.ask(route, {**proof, **headers}, **given)
        self.asked += 1
        wrong = _wrong(answer, self.pages)
        if wrong:
            self.problems.append(f"{route} with {what}: {wrong} {self.bug(answer)}")
        return answer

    def bug(self, answer: Answer) -> str:
        """What the log says of a bug."""
        return repr(self.logs[-1].get("exc_info")) if answer.status == 500 and self.logs else ""


def _wrong(answer: Answer, pages: Pages) -> str | None:
    body = answer.body.decode("utf-8", "replace")
    if answer.status >= 500:
        return f"{answer.status}"
    if "Traceback" in body or "psycopg" in body or "sqlalchemy" in body:
        return f"tells of its inside: {body[:300]!r}"
    if missing := _ALWAYS - answer.headers.keys():
        return f"has no {missing}"
    to = answer.headers.get("location", "/")
    if not to.startswith("/") or to.startswith(("//", "/\\")):
        return f"leads to {to}"
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html") and (strange := pages.strange(body)):
        return f"has {sorted(strange)}"
    if "json" in kind:
        json.loads(answer.body)
    return None


_ALWAYS = {
    "content-security-policy", "x-content-type-options", "referrer-policy", "cache-control",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "permissions-policy",
}  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    return Pages()


@pytest.fixture
async def asker(house, pages, logs):
    return Asker(await towns.build(house), pages, logs)


async def _as_before(asker: Asker) -> None:
    """Everything that was asked has left a Greenroom that works."""
    for path in ("/", "/candidates", "/deliveries", "/outbox", "/connections", "/settings/users"):
        await asker(Route("GET", path, (), (), ()), "nothing, afterwards")
    assert not asker.problems, f"{len(asker.problems)}:\n" + "\n".join(asker.problems[:20])


_TAKEN_APART = {"cursor", "before", "start", "from", "next"}


def _some(of: str, strings: Sequence[bytes], most: int) -> Sequence[bytes]:
    """The same ones each time; more for what is taken apart by hand."""
    if of.startswith("GET") and of.rpartition(" ")[2] in _TAKEN_APART:
        most = 2 * most
    return random.Random(of).sample(strings, min(hunt.sized(most, 10 * most), len(strings)))


async def test_any_text_may_stand_in_a_path(asker, routes):
    for route in routes:
        for name in route.names:
            for raw in _some(f"{route} {name}", STRINGS, 6):
                text = quote_from_bytes(raw, safe="")
                known = {**asker.town.known, name: text}
                await asker(route, f"{name}={text:.60}", target=route.target(known))

    assert asker.asked > 100
    await _as_before(asker)


async def test_any_text_may_stand_in_a_query(asker, routes):
    for route in routes:
        for name in route.query:
            for raw in _some(f"{route} {name}", STRINGS, 4):
                query = _query(route, name, quote_from_bytes(raw, safe=""))
                target = f"{route.target(asker.town.known)}?{query}"
                await asker(route, f"?{query:.90}", target=target)

    assert asker.asked > 100
    await _as_before(asker)


_NEEDED = {
    "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z",
    "connection_id": "1", "uid": towns.UNMATCHED,
}  # fmt: skip


def _query(route: Route, name: str, text: str) -> str:
    needed = {key: value for key, value in _NEEDED.items() if key in route.query and key != name}
    return f"{urlencode(needed)}&{name}={text}" if needed else f"{name}={text}"


async def test_any_text_may_stand_in_a_form(asker, routes):
    number = count()
    for route in routes:
        if route.method != "POST" or route.body or route.path.startswith("/api/"):
            continue
        # Who declares no field may read some by hand; most read none.
        most = 3 if route.form or route.path.startswith("/candidates") else 1
        for name in route.form or OTHER_FIELDS:
            for raw in _some(f"{route} {name}", STRINGS, most):
                fields = {**usual_form(route.form, next(number)), name: raw}
                await asker(
                    route,
                    f"{name}={raw[:60]!r} in the form",
                    body=urlencode(fields).encode(),
                    headers={"content-type": "application/x-www-form-urlencoded"},
                )

    assert asker.asked > 100
    await _as_before(asker)


async def test_any_value_may_stand_in_a_json_body(asker, routes):
    number = count()
    for route in routes:
        for name in [*route.body, "nonsense"] if route.body else ():
            for raw in _some(f"{route} {name}", TOKENS, 9 if name != "nonsense" else 3):
                given = {**usual_body(route.body, next(number)), name: "@@here@@"}
                body = json.dumps(given).encode().replace(b'"@@here@@"', raw)
                await asker(
                    route,
                    f"{name}: {raw[:60]!r}",
                    body=body,
                    headers={"content-type": "application/json"},
                )

    assert asker.asked > 100
    await _as_before(asker)


async def test_any_bytes_may_come_as_a_body(asker, routes):
    broken = list(bodies())
    for route in routes:
        if route.method in {"GET", "HEAD"}:
            continue
        for what, kind, body in random.Random(str(route)).sample(
            broken, hunt.sized(4, len(broken))
        ):
            await asker(route, what, body=body, headers={"content-type": kind})

    assert asker.asked > 100
    await _as_before(asker)


async def test_any_text_may_stand_in_a_header(asker):
    static = next(iter([*render._STATIC.glob("*.css"), Path("none.css")])).name
    chance = random.Random("headers")
    for method, path in (
        ("GET", "/"),
        ("GET", "/sign-in"),
        ("GET", "/api/admin/scheduling/sync"),
        ("GET", f"/static/{static}"),
        ("POST", "/sign-in"),
        ("GET", "/nowhere"),
    ):
        route = Route(method, path, (), (), ())
        for name in HEADERS:
            for text in chance.sample(HEADER_VALUES, hunt.sized(5, len(HEADER_VALUES))):
                headers = {name: text, "accept": "text/html", **chance.choice(_ASKERS)}
                await _anonymous(asker, route, headers)

    await _as_before(asker)


_ASKERS = ({}, {"hx-request": "true"}, {"accept": "*/*"})


async def test_a_page_may_claim_any_address(asker):
    """Anybody can send that, without signing in: each fills the log with a traceback."""
    for address in ("http://[", "//[", "https://a]b/", "http://[::1", "http://[\xbd]/"):
        headers = {"hx-request": "true", "hx-current-url": address, "accept": "text/html"}
        await _anonymous(asker, Route("GET", "/", (), (), ()), headers)

    await _as_before(asker)


async def test_a_form_may_claim_any_charset(asker, routes):
    field = b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--B--\r\n'
    for route in (each for each in routes if each.method == "POST"):
        for charset in ("undefined", "a\x00b", "idna", "hex", "utf-7"):
            kind = f'multipart/form-data; boundary=B; charset="{charset}"'
            await asker(route, charset, body=field, headers={"content-type": kind})

    await _as_before(asker)


async def _anonymous(asker: Asker, route: Route, headers: Mapping[str, str]) -> None:
    answer = await ask(asker.town.house.app, route.method, route.path, headers=headers)
    what = {name: text[:80] for name, text in headers.items()}
    if wrong := _wrong(answer, asker.pages):
        asker.problems.append(f"{route} with {what}: {wrong}")


async def test_a_method_that_a_path_does_not_take_is_refused(asker, routes):
    taken: dict[str, set[str]] = {}
    for each in routes:
        taken.setdefault(each.path, set()).add(each.method)
    for path, methods in taken.items():
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get"):
            if method not in methods and not path.startswith("/static"):
                answer = await asker(Route(method, path, (), (), ()), "no right to", target=path)
                # 422: the path also fits another route, which then misses its number.
                assert answer.status in {404, 405, 422}, f"{method} {path}: {answer.status}"

    await _as_before(asker)


async def test_a_list_does_not_grow_with_what_is_asked_of_it(asker):
    """Ten thousand of one parameter, and a limit of a thousand million."""
    for path, query in (
        ("/api/admin/scheduling/interviews", "limit=1000000000"),
        ("/api/admin/scheduling/bookings", "limit=1000000000"),
        ("/api/admin/scheduling/deliveries", "limit=1000000000"),
        ("/api/admin/scheduling/candidates", "limit=1000000000"),
        ("/", "limit=1000000000"),
        ("/interviews/changed", "&".join(["id=1"] * 10_000)),
        ("/send", "&".join(["candidate=1"] * 10_000)),
    ):
        answer = await asker(Route("GET", path, (), (), ()), query[:40], target=f"{path}?{query}")
        assert answer.status == 422, f"{path}?{query[:40]}: {answer.status}"

    await _as_before(asker)


async def test_a_status_may_be_asked_for_seventy_thousand_times(asker):
    query = "&".join(["status=done"] * 70_000)
    route = Route("GET", "/api/admin/scheduling/interviews", (), (), ())

    await asker(route, "70 000 statuses", target=f"{route.path}?{query}")

    await _as_before(asker)
