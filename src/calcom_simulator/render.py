"""Showing pages: one environment, the words for times, one way to answer."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from calcom_simulator.door import world_of

STATIC = Path(__file__).parent / "static"
_ZONES = """
    Pacific/Honolulu America/Los_Angeles America/Denver America/Chicago America/New_York
    America/Halifax America/Sao_Paulo Atlantic/Reykjavik Europe/London Europe/Lisbon
    Europe/Berlin Europe/Paris Europe/Madrid Europe/Stockholm Europe/Warsaw Europe/Athens
    Europe/Helsinki Europe/Kyiv Europe/Istanbul Africa/Lagos Africa/Cairo Africa/Johannesburg
    Africa/Nairobi Asia/Dubai Asia/Karachi Asia/Kolkata Asia/Dhaka Asia/Bangkok Asia/Singapore
    Asia/Shanghai Asia/Tokyo Asia/Seoul Australia/Perth Australia/Sydney Pacific/Auckland UTC
"""
ZONES = tuple(_ZONES.split())


def zone_or(name: str | None, usual: str) -> str:
    """The zone asked for if there is one of that name, else the usual one."""
    try:
        return ZoneInfo(name or usual).key
    except (ZoneInfoNotFoundError, ValueError):
        return usual


def _day(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%A, %-d %B %Y}"


def _short_day(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %-d %b}"


def _clock(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def _offset(moment: datetime, zone: str) -> str:
    text = f"{moment.astimezone(ZoneInfo(zone)):%z}"
    return f"UTC{text[:3]}:{text[3:]}"


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(day=_day, short_day=_short_day, clock=_clock, offset=_offset)


def page(request: Request, template: str, status: int = 200, **context: object) -> Response:
    """A page. Every template can say `world` and `path`."""
    html = _environment.get_template(template).render(
        world=world_of(request), path=request.url.path, **context
    )
    return HTMLResponse(html, status)


def missing(request: Request, what: str) -> Response:
    """The 404 page, with what is not there."""
    return page(request, "missing.html", 404, what=what)


def see(address: str) -> Response:
    """Send the browser on to another page with GET."""
    return RedirectResponse(address, 303)
