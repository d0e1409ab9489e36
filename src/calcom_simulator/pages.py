"""Pages for visitors: who can be booked, and booking in two steps, without JavaScript."""

from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator.door import postman_of, world_of
from calcom_simulator.forms import Fields, asks_for_phone, carried, fields_of, slot_of, wish_of
from calcom_simulator.model import EventType, Refused
from calcom_simulator.render import ZONES, missing, page, see, zone_or
from calcom_simulator.slots import openings
from calcom_simulator.taking import book, book_series, place, take_seat

DAYS_A_PAGE = 7
_PAGES = 8
_OWN_FIELDS = {"name", "email", "notes", "guests", "occurrences", "locationPhone"}


async def home(request: Request) -> Response:
    """Where everything is."""
    return page(request, "home.html")


async def show_user(request: Request) -> Response:
    """/<username>: what can be booked with them."""
    world = world_of(request)
    user = world.user_named(request.path_params["username"])
    if user is None:
        return missing(request, "There is nobody here by this name.")
    kinds = [one for one in world.event_types_of(user) if not one.hidden]
    return page(request, "user.html", user=user, kinds=kinds)


async def booking_page(request: Request) -> Response:
    """/<username>/<slug>, GET and POST."""
    username, slug = request.path_params["username"], request.path_params["slug"]
    kind = world_of(request).event_type_at(username, slug)
    if kind is None:
        return missing(request, "This booking page does not exist.")
    return await _serve(request, kind, link=None)


async def team_page(request: Request) -> Response:
    """/team/<team>/<slug>, GET and POST."""
    team, slug = request.path_params["team"], request.path_params["slug"]
    kind = world_of(request).team_event_type_at(team, slug)
    if kind is None:
        return missing(request, "This booking page does not exist.")
    return await _serve(request, kind, link=None)


async def private_page(request: Request) -> Response:
    """/d/<hash>/<slug>, GET and POST: while the private link can still be used."""
    world, link_id = world_of(request), request.path_params["link"]
    link = world.links.get(link_id)
    kind = world.event_types.get(link.event_type_id) if link else None
    if link is None or kind is None or kind.slug != request.path_params["slug"]:
        return missing(request, "This private link does not exist.")
    if link.is_expired(world.now()):
        return missing(request, "This private link has expired or was used up.")
    return await _serve(request, kind, link=link.id)


async def _serve(request: Request, kind: EventType, *, link: str | None) -> Response:
    if request.method == "POST":
        return await _take(request, kind, link)
    if "slot" in request.query_params:
        return _details(request, kind, request.query_params)
    return show_times(request, kind)


def show_times(
    request: Request, kind: EventType, *, ignoring: str | None = None, heading: str = ""
) -> Response:
    """Step one: the free times, a week a page, in the visitor's zone."""
    world, query = world_of(request), request.query_params
    host = world.users[kind.owner_id]
    zone = zone_or(query.get("tz"), host.zone)
    number = max(0, int(query["page"])) if query.get("page", "").isdigit() else 0
    today = world.now().astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0)
    first = today + timedelta(days=DAYS_A_PAGE * number)
    free = openings(world, kind, first, first + timedelta(days=DAYS_A_PAGE), ignoring=ignoring)
    days: dict[str, list[datetime]] = {}
    for start in free:
        days.setdefault(start.astimezone(ZoneInfo(zone)).date().isoformat(), []).append(start)
    along = carried(query)

    def address(**more: object) -> str:
        return f"{request.url.path}?{urlencode([*along, ('tz', zone), *more.items()])}"

    return page(
        request,
        "times.html",
        kind=kind,
        host=host,
        place="Phone" if asks_for_phone(kind) else place(kind),
        heading=heading or kind.title,
        zone=zone,
        zones=sorted({*ZONES, zone}),
        days=days,
        along=along,
        address=address,
        number=number,
        last=number + 1 >= _PAGES,
        first=first,
        until=first + timedelta(days=DAYS_A_PAGE - 1),
    )


def _details(
    request: Request, kind: EventType, given: Fields, *, status: int = 200, problem: str = ""
) -> Response:
    """Step two: who, and the questions."""
    world = world_of(request)
    host = world.users[kind.owner_id]
    zone = zone_or(_text(given, "tz"), host.zone)
    own = {one.slug for one in kind.questions} | _OWN_FIELDS
    try:
        slot = slot_of(given)
    except Refused as error:
        return missing(request, error.message)
    return page(
        request,
        "details.html",
        status,
        kind=kind,
        host=host,
        place="Phone" if asks_for_phone(kind) else place(kind),
        zone=zone,
        slot=slot,
        fields=fields_of(kind, given),
        name=_text(given, "name"),
        email=_text(given, "email"),
        notes=_text(given, "notes"),
        phone=_text(given, "locationPhone") if asks_for_phone(kind) else None,
        guests=", ".join(str(one) for one in given.getlist("guests")),
        along=[(name, value) for name, value in carried(given) if name not in own],
        back=f"{request.url.path}?{urlencode([*carried(given), ('tz', zone)])}",
        problem=problem,
    )


async def _take(request: Request, kind: EventType, link: str | None) -> Response:
    world, postman = world_of(request), postman_of(request)
    form = await request.form()
    zone = zone_or(_text(form, "tz"), world.users[kind.owner_id].zone)
    try:
        wish = wish_of(kind, form, zone=zone, link=link)
        if kind.seats:
            shared, seat = await postman.carry_out(take_seat(world, wish))
            return see(f"/booking/{shared.uid}?seat={seat.seat_uid}")
        if kind.recurrence:
            asked = _text(form, "occurrences")
            most = kind.recurrence.occurrences
            count = min(most, max(1, int(asked))) if asked.isdigit() else most
            series = await postman.carry_out(book_series(world, wish, count))
            return see(f"/booking/{series[0].uid}")
        booking = await postman.carry_out(book(world, wish))
    except Refused as error:
        return _details(request, kind, form, status=409, problem=error.message)
    unpaid = booking.payment_id is not None and not booking.paid
    return see(f"/payment/{booking.uid}" if unpaid else f"/booking/{booking.uid}")


def _text(given: Fields, name: str) -> str:
    return str(given.get(name) or "")


ROUTES = [
    Route("/", home, methods=["GET"]),
    Route("/d/{link}/{slug}", private_page, methods=["GET", "POST"]),
    Route("/team/{team}/{slug}", team_page, methods=["GET", "POST"]),
    Route("/{username}", show_user, methods=["GET"]),
    Route("/{username}/{slug}", booking_page, methods=["GET", "POST"]),
]
