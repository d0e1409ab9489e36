"""The controls as JSON, for tests and demos. All under /control/api, all answer JSON.

    GET  state                          clock, seed, edition, switches, counts
    POST reset           {"seed": 2}    start anew (the same seed if none is given)
    POST clock           {"now": "2026-12-01T09:00:00Z"} or {"advance_seconds": 3600};
                                        MEETING_* that become due are sent before the answer
    GET  webhooks                       the subscriptions, secrets included
    POST webhooks        {"enabled": false}              nothing is sent, all is kept
    POST subscriptions   {"url": ..., "secret": ...}     tell everything to this address; of Mara,
                         or of {"username": "jonas"} or {"team_id": 1}
    POST subscriptions/<id>             {"active": false, "url", "secret", "template", "triggers",
                         "version"}     what somebody edits in Cal.com
    POST subscriptions/<id>/delete      what somebody deletes there
    POST keys            {"username": "mara"}            a new API key in place of the old one
    POST keys/revoke     {"username": "mara"}            no key any more
    POST event-types     {"username": "mara", "slug": "greenroom-probe", "hidden": true}
    POST ping            {"webhook_id": ...}             the "Ping test" button
    GET  deliveries      ?uid= ?trigger= ?after=<id>     what was sent and answered, oldest first
    POST deliveries/<id>/resend         the same bytes again, whatever is switched off
    POST drop            {"next": 2}    the next two deliveries get lost
    POST rate-limit      {"limit": 5, "window_seconds": 60, "block_seconds": 60}
    POST edition         {"name": "self-hosted"} and/or single differences, for example
                         {"private_links": "unversioned"}; see `editions.Edition`
    POST bookings/<uid>/pay             what the payment page does
    GET  chaos                          what may go wrong by chance; see `chaos.Chaos`
    POST chaos           {"drop": 0.3, "reorder": 1}     exactly this from now on; {}: nothing
    POST api-faults      {"next": ["api_500", "fine", "api_429"]}   what befalls the next API
                                        requests, in order, whatever the chances
    POST release         {"shuffled": true}              send what waits, now; shuffled by the
                                        chances' seed unless false

Mistakes are answered 400 {"error": "..."}.
"""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from calcom_simulator import chaos, control_owners, editions, sample, shapes
from calcom_simulator.door import body_of, postman_of, world_of
from calcom_simulator.model import JSON, Delivery, Refused
from calcom_simulator.moments import js, maybe, parse
from calcom_simulator.rate import RateLimit
from calcom_simulator.taking import pay
from calcom_simulator.world import World

_Control = Callable[[Request], Awaitable[object]]


async def state(request: Request) -> object:
    """GET state"""
    return _state(world_of(request))


async def reset(request: Request) -> object:
    """POST reset"""
    world, body = world_of(request), await body_of(request)
    world.reset(int(body.get("seed", world.seed)))
    return _state(world)


async def set_clock(request: Request) -> object:
    """POST clock"""
    world, body = world_of(request), await body_of(request)
    if "now" in body:
        world.set_clock(parse(str(body["now"])))
    else:
        world.advance(float(body["advance_seconds"]))
    await postman_of(request).ring_alarms()
    return {"now": js(world.now())}


async def list_webhooks(request: Request) -> object:
    """GET webhooks"""
    return [shapes.webhook_row(one) for one in world_of(request).webhooks.values()]


async def switch_webhooks(request: Request) -> object:
    """POST webhooks"""
    faults, body = world_of(request).faults, await body_of(request)
    faults.webhooks_on = bool(body["enabled"])
    return {"enabled": faults.webhooks_on}


async def subscribe(request: Request) -> object:
    """POST subscriptions"""
    world, body = world_of(request), await body_of(request)
    made = sample.subscribe(
        world,
        str(body["url"]),
        body.get("secret"),
        username=str(body.get("username", "mara")),
        team_id=body.get("team_id"),
    )
    return shapes.webhook_row(made)


async def ping(request: Request) -> object:
    """POST ping"""
    world, body = world_of(request), await body_of(request)
    return told(await postman_of(request).ping(world.webhooks[str(body["webhook_id"])]))


async def list_deliveries(request: Request) -> object:
    """GET deliveries"""
    query, after = request.query_params, int(request.query_params.get("after", "0"))
    return [
        told(one)
        for one in world_of(request).deliveries
        if one.id > after
        and query.get("uid") in {None, one.uid}
        and query.get("trigger") in {None, one.trigger}
    ]


async def resend(request: Request) -> object:
    """POST deliveries/<id>/resend"""
    return told(await postman_of(request).resend(delivery_of(request)))


async def drop(request: Request) -> object:
    """POST drop"""
    faults, body = world_of(request).faults, await body_of(request)
    faults.drop_next = int(body["next"])
    return {"next": faults.drop_next}


async def set_rate_limit(request: Request) -> object:
    """POST rate-limit: counting starts anew."""
    world, body = world_of(request), await body_of(request)
    usual = RateLimit()
    world.rate = RateLimit(
        limit=int(body.get("limit", usual.limit)),
        window=int(body.get("window_seconds", usual.window)),
        block=int(body.get("block_seconds", usual.block)),
    )
    return _rate(world)


async def set_edition(request: Request) -> object:
    """POST edition"""
    world, body = world_of(request), await body_of(request)
    world.edition = editions.changed(world.edition, body)
    return asdict(world.edition)


async def pay_booking(request: Request) -> object:
    """POST bookings/<uid>/pay"""
    world, uid = world_of(request), request.path_params["uid"]
    booking = await postman_of(request).carry_out(pay(world, uid))
    return shapes.booking(world, booking)


async def show_chaos(request: Request) -> object:
    """GET chaos"""
    return asdict(world_of(request).faults.chaos)


async def set_chaos(request: Request) -> object:
    """POST chaos"""
    world, body = world_of(request), await body_of(request)
    world.set_chaos(chaos.read(body))
    return asdict(world.faults.chaos)


async def set_api_faults(request: Request) -> object:
    """POST api-faults"""
    faults, body = world_of(request).faults, await body_of(request)
    faults.api_next = chaos.hazards(body["next"])
    return {"next": faults.api_next}


async def release(request: Request) -> object:
    """POST release"""
    body = await body_of(request)
    shuffled = body.get("shuffled", True) is not False
    return {"sent": await postman_of(request).release(shuffled=shuffled)}


def delivery_of(request: Request) -> Delivery:
    """The delivery in the path. Raises KeyError."""
    number = request.path_params["id"]
    for one in world_of(request).deliveries:
        if one.id == number:
            return one
    raise KeyError(f"delivery {number}")


def told(one: Delivery) -> JSON:
    """A delivery as JSON; `body` is text as it was sent."""
    return {
        "id": one.id,
        "webhook_id": one.webhook_id,
        "url": one.url,
        "trigger": one.trigger,
        "uid": one.uid,
        "at": js(one.at),
        "fate": one.fate,
        "status": one.status,
        "answer": one.answer,
        "ms": one.ms,
        "resend_of": one.resend_of,
        "attempts": one.attempts,
        "due": maybe(one.due),
        "headers": one.headers,
        "body": one.body.decode(),
    }


def _state(world: World) -> JSON:
    return {
        "now": js(world.now()),
        "seed": world.seed,
        "public_url": world.public_url,
        "edition": asdict(world.edition),
        "webhooks": {"enabled": world.faults.webhooks_on, "drop_next": world.faults.drop_next},
        "rate_limit": _rate(world),
        "users": [
            {"username": one.username, "email": one.email, "key": one.key}
            for one in world.users.values()
        ],
        "event_types": [
            {"id": one.id, "slug": one.slug, "title": one.title}
            for one in world.event_types.values()
        ],
        "bookings": len(world.bookings),
        "subscriptions": len(world.webhooks),
        "deliveries": len(world.deliveries),
        "alarms": len(world.alarms),
    }


def _rate(world: World) -> JSON:
    rate = world.rate
    return {"limit": rate.limit, "window_seconds": rate.window, "block_seconds": rate.block}


def _as_json(control: _Control) -> Callable[[Request], Awaitable[Response]]:
    @functools.wraps(control)
    async def answered(request: Request) -> Response:
        try:
            return JSONResponse(await control(request))
        except Refused as error:
            return JSONResponse({"error": error.message}, 400)
        except KeyError as error:
            return JSONResponse({"error": f"Missing or unknown: {error.args[0]}."}, 400)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    return answered


ROUTES = [
    Route(f"/control/api/{path}", _as_json(control), methods=[method])
    for method, path, control in (
        ("GET", "state", state),
        ("POST", "reset", reset),
        ("POST", "clock", set_clock),
        ("GET", "webhooks", list_webhooks),
        ("POST", "webhooks", switch_webhooks),
        ("POST", "subscriptions", subscribe),
        ("POST", "ping", ping),
        ("GET", "deliveries", list_deliveries),
        ("POST", "deliveries/{id:int}/resend", resend),
        ("POST", "drop", drop),
        ("POST", "rate-limit", set_rate_limit),
        ("POST", "edition", set_edition),
        ("POST", "bookings/{uid}/pay", pay_booking),
        ("GET", "chaos", show_chaos),
        ("POST", "chaos", set_chaos),
        ("POST", "api-faults", set_api_faults),
        ("POST", "release", release),
        *control_owners.CONTROLS,
    )
]
