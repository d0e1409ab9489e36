"""The users and tokens of the installation, for admins."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from greenroom.accounts import actions
from greenroom.accounts.guard import Admin
from greenroom.accounts.model import Role, User
from greenroom.database import Database
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewUser(_Fields):
    email: Annotated[str, Field(max_length=320)]
    name: str
    role: Role


class _ChangedRole(_Fields):
    role: Role


class _Access(_Fields):
    access: Literal["given", "ended"]


class _NewToken(_Fields):
    name: str
    role: Role
    days: Annotated[int, Field(ge=0, le=3650)] = 0


@router.get("/settings/users")
async def users(request: Request, _user: Admin) -> Response:
    """Everybody who has, had or will have access."""
    return await _users_page(request)


@router.post("/settings/users")
async def add_user(request: Request, _user: Admin, form: Annotated[_NewUser, Form()]) -> Response:
    """Add somebody; the answer shows the set-up link, once."""
    async with _database(request).transaction() as tx:
        added, ticket = await actions.add_user(
            tx, email=form.email, name=form.name, role=form.role, now=datetime.now(UTC)
        )
    return await _users_page(request, handover=(added, ticket))


@router.post("/settings/users/{user_id}/set-up-link")
async def new_set_up_link(request: Request, _user: Admin, user_id: _Id) -> Response:
    """A new set-up link for somebody who lost the link or the password, shown once."""
    async with _database(request).transaction() as tx:
        owner = await actions.get(tx, user_id)
        ticket = await actions.set_up_ticket(tx, user_id, datetime.now(UTC))
    return await _users_page(request, handover=(owner, ticket))


@router.post("/settings/users/{user_id}/role")
async def change_role(
    request: Request, _user: Admin, user_id: _Id, form: Annotated[_ChangedRole, Form()]
) -> Response:
    """Give somebody another role."""
    async with _database(request).transaction() as tx:
        await actions.change_role(tx, user_id, form.role)
    return _go("/settings/users")


@router.post("/settings/users/{user_id}/access")
async def change_access(
    request: Request, _user: Admin, user_id: _Id, form: Annotated[_Access, Form()]
) -> Response:
    """End somebody's access at once, or give it back."""
    async with _database(request).transaction() as tx:
        if form.access == "ended":
            await actions.disable_user(tx, user_id, datetime.now(UTC))
        else:
            await actions.enable_user(tx, user_id)
    return _go("/settings/users")


async def _users_page(request: Request, *, handover: tuple[User, str] | None = None) -> Response:
    async with _database(request).transaction() as tx:
        everyone = await actions.list_users(tx)
    origin: str = request.app.state.parts.settings.origin
    return page(
        request,
        "accounts/users.html",
        status=HTTPStatus.CREATED if handover else HTTPStatus.OK,
        users=everyone,
        roles=list(Role),
        owner=handover[0] if handover else None,
        link=actions.set_up_address(origin, handover[1]) if handover else None,
    )


@router.get("/settings/tokens")
async def tokens(request: Request, _user: Admin) -> Response:
    """Every token for programs."""
    return await _tokens_page(request)


@router.post("/settings/tokens")
async def create_token(
    request: Request, _user: Admin, form: Annotated[_NewToken, Form()]
) -> Response:
    """Make a token; the answer shows it, once. `days` 0 means without end."""
    now = datetime.now(UTC)
    expires_at = now + timedelta(days=form.days) if form.days else None
    async with _database(request).transaction() as tx:
        token = await actions.create_token(tx, form.name, form.role, now, expires_at)
    return await _tokens_page(request, token=token)


@router.post("/settings/tokens/{token_id}/revocation")
async def revoke_token(request: Request, _user: Admin, token_id: _Id) -> Response:
    """Make a token worthless."""
    async with _database(request).transaction() as tx:
        await actions.revoke_token(tx, token_id, datetime.now(UTC))
    return _go("/settings/tokens")


async def _tokens_page(request: Request, *, token: str | None = None) -> Response:
    async with _database(request).transaction() as tx:
        everything = await actions.list_tokens(tx)
    return page(
        request,
        "accounts/tokens.html",
        status=HTTPStatus.CREATED if token else HTTPStatus.OK,
        tokens=everything,
        roles=list(Role),
        token=token,
        now=datetime.now(UTC),
    )


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database


def _go(to: str) -> RedirectResponse:
    return RedirectResponse(to, HTTPStatus.SEE_OTHER)
