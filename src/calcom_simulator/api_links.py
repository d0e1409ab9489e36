"""API v2: private links, in the manner of the edition (see `editions.Edition`)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import catalogue, shapes
from calcom_simulator.api_offers import own_event_type
from calcom_simulator.door import (
    OLDEST,
    Answer,
    body_of,
    invalid,
    not_routed,
    version_of,
    world_of,
)
from calcom_simulator.model import JSON, EventType, PrivateLink, Refused
from calcom_simulator.moments import parse


async def list_private_links(request: Request) -> Response:
    """GET /v2/event-types/{id}/private-links; not paginated."""
    kind, world = _linked(request), world_of(request)
    links = [link for link in world.links.values() if link.event_type_id == kind.id]
    return Answer(shapes.success([catalogue.private_link(world, link) for link in links]))


async def create_private_link(request: Request) -> Response:
    """POST /v2/event-types/{id}/private-links {expiresAt} or {maxUsageCount}"""
    kind, world, body = _linked(request), world_of(request), await body_of(request)
    expires_at, uses = body.get("expiresAt"), body.get("maxUsageCount")
    if expires_at is None and uses is None:
        if world.edition.private_links == "unversioned":
            raise Refused.bad_request("Either expiresAt or maxUsageCount must be provided")
        uses = 1
    link = PrivateLink(world.new_uid(), kind.id, None, None)
    _limit(link, body | {"maxUsageCount": uses})
    world.links[link.id] = link
    return Answer(shapes.success(catalogue.private_link(world, link)), 201)


async def update_private_link(request: Request) -> Response:
    """PATCH .../private-links/{link}: an omitted `expiresAt` is forgotten."""
    link = _link(request)
    _limit(link, {"maxUsageCount": link.max_uses or 1, **await body_of(request)})
    return Answer(shapes.success(catalogue.private_link(world_of(request), link)))


async def delete_private_link(request: Request) -> Response:
    """DELETE .../private-links/{link}"""
    link = _link(request)
    del world_of(request).links[link.id]
    told = {"linkId": link.id, "message": "Private link deleted successfully"}
    return Answer(shapes.success(told))


def _linked(request: Request) -> EventType:
    """The event type, if the version header is the one this edition wants."""
    wanted = {"versioned": "2024-09-04", "unversioned": OLDEST, "none": ""}
    if version_of(request) != wanted[world_of(request).edition.private_links]:
        raise not_routed(request)
    return own_event_type(request)


def _link(request: Request) -> PrivateLink:
    kind, link_id = _linked(request), request.path_params["link"]
    link = world_of(request).links.get(link_id)
    if link is None or link.event_type_id != kind.id:
        raise Refused(404, f"Private link with ID {link_id} not found")
    return link


def _limit(link: PrivateLink, body: JSON) -> None:
    expires_at, uses = body.get("expiresAt"), body.get("maxUsageCount")
    if expires_at is not None and uses is not None:
        raise Refused.bad_request("Provide only one of expiresAt or maxUsageCount")
    if uses is not None and (not isinstance(uses, int) or uses < -1 or uses == 0):
        raise invalid(body, maxUsageCount="maxUsageCount must be a positive number")
    try:
        link.expires_at = None if expires_at is None else parse(str(expires_at))
    except ValueError as error:
        raise invalid(body, expiresAt="expiresAt must be a valid ISO 8601 date string") from error
    link.max_uses = uses


ROUTES = [
    Route("/v2/event-types/{id:int}/private-links", list_private_links, methods=["GET"]),
    Route("/v2/event-types/{id:int}/private-links", create_private_link, methods=["POST"]),
    Route("/v2/event-types/{id:int}/private-links/{link}", update_private_link, methods=["PATCH"]),
    Route("/v2/event-types/{id:int}/private-links/{link}", delete_private_link, methods=["DELETE"]),
]
