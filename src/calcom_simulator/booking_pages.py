"""Pages about one booking, for its attendee: see, move, cancel, pay."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import changing
from calcom_simulator.door import postman_of, world_of
from calcom_simulator.forms import carried, slot_of
from calcom_simulator.model import SOURCE_WEB, Attendee, Booking, Refused
from calcom_simulator.pages import show_times
from calcom_simulator.render import missing, page, see, zone_or
from calcom_simulator.taking import pay


async def show(request: Request) -> Response:
    """/booking/<uid>?seat=: what was booked."""
    booking = _booking(request)
    if booking is None:
        return missing(request, "There is no such booking.")
    return _shown(request, booking)


async def cancel(request: Request) -> Response:
    """POST /booking/<uid>/cancel: the whole booking, its series, or the attendee's seat."""
    world, postman, booking = world_of(request), postman_of(request), _booking(request)
    if booking is None:
        return missing(request, "There is no such booking.")
    form = await request.form()
    reason, seat_uid = str(form.get("reason") or ""), str(form.get("seat") or "")
    try:
        if seat_uid:
            await postman.carry_out(changing.cancel_seat(world, booking.uid, seat_uid, reason))
        else:
            happening = changing.cancel(
                world,
                booking.uid,
                reason,
                by=booking.attendees[0].email if booking.attendees else None,
                subsequent=bool(form.get("subsequent")) and booking.series_uid is not None,
            )
            await postman.carry_out(happening)
    except Refused as error:
        return _shown(request, booking, problem=error.message, status=409)
    return see(f"/booking/{booking.uid}" + (f"?seat={seat_uid}" if seat_uid else ""))


async def choose_another_time(request: Request) -> Response:
    """/reschedule/<uid>?rescheduledBy=&seatUid=: free times, then a last question."""
    world, booking = world_of(request), _booking(request)
    if booking is None:
        return missing(request, "There is no such booking.")
    newer = world.successor(booking)
    if newer is not None:
        return see(f"/reschedule/{newer.uid}?{urlencode(carried(request.query_params))}")
    if not (booking.is_on or booking.moved):
        return _shown(request, booking, problem="It is cancelled, so it cannot be moved.")
    kind = world.kind(booking)
    if "slot" not in request.query_params:
        heading = f"Another time for {kind.title}"
        return show_times(request, kind, ignoring=booking.uid, heading=heading)
    return _ask_why(request, booking)


async def move(request: Request) -> Response:
    """POST /reschedule/<uid>: the host moves it if `rescheduledBy` is the host's address."""
    world, postman, booking = world_of(request), postman_of(request), _booking(request)
    if booking is None:
        return missing(request, "There is no such booking.")
    form = await request.form()
    seat_uid, by = str(form.get("seatUid") or ""), str(form.get("rescheduledBy") or "")
    by = by or next((one.email for one in booking.attendees), "")
    try:
        start = slot_of(form)
        if seat_uid:
            moved = changing.reschedule_seat(world, booking.uid, seat_uid, start)
            shared, seat = await postman.carry_out(moved)
            return see(f"/booking/{shared.uid}?seat={seat.seat_uid}")
        happening = changing.reschedule(
            world,
            booking.uid,
            start,
            reason=str(form.get("rescheduleReason") or "") or None,
            by=by,
            by_host=by == world.host(booking).email,
            source=SOURCE_WEB,
        )
        new = await postman.carry_out(happening)
    except Refused as error:
        return _ask_why(request, booking, problem=error.message)
    return see(f"/booking/{new.uid}")


async def show_payment(request: Request) -> Response:
    """/payment/<uid>: a till that takes anything."""
    booking = _booking(request)
    if booking is None or booking.payment_id is None:
        return missing(request, "There is nothing to pay here.")
    kind = world_of(request).kind(booking)
    return page(request, "payment.html", booking=booking, kind=kind, zone=_zone(request, booking))


async def take_payment(request: Request) -> Response:
    """POST /payment/<uid>"""
    uid = request.path_params["uid"]
    try:
        await postman_of(request).carry_out(pay(world_of(request), uid))
    except Refused as error:
        return missing(request, error.message)
    return see(f"/booking/{uid}")


ROUTES = [
    Route("/booking/{uid}", show, methods=["GET"]),
    Route("/booking/{uid}/cancel", cancel, methods=["POST"]),
    Route("/reschedule/{uid}", choose_another_time, methods=["GET"]),
    Route("/reschedule/{uid}", move, methods=["POST"]),
    Route("/payment/{uid}", show_payment, methods=["GET"]),
    Route("/payment/{uid}", take_payment, methods=["POST"]),
]


def _booking(request: Request) -> Booking | None:
    return world_of(request).bookings.get(request.path_params["uid"])


def _zone(request: Request, booking: Booking) -> str:
    usual = next((one.zone for one in booking.attendees), world_of(request).host(booking).zone)
    return zone_or(request.query_params.get("tz"), usual)


def _seat(request: Request, booking: Booking) -> Attendee | None:
    asked = request.query_params.get("seat")
    return next((one for one in booking.attendees if asked and one.seat_uid == asked), None)


def _shown(request: Request, booking: Booking, *, problem: str = "", status: int = 200) -> Response:
    world = world_of(request)
    return page(
        request,
        "booking.html",
        status,
        booking=booking,
        kind=world.kind(booking),
        host=world.host(booking),
        zone=_zone(request, booking),
        seat=_seat(request, booking),
        left="seat" in request.query_params and _seat(request, booking) is None,
        newer=world.successor(booking),
        series=world.series(booking.series_uid) if booking.series_uid else [],
        problem=problem,
    )


def _ask_why(request: Request, booking: Booking, problem: str = "") -> Response:
    query = request.query_params
    try:
        slot = slot_of(query)
    except Refused as error:
        return missing(request, error.message)
    along = [pair for pair in carried(query) if pair[0] in {"rescheduledBy", "seatUid"}]
    zone = _zone(request, booking)
    return page(
        request,
        "move.html",
        409 if problem else 200,
        booking=booking,
        kind=world_of(request).kind(booking),
        zone=zone,
        slot=slot,
        along=along,
        back=f"{request.url.path}?{urlencode([*along, ('tz', zone)])}",
        problem=problem,
    )
