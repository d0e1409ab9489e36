"""API v2: webhook subscriptions of a user and of one event type."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import shapes
from calcom_simulator.door import Answer, body_of, invalid, signed_in, world_of
from calcom_simulator.model import JSON, Refused, Webhook
from calcom_simulator.triggers import triggers_of

_VERSIONS = ("2021-10-20", "2026-07-27")
_MOST = 250
_FIELDS = (
    ("subscriberUrl", "url"),
    ("active", "active"),
    ("secret", "secret"),
    ("payloadTemplate", "template"),
    ("version", "version"),
    ("time", "time"),
    ("timeUnit", "time_unit"),
)


async def list_webhooks(request: Request) -> Response:
    """GET /v2/webhooks?take&skip, secrets in clear."""
    world = world_of(request)
    found = sorted(_mine(request), key=lambda one: one.id)
    skip, take = (int(request.query_params.get(name, usual)) for name, usual in _PAGE)
    page = found[skip : skip + min(take, _MOST)]
    return Answer(shapes.success([shapes.webhook(world, one) for one in page]))


_PAGE = (("skip", "0"), ("take", str(_MOST)))


async def create_webhook(request: Request) -> Response:
    """POST /v2/webhooks: one per address and owner."""
    user, world, body = signed_in(request), world_of(request), await body_of(request)
    _refuse_invalid(request, body, needed=True)
    if any(one.url == body["subscriberUrl"] for one in _mine(request)):
        whose = "event type" if "id" in request.path_params else "user"
        raise Refused(409, f"Webhook with this subscriber url already exists for this {whose}")
    webhook = Webhook(
        id=world.new_uuid(),
        user_id=user.id,
        event_type_id=_event_type_id(request),
        url=body["subscriberUrl"],
        triggers=tuple(body["triggers"]),
        active=body["active"],
        secret=None,
        template=None,
        version=_VERSIONS[0],
        created_at=world.stamp(),
    )
    world.webhooks[webhook.id] = webhook = _changed(webhook, body)
    return Answer(shapes.success(shapes.webhook(world, webhook)), 201)


async def get_webhook(request: Request) -> Response:
    """GET /v2/webhooks/{webhook}: with columns that no other answer has."""
    return Answer(shapes.success(shapes.webhook_row(_one(request))))


async def update_webhook(request: Request) -> Response:
    """PATCH /v2/webhooks/{webhook}"""
    webhook, world, body = _one(request), world_of(request), await body_of(request)
    _refuse_invalid(request, body, needed=False)
    world.webhooks[webhook.id] = changed = _changed(webhook, body)
    return Answer(shapes.success(shapes.webhook(world, changed)))


async def delete_webhook(request: Request) -> Response:
    """DELETE /v2/webhooks/{webhook}: answers what it was."""
    webhook, world = _one(request), world_of(request)
    del world.webhooks[webhook.id]
    return Answer(shapes.success(shapes.webhook(world, webhook)))


def _event_type_id(request: Request) -> int | None:
    if "id" not in request.path_params:
        return None
    user, number = signed_in(request), request.path_params["id"]
    if world_of(request).event_type(number).owner_id != user.id:
        raise Refused(403, f"User with ID={user.id} does not own event type with ID={number}")
    return int(number)


def _mine(request: Request) -> list[Webhook]:
    user, number = signed_in(request), _event_type_id(request)
    return [
        one
        for one in world_of(request).webhooks.values()
        if one.user_id == user.id and one.event_type_id == number
    ]


def _one(request: Request) -> Webhook:
    user, webhook_id = signed_in(request), request.path_params["webhook"]
    webhook = world_of(request).webhooks.get(webhook_id)
    if webhook is None:
        raise Refused(404, f"Webhook ({webhook_id}) not found")
    if webhook.user_id != user.id:
        raise Refused(403, "User is not allowed to access this webhook")
    return webhook


def _refuse_invalid(request: Request, body: JSON, *, needed: bool) -> None:
    if needed or "subscriberUrl" in body:
        url = body.get("subscriberUrl")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise invalid(body, subscriberUrl="subscriberUrl must be a URL address")
    if (needed or "active" in body) and not isinstance(body.get("active"), bool):
        raise invalid(body, active="active must be a boolean value")
    if needed or "triggers" in body:
        known, asked = triggers_of(world_of(request).edition), body.get("triggers")
        if not isinstance(asked, list) or not set(asked) <= set(known):
            raise invalid(
                body,
                triggers="each value in triggers must be one of the following values: "
                + ", ".join(known),
            )
    if body.get("version") not in {None, *_VERSIONS}:
        raise invalid(
            body, version=f"version must be one of the following values: {', '.join(_VERSIONS)}"
        )


def _changed(webhook: Webhook, body: JSON) -> Webhook:
    changes = {ours: body[theirs] for theirs, ours in _FIELDS if theirs in body}
    if "triggers" in body:
        changes["triggers"] = tuple(body["triggers"])
    changes["version"] = changes.get("version") or webhook.version
    return replace(webhook, **changes)


ROUTES = [
    Route(f"{owner}/webhooks{one}", endpoint, methods=[method])
    for owner in ("/v2", "/v2/event-types/{id:int}")
    for one, method, endpoint in (
        ("", "GET", list_webhooks),
        ("", "POST", create_webhook),
        ("/{webhook}", "GET", get_webhook),
        ("/{webhook}", "PATCH", update_webhook),
        ("/{webhook}", "DELETE", delete_webhook),
    )
]
