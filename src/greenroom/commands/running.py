"""Commands that run Greenroom, or bring it up to date."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from greenroom import app as house
from greenroom import demonstration
from greenroom.accounts import actions as accounts
from greenroom.commands.opening import DataDir, settings_beside, settings_of_a_server, with_parts
from greenroom.parts import Parts

cli = typer.Typer()


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8000,
    data_dir: DataDir = None,
    no_work: Annotated[bool, typer.Option("--no-work", help="Only the web, no jobs.")] = False,  # noqa: FBT002  (a flag)
) -> None:
    """Run the application: web and background work."""
    chosen = settings_of_a_server(data_dir)
    listener = house.listen(host, port)
    port = listener.getsockname()[1]
    chosen = chosen.listening_on(port)

    async def run(parts: Parts) -> None:
        await house.check_secrets(parts)
        await _say_how_to_begin(parts)
        print(f"Greenroom is on {chosen.origin} (listening on {host}:{port}).", flush=True)
        await house.serve(chosen, parts, listener, works=not no_work)

    with suppress(KeyboardInterrupt):  # told to stop while it begins
        with_parts(chosen, run)


@cli.command()
def work(data_dir: DataDir = None) -> None:
    """Only the background work, for more processes beside `serve`."""
    with suppress(KeyboardInterrupt):
        with_parts(settings_of_a_server(data_dir), house.work_only)


@cli.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Greenroom's port.")] = 8000,
    simulator_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The Cal.com simulator's port.")
    ] = 5555,
    data_dir: Annotated[Path, typer.Option(help="Where the demo's data lives.")] = Path(
        "greenroom-demo"
    ),
    reset: Annotated[bool, typer.Option("--reset", help="Start afresh.")] = False,  # noqa: FBT002  (a flag)
) -> None:
    """Everything on this machine: application, database, Cal.com simulator, sample data."""
    with suppress(KeyboardInterrupt):
        demonstration.run(port=port, simulator_port=simulator_port, data_dir=data_dir, reset=reset)


@cli.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def simulate(context: typer.Context) -> None:
    """Run the Cal.com simulator alone; its options are shown by --help."""
    os.execv(sys.executable, [sys.executable, "-m", "calcom_simulator", *context.args])  # noqa: S606  (our own program)


@cli.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to this version; `serve` does so by itself."""

    async def run(parts: Parts) -> None:
        del parts
        print("The database is up to date.")

    with_parts(settings_beside(data_dir), run)


async def _say_how_to_begin(parts: Parts) -> None:
    async with parts.database.transaction() as tx:
        ticket = await accounts.first_ticket(tx, datetime.now(UTC))
    if ticket is not None:
        print(
            "Nobody can sign in yet. Open this link to become the first user; it works once:\n"
            f"{accounts.set_up_address(parts.settings.origin, ticket)}",
            flush=True,
        )
