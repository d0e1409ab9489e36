"""What Cal.com, or what stands where it should, refuses: in words, with what to do about it."""

import re

import httpx2

from greenroom.errors import Unavailable

_NEW_KEY = "Make a key in Cal.com under Settings, Developer, API keys, and connect again with it."
_LATER = "Greenroom tries again by itself."
_WEB_SITES = {
    f"{prefix}{host}": f"https://api.{host}/v2"
    for host in ("cal.com", "cal.eu")
    for prefix in ("", "www.", "app.")
}
_LONGEST = 200
"""Characters of another address that are shown."""
_INTERNAL = re.compile(
    r"[A-Za-z]{1,60}(?:Controller|Exception|Filter|Guard|Pipe|Repository|Service|Strategy)"
    r"(?:_[0-9_]{1,20})?(?: - |: )(?:api key - )?(?=\S)"
)
"""What Cal.com puts before its reasons: which part of its program had them."""


class CalcomError(Unavailable):
    """Cal.com did not do what it was asked. `code` is its HTTP status, None without an answer."""

    def __init__(self, what: str, *, do: str, code: int | None = None) -> None:
        super().__init__(what, do=do)
        self.code = code


class KeyRefused(CalcomError):
    """The API key is not good, or not good enough."""


class NotAllowed(KeyRefused):
    """The API key is good, and may not do this."""


class Missing(CalcomError):
    """Cal.com has no such thing, or this Cal.com has no such endpoint."""


class Failing(CalcomError):
    """No answer, an answer of 500 and above, or one that is not Cal.com's. Later it may work."""


class Busy(CalcomError):
    """Cal.com must not be asked now. `wait` is in seconds."""

    def __init__(self, wait: float, what: str = "Cal.com's rate limit is reached") -> None:
        super().__init__(
            f"{what}; it opens again in {wait:.0f} s.",
            do="Nothing to do: Greenroom asks again by itself.",
            code=429,
        )
        self.wait = wait


class Resting(Busy):
    """Cal.com failed so often in a row that it is left alone for a while."""


class KeyChanged(Busy):
    """A person gave another key or address meanwhile; with that it may be asked."""

    def __init__(self) -> None:
        CalcomError.__init__(
            self,
            "The API key or the address of the connection was changed meanwhile.",
            do="Nothing to do: Greenroom asks again by itself, with the new one.",
        )
        self.wait = 0.0


def refusal(response: httpx2.Response, said: str, *, worked: bool) -> CalcomError:
    """The error of an answer that is no success. `said`: Cal.com's own reason, cleaned.

    `worked`: whether a key of this account was good before.
    """
    code = response.status_code
    said = _plain(said)
    if code == httpx2.codes.UNAUTHORIZED:
        return _of_the_key(said, worked=worked)
    if code == httpx2.codes.FORBIDDEN:
        return NotAllowed(
            f"Cal.com does not let this API key do that ({said}).",
            do="Use a key of the account that it belongs to, or have the owner of the team or "
            "organization at Cal.com allow it.",
            code=code,
        )
    if code == httpx2.codes.NOT_FOUND:
        return _missing(response, said)
    what = f"Cal.com answered {code} ({said})."
    if code >= httpx2.codes.INTERNAL_SERVER_ERROR or code == httpx2.codes.REQUEST_TIMEOUT:
        return Failing(what, do=_LATER, code=code)
    return CalcomError(what, do="See what Cal.com says.", code=code)


def strangers(response: httpx2.Response, body: bytes, *, is_json: bool) -> Failing | None:
    """The error of an answer that does not look like Cal.com's; None where it may be hers still."""
    code = response.status_code
    if response.is_redirect:
        return _redirect(response)
    if response.is_success:
        return _no_api(response, body, is_json=is_json)
    if code == httpx2.codes.FORBIDDEN:
        return Failing(
            "Something before Cal.com turned the question away (403): a firewall or a proxy.",
            do=f"Have whoever runs it let this machine ask {response.url.host}; the API key may be "
            "good.",
            code=code,
        )
    wanted = response.headers.get("www-authenticate", "").strip().lower()
    if code == httpx2.codes.UNAUTHORIZED and wanted.startswith(("basic", "digest", "negotiate")):
        return Failing(
            "Something before Cal.com asks for a password of its own (401).",
            do=f"Have whoever runs it let this machine ask {response.url.host} without one; the "
            "API key may be good.",
            code=code,
        )
    return None


def garbled(what: str) -> Failing:
    """The error of an answer that is not Cal.com's."""
    return Failing(
        f"Cal.com answered {what}.",
        do="Check that the API address is Cal.com's API v2 and ends in /v2.",
    )


def newer(what: str) -> Failing:
    """The error of an answer that is Cal.com's, and in a shape that is not known here."""
    return Failing(
        f"Cal.com answered {what}.",
        do="This Cal.com may be newer than this Greenroom: see whether there is a newer Greenroom. "
        f"Nothing was changed. {_LATER}",
    )


def _plain(said: str) -> str:
    """The reason as a person reads it."""
    internal = _INTERNAL.match(said)
    return said[internal.end() :] if internal else said


def _of_the_key(said: str, *, worked: bool) -> KeyRefused:
    if "expired" in said.lower():
        what = f"The API key has expired ({said})."
    elif worked:
        what = f"Cal.com no longer takes the API key ({said}): it was deleted there."
    else:
        what = f"Cal.com refused the API key ({said})."
    return KeyRefused(what, do=_NEW_KEY, code=httpx2.codes.UNAUTHORIZED)


def _missing(response: httpx2.Response, said: str) -> Missing:
    code = response.status_code
    if response.url.path.endswith("/me"):  # there is one of it wherever there is an API
        base = _shown(response.url).removesuffix("/me")
        return Missing(
            f"Cal.com's API is not at {base}.",
            do="Check the address: it ends in /v2; that of a Cal.com of your own may end in "
            "/api/v2.",
            code=code,
        )
    return Missing(
        f"Cal.com does not know that ({said}).",
        do="Check that the address ends in /v2, and that it still exists at Cal.com.",
        code=code,
    )


def _no_api(response: httpx2.Response, body: bytes, *, is_json: bool) -> Failing:
    if is_json:
        return newer("JSON, but not in the shape of its API v2")
    if "html" not in response.headers.get("content-type", "") and not body.lstrip().startswith(
        b"<"
    ):
        return garbled("something that is not its API's JSON")
    host = response.url.host
    if host in _WEB_SITES:
        return Failing(
            f"{host} is Cal.com's web site, not its API.", do=f"Give {_WEB_SITES[host]} instead."
        )
    return Failing(
        f"A web page is at {_shown(response.url)}, not Cal.com's API.",
        do="Give the address of the API: https://api.cal.com/v2 or https://api.cal.eu/v2. A "
        "Cal.com of your own has its API at a host or a port of its own, mostly :5555/v2.",
    )


def _redirect(response: httpx2.Response) -> Failing:
    here = response.url
    try:
        there = here.join(response.headers.get("location", ""))
    except (httpx2.InvalidURL, ValueError):
        there = here
    what = f"{_shown(here)} leads on to {_shown(there)}, where Greenroom does not take the API key."
    do = "Give the address to which it leads, if that is Cal.com's API."
    if there.host == here.host and (here.scheme, there.scheme) == ("http", "https"):
        do = "Give the address with https:// instead of http://."
    return Failing(what, do=do, code=response.status_code)


def _shown(url: httpx2.URL) -> str:
    # What follows the path may be meant for somebody's eyes only.
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))[:_LONGEST]
