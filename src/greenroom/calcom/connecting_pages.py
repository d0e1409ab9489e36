"""Connecting on the page, in three steps: where and which key; whose it is; connected."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from greenroom.accounts.guard import Admin
from greenroom.calcom import api_keys, connecting, drafts, finding_api, trying, whose
from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom
from greenroom.calcom.trying import Account
from greenroom.database import Transaction
from greenroom.doctor import actions as doctor
from greenroom.errors import GreenroomError, Invalid
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_PLACES = {"hosted": finding_api.HOSTED, "eu": finding_api.EUROPEAN}
_Token = Annotated[str, Field(max_length=100)]
_Name = Annotated[str, Field(max_length=100)]


class Where(BaseModel):
    """The first step. `draft` stands for a key that was pasted before."""

    model_config = ConfigDict(extra="forbid")

    where: Literal["hosted", "eu", "own"] = "hosted"
    address: Annotated[str, Field(max_length=500)] = ""
    api_key: Annotated[SecretStr, Field(max_length=500)] = SecretStr("")
    draft: _Token = ""


class Chosen(BaseModel):
    """The second step."""

    model_config = ConfigDict(extra="forbid")

    draft: _Token
    name: _Name = ""
    event_type: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=1000)] = []
    other_account: bool = False


@router.get("/connections/new")
async def new_connection(request: Request, _user: Admin) -> Response:
    """Ask where Cal.com is, and for a key."""
    return _first(request, Where())


@router.post("/connections/check")
async def check_connection(
    request: Request, _user: Admin, given: Annotated[Where, Form()]
) -> Response:
    """Say whose the key is and what they offer. A key that was given is not given back."""
    parts = _parts(request)
    draft = ""
    try:
        draft, key = await _key(parts, given)
        url = await _api(parts, given, key)
        account = await trying.tried(_calcom(parts, url, key))
        async with parts.database.transaction() as tx:
            name = await _name(tx, url, account)
            await whose.check(tx, name, url, account.id, account.email, other_account=False)
            await drafts.took(tx, draft, url)
    except GreenroomError as error:
        return _first(request, given, draft=draft, error=error)
    return _second(request, draft, name, url, account)


@router.post("/connections")
async def connect(request: Request, _user: Admin, given: Annotated[Chosen, Form()]) -> Response:
    """Keep the connection and have its webhook made; then show it."""
    parts, now = _parts(request), datetime.now(UTC)
    try:
        async with parts.database.transaction() as tx:
            if (made := await drafts.served(tx, given.draft)) is not None:
                return RedirectResponse(f"/connections/{made}", 303)
            draft = await drafts.get(tx, parts.seal, given.draft, now)
        if draft.api_url is None:
            return _first(request, Where(), draft=given.draft)
    except GreenroomError as error:
        return _first(request, Where(), error=error)
    try:
        done = await connecting.connect(
            parts.database,
            parts.seal,
            parts.guarded,
            name=_cleaned(given.name),
            api_url=draft.api_url,
            api_key=draft.api_key,
            secret=None,
            check=True,
            webhook_url=parts.address.webhook_url,
            reachable=parts.address.is_reachable_from(draft.api_url),
            now=now,
            allows_private=False,
            other_account=given.other_account,
            chosen=given.event_type,
        )
    except GreenroomError as error:
        return await _second_again(request, given, draft.api_url, draft.api_key, error)
    parts.secrets.forget()
    async with parts.database.transaction() as tx:
        await drafts.serve(tx, parts.seal, given.draft, done.connection.id)
        await doctor.ask(tx)
    return RedirectResponse(f"/connections/{done.connection.id}", 303)


async def _key(parts: Parts, given: Where) -> tuple[str, str]:
    """The token of the key that was pasted, now or before, and the key."""
    now = datetime.now(UTC)
    key = given.api_key.get_secret_value().strip()
    async with parts.database.transaction() as tx:
        if not key and given.draft:
            return given.draft, (await drafts.get(tx, parts.seal, given.draft, now)).api_key
        key = api_keys.cleaned(key)
        return await drafts.keep(tx, parts.seal, key, now), key


async def _api(parts: Parts, given: Where, key: str) -> str:
    if given.where != "own":
        api_keys.check_hosted(key)
        return _PLACES[given.where]
    trusted = parts.settings.allow_private_calcom
    return await finding_api.find_api(parts.guarded, given.address, trusted=trusted)


def _calcom(parts: Parts, url: str, key: str) -> Calcom:
    return Calcom(parts.guarded, url, key, Unlimited())


async def _name(tx: Transaction, url: str, account: Account) -> str:
    """What to call it: as before, if it was connected before, else as its owner is called."""
    known = await whose.accounts(tx)
    for each in known:
        if not each.is_connected and each.is_of(url, account.id, account.email):
            return each.name
    taken = {each.name for each in known}
    wished = account.name[:80] or account.email[:80] or "Cal.com"
    numbered = (f"{wished} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (wished, *numbered) if each not in taken)


def _cleaned(name: str) -> str:
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise Invalid("The connection has no name.", do="Give it one, such as “Cal.com”.")
    return name


def _first(
    request: Request, given: Where, *, draft: str = "", error: GreenroomError | None = None
) -> Response:
    return page(
        request,
        "calcom/new.html",
        status=error.status if error else 200,
        given=given,
        draft=draft,
        error=error,
        allows_private=_parts(request).settings.allow_private_calcom,
    )


def _second(
    request: Request,
    draft: str,
    name: str,
    url: str,
    account: Account,
    *,
    chosen: Sequence[str] | None = None,
    error: GreenroomError | None = None,
) -> Response:
    address = _parts(request).address
    visible = [each for each in account.event_types if not each.hidden]
    return page(
        request,
        "calcom/check.html",
        status=error.status if error else 200,
        draft=draft,
        name=name,
        api_url=url,
        account=account,
        visible=visible,
        hidden=len(account.event_types) - len(visible),
        chosen=[each.slug for each in visible] if chosen is None else chosen,
        reachable=address.is_reachable_from(url),
        webhook_url=address.webhook_url,
        error=error,
    )


async def _second_again(
    request: Request, given: Chosen, url: str, key: str, error: GreenroomError
) -> Response:
    try:
        account = await trying.tried(_calcom(_parts(request), url, key))
    except GreenroomError as worse:
        where = next((each for each, there in _PLACES.items() if there == url), "own")
        asked = Where.model_validate({"where": where, "address": url if where == "own" else ""})
        return _first(request, asked, draft=given.draft, error=worse)
    return _second(
        request, given.draft, given.name, url, account, chosen=given.event_type, error=error
    )


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
