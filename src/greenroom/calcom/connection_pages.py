"""One connection: whether it is heard, and all that can be changed about it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import HTMLResponse

from greenroom.accounts.guard import Admin, viewer
from greenroom.calcom import (
    api_keys,
    budget,
    connecting,
    connections,
    finding_api,
    keeping,
    offers,
    parting,
    subscribing,
    subscription,
)
from greenroom.calcom.connections import Connection
from greenroom.deliveries import heard
from greenroom.doctor import actions as doctor
from greenroom.errors import Conflict, GreenroomError, Invalid
from greenroom.event_types import actions as event_types
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_TypeId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ByHand(_Fields):
    name: Annotated[str, Field(max_length=100)]


class _Key(_Fields):
    api_key: Annotated[SecretStr, Field(max_length=500)]
    address: Annotated[str, Field(max_length=500)] = ""
    other_account: bool = False


class _Secret(_Fields):
    show: bool = False


class _Type(_Fields):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    length_minutes: Annotated[int, Field(ge=5, le=24 * 60)]
    booking_url: Annotated[AnyHttpUrl, Field(max_length=500)]


class _Types(_Fields):
    event_type: Annotated[list[_TypeId], Field(max_length=1000)] = []


@router.post("/connections/by-hand")
async def connect_by_hand(
    request: Request, _user: Admin, given: Annotated[_ByHand, Form()]
) -> Response:
    """Make a connection that only listens; the answer shows its secret, once."""
    parts = _parts(request)
    name = " ".join(given.name.split()) or "Cal.com"
    async with parts.database.transaction() as tx:
        url, now = str(parts.settings.calcom_api_url), datetime.now(UTC)
        made, secret = await keeping.by_hand(tx, parts.seal, name=name, api_url=url, now=now)
        await doctor.ask(tx)
    parts.secrets.forget()
    return await _page(request, made.id, secret=secret)


@router.get("/connections/{connection_id}", dependencies=[Depends(viewer)])
async def connection_page(request: Request, connection_id: _Id) -> Response:
    """Show one connection."""
    return await _page(request, connection_id)


@router.get("/connections/{connection_id}/heard", dependencies=[Depends(viewer)])
async def heard_line(request: Request, connection_id: _Id) -> HTMLResponse:
    """Answer with the piece of the page that says whether its webhook is heard."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        connection = await connections.get(tx, parts.seal, connection_id)
        found = await heard.of_connection(tx, connection_id)
    return page(
        request, "calcom/_heard.html", connection=connection, heard=found, now=datetime.now(UTC)
    )


@router.post("/connections/{connection_id}/webhook")
async def see_to_webhook(request: Request, _user: Admin, connection_id: _Id) -> Response:
    """Have the webhook made or mended at Cal.com, now."""
    parts = _parts(request)
    connection = await _connected(parts, connection_id)
    url = _told(parts, connection)
    if connection.api_key is None:
        raise Invalid(
            "Without an API key Greenroom cannot change anything at Cal.com.",
            do="Give it one on this page, or set the webhook up by hand.",
        )
    await subscribing.see_to(
        parts.database, parts.seal, parts.calcom(connection), connection, url, now=datetime.now(UTC)
    )
    return await _back(parts, connection_id)


@router.post("/connections/{connection_id}/secret")
async def renew_secret(
    request: Request, _user: Admin, connection_id: _Id, given: Annotated[_Secret, Form()]
) -> Response:
    """Make a new webhook secret; it is shown, once, only where a person is to enter it."""
    parts = _parts(request)
    connection = await _connected(parts, connection_id)
    reachable = parts.address.is_reachable_from(connection.api_url)
    done = await connecting.new_secret(
        parts.database,
        parts.seal,
        parts.calcom(connection),
        connection,
        parts.address.webhook_url if reachable else None,
        now=datetime.now(UTC),
    )
    parts.secrets.forget()
    if given.show or connection.api_key is None:
        return await _page(request, connection_id, secret=done.new_secret)
    return await _back(parts, connection_id)


@router.post("/connections/{connection_id}/key")
async def replace_key(
    request: Request, _user: Admin, connection_id: _Id, given: Annotated[_Key, Form()]
) -> Response:
    """Try another API key, and keep it if Cal.com takes it; say in the form why it does not."""
    parts = _parts(request)
    connection = await _connected(parts, connection_id)
    try:
        await _replace_key(parts, connection, given)
    except GreenroomError as error:
        return await _page(request, connection_id, error=error, given=given)
    return await _back(parts, connection_id)


async def _replace_key(parts: Parts, connection: Connection, given: _Key) -> None:
    api_key = api_keys.cleaned(given.api_key.get_secret_value())
    http = parts.http if connection.allows_private else parts.guarded
    url, allows_private = connection.api_url, connection.allows_private
    if given.address.strip() and given.address.strip() != url:
        # What is typed on a page is not trusted, whoever named the address before.
        http, allows_private = parts.guarded, False
        trusted = parts.settings.allow_private_calcom
        url = await finding_api.find_api(http, given.address, trusted=trusted)
    await connecting.connect(
        parts.database,
        parts.seal,
        http,
        name=connection.name,
        api_url=url,
        api_key=api_key,
        secret=None,
        check=True,
        webhook_url=parts.address.webhook_url,
        reachable=parts.address.is_reachable_from(url),
        now=datetime.now(UTC),
        allows_private=allows_private,
        other_account=given.other_account,
    )
    parts.secrets.forget()


@router.post("/connections/{connection_id}/event-types")
async def choose_event_types(
    request: Request, _user: Admin, connection_id: _Id, given: Annotated[_Types, Form()]
) -> Response:
    """Choose which event types can be sent."""
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        await connections.get(tx, parts.seal, connection_id)
        await event_types.choose(tx, connection_id, given.event_type)
    return await _back(parts, connection_id)


@router.post("/connections/{connection_id}/event-types/by-hand")
async def enter_by_hand(
    request: Request, _user: Admin, connection_id: _Id, given: Annotated[_Type, Form()]
) -> Response:
    """Enter an event type, where no API key reads them."""
    parts = _parts(request)
    connection = await _connected(parts, connection_id)
    async with parts.database.transaction() as tx:
        await offers.enter(
            tx,
            connection,
            title=given.title,
            length_minutes=given.length_minutes,
            booking_url=str(given.booking_url),
        )
    return await _back(parts, connection_id)


@router.get("/connections/{connection_id}/disconnection")
async def ask_to_disconnect(request: Request, _user: Admin, connection_id: _Id) -> Response:
    """Say what goes and what stays, and ask."""
    connection = await _connected(_parts(request), connection_id)
    return page(request, "calcom/disconnect.html", connection=connection, said=None)


@router.post("/connections/{connection_id}/disconnection")
async def disconnect(request: Request, _user: Admin, connection_id: _Id) -> Response:
    """Delete our webhook at Cal.com, forget key and secrets, and say what was done."""
    parts, now = _parts(request), datetime.now(UTC)
    connection = await _connected(parts, connection_id)
    said = await parting.disconnect(parts.database, parts.calcom(connection), connection, now=now)
    async with parts.database.transaction() as tx:
        await syncs.give_up(tx, connection_id, "It was disconnected.", now)
        await doctor.ask(tx)
    parts.secrets.forget()
    return page(request, "calcom/disconnect.html", connection=connection, said=said)


async def _connected(parts: Parts, connection_id: int) -> Connection:
    async with parts.database.transaction() as tx:
        connection = await connections.get(tx, parts.seal, connection_id)
    if connection.disconnected_at is not None:
        raise Conflict(
            f"“{connection.name}” is disconnected.",
            do="Connect it again: Settings, Connections, Connect Cal.com.",
        )
    return connection


def _told(parts: Parts, connection: Connection) -> str:
    url = parts.address.webhook_url
    if not parts.address.is_reachable_from(connection.api_url):
        raise Conflict(
            f"Cal.com cannot reach {url}: only this machine does.",
            do="Start a tunnel (ngrok or cloudflared), or give Greenroom a public https address "
            "under Settings, Connections.",
        )
    return url


async def _back(parts: Parts, connection_id: int) -> Response:
    async with parts.database.transaction() as tx:
        await doctor.ask(tx)
    return RedirectResponse(f"/connections/{connection_id}", 303)


async def _page(
    request: Request,
    connection_id: int,
    *,
    secret: str | None = None,
    error: GreenroomError | None = None,
    given: _Key | None = None,
) -> Response:
    parts = _parts(request)
    async with parts.database.transaction() as tx:
        connection = await connections.get(tx, parts.seal, connection_id)
        standing = (await budget.standings(tx)).get(connection_id)
        found = await heard.of_connection(tx, connection_id)
        types = await event_types.of_connection(tx, connection_id)
    return page(
        request,
        "calcom/connection.html",
        status=error.status if error else 201 if secret else 200,
        connection=connection,
        standing=standing,
        heard=found,
        types=types,
        secret=secret,
        error=error,
        given=given,
        events=[(each, event_words(each)) for each in subscription.EVENTS],
        newer_events=[(each, event_words(each)) for each in subscription.NEWER_EVENTS],
        webhook_url=parts.address.webhook_url,
        reachable=parts.address.is_reachable_from(connection.api_url),
        now=datetime.now(UTC),
    )


def event_words(event: str) -> str:
    """What Cal.com's own page calls an event: BOOKING_NO_SHOW_UPDATED, Booking No-Show Updated."""
    return event.replace("_", " ").title().replace("No Show", "No-Show")


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts
