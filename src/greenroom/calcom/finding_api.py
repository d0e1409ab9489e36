"""Which address Cal.com's API has, where people give that of Cal.com, or part of it."""

from collections.abc import Sequence

import httpx2

from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom, CalcomError, Failing, KeyRefused
from greenroom.calcom.reach import OutOfReach, check_address
from greenroom.calcom.trying import not_kept

HOSTED = "https://api.cal.com/v2"
EUROPEAN = "https://api.cal.eu/v2"
_CLOUDS = {"cal.com": HOSTED, "cal.eu": EUROPEAN}


async def find_api(http: httpx2.AsyncClient, given: str, *, trusted: bool = False) -> str:
    """The address of the API that `given` means: with or without /v2, of the site or the API.

    Where several are thinkable, they are asked one after the other for /me, without a key: an
    address that is no Cal.com's is told none. `trusted`: typed on this machine, so http and the
    own network are fine. Raises Invalid, and CalcomError when nothing there is Cal.com's API.
    """
    failed: CalcomError | None = None
    for url in _thinkable(check_address(given, trusted=trusted)):
        try:
            await Calcom(http, url, None, Unlimited()).me()
        except KeyRefused:
            return url  # as Cal.com answers whoever brings no key
        except CalcomError as error:
            failed = failed or error
            if _is_silent(error):
                break  # nobody answers there, on whatever path
        else:
            return url
    assert failed is not None
    raise not_kept(failed) if isinstance(failed, Failing) else failed


def _is_silent(error: CalcomError) -> bool:
    return isinstance(error, OutOfReach) or isinstance(
        error.__cause__, httpx2.HTTPError | httpx2.InvalidURL | OSError
    )


def _thinkable(url: str) -> Sequence[str]:
    address = httpx2.URL(url)
    host = address.host.removeprefix("app.").removeprefix("www.").removeprefix("api.")
    if host in _CLOUDS:
        return [_CLOUDS[host]]
    bare = url.removesuffix("/me").removesuffix("/v2").removesuffix("/v1").rstrip("/")
    bare = bare.removesuffix("/api")
    given = url.removesuffix("/me")
    first = [given] if given.endswith("/v2") else []
    return list(dict.fromkeys([*first, f"{bare}/v2", f"{bare}/api/v2"]))
