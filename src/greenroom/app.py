"""The only place where the parts meet."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.routing import Route
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.server import HANDLED_SIGNALS

from greenroom import jobs, parts, work
from greenroom.accounts import pages as accounts_pages
from greenroom.addresses import pages as addresses_pages
from greenroom.bookings import api as bookings_api
from greenroom.bookings import inbox_api
from greenroom.bookings import pages as bookings_pages
from greenroom.calcom import api as calcom_api
from greenroom.calcom import connections, sealed, webhook_secrets
from greenroom.calcom import pages as calcom_pages
from greenroom.candidates import api as candidates_api
from greenroom.candidates import pages as candidates_pages
from greenroom.database import embedded, migrate
from greenroom.deliveries import api as delivery_api
from greenroom.deliveries import pages as delivery_pages
from greenroom.doctor import api as doctor_api
from greenroom.doctor import pages as doctor_pages
from greenroom.doctor.again import Again
from greenroom.doctor.glance import Glance
from greenroom.errors import Conflict
from greenroom.interviews import api as interviews_api
from greenroom.interviews import pages as interviews_pages
from greenroom.live import pages as live_pages
from greenroom.mail import pages as mail_pages
from greenroom.metrics import pages as metrics_pages
from greenroom.parts import Parts
from greenroom.settings import WEBHOOK_PATH, Settings
from greenroom.syncs import api as sync_api
from greenroom.syncs import pages as sync_pages
from greenroom.web import pages as web_pages
from greenroom.web import render

_ROOMS = (
    web_pages,
    accounts_pages,
    interviews_pages,
    candidates_pages,
    addresses_pages,
    calcom_pages,
    delivery_pages,
    sync_pages,
    bookings_pages,
    mail_pages,
    metrics_pages,
    doctor_pages,
    live_pages,
    interviews_api,
    candidates_api,
    bookings_api,
    inbox_api,
    calcom_api,
    delivery_api,
    sync_api,
    doctor_api,
)

_SAYS = {"title": "What happened.", "detail": "What to do about it."}
_PROBLEM = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "description": what} for name, what in _SAYS.items()},
        "status": {"type": "integer", "description": "The HTTP status once more."},
    },
    "required": ["title", "detail", "status"],
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Refused, or failed: what happened and what to do.",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
}
"""How every operation of the API says no, in place of FastAPI's own description."""


def create_app(settings: Settings, running: Parts) -> FastAPI:
    """The web application over parts that are open."""
    app = FastAPI(
        title="Greenroom",
        version=version("greenroom"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=_REFUSALS,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.parts = running
    app.state.glance = Glance()
    app.state.again = Again()
    # First, and a plain route: to look through every other one, and FastAPI's dependencies, would
    # cost a delivery more than all that is done with it.
    app.router.routes.append(Route(WEBHOOK_PATH, calcom_api.receive, methods=["POST"]))
    for room in _ROOMS:
        app.include_router(room.router)
    render.install(app, settings)
    return app


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """The database, migrated, and the parts on it; for the server and for every command."""
    with _database(settings) as url:
        await asyncio.to_thread(migrate.upgrade, url)
        async with jobs.opened(url), parts.opened(settings, url) as running:
            yield running


def _database(settings: Settings) -> AbstractContextManager[str]:
    if settings.database_url is not None:
        return nullcontext(settings.database_url)
    return embedded.running(settings.data_dir)


async def check_secrets(running: Parts) -> None:
    """Raise WrongKey now if Cal.com's secrets cannot be opened, not at each delivery.

    Those that a former key sealed are sealed anew.
    """
    await sealed.renew(running.database, running.seal)
    async with running.database.transaction() as tx:
        for connection in await connections.every(tx, running.seal):
            await webhook_secrets.newest_secret(tx, running.seal, connection.id)


def run(command: Coroutine[object, object, None]) -> None:
    """Run to the end, on the event loop that serves most requests a second."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(command)


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Take the port, 0 for a free one; whoever connects from now on waits for `serve`.

    Raises Conflict, which names the `option` to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Conflict(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            do=f"Stop the program that has it, or choose another with {option}.",
        ) from error


class Server(uvicorn.Server):
    """uvicorn waits for open streams before it lets go; `closing`, called first, ends them."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is ours, then as uvicorn does."""
        self._closing()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the signals, and no more.

        uvicorn would raise them again, and end the process before its database is put away.
        """
        before = {each: signal.signal(each, self.handle_exit) for each in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


async def serve(
    settings: Settings, running: Parts, listener: socket.socket, *, works: bool
) -> None:
    """Answer requests, and do the background work if `works`, until told to stop."""
    app = create_app(settings, running)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=4,
    )
    conninfo = running.database.conninfo
    settings.note_address()
    # All that is there now stays: no collection need look at it again, each time for long.
    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as group:
        needed = [
            group.create_task(work.forever("intake", running.intake.run)),
            group.create_task(work.forever("refusals", running.secrets.run)),
            group.create_task(work.forever("feed", running.feed.run, conninfo)),
            group.create_task(work.forever("announcer", running.announcer.run, conninfo)),
            group.create_task(work.forever("address", running.address.run, running.feed)),
            group.create_task(work.forever("tunnels", running.watch.run)),
            group.create_task(work.forever("glance", app.state.glance.run, running)),
        ]
        worker = group.create_task(work.run(running)) if works else None

        def closing() -> None:
            running.feed.close()
            if worker is not None:
                worker.cancel()  # its jobs end while the requests under way do

        await Server(config, closing).serve(sockets=[listener])
        for task in needed:
            task.cancel()


async def work_only(running: Parts) -> None:
    """The background work of a process without a web server, until it is told to stop."""
    await check_secrets(running)
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    conninfo = running.database.conninfo
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(work.forever("announcer", running.announcer.run, conninfo)),
            group.create_task(work.forever("address", running.address.run, running.feed)),
            group.create_task(work.run(running)),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()
