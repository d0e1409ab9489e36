"""How long, in words. Pure."""

from datetime import timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def span(length: timedelta) -> str:
    """In the largest unit that says something: "14 s", "3 min", "3 h 10", "2 days"."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        hours, rest = divmod(seconds // _MINUTE, 60)
        return f"{hours} h {rest:02d}" if rest else f"{hours} h"
    days = round(seconds / _DAY)
    return f"{days:,} {'day' if days == 1 else 'days'}"
