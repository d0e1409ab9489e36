"""API v2: teams, and their event types. A person's own webhook hears nothing of these."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calcom_simulator import catalogue, shapes
from calcom_simulator.door import (
    EVENT_TYPES,
    Answer,
    not_routed,
    only_in,
    signed_in,
    world_of,
)
from calcom_simulator.model import EventType, Refused, Team
from calcom_simulator.world import World


async def list_teams(request: Request) -> Response:
    """GET /v2/teams: those one is a member of."""
    user, world = signed_in(request), _world_with_teams(request)
    mine = [one for one in world.teams.values() if user.id in one.member_ids]
    return Answer(shapes.success([catalogue.team(one) for one in mine]))


async def get_team(request: Request) -> Response:
    """GET /v2/teams/{team}"""
    return Answer(shapes.success(catalogue.team(team_of(request))))


@only_in(EVENT_TYPES)
async def list_event_types(request: Request) -> Response:
    """GET /v2/teams/{team}/event-types"""
    world, team = world_of(request), team_of(request)
    told = [
        catalogue.team_event_type(world, one)
        for one in world.event_types.values()
        if one.team_id == team.id
    ]
    return Answer(shapes.success(told))


@only_in(EVENT_TYPES)
async def get_event_type(request: Request) -> Response:
    """GET /v2/teams/{team}/event-types/{id}"""
    kind = team_event_type(request)
    return Answer(shapes.success(catalogue.team_event_type(world_of(request), kind)))


def team_of(request: Request) -> Team:
    """The team in the path, if one is a member. Raises Refused."""
    user, number = signed_in(request), request.path_params["team"]
    team = _world_with_teams(request).teams.get(number)
    if team is None or user.id not in team.member_ids:
        raise Refused(403, f"RolesGuard - User is not a member of team with id ({number}).")
    return team


def team_event_type(request: Request) -> EventType:
    """The event type in the path, if it is the team's. Raises Refused."""
    team, number = team_of(request), request.path_params["id"]
    kind = world_of(request).event_types.get(number)
    if kind is None or kind.team_id != team.id:
        raise Refused(404, f"Team event type with id {number} not found")
    return kind


def _world_with_teams(request: Request) -> World:
    world = world_of(request)
    if not world.edition.has_teams:
        raise not_routed(request)
    return world


ROUTES = [
    Route("/v2/teams", list_teams, methods=["GET"]),
    Route("/v2/teams/{team:int}", get_team, methods=["GET"]),
    Route("/v2/teams/{team:int}/event-types", list_event_types, methods=["GET"]),
    Route("/v2/teams/{team:int}/event-types/{id:int}", get_event_type, methods=["GET"]),
]
