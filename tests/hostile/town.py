"""A Greenroom with one of everything in it, and the routes that lead there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from starlette.routing import Mount
from starlette.routing import Route as PlainRoute

from builders import delivery
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.calcom import connections
from greenroom.deliveries import actions as deliveries
from hostile.shown import API
from hostile.wire import Answer, ask
from house import House

Headers = Mapping[str, str]

UNMATCHED = "booking2"
"""The uid of a booking of nobody we know."""


@dataclass(frozen=True)
class Route:
    """One address and one method of the application, and what it reads."""

    method: str
    path: str
    query: Sequence[str]
    form: Sequence[str]
    body: Sequence[str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names(self) -> Sequence[str]:
        """What is left open in the path."""
        return re.findall(r"\{(\w+)(?::\w+)?\}", self.path)

    def target(self, known: Mapping[str, str]) -> str:
        """The path with these in it."""
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: known.get(name[1], "1"), self.path)


def routes(app: FastAPI) -> Sequence[Route]:
    """Every route of the application, also one that was added yesterday."""
    return sorted(_routes(app), key=lambda each: (each.path, each.method))


def _routes(app: FastAPI) -> Iterator[Route]:
    for router in app.routes:
        if isinstance(router, Mount):
            yield Route("GET", f"{router.path}/{{file}}", (), (), ())
            continue
        if isinstance(router, PlainRoute):
            yield from (Route(method, router.path, (), (), ()) for method in router.methods or ())
            continue
        for found in router.effective_route_contexts():
            reads = found.dependant
            forms = [each for each in reads.body_params if type(each.field_info).__name__ == "Form"]
            bodies = [each for each in reads.body_params if each not in forms]
            for method in found.methods:
                fields = (_fields(each) for each in (reads.query_params, forms, bodies))
                yield Route(method, found.path_format, *fields)


def _fields(params: Sequence[Any]) -> Sequence[str]:
    found: list[str] = []
    for each in params:
        kind = each.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [each.alias or name for name, each in kind.model_fields.items()]
        else:
            found.append(each.alias)
    return found


@dataclass(frozen=True)
class Town:
    """`known` fills the paths; `users` are ids by role."""

    house: House
    known: Mapping[str, str]
    users: Mapping[Role, int]
    tokens: Mapping[Role, Headers]

    async def ask(self, route: Route, headers: Headers | None = None, **given: Any) -> Answer:
        """Ask for the route with what is known."""
        given.setdefault("target", route.target(self.known))
        streams = route.path == "/live"
        return await ask(self.house.app, route.method, headers=headers, streams=streams, **given)

    async def session(self, role: Role) -> Headers:
        """The cookie of somebody who has just signed in."""
        async with self.house.parts.database.transaction() as tx:
            ticket = await accounts.sign_in_ticket(tx, self.users[role], datetime.now(UTC))
        entered = await ask(self.house.app, "POST", f"/ticket/{ticket}")
        return {"cookie": entered.headers["set-cookie"].partition(";")[0]}


async def build(house: House) -> Town:
    """One candidate, interview, letter, delivery, booking, check of Cal.com; a user of each role.

    The user and the token in `known` are nobody's: they may be ended.
    """
    tokens = {role: await house.token(role) for role in Role}
    now = datetime.now(UTC)
    async with house.parts.database.transaction() as tx:
        users = {
            role: (await accounts.add_user(
                tx, email=f"{role}@example.org", name=f"A {role}", role=role, now=now
            ))[0].id
            for role in Role
        }  # fmt: skip
        spare, ticket = await accounts.add_user(
            tx, email="spare@example.org", name="Spare", role=Role.VIEWER, now=now
        )
        sign_in = await accounts.sign_in_ticket(tx, spare.id, now)
        await accounts.create_token(tx, "spare", Role.VIEWER, now)
        spare_token = (await accounts.list_tokens(tx))[0].id
    made = await _people(house, tokens[Role.ADMIN])
    known = {
        "user_id": str(spare.id),
        "token_id": str(spare_token),
        "uid": "booking1",
        "check": "disk",
        "ticket": ticket,
        "sign_in": sign_in,
        **made,
    }
    return Town(house, known, users, tokens)


async def _people(house: House, admin: Headers) -> Mapping[str, str]:
    async def post(path: str, given: object) -> dict[str, Any]:
        answer = await house.http.post(API + path, json=given, headers=admin)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    kind = {"title": "Intro", "length_minutes": 30, "booking_url": "https://cal.example/m/intro"}
    event_type = await post("/event-types", kind)
    person = await post("/candidates", {"name": "Ada Lovelace", "email": "ada@example.org"})
    sent = await post(
        "/interviews",
        {"candidate_ids": [person["id"]], "event_type_id": event_type["id"], "send": True},
    )
    (interview,) = sent["created"]
    token = interview["link"]["token"]
    kept = await house.deliver(delivery(metadata={"greenroom": token}))
    nobody = [{"name": "Nobody", "email": "nobody@example.org", "timeZone": "UTC"}]
    await house.deliver(delivery(uid=UNMATCHED, bookingId=8, attendees=nobody))
    await deliveries.drain(house.parts.database, now=datetime.now(UTC))
    async with house.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            house.parts.seal,
            name="With a key",
            api_url="http://127.0.0.1:1/v2",
            api_key="cal_live_0123456789",
            secret="another secret of the second one",
            now=datetime.now(UTC),
        )
        letter = (await tx.execute(text("SELECT min(id) FROM letters"))).scalar_one()
    run = await post("/sync", {})
    return {
        "candidate_id": str(person["id"]),
        "interview_id": str(interview["id"]),
        "token": token,
        "delivery_id": kept.json()["delivery"],
        "run_id": str(run["id"]),
        "letter_id": str(letter),
    }


async def dump(house: House) -> Mapping[str, tuple[int, str]]:
    """Of each table of the database, how many rows it has and a digest of all that is in them.

    When a credential was last used is left out: every request writes that down, at most once a
    minute, and it is about the credential alone.
    """
    async with house.parts.database.transaction() as tx:
        names = (await tx.execute(text(_TABLES))).scalars().all()
        found = {}
        for name in names:
            count, digest = (await tx.execute(text(_DIGEST.format(name)))).one()
            found[name] = (count, digest)
    return found


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_DIGEST = """
    SELECT count(*), md5(string_agg(r, '' ORDER BY r))
      FROM (SELECT (to_jsonb(t) - '{{seen_at,expires_at,last_used_at}}'::text[])::text AS r
              FROM "{}" AS t) AS rows
"""
