"""Why Cal.com gave no answer, in words: from what the sockets and the certificates said."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from greenroom.calcom.replies import Failing

_SELF_SIGNED = frozenset({18, 19})
_UNKNOWN_SIGNER = frozenset({2, 20, 21})
_NOT_YET = 9
_EXPIRED = 10
_OTHER_NAME = frozenset({62, 64})
"""OpenSSL's numbers for what is wrong with a certificate."""

_LATER = "Greenroom tries again by itself."


def because(error: BaseException, url: str) -> Failing:
    """The error of a question to `url`, an API's address, to which no answer came."""
    why, do = _why(list(_chain(error)), url)
    return Failing(f"Cal.com at {url} did not answer: {why}.", do=do)


def _why(chain: list[BaseException], url: str) -> tuple[str, str]:
    host = _host(url)
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate(each, host)
        if isinstance(each, ssl.SSLError):
            return f"{host} does not speak https there", (
                "Check the address and its port. A Cal.com of your own without https is given as "
                "http://..., on the command line."
            )
        if isinstance(each, socket.gaierror):
            return (
                f"there is no host called {host}",
                "Check the spelling, and that this machine can look the name up.",
            )
    return _broken(chain, host) or _silent(chain, host)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> tuple[str, str]:
    code = error.verify_code
    if code == _EXPIRED:
        return f"the certificate of {host} has expired", (
            f"Have it renewed there. Is it good? Then the clock of this machine is wrong. {_LATER}"
        )
    if code == _NOT_YET:
        return f"the certificate of {host} is not valid yet", (
            f"Check the clock of this machine, then the certificate. {_LATER}"
        )
    if code in _OTHER_NAME:
        return f"the certificate there is not for {host}", (
            "Check the spelling of the address; it must have a name that the certificate has."
        )
    if code in _SELF_SIGNED:
        return f"the certificate of {host} is self-signed", _VOUCH
    if code in _UNKNOWN_SIGNER:
        return f"this machine does not know who signed the certificate of {host}", _VOUCH
    said = re.sub(r"[^\w ,:-]", "", error.verify_message or "")[:100]
    return f"the certificate of {host} is not good ({said})", "Have it renewed there."


_VOUCH = (
    "Put a .pem file with the certificate authority that signed it on this machine, name it in the "
    "variable SSL_CERT_FILE, and start Greenroom again; it takes the place of the authorities that "
    "this machine knows. Or give that server a certificate of a known authority."
)


def _broken(chain: list[BaseException], host: str) -> tuple[str, str] | None:
    numbers = {each.errno for each in chain if isinstance(each, OSError)}
    if errno.ECONNREFUSED in numbers:
        return f"{host} refused the connection, so nothing listens at that port", (
            f"Check the address and its port, and that Cal.com's API runs there. {_LATER}"
        )
    if numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        return f"this machine has no way to {host}", (
            f"Check this machine's network, and that a firewall lets it out. {_LATER}"
        )
    if any(isinstance(each, httpx2.ProxyError) for each in chain):
        return "the proxy between did not let the question through", (
            "Check HTTPS_PROXY and NO_PROXY, and that the proxy lets Greenroom reach Cal.com."
        )
    if any(isinstance(each, httpx2.UnsupportedProtocol | httpx2.InvalidURL) for each in chain):
        return "that is no address", "Give one such as https://api.cal.com/v2."
    return None


def _silent(chain: list[BaseException], host: str) -> tuple[str, str]:
    kinds = tuple(type(each) for each in chain)
    if httpx2.ConnectTimeout in kinds:
        return f"no connection to {host} came about in time", (
            f"Check the address and its port, and that a firewall lets this machine out. {_LATER}"
        )
    if any(issubclass(kind, TimeoutError | httpx2.TimeoutException) for kind in kinds):
        return f"{host} took the question and did not answer it in time", (
            f"{_LATER} If that goes on, see whether Cal.com is well; or the address is not its API."
        )
    return f"the connection broke off, or what {host} speaks is not HTTP", (
        f"Check the address and its port. {_LATER}"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        yield from (each for one in error.exceptions for each in _chain(one))
    before = error.__cause__ or error.__context__
    if before is not None:
        yield from _chain(before)
