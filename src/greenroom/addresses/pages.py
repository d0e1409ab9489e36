"""The public address on the page of the connections: shown, typed in, looked at."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from greenroom.accounts.guard import admin, viewer
from greenroom.addresses import actions, model
from greenroom.addresses.card import card
from greenroom.addresses.model import Place, Source
from greenroom.calcom import connections
from greenroom.errors import Conflict, Invalid
from greenroom.parts import Parts
from greenroom.web.render import page

router = APIRouter(include_in_schema=False, prefix="/connections/address")


class _Typed(BaseModel):
    address: str = ""
    anyway: bool = False


@router.get("", dependencies=[Depends(viewer)])
async def address_card(request: Request) -> Response:
    """Answer with the part of the card that changes by itself."""
    return await _card(request, "_now")


@router.post("", dependencies=[Depends(admin)])
async def type_address(request: Request, form: Annotated[_Typed, Form()]) -> Response:
    """Use an address that somebody typed, once it is seen to lead here, or `anyway`."""
    parts = _changeable(request)
    origin = model.cleaned(form.address)
    if origin is None:
        raise Invalid(
            f"“{form.address[:80]}” is not the address of a site.",
            do="Type it as a browser shows it, such as https://interviews.example.org.",
        )
    found = await parts.look(Place(origin, Source.TYPED))
    if not found.is_well and not form.anyway:
        raise Invalid(
            found.what,
            do=f"{found.do} It was not used. If it is right all the same, tick “Use it even if it "
            "does not answer from here”.",
        )
    now = datetime.now(UTC)
    async with parts.database.transaction() as tx:
        await actions.type_in(tx, origin)
    await parts.watch.settle(now)
    async with parts.database.transaction() as tx:
        await actions.keep_look(tx, found, now)
    return await _answer(request)


@router.post("/tunnel", dependencies=[Depends(admin)])
async def use_tunnel(request: Request) -> Response:
    """Forget what was typed, and look for a tunnel now."""
    parts = _changeable(request)
    async with parts.database.transaction() as tx:
        await actions.type_in(tx, None)
    await parts.watch.step(datetime.now(UTC))
    return await _answer(request)


@router.post("/check", dependencies=[Depends(admin)])
async def check_address(request: Request) -> Response:
    """Ask the address in use from here, as Cal.com would."""
    parts = _parts(request)
    found = await parts.look(parts.address.place)
    async with parts.database.transaction() as tx:
        await actions.keep_look(tx, found, datetime.now(UTC))
    return await _answer(request)


async def _answer(request: Request) -> Response:
    await _parts(request).address.refresh()
    if "hx-request" in request.headers:
        return await _card(request, "_address")
    return RedirectResponse("/connections#public-address", HTTPStatus.SEE_OTHER)


async def _card(request: Request, name: str) -> Response:
    parts, now = _parts(request), datetime.now(UTC)
    came_by = model.came_by(request.url.scheme, request.headers)
    async with parts.database.transaction() as tx:
        known = await connections.every(tx, parts.seal)
        shown = await card(tx, parts.address, known, came_by=came_by, now=now)
    return page(request, f"addresses/{name}.html", address=shown, now=now)


def _changeable(request: Request) -> Parts:
    parts = _parts(request)
    if not parts.address.may_be_public:
        raise Conflict(
            "Deliveries without a signature are accepted, so this Greenroom stays on this machine.",
            do="Remove GREENROOM_UNSIGNED_WEBHOOKS, start again, then type the address.",
        )
    if parts.address.setting is not None:
        raise Conflict(
            f"The address is set to {parts.address.setting} where Greenroom is started.",
            do="Change or remove GREENROOM_PUBLIC_URL, then start Greenroom again.",
        )
    return parts


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
