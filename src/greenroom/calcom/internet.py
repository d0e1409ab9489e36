"""Which IP addresses are the internet's, and which nobody may be led to. Pure."""

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_Address = IPv4Address | IPv6Address


def _networks(*texts: str) -> Sequence[IPv4Network | IPv6Network]:
    return [ip_network(text) for text in texts]


_NEVER = _networks(
    "169.254.0.0/16",  # of the link; most clouds tell a machine its passwords at 169.254.169.254
    "fe80::/10",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "ff00::/8",
)
"""Asked by nobody, for no setting: above all what tells a machine in a cloud its passwords."""
_NOT_PUBLIC = _networks(
    "0.0.0.0/8",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
)
"""Beside what Python calls not global: its list differs from version to version, and calls some
of these global."""
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out. Elsewhere lie forms that were given up and still go somewhere."""
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""How a network without IPv4 writes an IPv4 address of the internet."""
_FOLDING = (
    _TRANSLATED,
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0:0/96"),
)
"""Networks whose addresses end in one of IPv4."""


def is_public(address: str) -> bool:
    """Whether an IP address, in whatever form, is one of the internet."""
    return is_harmless(address) and all(_is_public(each) for each in _unfolded(address))


def is_harmless(address: str) -> bool:
    """Whether an IP address may be asked by those who may ask their own network."""
    return not any(_is_in(each, _NEVER) for each in _unfolded(address))


def _unfolded(address: str) -> Sequence[_Address]:
    """What an address means: itself, and each that is folded into it."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return [IPv4Address(0)]  # none, which is not public
    if isinstance(found, IPv4Address):
        return [found]
    if found.ipv4_mapped is not None:
        return [found.ipv4_mapped]
    folded = [found.sixtofour, *(found.teredo or ())]
    if _is_in(found, _FOLDING):
        folded.append(IPv4Address(found.packed[12:]))
    itself = [] if found in _TRANSLATED else [found]
    return [*itself, *(each for each in folded if each is not None)]


def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not _is_in(address, _NOT_PUBLIC)


def _is_in(address: _Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
