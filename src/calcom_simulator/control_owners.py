"""The controls that do what owners of accounts do at Cal.com: as JSON, and as buttons."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import owners, sample, shapes
from calcom_simulator.door import body_of, world_of
from calcom_simulator.model import JSON
from calcom_simulator.render import missing, see
from calcom_simulator.world import World

_Control = Callable[[Request], Awaitable[object]]


async def change_subscription(request: Request) -> object:
    """POST subscriptions/<id>"""
    world, body = world_of(request), await body_of(request)
    return shapes.webhook_row(owners.change_webhook(world, request.path_params["id"], body))


async def delete_subscription(request: Request) -> object:
    """POST subscriptions/<id>/delete"""
    return shapes.webhook_row(owners.delete_webhook(world_of(request), request.path_params["id"]))


async def make_key(request: Request) -> object:
    """POST keys"""
    user = owners.make_key(world_of(request), str((await body_of(request))["username"]))
    return {"username": user.username, "key": user.key}


async def revoke_key(request: Request) -> object:
    """POST keys/revoke"""
    user = owners.revoke_key(world_of(request), str((await body_of(request))["username"]))
    return {"username": user.username, "key": None}


async def add_event_type(request: Request) -> object:
    """POST event-types"""
    world, body = world_of(request), await body_of(request)
    username, slug = str(body.get("username", "mara")), str(body["slug"])
    kind = owners.add_event_type(world, username, slug, hidden=body.get("hidden", True) is True)
    return {"id": kind.id, "slug": kind.slug, "hidden": kind.hidden}


CONTROLS: list[tuple[str, str, _Control]] = [
    ("POST", "subscriptions/{id}", change_subscription),
    ("POST", "subscriptions/{id}/delete", delete_subscription),
    ("POST", "keys", make_key),
    ("POST", "keys/revoke", revoke_key),
    ("POST", "event-types", add_event_type),
]

# Buttons


async def press(request: Request) -> Response:
    """POST /control/owners/<deed>"""
    deed = _DEEDS.get(request.path_params["deed"])
    form = {name: str(value) for name, value in (await request.form()).multi_items()}
    if deed is None:
        return missing(request, "There is no such button.")
    try:
        deed(world_of(request), form)
    except (KeyError, ValueError) as error:
        return missing(request, f"That did not work: {error}")
    return see(f"/control#{form.get('then', 'subscriptions')}")


def _subscribe(world: World, form: Mapping[str, str]) -> None:
    whose, team = form.get("whose", "mara"), None
    if whose.startswith("team-"):
        whose, team = "mara", int(whose.removeprefix("team-"))
    secret = form.get("secret") or None
    sample.subscribe(world, form["url"], secret, username=whose, team_id=team)


def _edit(world: World, form: Mapping[str, str]) -> None:
    changes: JSON = {
        "url": form["url"],
        "secret": form["secret"] or None,
        "template": form["template"] or None,
        "active": form.get("active") == "on",
        "triggers": form["triggers"].replace(",", " ").split(),
    }
    owners.change_webhook(world, form["webhook"], changes)


def _delete(world: World, form: Mapping[str, str]) -> None:
    owners.delete_webhook(world, form["webhook"])


def _make_key(world: World, form: Mapping[str, str]) -> None:
    owners.make_key(world, form["username"])


def _revoke_key(world: World, form: Mapping[str, str]) -> None:
    owners.revoke_key(world, form["username"])


def _add_event_type(world: World, form: Mapping[str, str]) -> None:
    owners.add_event_type(world, form["username"], form["slug"].strip(), hidden="hidden" in form)


_DEEDS: dict[str, Callable[[World, Mapping[str, str]], None]] = {
    "subscribe": _subscribe,
    "edit": _edit,
    "delete": _delete,
    "make-key": _make_key,
    "revoke-key": _revoke_key,
    "event-type": _add_event_type,
}
ROUTES = [Route("/control/owners/{deed}", press, methods=["POST"])]
