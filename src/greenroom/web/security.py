"""What every request and every answer must obey. Pure ASGI: BaseHTTPMiddleware breaks streams.

A refusal is raised as a GreenroomError; `render.Boundary` outside turns it into an answer.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import BadRequest, GreenroomError, NotAllowed

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-src 'self'; "
    "form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CANDIDATES = "/i/"
_HASHED = re.compile(r"/static/[^/]+-[A-Z0-9]{8}\.[a-z0-9.]+")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$'()*+,;=:@%?&/-]{0,2000}")
_KIB = 1024


class TooLarge(GreenroomError):
    """The request's body is over the limit of its address."""

    status = 413


class Encoded(GreenroomError):
    """The request's body is compressed, which could make a small one huge."""

    status = 415


class TooSlow(GreenroomError):
    """The request's body did not arrive in time."""

    status = 408


def own_path(address: str | None) -> str:
    """`address` if it is a plain path of this site, else "/". For redirects (`next=`)."""
    return address if address and _OWN_PATH.fullmatch(address) else "/"


class SaneHost:
    """Refuses a Host header that no browser sends. We build links from `public_url` alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            hosts = Headers(scope=scope).getlist("host")
            if len(hosts) > 1 or not all(_HOST.fullmatch(host) for host in hosts):
                raise BadRequest(
                    "The request's Host header cannot be read.",
                    do="Send one Host header, a name or an address with an optional port.",
                )
        await self._app(scope, receive, send)


class SameOrigin:
    """Refuses cross-site writes, by Sec-Fetch-Site and else by Origin. No tokens.

    Browsers omit Sec-Fetch-Site on plain http:// outside localhost, so Origin is compared
    with `public_url` there. A request with neither header is not from a browser, and one
    with a Bearer token or a signature no form can carry: both are let through.
    Algorithm: https://words.filippo.io/csrf/
    """

    def __init__(self, app: ASGIApp, *, public_url: str, webhook_path: str) -> None:
        self._app = app
        parts = urlsplit(public_url.lower())
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._webhook_path = webhook_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and not self._is_ours(scope):
            raise NotAllowed(
                "This form was sent from another site.", do=f"Open {self._origin} and try again."
            )
        await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if self._brings_its_own_proof(scope["path"], headers):
            return True
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site in {"same-origin", "none"}
        return origin is None or origin.lower() == self._origin

    def _brings_its_own_proof(self, path: str, headers: Headers) -> bool:
        # The token in a candidate's address is the right itself: no cookie acts there, so a
        # cross-site form gains nothing, and under `no-referrer` browsers say "Origin: null".
        return (
            path == self._webhook_path
            or path.startswith(_CANDIDATES)
            or headers.get("authorization", "").lower().startswith("bearer ")
        )


class BodyLimit:
    """Counts and times request bodies as they arrive; Content-Length alone can lie or lack.

    `limits` are bytes by path prefix, the first that fits; `seconds` is for the whole body.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Mapping[str, int],
        otherwise: int = 1024 * _KIB,
        seconds: float = 30,
    ) -> None:
        self._app = app
        self._limits = limits
        self._otherwise = otherwise
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, send, limit=self._limit(scope["path"]), seconds=self._seconds)
        _check_announced(Headers(scope=scope), body)
        try:
            await self._app(scope, body.receive, body.send)
        finally:
            # Whatever the application made of the cut body, this is the answer.
            if body.refusal is not None and not body.answered:
                raise body.refusal

    def _limit(self, path: str) -> int:
        fitting = (size for prefix, size in self._limits.items() if path.startswith(prefix))
        return next(fitting, self._otherwise)


class _Body:
    """One request's body on its way in."""

    def __init__(self, receive: Receive, send: Send, *, limit: int, seconds: float) -> None:
        self.limit = limit
        self.refusal: GreenroomError | None = None
        self.answered = False
        self._receive, self._send = receive, send
        self._seconds = seconds
        self._deadline: float | None = None
        self._size = 0
        self._complete = False

    async def receive(self) -> Message:
        if self.refusal is not None:
            raise self.refusal
        if self._complete:  # what follows is the disconnect, for which streams wait long
            return await self._receive()
        message = await self._in_time()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > self.limit:
                self.refusal = self.too_large()
                raise self.refusal
        return message

    async def send(self, message: Message) -> None:
        if self.refusal is not None and not self.answered:
            return
        self.answered = True
        await self._send(message)

    def too_large(self) -> TooLarge:
        size = f"{self.limit // _KIB} KiB" if self.limit >= _KIB else f"{self.limit} bytes"
        return TooLarge(
            f"The request is larger than {size}, the most this address takes.",
            do="Send less at a time, for example a file in several parts.",
        )

    async def _in_time(self) -> Message:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            self.refusal = TooSlow(
                f"The request did not arrive within {self._seconds:g} seconds.",
                do="Check the connection and send it again.",
            )
            raise self.refusal from None


def _check_announced(headers: Headers, body: _Body) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Encoded(
            "The request's body is compressed, which Greenroom does not read.",
            do="Send it without Content-Encoding.",
        )
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > body.limit:
        raise body.too_large()


class SecurityHeaders:
    """Puts the same headers on every answer: pages, errors, files, streams, JSON."""

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        everywhere = dict(_EVERYWHERE)
        if public_url.startswith("https://"):
            everywhere["strict-transport-security"] = "max-age=31536000"
        self._everywhere = [_raw(name, value) for name, value in everywhere.items()]
        self._ours = {name for name, _ in (*self._everywhere, *_OURS, *_BY_PATH)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [pair for pair in message["headers"] if pair[0].lower() not in self._ours]
                own = [pair for pair in message["headers"] if pair[0].lower() == _POLICY]
                by_path = (_referrer(path), _caching(path, message["status"]))
                message["headers"] = [*given, *self._everywhere, *(own or _OURS), *by_path]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _raw(name: str, value: str) -> tuple[bytes, bytes]:
    return name.encode("latin-1"), value.encode("latin-1")


_POLICY = b"content-security-policy"
_OURS = [_raw("content-security-policy", CONTENT_SECURITY_POLICY)]
"""What stands where a route sets no policy of its own: a letter shown in a frame has one."""
_SAME_ORIGIN = _raw("referrer-policy", "same-origin")
_NO_REFERRER = _raw("referrer-policy", "no-referrer")
_NO_STORE = _raw("cache-control", "no-store")
_FOR_EVER = _raw("cache-control", "public, max-age=31536000, immutable")
_BY_PATH = (_SAME_ORIGIN, _NO_STORE)


def _referrer(path: str) -> tuple[bytes, bytes]:
    return _NO_REFERRER if path.startswith(_CANDIDATES) else _SAME_ORIGIN


def _caching(path: str, status: int) -> tuple[bytes, bytes]:
    return _FOR_EVER if _HASHED.fullmatch(path) and status in {200, 206, 304} else _NO_STORE
