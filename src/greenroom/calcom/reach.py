"""Which addresses Greenroom may ask, and clients that ask no others.

An address that somebody typed on a page must not become a way into the network Greenroom stands
in. What counts is where a connection goes, not what a name says: so names are looked up here, each
address is judged, and the connection is made to one that was.
"""

import re
from ipaddress import IPv4Address
from urllib.request import getproxies

import httpcore2
import httpx2

from greenroom.calcom.internet import is_harmless, is_public
from greenroom.calcom.pinning import (
    BY_HAND,
    Judge,
    OutOfReach,
    Pinned,
    Resolve,
    judged,
    resolved,
)
from greenroom.errors import Invalid

__all__ = ["OutOfReach", "check_address", "check_public", "guarded_client", "http_client"]

_LONGEST = 500
"""Characters of an address. What is longer is none."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
"""How an address begins that says how it is reached; a host's port looks much the same."""
_HTTPS = 443
_PORTS = 65536
_REGISTERED = 1024
"""The first port that belongs to whoever takes it."""
_OF_OTHERS = frozenset(
    # What browsers refuse (the Fetch standard's bad ports), and databases, queues and machines
    # that carry out what they are sent.
    {1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045}
    | {4190, 5060, 5061, 5432, 5672, 5900, 6000, 6379, 6443, 6566, *range(6665, 6670), 6679, 6697}
    | {8500, 9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017}
)


def check_address(url: str, *, trusted: bool = False) -> str:
    """Give the address of an API as it is asked, without a trailing slash.

    A missing scheme is https. `trusted`: from the command line or a setting, where http, any port
    and the own network are fine. Looks nothing up. Raises Invalid.
    """
    given = url.strip()
    if len(given) > _LONGEST or not given.isprintable() or {" ", "\\"} & set(given):
        raise _malformed(given)
    try:
        found = httpx2.URL(given if _SCHEME.match(given) else f"https://{given}")
    except (httpx2.InvalidURL, ValueError) as error:
        raise _malformed(given) from error
    _check_parts(found, given)
    if not trusted:
        _check_public_parts(found)
    return str(found).rstrip("/")


async def check_public(url: str, *, resolve: Resolve | None = None) -> None:
    """Look the host up; nothing is sent to it. Raises Invalid, or OutOfReach unless it is public.

    It says so early, and no more: what is connected to later is judged again.
    """
    address = httpx2.URL(check_address(url))
    await judged(address.host, _port(address), is_public, resolve or resolved)


def guarded_client(
    *, resolve: Resolve | None = None, judge: Judge = is_public
) -> httpx2.AsyncClient:
    """The pooled client for addresses that were typed on a page: https, and public hosts only.

    It takes no proxy from the environment: a proxy would look the names up, out of our sight.
    """
    return _client(_Pinning(resolve or resolved, judge, https_only=True))


def http_client(*, resolve: Resolve | None = None) -> httpx2.AsyncClient:
    """The pooled client for addresses of the command line and the settings.

    They may be in the own network. Where the environment names a proxy, that one judges.
    """
    if resolve is None and {"http", "https", "all"} & getproxies().keys():
        return _client(None)
    return _client(_Pinning(resolve or resolved, is_harmless, https_only=False))


def _client(transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    # Redirects are not followed: keys stay home, and no address leads to another one.
    return httpx2.AsyncClient(
        transport=transport,
        follow_redirects=False,
        timeout=httpx2.Timeout(10.0, connect=5.0),
        limits=_LIMITS,
        headers={"User-Agent": "greenroom"},
    )


_LIMITS = httpx2.Limits(max_connections=20)


class _Pinning(httpx2.AsyncHTTPTransport):
    """httpx2's own transport on a pool whose connections are made by `Pinned`."""

    def __init__(self, resolve: Resolve, judge: Judge, *, https_only: bool) -> None:
        certificates = httpx2.create_ssl_context()
        super().__init__(verify=certificates)
        self._https_only = https_only
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=certificates,
            max_connections=_LIMITS.max_connections,
            keepalive_expiry=_LIMITS.keepalive_expiry,
            network_backend=Pinned(resolve, judge),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._https_only:
            try:
                _check_public_parts(request.url)
            except Invalid as error:
                raise OutOfReach(error.what, do=error.do) from error
        return await super().handle_async_request(request)


def _check_parts(url: httpx2.URL, given: str) -> None:
    if url.scheme not in {"http", "https"}:
        raise Invalid(
            f"Cal.com is not reached by {url.scheme}:.", do="Give an address with https://."
        )
    if url.userinfo or "@" in given:
        raise Invalid(
            "The address has a user name or a password in it.",
            do="Leave out what stands before the @; the API key is all that Greenroom needs.",
        )
    if url.query or url.fragment or "?" in given or "#" in given:
        raise Invalid(
            "The address goes on after its path, with ? or #.",
            do="Give it only to the /v2, such as https://api.cal.com/v2.",
        )
    if not url.host or not 0 < _port(url) < _PORTS or _is_odd_number(url.host):
        raise _malformed(given)


def _check_public_parts(url: httpx2.URL) -> None:
    if url.scheme != "https":
        raise Invalid(
            f"With http:// the API key could be read on its way to {url.host}.",
            do=f"Give the address with https://. {BY_HAND}",
        )
    port = _port(url)
    if port in _OF_OTHERS or (port < _REGISTERED and port != _HTTPS):
        raise Invalid(
            f"Port {port} is not one where Cal.com answers.",
            do=f"Check the port; most addresses need none. {BY_HAND}",
        )


def _port(url: httpx2.URL) -> int:
    return _HTTPS if url.port is None else url.port


def _is_odd_number(host: str) -> bool:
    """Whether a host is an IPv4 address in disguise: 127.1, 0x7f000001, 2130706433, 0177.0.0.1."""
    last = host.rstrip(".").rpartition(".")[2]
    if not (last.isdigit() or last.lower().startswith("0x")):
        return False
    try:
        return str(IPv4Address(host)) != host
    except ValueError:
        return True


def _malformed(given: str) -> Invalid:
    return Invalid(
        f"“{given[:80]}” is not an address." if given else "The address is missing.",
        do="Give one such as https://api.cal.com/v2.",
    )
