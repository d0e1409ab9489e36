"""Signing in and out, and one's own account."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from greenroom.accounts import actions, settings_pages, signin
from greenroom.accounts.guard import Viewer, cookie_name, who
from greenroom.accounts.model import (
    LONGEST,
    LONGEST_SESSION,
    SHORTEST,
    Purpose,
    Ticket,
    User,
    digest,
    network,
    password_refusal,
)
from greenroom.accounts.signin import Visit
from greenroom.database import Database
from greenroom.errors import NotAllowed
from greenroom.settings import Settings
from greenroom.web.render import page
from greenroom.web.security import own_path

router = APIRouter(include_in_schema=False)
router.include_router(settings_pages.router)

_Password = Annotated[SecretStr, Field(max_length=1000)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _SignIn(_Fields):
    email: Annotated[str, Field(max_length=320)]
    password: _Password
    next: str = "/"


class _SetUp(_Fields):
    email: Annotated[str, Field(max_length=320)] = ""
    name: str = ""
    password: _Password


class _NewPassword(_Fields):
    current: _Password
    password: _Password


class _WhichSessions(_Fields):
    session: Annotated[str, Field(max_length=64)]


@router.get("/sign-in")
async def sign_in_form(request: Request, next: str = "/") -> Response:  # noqa: A002  (its name in the address)
    """The form; whoever is signed in already goes on."""
    if await who(request):
        return _go(own_path(next))
    return await _sign_in_page(request, next=own_path(next))


@router.post("/sign-in")
async def sign_in(request: Request, form: Annotated[_SignIn, Form()]) -> Response:
    """Sign in with a password."""
    password = form.password.get_secret_value()
    token = await signin.sign_in(
        _database(request),
        email=form.email,
        password=password,
        visit=_visit(request),
        now=datetime.now(UTC),
    )
    if token is not None:
        return _enter(request, token, own_path(form.next))
    return await _sign_in_page(
        request,
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        next=own_path(form.next),
        email=form.email,
        refusal="The address or the password is not right.",
    )


async def _sign_in_page(
    request: Request,
    *,
    next: str,  # noqa: A002  (its name in the form)
    status: int = 200,
    email: str = "",
    refusal: str | None = None,
) -> Response:
    async with _database(request).transaction() as tx:
        is_set_up = await actions.is_set_up(tx)
    return page(
        request,
        "accounts/sign_in.html",
        status=status,
        next=next,
        email=email,
        refusal=refusal,
        is_set_up=is_set_up,
    )


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End this browser's session, on the server too."""
    settings = _settings(request)
    token = request.cookies.get(cookie_name(settings))
    if token:
        async with _database(request).transaction() as tx:
            await signin.sign_out(tx, token)
    response = _go("/sign-in")
    response.delete_cookie(
        cookie_name(settings), secure=settings.origin.startswith("https://"), httponly=True
    )
    return response


@router.get("/set-up/{ticket}")
async def set_up_form(request: Request, ticket: str) -> Response:
    """Look at a set-up link. Nothing changes: mail scanners open links."""
    async with _database(request).transaction() as tx:
        found = await signin.ticket(tx, ticket, Purpose.SET_UP, datetime.now(UTC))
    return _set_up_page(request, found)


@router.post("/set-up/{ticket}")
async def set_up(request: Request, ticket: str, form: Annotated[_SetUp, Form()]) -> Response:
    """Use a set-up link: choose a password and be signed in."""
    now, database = datetime.now(UTC), _database(request)
    async with database.transaction() as tx:
        found = await signin.ticket(tx, ticket, Purpose.SET_UP, now)
    password = form.password.get_secret_value()
    refusal = password_refusal(password, about=signin.known_of(found, form.email, form.name))
    if refusal:
        return _set_up_page(request, found, form, refusal)
    token = await signin.set_up(
        database,
        ticket,
        email=form.email,
        name=form.name,
        password=password,
        visit=_visit(request),
        now=now,
    )
    return _enter(request, token, "/")


def _set_up_page(
    request: Request, ticket: Ticket, form: _SetUp | None = None, refusal: str | None = None
) -> Response:
    return page(
        request,
        "accounts/set_up.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK,
        owner=ticket.user,
        email=form.email if form else "",
        name=form.name if form else "",
        refusal=refusal,
        lengths=(SHORTEST, LONGEST),
    )


@router.get("/ticket/{ticket}")
async def ticket_form(request: Request, ticket: str) -> Response:
    """Look at a sign-in link. Nothing changes."""
    async with _database(request).transaction() as tx:
        found = await signin.ticket(tx, ticket, Purpose.SIGN_IN, datetime.now(UTC))
    return page(request, "accounts/ticket.html", owner=found.user)


@router.post("/ticket/{ticket}")
async def use_ticket(request: Request, ticket: str) -> Response:
    """Use a sign-in link."""
    async with _database(request).transaction() as tx:
        token = await signin.use_sign_in_ticket(tx, ticket, _visit(request), datetime.now(UTC))
    return _enter(request, token, "/")


@router.get("/account")
async def account(
    request: Request,
    user: Viewer,
    done: Literal["password", "sessions"] | None = None,
) -> Response:
    """One's own sessions and password."""
    return await _account_page(request, _person(user), done=done)


@router.post("/account/password")
async def change_password(
    request: Request, user: Viewer, form: Annotated[_NewPassword, Form()]
) -> Response:
    """Change one's own password; all other sessions end."""
    id_, new = _person(user), form.password.get_secret_value()
    refusal = password_refusal(new, about=[user.email, user.name])
    if refusal:
        return await _account_page(request, id_, refusal=refusal)
    token = await signin.change_password(
        _database(request),
        user,
        current=form.current.get_secret_value(),
        new=new,
        visit=_visit(request),
        now=datetime.now(UTC),
    )
    if token is None:
        return await _account_page(request, id_, refusal="The current password is not right.")
    return _enter(request, token, "/account?done=password")


@router.post("/account/sessions/revocation")
async def end_sessions(
    request: Request, user: Viewer, form: Annotated[_WhichSessions, Form()]
) -> Response:
    """End one of one's own sessions, or all others ("others")."""
    id_ = _person(user)
    async with _database(request).transaction() as tx:
        if form.session == "others":
            await signin.end_other_sessions(tx, id_, _token(request))
        else:
            await signin.end_session(tx, id_, form.session)
    return _go("/account?done=sessions")


async def _account_page(
    request: Request, user_id: int, *, done: str | None = None, refusal: str | None = None
) -> Response:
    async with _database(request).transaction() as tx:
        sessions = await signin.sessions(tx, user_id, datetime.now(UTC))
    return page(
        request,
        "accounts/account.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK,
        sessions=sessions,
        this_session=digest(_token(request)).hex(),
        done=done,
        refusal=refusal,
        lengths=(SHORTEST, LONGEST),
    )


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.parts.settings
    return settings


def _visit(request: Request) -> Visit:
    return Visit(
        network=network(request.client.host if request.client else None),
        user_agent=request.headers.get("user-agent", ""),
        idle_days=_settings(request).session_days,
        token=_token(request) or None,
    )


def _token(request: Request) -> str:
    return request.cookies.get(cookie_name(_settings(request)), "")


def _person(user: User) -> int:
    if user.id is None:
        raise NotAllowed(
            "An API token has no account.", do="Sign in as a person to see sessions and password."
        )
    return user.id


def _enter(request: Request, token: str, to: str) -> Response:
    response, settings = _go(to), _settings(request)
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=int(LONGEST_SESSION.total_seconds()),
        path="/",
        secure=settings.origin.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return response


def _go(to: str) -> RedirectResponse:
    return RedirectResponse(to, HTTPStatus.SEE_OTHER)
