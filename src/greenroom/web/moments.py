"""Moments on pages: UTC in the HTML; js/page/times.js makes them local."""

import re
from datetime import UTC, datetime

from markupsafe import Markup, escape

_WRITTEN = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC)")


def time(moment: datetime) -> Markup:
    """An aware time as `<time>`: UTC for machines and without JavaScript, which makes it local."""
    assert moment.tzinfo is not None
    utc = moment.astimezone(UTC)
    text = f"{utc:%a} {utc.day} {utc:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", text)


def moments(text: str) -> Markup:
    """`text`, escaped, with each moment in it, such as "2026-11-23 23:42 UTC", as `<time>`."""
    return Markup().join(
        _moment(part) if index % 2 else escape(part)
        for index, part in enumerate(_WRITTEN.split(text))
    )


def _moment(written: str) -> Markup:
    try:
        at = datetime.strptime(written, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
    except ValueError:
        return escape(written)
    return Markup('<span data-form="said">{}</span>').format(time(at))
