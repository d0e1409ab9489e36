"""Numbers, times and lists in the sentences of findings. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

_KIB = 1024


def moment(at: datetime) -> str:
    """As in "2026-11-23 14:02 UTC"; a page makes of it a time in the reader's zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size(octets: float) -> str:
    """Octets as people say them ("14 MB"), binary as disks are filled."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if octets < _KIB:
            return f"{octets:.1f} {unit}" if unit == "GB" else f"{octets:.0f} {unit}"
        octets /= _KIB
    return f"{octets:.1f} TB"


def plural(count: int, one: str, many: str) -> str:
    """The number and its noun, as in "1,204 letters"."""
    return f"{count:,} {one if count == 1 else many}"


def listed(words: Sequence[str]) -> str:
    """As in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
