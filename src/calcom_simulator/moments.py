"""Moments as Cal.com writes them: three spellings of the same UTC time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def js(moment: datetime) -> str:
    """2026-11-25T09:00:00.000Z, as JavaScript's toISOString and the whole API."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def short(moment: datetime) -> str:
    """2026-11-25T09:00:00Z, in deliveries that come straight from booking."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def spelled(moment: datetime) -> str:
    """2026-11-25T09:00:00+00:00, in deliveries about cancelling."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def maybe(moment: datetime | None) -> str | None:
    """As `js`, or None."""
    return None if moment is None else js(moment)


def parse(text: str) -> datetime:
    """Read ISO 8601; a time without an offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utc_offset(moment: datetime, zone: str) -> int:
    """Minutes east of UTC at that moment in that zone."""
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)
