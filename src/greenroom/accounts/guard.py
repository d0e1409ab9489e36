"""Who is asking, and whether they may: dependencies for routes.

    @router.post("/candidates")
    async def add(request: Request, user: Recruiter) -> Response: ...

A route's rights are what its signature says; no path is looked at.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from greenroom.accounts import signin
from greenroom.accounts.model import Role, User
from greenroom.database import Database
from greenroom.errors import NotAllowed, SignInNeeded
from greenroom.settings import Settings

# For the page of the API; the header is read below, where a cookie may stand in for it.
_in_docs = HTTPBearer(auto_error=False, description="A token from Settings, Tokens.")


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds a cookie to this very host, but browsers take it over https only."""
    return "__Host-greenroom" if settings.origin.startswith("https://") else "greenroom"


async def who(request: Request) -> User | None:
    """Whoever the request acts for, asked of the database now.

    Streams that stay open ask again: access may have ended meanwhile.
    """
    parts = request.app.state.parts
    settings: Settings = parts.settings
    database: Database = parts.database
    now = datetime.now(UTC)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(cookie_name(settings))
    if scheme.lower() == "bearer":
        async with database.transaction() as tx:
            return await signin.by_token(tx, token.strip(), now)
    if not cookie:
        return None
    async with database.transaction() as tx:
        return await signin.by_session(tx, cookie, idle_days=settings.session_days, now=now)


async def _at_least(role: Role, request: Request) -> User:
    user = await who(request)
    if user is None:
        raise SignInNeeded(
            "You are not signed in, or no longer.",
            do="Sign in, or send a valid API token as `Authorization: Bearer ...`.",
        )
    request.state.user = user
    if not user.role.covers(role):
        raise NotAllowed(
            f"The role {user.role.label} does not cover this.",
            do=f"Ask an admin for the role {role.label}.",
        )
    return user


async def viewer(request: Request, _scheme: Annotated[object, Depends(_in_docs)]) -> User:
    """Whoever is signed in. Raises SignInNeeded."""
    return await _at_least(Role.VIEWER, request)


async def recruiter(request: Request, _scheme: Annotated[object, Depends(_in_docs)]) -> User:
    """Whoever may invite and change. Raises SignInNeeded, NotAllowed."""
    return await _at_least(Role.RECRUITER, request)


async def admin(request: Request, _scheme: Annotated[object, Depends(_in_docs)]) -> User:
    """Whoever may set Greenroom up. Raises SignInNeeded, NotAllowed."""
    return await _at_least(Role.ADMIN, request)


Viewer = Annotated[User, Depends(viewer)]
Recruiter = Annotated[User, Depends(recruiter)]
Admin = Annotated[User, Depends(admin)]
