"""Asking the tunnel programs of this machine which addresses they made for us."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2

from greenroom.addresses.model import LOCAL_HOSTS, Place, Source, cleaned

_NGROK = ("http://127.0.0.1:4040",)
_CLOUDFLARED = tuple(f"http://127.0.0.1:{port}" for port in range(20241, 20246))
"""Where cloudflared tells of itself: the first of these that was free."""
_PATIENCE = 1.0
"""Seconds for a program on this machine."""
_LARGEST = 256 * 1024
_MOST = 20
_NOT_THERE = (
    TimeoutError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    ValueError,
    RecursionError,
)
"""No agent answers there, or something else does."""


def agents_of(setting: str) -> Sequence[str]:
    """Where GREENROOM_FIND_TUNNEL says that tunnels tell of themselves."""
    if setting == "off":
        return ()
    if setting == "on":
        return (*_NGROK, *_CLOUDFLARED)
    return [each.strip().rstrip("/") for each in setting.split(",")]


def client() -> httpx2.AsyncClient:
    """For programs on this machine: it asks none of the proxies that lead out of it."""
    return httpx2.AsyncClient(trust_env=False, follow_redirects=False)


async def tunnels(http: httpx2.AsyncClient, agents: Iterable[str], port: int) -> Sequence[Place]:
    """The addresses of tunnels that lead to our port, or may: cloudflared does not say where to.

    An agent that is not there has none.
    """
    found = await asyncio.gather(*(_of(http, agent, port) for agent in agents))
    return [place for places in found for place in places]


async def _of(http: httpx2.AsyncClient, agent: str, port: int) -> Sequence[Place]:
    said = await _ask(http, f"{agent}/api/tunnels")
    if said is not None:
        return _of_ngrok(said, port)
    said = await _ask(http, f"{agent}/quicktunnel")
    name = (said or {}).get("hostname")
    return _usable([(name, Source.CLOUDFLARED)]) if isinstance(name, str) and name else ()


async def _ask(http: httpx2.AsyncClient, url: str) -> Mapping[str, Any] | None:
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            http.stream("GET", url, headers={"Accept": "application/json"}) as response,
        ):
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _LARGEST:
                    return None
        said = json.loads(body)
    except _NOT_THERE:
        return None
    return said if response.status_code == httpx2.codes.OK and isinstance(said, dict) else None


def _of_ngrok(said: Mapping[str, Any], port: int) -> Sequence[Place]:
    listed = said.get("tunnels")
    rows = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    ours = (
        each.get("public_url")
        for each in rows[:_MOST]
        if isinstance(each.get("config"), dict) and _port(each["config"].get("addr")) == port
    )
    return _usable([(url, Source.NGROK) for url in ours if isinstance(url, str)])


def _port(address: object) -> int | None:
    """The port in "http://localhost:8000", "localhost:8000" or "8000"."""
    text = str(address)
    if text.isdecimal():
        return int(text[:6])
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None


def _usable(named: Iterable[tuple[str, Source]]) -> Sequence[Place]:
    """Only https: Cal.com takes no other. On this machine, where tests are, also http."""
    found: list[Place] = []
    for name, source in named:
        on_this_machine = urlsplit(name if "://" in name else f"//{name}").hostname in LOCAL_HOSTS
        if "://" not in name and on_this_machine:
            name = f"http://{name}"  # noqa: PLW2901  (the same name, whole)
        origin = cleaned(name)
        if origin is not None and (on_this_machine or origin.startswith("https://")):
            found.append(Place(origin, source))
    return found
