"""Fields a route does not offer: a program that sends them is told, a form is read without them."""

import json
from itertools import count
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from greenroom.accounts.model import Role
from hostile import town as towns
from hostile.inputs import usual_body, usual_form

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logs")]

_OFFERED_TO_NOBODY = {
    "id": 1, "status": "confirmed", "created_at": "2026-01-01T00:00:00Z", "sent_at": None,
    "token": "a-token-of-my-own", "revoked_at": None, "owner": "Robin", "user_id": 1,
    "is_admin": True, "disabled_at": None, "password_hash": "x", "booking": {"uid": "x"},
}  # fmt: skip


async def _overlooked(town, routes):
    """What was not refused of a request with one field more, or without its name."""
    wrong = []
    for route in routes:
        for name, value in _OFFERED_TO_NOBODY.items():
            if name in route.body:
                continue
            answer = await town.ask(
                route,
                {**town.tokens[Role.ADMIN], "content-type": "application/json"},
                body=json.dumps({**usual_body(route.body, 1), name: value}).encode(),
            )
            if answer.status != 422 or name.replace("_", " ").encode() not in answer.body:
                wrong.append(f"{route} with {name}: {answer.status} {answer.body!r:.200}")
    return wrong


async def test_a_program_is_told_of_each_field_that_a_route_does_not_offer(town, routes):
    before = await towns.dump(town.house)
    asked = [each for each in routes if each.body]

    assert len(asked) > 5
    assert await _overlooked(town, asked) == []
    assert await towns.dump(town.house) == before


async def test_a_form_makes_nobody_more_than_its_route_is_for(town, routes):
    """Nobody's role, access or password, and no token, changes by a form about something else."""
    number = count()
    before = await _powers(town)
    asked = 0
    for route in routes:
        if route.method != "POST" or route.body or route.path.startswith(_ABOUT_POWERS):
            continue
        person = await town.session(Role.RECRUITER)
        extra = {"role": "admin", "access": "given", "user_id": town.users[Role.RECRUITER]}
        fields = {**_OFFERED_TO_NOBODY, **extra, **usual_form(route.form, next(number))}
        answer = await town.ask(
            route,
            {**person, "content-type": "application/x-www-form-urlencoded"},
            body=urlencode(fields).encode(),
        )
        asked += answer.status < 400

    assert asked > 5, "hardly any form was read"
    assert await _powers(town) == before


_ABOUT_POWERS = ("/settings/", "/set-up/", "/account/")


async def _powers(town):
    async with town.house.parts.database.transaction() as tx:
        users = await tx.execute(
            text("SELECT id, email, role, password_hash, disabled_at FROM users ORDER BY id")
        )
        tokens = await tx.execute(text("SELECT id, role, revoked_at FROM tokens ORDER BY id"))
        return [*users], [*tokens]
