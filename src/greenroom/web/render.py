"""The one way to make a page, and the one boundary where errors become answers."""

import json
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import GreenroomError, Invalid, NotFound, SignInNeeded
from greenroom.settings import WEBHOOK_PATH, Settings
from greenroom.web.moments import moments, time
from greenroom.web.security import BodyLimit, SameOrigin, SaneHost, SecurityHeaders, own_path

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_IMPORTS = ("/api/admin/scheduling/candidates/import", "/candidates/import")
_KIB = 1024
_SYMBOL = re.compile(r'<symbol id="([a-z-]+)" viewBox="([0-9 ]+)">(.*?)</symbol>', re.DOTALL)
_MORE: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": "Bearer"},
    408: {"connection": "close"},
    413: {"connection": "close"},
    429: {"retry-after": "300"},
    503: {"retry-after": "5"},
}
"""What an answer of a status says besides."""

_log = structlog.get_logger()


def install(app: FastAPI, settings: Settings) -> None:
    """Give `app` its templates, static files, error boundary and security, in the right order."""
    app.state.templates = _templates(app, settings)
    app.mount("/static", StaticFiles(directory=_STATIC, check_dir=False), name="static")
    app.router.redirect_slashes = False  # Cal.com does not follow redirects
    app.add_exception_handler(GreenroomError, problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(DataError, _unstorable)
    limits = {WEBHOOK_PATH: 256 * _KIB} | dict.fromkeys(_IMPORTS, 8 * 1024 * _KIB)
    # The last one added is the outermost.
    app.add_middleware(SameOrigin, public_url=settings.origin, webhook_path=WEBHOOK_PATH)
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(SaneHost)
    app.add_middleware(Boundary)
    app.add_middleware(SecurityHeaders, public_url=settings.origin)


def page(request: Request, name: str, /, *, status: int = 200, **context: object) -> HTMLResponse:
    """Render the template `name`. It also sees `request`, and `user` (None: nobody signed in)."""
    environment: Environment = request.app.state.templates
    user = getattr(request.state, "user", None)
    html = environment.get_template(name).render(request=request, **({"user": user} | context))
    # Half a surrogate pair, which JSON may bring along, must not cost the page it is on.
    return HTMLResponse(html.encode("utf-8", "replace"), int(status))


async def problem(request: Request, error: Exception) -> Response:
    """Show a GreenroomError: problem+json to programs, a panel to htmx, else a page."""
    assert isinstance(error, GreenroomError)
    if error.status in {403, 429} or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.info("Refused", problem=type(error).__name__, status=error.status, to=_route(request))
    return _answer(request, error)


def _answer(request: Request, error: GreenroomError) -> Response:
    headers = dict(_MORE.get(error.status, {}))
    if _is_program(request):
        body = {"title": error.what, "detail": error.do, "status": error.status}
        return JSONResponse(body, error.status, headers, media_type="application/problem+json")
    if "hx-request" in request.headers:
        response: Response = page(request, "_problem.html", status=error.status, error=error)
        if error.status == SignInNeeded.status:
            headers["hx-redirect"] = _sign_in(request.headers.get("hx-current-url", "/"))
    elif error.status == SignInNeeded.status:
        return RedirectResponse(_sign_in(_address(request)), HTTPStatus.SEE_OTHER)
    else:
        response = page(request, "problem.html", status=error.status, error=error)
    response.headers.update(headers)
    return response


class Boundary:
    """The last resort: refusals of the middlewares inside it, and bugs, become answers too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for whatever it raises."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return
        except GreenroomError as error:
            if scope["type"] != "http" or started:
                raise
            response = await problem(Request(scope), error)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            response = _bug(Request(scope), error)
        else:
            return
        await response(scope, receive, send)


def _bug(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    _log.error("Bug", id=number, to=_route(request), exc_info=error)
    shown = GreenroomError(
        "Greenroom made a mistake.",
        do=f"Try again. If it stays, the log has the details under {number}.",
    )
    try:
        return _answer(request, shown)
    except Exception as worse:  # noqa: BLE001  (a broken template must not hide the first bug)
        _log.error("The problem page failed", id=number, exc_info=worse)
        return HTMLResponse(f"<h1>{shown.what}</h1><p>{shown.do}", shown.status)


class _Answered(GreenroomError):
    def __init__(self, what: str, *, do: str, status: int) -> None:
        super().__init__(what, do=do)
        self.status = status


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "")
    shown: GreenroomError
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            shown = NotFound(
                "There is nothing at this address.",
                do="Check it for typing mistakes, or start from the Scheduling page.",
            )
        case HTTPStatus.METHOD_NOT_ALLOWED:
            shown = _Answered(
                f"This address does not take {request.method}.",
                do=f"It takes {allowed or 'other methods'}.",
                status=error.status_code,
            )
        case status:
            shown = _Answered(
                f"{HTTPStatus(status).phrase}: {error.detail}.",
                do="Check what was sent, then try again.",
                status=status,
            )
    response = await problem(request, shown)
    response.headers.update(error.headers or {})
    return response


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentences = [f"{_field(each['loc'])}: {_reason(each['msg'])}" for each in error.errors()[:5]]
    what = f"The request cannot be used. {'; '.join(sentences)}."
    return await problem(request, Invalid(what, do="Correct it and send it again."))


async def _unstorable(request: Request, error: Exception) -> Response:
    """A number beyond bigint, or a NUL in a text, that got past the route's own checks."""
    _log.warning("A value does not fit the database", to=_route(request), why=type(error).__name__)
    what = "A value is too large, or has characters that cannot be kept."
    return await problem(request, Invalid(what, do="Correct it and send it again."))


def _field(place: tuple[object, ...]) -> str:
    """("body", "candidate_ids", 0) -> "candidate ids 1"; never what was in it."""
    parts = [str(part + 1 if isinstance(part, int) else part) for part in place[1:]]
    return " ".join(parts).replace("_", " ") or str(place[0])


def _reason(message: str) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]


def _is_program(request: Request) -> bool:
    if request.scope["path"].startswith("/api/"):
        return True
    return "text/html" not in request.headers.get("accept", "")


def _address(request: Request) -> str:
    """Where the browser is to come back to: here, if it only looked."""
    if request.method != "GET":
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")


def _sign_in(current: str) -> str:
    try:
        parts = urlsplit(current)
    except ValueError:  # anybody may send any header
        parts = urlsplit("/")
    back = own_path(parts.path + (f"?{parts.query}" if parts.query else ""))
    return "/sign-in" if back == "/" else f"/sign-in?next={quote(back, safe='/')}"


def _route(request: Request) -> str:
    # Addresses carry tokens; a route's pattern does not.
    return f"{request.method} {getattr(request.scope.get('route'), 'path', '?')}"


def _templates(app: FastAPI, settings: Settings) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "url": lambda name, **params: str(app.url_path_for(name, **params)),
        "asset": _Assets(_STATIC),
        "icon": _Icons((_HERE / "templates" / "icons.svg").read_text()),
        "time": time,
        "company": settings.company,
        "unsigned_webhooks": settings.unsigned_webhooks == "accept",
        "unencrypted": not settings.is_local and settings.origin.startswith("http://"),
    }
    environment.filters |= {"time": time, "moments": moments}
    return environment


class _Assets:
    """`asset("base.js")` -> the address of the built file, by the manifest as it is now."""

    def __init__(self, folder: Path) -> None:
        self._manifest = folder / "manifest.json"
        self._read_at = 0
        self._names: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        try:
            changed_at = self._manifest.stat().st_mtime_ns
        except FileNotFoundError:
            changed_at = 0  # not built: pages work, without looks
        if changed_at != self._read_at:
            self._names = json.loads(self._manifest.read_text()) if changed_at else {}
            self._read_at = changed_at
        return f"/static/{self._names.get(name, name)}"


class _Icons:
    """`icon("check")` -> the drawing inside the page; beside a word, so hidden from readers."""

    def __init__(self, sprite: str) -> None:
        self._symbols = {name: (box, lines) for name, box, lines in _SYMBOL.findall(sprite)}

    def __call__(self, name: str) -> Markup:
        box, lines = self._symbols[name]
        return Markup(  # noqa: S704  (our own file)
            f'<svg class="icon" viewBox="{box}" aria-hidden="true" focusable="false">{lines}</svg>'
        )
