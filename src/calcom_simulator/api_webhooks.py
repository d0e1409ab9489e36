"""API v2: webhook subscriptions of a user, of one event type, and of a team's event type."""

import ipaddress
from dataclasses import replace
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import shapes
from calcom_simulator.api_teams import team_event_type, team_of
from calcom_simulator.door import Answer, body_of, invalid, signed_in, world_of
from calcom_simulator.model import JSON, Refused, Webhook
from calcom_simulator.triggers import triggers_of
from calcom_simulator.world import World

_OLDEST = "2021-10-20"
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
    skip, take = _whole(request, "skip", 0), _whole(request, "take", _MOST, _MOST)
    page = found[skip : skip + take]
    return Answer(shapes.success([shapes.webhook(world, one) for one in page]))


async def create_webhook(request: Request) -> Response:
    """POST /v2/webhooks: one per address and owner."""
    user, world, body = signed_in(request), world_of(request), await body_of(request)
    _refuse_invalid(request, body, needed=True)
    _refuse_twice(request, body["subscriberUrl"])
    webhook = Webhook(
        id=world.new_uuid(),
        user_id=user.id,
        event_type_id=_event_type_id(request),
        url=body["subscriberUrl"],
        triggers=tuple(body["triggers"]),
        active=body["active"],
        secret=None,
        template=None,
        version=next(iter(world.edition.webhook_versions), _OLDEST),
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
    if body.get("subscriberUrl", webhook.url) != webhook.url:
        _refuse_twice(request, body["subscriberUrl"])
    world.webhooks[webhook.id] = changed = _changed(webhook, body)
    return Answer(shapes.success(shapes.webhook(world, changed)))


async def delete_webhook(request: Request) -> Response:
    """DELETE /v2/webhooks/{webhook}: answers what it was."""
    webhook, world = _one(request), world_of(request)
    del world.webhooks[webhook.id]
    return Answer(shapes.success(shapes.webhook(world, webhook)))


async def delete_webhooks(request: Request) -> Response:
    """DELETE /v2/event-types/{id}/webhooks: all of them; a user's own know no such thing."""
    world, found = world_of(request), _mine(request)
    for one in found:
        del world.webhooks[one.id]
    return Answer(shapes.success(f"{len(found)} webhooks deleted"))


def _event_type_id(request: Request) -> int | None:
    if "id" not in request.path_params:
        return None
    if "team" in request.path_params:
        kind = team_event_type(request)
        if signed_in(request).id not in team_of(request).admin_ids:
            raise Refused(403, "RolesGuard - User does not have the role TEAM_ADMIN.")
        return kind.id
    user, number = signed_in(request), request.path_params["id"]
    kind = world_of(request).event_type(number)
    if kind.owner_id != user.id or kind.team_id is not None:
        raise Refused(403, f"User with ID={user.id} does not own event type with ID={number}")
    return int(number)


def _mine(request: Request) -> list[Webhook]:
    user, number = signed_in(request), _event_type_id(request)
    known = list(world_of(request).webhooks.values())
    if number is not None:
        return [one for one in known if one.event_type_id == number]
    return [one for one in known if one.user_id == user.id and _is_personal(one)]


def _is_personal(webhook: Webhook) -> bool:
    return webhook.event_type_id is None and webhook.team_id is None


def _one(request: Request) -> Webhook:
    webhook_id = request.path_params["webhook"]
    signed_in(request)
    webhook = world_of(request).webhooks.get(webhook_id)
    if webhook is None:
        raise Refused(404, f"Webhook ({webhook_id}) not found")
    if webhook not in _mine(request):
        raise Refused(403, "User is not allowed to access this webhook")
    return webhook


def _refuse_twice(request: Request, url: str) -> None:
    if any(one.url == url for one in _mine(request)):
        whose = "event type" if "id" in request.path_params else "user"
        raise Refused(409, f"Webhook with this subscriber url already exists for this {whose}")


def _refuse_private(world: World, url: str) -> None:
    """As hosted Cal.com: https, and not the network that Cal.com itself is in."""
    if world.edition.webhook_urls == "any":
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        raise Refused.bad_request("Webhook URL is not allowed: Only HTTPS URLs are allowed")
    try:
        private = not ipaddress.ip_address(host).is_global
    except ValueError:
        private = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    if private:
        raise Refused.bad_request("Webhook URL is not allowed: Private IP address")


def _whole(request: Request, name: str, usual: int, most: int = 1_000_000) -> int:
    text = request.query_params.get(name, str(usual))
    if not text.isdigit() or int(text) > most:
        raise Refused.bad_request(f"{name} must not be greater than {most}")
    return int(text)


def _refuse_invalid(request: Request, body: JSON, *, needed: bool) -> None:
    if needed or "subscriberUrl" in body:
        url = body.get("subscriberUrl")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise invalid(body, subscriberUrl="subscriberUrl must be a URL address")
        _refuse_private(world_of(request), url)
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
    versions = world_of(request).edition.webhook_versions
    if versions and body.get("version") not in {None, *versions}:
        raise invalid(
            body, version=f"version must be one of the following values: {', '.join(versions)}"
        )


def _changed(webhook: Webhook, body: JSON) -> Webhook:
    changes = {ours: body[theirs] for theirs, ours in _FIELDS if theirs in body}
    if "triggers" in body:
        changes["triggers"] = tuple(body["triggers"])
    changes["version"] = changes.get("version") or webhook.version
    return replace(webhook, **changes)


_OF_EVENT_TYPES = ("/v2/event-types/{id:int}", "/v2/teams/{team:int}/event-types/{id:int}")
ROUTES = [
    Route(f"{owner}/webhooks", delete_webhooks, methods=["DELETE"]) for owner in _OF_EVENT_TYPES
] + [
    Route(f"{owner}/webhooks{one}", endpoint, methods=[method])
    for owner in ("/v2", *_OF_EVENT_TYPES)
    for one, method, endpoint in (
        ("", "GET", list_webhooks),
        ("", "POST", create_webhook),
        ("/{webhook}", "GET", get_webhook),
        ("/{webhook}", "PATCH", update_webhook),
        ("/{webhook}", "DELETE", delete_webhook),
    )
]
