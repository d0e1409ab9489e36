"""API v2: bookings. The other endpoints are in `api_offers` and `api_webhooks`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import changing, legacy, shapes
from calcom_simulator.door import (
    BOOKING_LISTS,
    BOOKINGS,
    OLDEST,
    Answer,
    body_of,
    invalid,
    key_owner,
    not_routed,
    only_in,
    postman_of,
    signed_in,
    version_of,
    world_of,
)
from calcom_simulator.model import JSON, Booking, Refused, User
from calcom_simulator.search import Search, stir
from calcom_simulator.taking import book, book_series, take_seat
from calcom_simulator.wishes import occurrences, start_of, wanted, wish_of


async def list_bookings(request: Request) -> Response:
    """GET /v2/bookings"""
    user, world = signed_in(request), world_of(request)
    if version_of(request) not in BOOKING_LISTS | {OLDEST}:
        raise not_routed(request)
    if version_of(request) == OLDEST:
        return Answer(shapes.success(_oldest_list(request, user)))
    search = Search.read(request.query_params)
    if search.skip:
        stir(world, user, search)
    found, total = search.run(world, user)
    return Answer(shapes.page_of(world, found, take=search.take, skip=search.skip, total=total))


async def create_booking(request: Request) -> Response:
    """POST /v2/bookings"""
    body, world, postman = await body_of(request), world_of(request), postman_of(request)
    if version_of(request) == OLDEST:
        needed = ("timeZone", "language", "metadata", "responses")
        raise invalid(body, **{name: f"{name} should not be empty" for name in needed})
    if version_of(request) not in BOOKINGS:
        raise not_routed(request)
    kind = wanted(world, body)
    wish = wish_of(kind, body)
    if kind.seats:
        booking, seat = await postman.carry_out(take_seat(world, wish))
        return Answer(_told(request, booking, seat_uid=seat.seat_uid), 201)
    if kind.recurrence:
        count = occurrences(kind, body)
        series = await postman.carry_out(book_series(world, wish, count))
        return Answer(shapes.success([shapes.booking(world, one) for one in series]), 201)
    return Answer(_told(request, await postman.carry_out(book(world, wish))), 201)


async def get_booking(request: Request) -> Response:
    """GET /v2/bookings/{uid}: a booking, or by its series' uid all of them. Needs no key."""
    world, uid = world_of(request), request.path_params["uid"]
    series = world.series(uid)
    if version_of(request) == OLDEST:
        return Answer(shapes.success(legacy.booking(world, world.booking(uid))))
    if version_of(request) not in BOOKINGS:
        raise not_routed(request)
    if series:
        return Answer(shapes.success([shapes.booking(world, one) for one in series]))
    return Answer(_told(request, world.booking(uid)))


@only_in(BOOKINGS)
async def get_by_seat(request: Request) -> Response:
    """GET /v2/bookings/by-seat/{seat}"""
    seat_uid = request.path_params["seat"]
    for booking in world_of(request).bookings.values():
        if any(one.seat_uid == seat_uid for one in booking.attendees):
            return Answer(_told(request, booking, seat_uid=seat_uid))
    raise Refused(404, f"Booking with seatUid={seat_uid} was not found in the database")


@only_in(BOOKINGS)
async def cancel_booking(request: Request) -> Response:
    """POST /v2/bookings/{uid}/cancel"""
    body, world, postman = await body_of(request), world_of(request), postman_of(request)
    uid, reason = request.path_params["uid"], str(body.get("cancellationReason") or "")
    booking, user = world.booking(uid), key_owner(request)
    if body.get("seatUid"):
        happening = changing.cancel_seat(world, uid, str(body["seatUid"]), reason)
        return Answer(_told(request, await postman.carry_out(happening)))
    if not reason and user is not None and user.id == booking.user_id:
        raise Refused.bad_request("Cancellation reason is required when you are the host")
    subsequent = body.get("cancelSubsequentBookings") is True
    if subsequent and booking.series_uid is None:
        raise Refused.bad_request(
            f"Booking with bookingUid={uid} is not part of a recurring booking."
        )
    await postman.carry_out(changing.cancel(world, uid, reason, subsequent=subsequent))
    if subsequent:
        series = world.series(booking.series_uid or "")
        return Answer(shapes.success([shapes.booking(world, one) for one in series]))
    return Answer(_told(request, booking))


@only_in(BOOKINGS)
async def reschedule_booking(request: Request) -> Response:
    """POST /v2/bookings/{uid}/reschedule"""
    body, world, postman = await body_of(request), world_of(request), postman_of(request)
    uid, user = request.path_params["uid"], key_owner(request)
    start = start_of(body)
    if body.get("seatUid"):
        seat_uid = str(body["seatUid"])
        moved = changing.reschedule_seat(world, uid, seat_uid, start)
        shared, seat = await postman.carry_out(moved)
        return Answer(_told(request, shared, seat_uid=seat.seat_uid), 201)
    happening = changing.reschedule(
        world,
        uid,
        start,
        reason=body.get("reschedulingReason"),
        by=body.get("rescheduledBy"),
        by_host=user is not None and user.id == world.booking(uid).user_id,
    )
    return Answer(_told(request, await postman.carry_out(happening)), 201)


@only_in(BOOKINGS)
async def confirm_booking(request: Request) -> Response:
    """POST /v2/bookings/{uid}/confirm"""
    booking = _own(request)
    await postman_of(request).carry_out(changing.confirm(world_of(request), booking.uid))
    return Answer(_told(request, booking))


@only_in(BOOKINGS)
async def decline_booking(request: Request) -> Response:
    """POST /v2/bookings/{uid}/decline"""
    booking, body = _own(request), await body_of(request)
    happening = changing.decline(world_of(request), booking.uid, str(body.get("reason") or ""))
    await postman_of(request).carry_out(happening)
    return Answer(_told(request, booking))


@only_in(BOOKINGS)
async def request_reschedule(request: Request) -> Response:
    """POST /v2/bookings/{uid}/request-reschedule; newer than the self-hosted edition."""
    if world_of(request).edition.private_links == "unversioned":
        raise not_routed(request)
    booking, body = _own(request), await body_of(request)
    reason = str(body.get("rescheduleReason") or body.get("reason") or "")
    happening = changing.request_reschedule(world_of(request), booking.uid, reason)
    await postman_of(request).carry_out(happening)
    return Answer(_told(request, booking))


@only_in(BOOKINGS)
async def mark_absent(request: Request) -> Response:
    """POST /v2/bookings/{uid}/mark-absent"""
    booking, body = _own(request), await body_of(request)
    attendees = {one["email"]: one["absent"] is True for one in body.get("attendees", [])}
    happening = changing.mark_absent(
        world_of(request), booking.uid, host=body.get("host"), attendees=attendees
    )
    await postman_of(request).carry_out(happening)
    return Answer(_told(request, booking))


ROUTES = [
    Route("/v2/bookings", list_bookings, methods=["GET"]),
    Route("/v2/bookings", create_booking, methods=["POST"]),
    Route("/v2/bookings/by-seat/{seat}", get_by_seat, methods=["GET"]),
    Route("/v2/bookings/{uid}", get_booking, methods=["GET"]),
    Route("/v2/bookings/{uid}/cancel", cancel_booking, methods=["POST"]),
    Route("/v2/bookings/{uid}/reschedule", reschedule_booking, methods=["POST"]),
    Route("/v2/bookings/{uid}/confirm", confirm_booking, methods=["POST"]),
    Route("/v2/bookings/{uid}/decline", decline_booking, methods=["POST"]),
    Route("/v2/bookings/{uid}/request-reschedule", request_reschedule, methods=["POST"]),
    Route("/v2/bookings/{uid}/mark-absent", mark_absent, methods=["POST"]),
]


def _told(request: Request, booking: Booking, *, seat_uid: str | None = None) -> JSON:
    user = key_owner(request)
    as_host = user is not None and user.id == booking.user_id
    told = shapes.booking(world_of(request), booking, as_host=as_host)
    return shapes.success(told | ({"seatUid": seat_uid} if seat_uid else {}))


def _oldest_list(request: Request, user: User) -> JSON:
    """What lies ahead unless asked otherwise; `take` and `skip` mean nothing to it."""
    query = request.query_params
    status = query.get("filters[status]", query.get("status", "upcoming"))
    found, _ = Search.read({"status": status}).run(world_of(request), user)
    limit, cursor = int(query.get("limit", "10")), int(query.get("cursor", "0"))
    return legacy.listing(world_of(request), found, limit=limit, cursor=cursor)


def _own(request: Request) -> Booking:
    user: User = signed_in(request)
    booking = world_of(request).booking(request.path_params["uid"])
    if booking.user_id != user.id:
        raise Refused(403, "User is not the host of this booking")
    return booking
