"""Where the public reaches us: Cal.com with its deliveries, candidates with their links. Pure."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_LONGEST = 300


class Source(StrEnum):
    """Who says what our address is. Values are stored: never rename one."""

    SETTING = "setting"
    TYPED = "typed"
    NGROK = "ngrok"
    CLOUDFLARED = "cloudflared"
    LOCAL = "local"

    @property
    def is_tunnel(self) -> bool:
        """Whether a program on this machine made it, and may make another one tomorrow."""
        return self in {Source.NGROK, Source.CLOUDFLARED}


@dataclass(frozen=True, slots=True)
class Place:
    """An address, without a slash at its end, and who says so."""

    origin: str
    source: Source

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return is_local(self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an address answered when it was asked from here; `what` is empty where all is well."""

    what: str = ""
    do: str = ""
    at: datetime | None = None
    was_asked: bool = True
    """False where it can be seen on the address that it is none to be asked. Not kept."""

    @property
    def is_well(self) -> bool:
        """Whether our own Greenroom answered there, as it answers Cal.com."""
        return not self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of our address.

    `place` is what is in use, as the server last settled it; `previous` was before it, where
    the public reached us too. `lost_at` is when a found tunnel was first seen to be gone.
    """

    key: str
    place: Place | None = None
    since: datetime | None = None
    previous: str | None = None
    typed: str | None = None
    found: Place | None = None
    seen_at: datetime | None = None
    lost_at: datetime | None = None
    look: Look | None = None
    refused: Look | None = None
    """Why a tunnel that was found is not used."""

    def __repr__(self) -> str:
        # `key` is what others could pass themselves off as us with.
        return f"Standing(place={self.place}, typed={self.typed}, found={self.found})"


def choose(setting: str | None, standing: Standing, *, local: str) -> Place:
    """The address in use: what is set goes before what was typed, before what was found."""
    if setting is not None:
        return Place(setting, Source.SETTING)
    if standing.typed is not None:
        return Place(standing.typed, Source.TYPED)
    return standing.found or Place(local, Source.LOCAL)


def came_by(scheme: str, headers: Mapping[str, str]) -> str | None:
    """The https address by which a request came through a proxy, as the proxy says.

    `scheme` is https only where a trusted proxy said so: we ourselves speak http. It is a hint
    for a person to take, and never taken by itself: whoever sends a header could else have
    Cal.com deliver to them.
    """
    if scheme != "https":
        return None
    host = headers.get("x-forwarded-host", headers.get("host", "")).partition(",")[0].strip()
    origin = cleaned(f"https://{host}") if host else None
    if origin is None or origin != f"https://{host.lower().removesuffix(':443')}":
        return None
    return None if is_local(origin) else origin


def is_local(address: str) -> bool:
    """Whether the address names the machine it is read on."""
    return (urlsplit(address).hostname or "") in LOCAL_HOSTS


def cleaned(given: str) -> str | None:
    """`given` as an origin, https where nothing is said; None for what is no address of a site.

    A path, such as that of the webhook, is left out: people copy the whole address.
    """
    text = given.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    if len(text) > _LONGEST or parts.scheme not in {"http", "https"} or not _is_plain(parts, host):
        return None
    named = f"[{host}]" if ":" in host else host.rstrip(".")
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{named}" + (f":{port}" if port not in {None, usual} else "")


def _is_plain(parts: SplitResult, host: str) -> bool:
    if parts.username is not None or parts.password is not None:
        return False
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or ("." in host and _HOST.fullmatch(host) is not None)
    # Machines in clouds answer for their owners' secrets there.
    return not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def proof(key: str, nonce: str) -> str:
    """What only the Greenroom that has `key` answers to `nonce`, as 64 hex digits."""
    return hmac.new(
        key.encode(), b"greenroom address " + nonce.encode(), hashlib.sha256
    ).hexdigest()
