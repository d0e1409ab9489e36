"""What DNS says of a domain that letters are from: whether mailboxes will believe them.

MX (RFC 5321), SPF (RFC 7208), DMARC with its walk up the names (RFC 9989), DKIM (RFC 6376). A DKIM
key has a name that only the letters tell, so that it can be seen where its name is a usual one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver

Nameserver = tuple[str, int]
"""An address and a port."""

RESERVED = frozenset({"test", "example", "invalid", "localhost", "local", "internal"})
"""Last labels that no mailbox on the internet is under (RFC 2606, RFC 6762 and the like)."""
_EXAMPLES = frozenset({"example.com", "example.net", "example.org"})

SELECTORS = (
    *("default", "dkim", "mail", "google", "selector1", "selector2", "s1", "s2", "k1", "k2", "k3"),
    *("smtp", "email", "key1", "fm1", "fm2", "fm3", "zoho", "protonmail", "protonmail2", "pm"),
    *("mandrill", "mailjet", "mxvault", "sig1", "mg", "mta", "resend", "brevo1", "brevo2"),
)
"""Names under which the usual mail providers publish their keys."""
_MOST_LABELS = 8
"""RFC 9989, 4.10: how far below the top the walk for a DMARC policy begins."""


_SURE = "com"
"""There is that: name servers that say otherwise know nothing of the internet."""


class NoAnswer(Exception):
    """The name servers cannot be asked from here, fail, or know nothing of the internet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is published for a domain.

    `takes_mail`: answers can be delivered. `spf` and `dmarc` are the records word for word, of
    which there should be one each; `dmarc_at` is the domain whose policy counts. `dkim` are the
    selectors seen; with `has_keys` False DNS says that there is no key under any name.
    """

    exists: bool
    takes_mail: bool = False
    spf: Sequence[str] = ()
    dmarc: Sequence[str] = ()
    dmarc_at: str = ""
    dkim: Sequence[str] = ()
    has_keys: bool = False


def is_invented(domain: str) -> bool:
    """Whether it is no domain of the internet, so that nobody there takes letters from it."""
    name = domain.lower().rstrip(".")
    registered = ".".join(name.split(".")[-2:])
    return "." not in name or name.rpartition(".")[2] in RESERVED or registered in _EXAMPLES


async def look_up(domain: str, *, at: Nameserver | None, patience: float) -> Records:
    """Ask the name server `at`, else the system's, for `patience` seconds. Raises NoAnswer."""
    try:
        async with asyncio.timeout(patience):
            return await _look_up(_Names(at, patience), domain)
    except (dns.exception.DNSException, OSError, TimeoutError) as error:
        raise NoAnswer from error


async def _look_up(names: "_Names", domain: str) -> Records:
    if not await names.exists(domain):
        if not await names.exists(_SURE):
            raise NoAnswer
        return Records(exists=False)
    takes_mail, spf, (dmarc_at, dmarc), dkim = await asyncio.gather(
        _takes_mail(names, domain),
        names.texts(domain),
        _dmarc(names, domain),
        asyncio.gather(*(names.texts(f"{each}._domainkey.{domain}") for each in SELECTORS)),
    )
    seen = [name for name, found in zip(SELECTORS, dkim, strict=True) if any(map(_is_key, found))]
    return Records(
        exists=True,
        takes_mail=takes_mail,
        spf=[each for each in spf if each.lower().split(" ")[0] == "v=spf1"],
        dmarc=dmarc,
        dmarc_at=dmarc_at,
        dkim=seen,
        has_keys=bool(seen) or await names.exists(f"_domainkey.{domain}"),
    )


async def _takes_mail(names: "_Names", domain: str) -> bool:
    exchanges = await names.all(domain, "MX")
    if exchanges:
        return any(each.split()[-1] != "." for each in exchanges)  # a lone dot: RFC 7505
    return bool(await names.all(domain, "A") or await names.all(domain, "AAAA"))


async def _dmarc(names: "_Names", domain: str) -> tuple[str, Sequence[str]]:
    labels = domain.split(".")[-_MOST_LABELS:]
    above = [".".join(labels[first:]) for first in range(1, len(labels) - 1)]
    for each in dict.fromkeys([domain, *above]):
        texts = await names.texts(f"_dmarc.{each}")
        found = [text for text in texts if text.replace(" ", "").startswith("v=DMARC1")]
        if found:
            return each, found
    return domain, ()


def _is_key(text: str) -> bool:
    tags = [each.strip() for each in text.split(";")]
    return any(each.startswith("p=") and each != "p=" for each in tags)  # empty: revoked


class _Names:
    """The name servers: what is not there is empty, and only silence is an error."""

    def __init__(self, at: Nameserver | None, patience: float) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=at is None)
        if at is not None:
            self._resolver.nameservers = [at[0]]
            self._resolver.port = at[1]
        self._resolver.lifetime = patience

    async def all(self, name: str, kind: str) -> Sequence[str]:
        try:
            answer = await self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        return [each.to_text() for each in answer]

    async def texts(self, name: str) -> Sequence[str]:
        """Each TXT record, its pieces joined as they are meant to be read."""
        try:
            answer = await self._resolver.resolve(name, "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        return [b"".join(each.strings).decode("utf-8", "replace") for each in answer]

    async def exists(self, name: str) -> bool:
        """Whether there is anything at the name or below it (RFC 8020)."""
        try:
            await self._resolver.resolve(name, "TXT", search=False)
        except dns.resolver.NXDOMAIN:
            return False
        except dns.resolver.NoAnswer:
            pass
        return True
