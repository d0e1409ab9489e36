"""The application: API v2, the pages and the controls of one world."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from calcom_simulator import (
    api,
    api_links,
    api_offers,
    api_teams,
    api_webhooks,
    booking_pages,
    control_api,
    control_owners,
    control_pages,
    host_pages,
    pages,
)
from calcom_simulator.door import Door, not_routed, refuse
from calcom_simulator.model import Refused
from calcom_simulator.render import STATIC, missing
from calcom_simulator.state import Keeper, Noting
from calcom_simulator.webhooks import Postman
from calcom_simulator.world import World


async def _not_there(request: Request) -> Response:
    raise not_routed(request)


_ALARM_SECONDS = 1.0
_ROUTES = [
    *api.ROUTES,
    *api_offers.ROUTES,
    *api_links.ROUTES,
    *api_webhooks.ROUTES,
    *api_teams.ROUTES,
    Route("/v2/{path:path}", _not_there, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
    Mount("/static", StaticFiles(directory=STATIC)),
    *control_api.ROUTES,
    *control_owners.ROUTES,
    *control_pages.ROUTES,
    *host_pages.ROUTES,
    *booking_pages.ROUTES,
    *pages.ROUTES,  # last: /<username>/<slug> fits almost everything
]


def create_app(
    world: World,
    transport: httpx2.AsyncBaseTransport | None = None,
    keeper: Keeper | None = None,
) -> Starlette:
    """Serve `world`. `transport`: how webhooks travel, if not over the network.

    Works without lifespan too, except that the clock then rings no MEETING_* by itself, and
    `keeper` saves nothing.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        postman: Postman = app.state.postman
        tasks = [asyncio.create_task(_ring_for_ever(postman, keeper))]
        if keeper is not None:
            tasks.append(asyncio.create_task(keeper.run()))
        yield
        for task in tasks:
            task.cancel()
        await postman.close()
        if keeper is not None:
            keeper.keep()

    noting = [] if keeper is None else [Middleware(Noting, keeper=keeper)]
    app = Starlette(
        routes=_ROUTES,
        middleware=[*noting, Middleware(Door, world=world)],
        exception_handlers={Refused: refuse, HTTPException: _unknown},
        lifespan=lifespan,
    )
    app.state.world = world
    app.state.postman = Postman(world, transport)
    return app


async def _ring_for_ever(postman: Postman, keeper: Keeper | None) -> None:
    while True:
        if await postman.ring_alarms() and keeper is not None:
            keeper.note()
        await asyncio.sleep(_ALARM_SECONDS)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith(f"{request.scope['root_path']}/v2/"):
        return await refuse(request, not_routed(request))
    return missing(request, "There is no such page.")
