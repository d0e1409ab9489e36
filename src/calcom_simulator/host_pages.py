"""The host's own list of bookings, with everything a host can do to one."""

from collections.abc import Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import changing
from calcom_simulator.door import postman_of, world_of
from calcom_simulator.model import Booking, Happening, Refused
from calcom_simulator.render import missing, page, see
from calcom_simulator.world import World

_Deed = Callable[[World, Booking, FormData], Happening[Booking]]


async def show(request: Request) -> Response:
    """/host: what lies ahead first, then what is over."""
    return _shown(request)


async def do(request: Request) -> Response:
    """POST /host/<uid>/<deed>"""
    world, deed = world_of(request), _DEEDS.get(request.path_params["deed"])
    if deed is None:
        return missing(request, "A host cannot do that.")
    try:
        booking = world.booking(request.path_params["uid"])
        await postman_of(request).carry_out(deed(world, booking, await request.form()))
    except Refused as error:
        return _shown(request, problem=error.message, status=error.status)
    return see(f"/host#{booking.uid}")


ROUTES = [
    Route("/host", show, methods=["GET"]),
    Route("/host/{uid}/{deed}", do, methods=["POST"]),
]


def _shown(request: Request, *, problem: str = "", status: int = 200) -> Response:
    world = world_of(request)
    now = world.now()
    known = sorted(world.bookings.values(), key=lambda one: (one.start, one.id))
    ahead = [one for one in known if one.is_on and one.end >= now]
    return page(
        request,
        "host.html",
        status,
        ahead=ahead,
        over=[one for one in reversed(known) if one not in ahead],
        problem=problem,
        now=now,
    )


def _reason(form: FormData) -> str:
    return str(form.get("reason") or "")


def _confirm(world: World, booking: Booking, _: FormData) -> Happening[Booking]:
    return changing.confirm(world, booking.uid)


def _decline(world: World, booking: Booking, form: FormData) -> Happening[Booking]:
    return changing.decline(world, booking.uid, _reason(form))


def _cancel(world: World, booking: Booking, form: FormData) -> Happening[Booking]:
    return changing.cancel(
        world,
        booking.uid,
        _reason(form),
        by=world.host(booking).email,
        subsequent=bool(form.get("subsequent")) and booking.series_uid is not None,
    )


def _request_reschedule(world: World, booking: Booking, form: FormData) -> Happening[Booking]:
    return changing.request_reschedule(world, booking.uid, _reason(form))


def _absent(world: World, booking: Booking, form: FormData) -> Happening[Booking]:
    email = str(form.get("email") or "")
    now_absent = {one.email: not one.absent for one in booking.attendees if one.email == email}
    return changing.mark_absent(world, booking.uid, host=None, attendees=now_absent)


def _host_absent(world: World, booking: Booking, _: FormData) -> Happening[Booking]:
    return changing.mark_absent(world, booking.uid, host=not booking.host_absent, attendees={})


_DEEDS: dict[str, _Deed] = {
    "confirm": _confirm,
    "decline": _decline,
    "cancel": _cancel,
    "request-reschedule": _request_reschedule,
    "absent": _absent,
    "host-absent": _host_absent,
}
