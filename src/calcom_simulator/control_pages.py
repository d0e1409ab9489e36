"""The control page: what the simulator is up to, and its switches. See `control_api`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import chaos_form
from calcom_simulator.chaos import CALM
from calcom_simulator.control_api import delivery_of, told
from calcom_simulator.door import postman_of, world_of
from calcom_simulator.editions import EDITIONS
from calcom_simulator.moments import parse
from calcom_simulator.render import missing, page, see

_SHOWN = 100


async def show(request: Request) -> Response:
    """/control"""
    return _shown(request)


async def show_delivery(request: Request) -> Response:
    """/control/deliveries/<id>: the whole of it."""
    try:
        delivery = delivery_of(request)
    except KeyError:
        return missing(request, "This delivery is not kept here any more.")
    return page(request, "delivery.html", delivery=delivery, body=told(delivery)["body"])


async def resend(request: Request) -> Response:
    """POST /control/deliveries/<id>/resend"""
    try:
        again = await postman_of(request).resend(delivery_of(request))
    except KeyError:
        return missing(request, "This delivery is not kept here any more.")
    return see(f"/control#delivery-{again.id}")


async def change(request: Request) -> Response:
    """POST /control/<switch>"""
    world, postman, form = world_of(request), postman_of(request), await request.form()
    text = {name: str(value) for name, value in form.items()}
    try:
        match request.path_params["switch"]:
            case "reset":
                world.reset(int(text.get("seed") or world.seed))
            case "webhooks":
                world.faults.webhooks_on = text["enabled"] == "on"
            case "drop":
                world.faults.drop_next = int(text["next"])
            case "advance":
                world.advance(float(text["seconds"]))
                await postman.ring_alarms()
            case "clock":
                world.set_clock(parse(text["now"]))
                await postman.ring_alarms()
            case "edition":
                world.edition = EDITIONS[text["name"]]
            case "ping":
                await postman.ping(world.webhooks[text["webhook"]])
            case _:
                return missing(request, "There is no such switch.")
    except (ValueError, KeyError) as error:
        return _shown(request, problem=f"That did not work: {error}", status=400)
    return see("/control")


async def change_chaos(request: Request) -> Response:
    """POST /control/chaos: what is not filled in is off."""
    form = await request.form()
    try:
        chosen = chaos_form.submitted({name: str(value) for name, value in form.items()})
    except ValueError as error:
        return _shown(request, problem=f"That did not work: {error}", status=400)
    world_of(request).set_chaos(chosen)
    return see("/control#chaos")


async def release(request: Request) -> Response:
    """POST /control/release"""
    await postman_of(request).release()
    return see("/control#chaos")


ROUTES = [
    Route("/control", show, methods=["GET"]),
    Route("/control/deliveries/{id:int}", show_delivery, methods=["GET"]),
    Route("/control/deliveries/{id:int}/resend", resend, methods=["POST"]),
    Route("/control/chaos", change_chaos, methods=["POST"]),
    Route("/control/release", release, methods=["POST"]),
    Route("/control/{switch}", change, methods=["POST"]),
]


def _shown(request: Request, *, problem: str = "", status: int = 200) -> Response:
    world = world_of(request)
    return page(
        request,
        "control.html",
        status,
        deliveries=list(reversed(world.deliveries[-_SHOWN:])),
        editions=EDITIONS.values(),
        problem=problem,
        chaos=chaos_form.shown(world.faults.chaos),
        calm=world.faults.chaos == CALM,
        waiting=len(world.waiting()),
        now=world.now(),
    )
