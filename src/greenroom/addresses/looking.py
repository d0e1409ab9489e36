"""Whether an address leads to us: asked from here as Cal.com would, and known by a proof."""

import asyncio
import hmac
import ipaddress
import json
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx2

from greenroom.addresses.model import Look, is_local
from greenroom.calcom.internet import is_public
from greenroom.calcom.reach import OutOfReach, check_address
from greenroom.errors import Invalid
from greenroom.settings import WEBHOOK_PATH

_PATIENCE = 8.0
"""Seconds. Cal.com gives up on a delivery sooner than on a page."""
_LARGEST = 4096
"""Bytes that are read of an answer; ours has some hundred."""
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
"""A connection of its own each time: one that is kept would hide a name that went elsewhere."""
_OK, _MANY, _WRONG = 200, 300, 400
_BEHIND = frozenset({502, 503, 504, 521, 522, 523, 530})
"""What proxies and tunnels answer when nobody answers them."""
_NGROK = "ngrok-error-code"


async def look(
    http: httpx2.AsyncClient,
    origin: str,
    proof: Callable[[str], str],
    *,
    only_public: bool = False,
) -> Look:
    """Ask `origin` for our webhook's address; `proof` is what we ourselves answer to a nonce.

    It raises nothing: whatever goes wrong is said, with its fix. What is seen is how it is from
    here; from outside it can be otherwise. `only_public`: `http` is a guarded one, and whatever
    that does not reach gets the same words, for they are not to tell what there is in our network.
    """
    if only_public and not _is_askable(origin):
        return _barred(origin, was_asked=False)
    nonce = secrets.token_hex(16)
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            http.stream(
                "GET", origin + WEBHOOK_PATH, params={"proof": nonce}, headers=_HEADERS
            ) as response,
        ):
            body = b""
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > _LARGEST:
                    break
    except (TimeoutError, httpx2.TimeoutException):
        return _slow(origin)
    except (httpx2.HTTPError, httpx2.InvalidURL, OutOfReach, OSError) as error:
        if only_public and isinstance(error, OutOfReach):
            return _barred(origin)
        return _unreached(origin, error)
    if response.status_code != _OK:
        return _refused(origin, response)
    return _whose(origin, body, proof(nonce))


def _is_askable(origin: str) -> bool:
    """Whether an address may be one of the internet, as far as it can be seen on it."""
    try:
        check_address(origin)
        ip = ipaddress.ip_address(urlsplit(origin).hostname or "")
    except Invalid:
        return False
    except ValueError:  # a name: where it leads is judged when it is connected to
        return not is_local(origin)
    return is_public(str(ip))


def _barred(origin: str, *, was_asked: bool = True) -> Look:
    return Look(
        what=f"{origin} was not asked: it is no https address on the public internet, as seen "
        "from here, and Greenroom asks no other that was typed.",
        do="Check the spelling; a tunnel’s name goes when the tunnel stops. For an address of your "
        "own network, set GREENROOM_PUBLIC_URL where Greenroom is started.",
        was_asked=was_asked,
    )


def _whose(origin: str, body: bytes, proof: str) -> Look:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("status") != "ready":
        return Look(
            what=f"Something else than Greenroom answers at {origin}.",
            do="Check the address, and that the tunnel or proxy leads to Greenroom’s port.",
        )
    given = said.get("proof")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), proof.encode()):
        return Look(
            what=f"Somebody else’s Greenroom answers at {origin}, not this one.",
            do="Give the address that leads to this one. If the other is an old one of yours, "
            "stop it.",
        )
    return Look()


def _refused(origin: str, response: httpx2.Response) -> Look:
    status = response.status_code
    code = response.headers.get(_NGROK, "")
    if code.startswith("ERR_NGROK_3"):
        return Look(
            what=f"ngrok says that no tunnel is open for {origin}.",
            do="Start ngrok again, or type another address.",
        )
    if _MANY <= status < _WRONG:
        return Look(
            what=f"{origin} redirects{_target(response)}. Cal.com does not follow redirects.",
            do="Use the address that it redirects to, or have the proxy pass "
            f"{WEBHOOK_PATH} on as it is.",
        )
    if status in {401, 403, 407}:
        return Look(
            what=f"{origin} wants a sign-in before it lets anybody through ({status}).",
            do=f"Let {WEBHOOK_PATH} through without one: deliveries bring a signature.",
        )
    if status in _BEHIND:
        return Look(
            what=f"{origin} answers, but does not reach Greenroom behind it ({status}).",
            do="Check that the tunnel or proxy leads to the port where Greenroom listens.",
        )
    return Look(
        what=f"{origin} answers {status} where Greenroom would answer 200.",
        do="Check the address, and that the tunnel or proxy leads to Greenroom’s port.",
    )


def _target(response: httpx2.Response) -> str:
    target = response.headers.get("location", "")[:200]
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    return f" to {parts.scheme}://{parts.netloc}" if parts.netloc and parts.scheme else ""


def _slow(origin: str) -> Look:
    return Look(
        what=f"{origin} did not answer within {_PATIENCE:g} seconds.",
        do="Check that a firewall lets requests in, and that the tunnel or proxy runs.",
    )


def _unreached(origin: str, error: Exception) -> Look:
    host = urlsplit(origin).hostname or origin
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Look(
                what=f"The certificate of {host} is not good: {cause.verify_message}.",
                do="Cal.com delivers nothing there. Renew it, or have the proxy send the whole "
                "chain; a certificate made by yourself will not do.",
            )
        if isinstance(cause, ssl.SSLError):
            return Look(
                what=f"{host} does not speak https there.",
                do="Check the port, or put a proxy with a certificate in front of Greenroom.",
            )
    if any(isinstance(cause, OutOfReach | socket.gaierror) for cause in causes):
        return Look(
            what=f"The name {host} leads nowhere.",
            do="Check the spelling. A new name takes up to an hour to be known; a tunnel’s "
            "name goes when the tunnel stops.",
        )
    return Look(
        what=f"Nobody answers at {origin}.",
        do="Check the port, and that Greenroom runs there."
        if is_local(origin)
        else "Check that the tunnel or proxy runs, and that a firewall lets requests in.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
