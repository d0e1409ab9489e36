"""Time zones by IANA's names, old ones too; whatever else lies in a machine's folder is none.

A machine may have more files there (`localtime`, `right/UTC`) and may lack old names such as
Asia/Calcutta, which browsers still say. So the list is that of the pinned package.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def spelt(text: str) -> str | None:
    """The zone that `text` names in any case, as IANA writes it; or None."""
    return _names().get(text.strip().casefold())


def found(text: str | None) -> ZoneInfo | None:
    """The zone that `text` names; None when it names none."""
    name = spelt(text) if text else None
    return ZoneInfo(name) if name else None


@cache
def _names() -> Mapping[str, str]:
    names = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.casefold(): name for name in names}
