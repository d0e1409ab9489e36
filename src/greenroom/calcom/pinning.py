"""Connections to addresses that were judged, whatever their names lead to a moment later."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial

import httpcore2

from greenroom.calcom.internet import is_harmless
from greenroom.calcom.refusals import Failing

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port. Raises socket.gaierror."""
Judge = Callable[[str], bool]
"""Whether an address may be connected to."""

_TRIED = 6
"""Addresses of one host that are tried."""
_HEAD_START = 0.25
"""Seconds each of them has before the next one is tried beside it."""
_HOSTED = frozenset({"api.cal.com", "api.cal.eu"})
"""Names that everybody knows: what is said of them tells nobody about the network we stand in."""
BY_HAND = (
    "Cal.com in your own network is connected on the command line, with `greenroom connect "
    "--api-url ...`, or here once Greenroom was started with GREENROOM_ALLOW_PRIVATE_CALCOM=1."
)


class OutOfReach(Failing):
    """The address is not one that may be asked."""


class Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were judged; the name stays that of the request and of TLS."""

    def __init__(self, resolve: Resolve, judge: Judge) -> None:
        self._resolve = resolve
        self._judge = judge
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's own signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to one of the host's addresses. Raises OutOfReach, and httpcore2's errors."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await judged(host, port, self._judge, self._resolve)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("looking up the host") from error
        return await _quickest(
            [
                partial(
                    self._backend.connect_tcp, each, port, timeout, local_address, socket_options
                )
                for each in addresses[:_TRIED]
            ]
        )

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore2 does between tries."""
        await self._backend.sleep(seconds)


async def judged(host: str, port: int, judge: Judge, resolve: Resolve) -> Sequence[str]:
    """The addresses of `host`, if all of them will do. Raises OutOfReach."""
    try:
        addresses = await resolve(host, port)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN and host not in _HOSTED:
            raise OutOfReach(
                f"The name “{host}” could not be looked up just now.",
                do="Check that this machine reaches its name server. "
                "Greenroom tries again by itself.",
            ) from error
        addresses = []
    except UnicodeError:
        addresses = []
    # One bad one condemns all: which of them is connected to is chance, and others may choose it.
    if addresses and all(judge(each) for each in addresses):
        return addresses
    if host in _HOSTED:
        raise _led_astray(host) if addresses else _not_found(host)
    if judge is not is_harmless:
        raise _barred(host)
    raise _forbidden(host) if addresses else _unknown(host)


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as this machine looks them up. Raises socket.gaierror."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _quickest(
    ways: Sequence[Callable[[], Coroutine[None, None, httpcore2.AsyncNetworkStream]]],
) -> httpcore2.AsyncNetworkStream:
    """Connect by the first way that works; the next one starts when one fails or takes long."""
    waiting, under_way = list(ways), set[asyncio.Task[httpcore2.AsyncNetworkStream]]()
    failed: BaseException | None = None
    try:
        while waiting or under_way:
            if waiting:
                under_way.add(asyncio.create_task(waiting.pop(0)()))
            done, under_way = await asyncio.wait(
                under_way,
                timeout=_HEAD_START if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            good = [task for task in done if task.exception() is None]
            under_way.update(good[1:])
            if good:
                return good[0].result()
            failed = next((task.exception() for task in done), failed)
    finally:
        for task in under_way:
            task.cancel()
        for each in await asyncio.gather(*under_way, return_exceptions=True):
            if isinstance(each, httpcore2.AsyncNetworkStream):
                await each.aclose()
    raise failed or httpcore2.ConnectError("no address")


def _barred(host: str) -> OutOfReach:
    # The same words for a name that nobody has and for one of the network we stand in:
    # whoever asks learns nothing about that network.
    return OutOfReach(
        f"“{host}” is not on the public internet.", do=f"Check the spelling. {BY_HAND}"
    )


def _not_found(host: str) -> OutOfReach:
    return OutOfReach(
        f"This machine could not look up {host}.",
        do="Check that it is online and reaches its name server. Is a proxy the only way out? Then "
        "name it in HTTPS_PROXY and connect on the command line, with `greenroom connect`: "
        "addresses from a page are asked without one. Greenroom tries again by itself.",
    )


def _led_astray(host: str) -> OutOfReach:
    return OutOfReach(
        f"This machine's name server leads {host} to an address that is not Cal.com's.",
        do="Ask whoever runs this network or its name server. Greenroom tries again by itself.",
    )


def _unknown(host: str) -> OutOfReach:
    return OutOfReach(
        f"There is no host called “{host}”.",
        do="Check the spelling, and that this machine can look the name up.",
    )


def _forbidden(host: str) -> OutOfReach:
    return OutOfReach(
        f"“{host}” is where machines are told their own secrets; Greenroom never asks there.",
        do="Give the address of Cal.com's API.",
    )
