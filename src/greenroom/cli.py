"""Every command. Each opens what it needs, with and without a running `serve` beside it."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from greenroom import app as house
from greenroom import demonstration, logs, settings
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.calcom import connecting, connections, deliveries, reconcile
from greenroom.errors import GreenroomError, Invalid
from greenroom.parts import Parts
from greenroom.settings import Settings

cli = typer.Typer(
    name="greenroom",
    help="Interview scheduling on Cal.com: send booking links, watch the dots turn green.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
user = typer.Typer(help="People who sign in.", no_args_is_help=True)
token = typer.Typer(help="Tokens for the JSON API.", no_args_is_help=True)
cli.add_typer(user, name="user")
cli.add_typer(token, name="token")

DataDir = Annotated[
    Path | None, typer.Option(help="Where the embedded database lives [GREENROOM_DATA_DIR].")
]


def main() -> None:
    """Run the command line. A problem is told in two sentences, and the exit code is 1."""
    # Whoever tells us to stop gets what Ctrl+C gets: the embedded database is put away.
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:  # nohup wants it ignored
            signal.signal(each, signal.default_int_handler)
    try:
        cli()
    except GreenroomError as error:
        _tell(error)
        sys.exit(1)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8000,
    data_dir: DataDir = None,
    no_work: Annotated[bool, typer.Option("--no-work", help="Only the web, no jobs.")] = False,  # noqa: FBT002  (a flag)
) -> None:
    """Run the application: web and background work."""
    chosen = _settings_of_a_server(data_dir)
    listener = house.listen(host, port)
    port = listener.getsockname()[1]
    chosen = chosen.listening_on(port)

    async def run(parts: Parts) -> None:
        await house.check_secrets(parts)
        await _say_how_to_begin(parts)
        print(f"Greenroom is on {chosen.origin} (listening on {host}:{port}).", flush=True)
        await house.serve(chosen, parts, listener, works=not no_work)

    with suppress(KeyboardInterrupt):  # told to stop while it begins
        _with_parts(chosen, run)


@cli.command()
def work(data_dir: DataDir = None) -> None:
    """Only the background work, for more processes beside `serve`."""
    with suppress(KeyboardInterrupt):
        _with_parts(_settings_of_a_server(data_dir), house.work_only)


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
def connect(
    name: Annotated[str, typer.Option(help="What to call this account.")] = "Cal.com",
    api_url: Annotated[str | None, typer.Option(help="The API, up to /v2.")] = None,
    api_key: Annotated[str | None, typer.Option(help="cal_live_...; none: webhooks only.")] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="Unset: one is made.")] = None,
    skip_check: Annotated[bool, typer.Option("--skip-check", help="Do not ask Cal.com.")] = False,  # noqa: FBT002  (a flag)
    data_dir: DataDir = None,
) -> None:
    """Connect a Cal.com account: check the key, list event types, make or mend the webhook."""
    chosen = _settings(data_dir)
    key = api_key or (chosen.calcom_api_key and chosen.calcom_api_key.get_secret_value())
    url = (api_url or str(chosen.calcom_api_url)).rstrip("/")

    async def run(parts: Parts) -> None:
        done = await connecting.connect(
            parts.database,
            parts.seal,
            parts.http,
            name=name,
            api_url=url,
            api_key=key or None,
            secret=webhook_secret,
            check=not skip_check,
            webhook_url=chosen.webhook_url,
            reachable=chosen.is_reachable_from(url),
            now=datetime.now(UTC),
        )
        _print_connected(done, chosen)

    _with_parts(chosen, run)


@cli.command(name="reconcile")
def reconcile_now(
    since: Annotated[datetime | None, typer.Option(help="Ask for changes since (UTC).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask Cal.com now what changed, and take it in."""
    chosen = _settings(data_dir)

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            known = await connections.every(tx, parts.seal)
        asked = [each for each in known if each.api_key is not None]
        if not asked:
            raise Invalid(
                "There is no connection with an API key, so Cal.com cannot be asked.",
                do="Run `greenroom connect --api-key cal_live_...` first.",
            )
        failed = [each for each in asked if not await _reconciled(parts, each, since)]
        if failed:
            raise typer.Exit(1)

    _with_parts(chosen, run)


@cli.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database up to this version; `serve` does so by itself."""

    async def run(parts: Parts) -> None:
        del parts
        print("The database is up to date.")

    _with_parts(_settings(data_dir), run)


@cli.command()
def replay(
    ids: Annotated[list[int], typer.Argument(metavar="DELIVERY...", help="Numbers of deliveries.")],
    data_dir: DataDir = None,
) -> None:
    """Take deliveries in again, as if new. The same news never counts twice."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            for id_ in ids:
                await deliveries.get(tx, id_)
            found = await deliveries.replay(tx, ids)
        while await deliveries.drain(parts.database, now=datetime.now(UTC)):
            pass
        print(f"Took in {found} of {len(ids)} deliveries again.")
        for id_ in ids:
            each = await _settled(parts, id_)
            print(f"{id_}: {each.state}: {each.outcome}")

    _with_parts(_settings(data_dir), run)


@user.command("add")
def add_user(
    email: str,
    name: Annotated[str, typer.Option(help="As colleagues and candidates read it.")] = "",
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.RECRUITER,
    data_dir: DataDir = None,
) -> None:
    """Add a person; prints the link with which they choose a password."""
    chosen = _settings(data_dir)

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            person, ticket = await accounts.add_user(
                tx, email=email, name=name or email, role=role, now=datetime.now(UTC)
            )
        address = accounts.set_up_address(chosen.origin, ticket)
        print(f"Hand this link to {person.email}; it works once:\n{address}")

    _with_parts(chosen, run)


@user.command("list")
def list_users(data_dir: DataDir = None) -> None:
    """Show everyone, with role and whether they can sign in."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            for each in await accounts.list_users(tx):
                state = "disabled" if each.disabled_at else "enabled"
                print(f"{each.email}\t{each.name}\t{each.role}\t{state}")

    _with_parts(_settings(data_dir), run)


@user.command("disable")
def disable_user(email: str, data_dir: DataDir = None) -> None:
    """End a person's sessions and let them in no more."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            person = await accounts.by_email(tx, email)
            assert person.id is not None
            await accounts.disable_user(tx, person.id, datetime.now(UTC))
        print(f"{email} can no longer sign in.")

    _with_parts(_settings(data_dir), run)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    data_dir: DataDir = None,
) -> None:
    """Make an API token; prints only the token, and it is shown only now."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            print(await accounts.create_token(tx, name, role, datetime.now(UTC)))

    _with_parts(_settings(data_dir), run)


def _tell(error: GreenroomError) -> None:
    print(f"{error.what}\n{error.do}", file=sys.stderr)


def _settings(data_dir: Path | None) -> Settings:
    """For a command beside `serve`: its own output is what counts, so few log lines."""
    chosen = settings.load(data_dir=data_dir).beside_serve()
    logs.set_up(chosen.log_level if "log_level" in chosen.model_fields_set else "warning")
    return chosen


def _settings_of_a_server(data_dir: Path | None) -> Settings:
    chosen = settings.load(data_dir=data_dir)
    logs.set_up(chosen.log_level)
    return chosen


def _with_parts(chosen: Settings, command: Callable[[Parts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house.opened(chosen) as parts:
            await command(parts)

    house.run(run())


async def _say_how_to_begin(parts: Parts) -> None:
    async with parts.database.transaction() as tx:
        ticket = await accounts.first_ticket(tx, datetime.now(UTC))
    if ticket is not None:
        print(
            "Nobody can sign in yet. Open this link to become the first user; it works once:\n"
            f"{accounts.set_up_address(parts.settings.origin, ticket)}",
            flush=True,
        )


async def _settled(parts: Parts, id_: int) -> deliveries.Delivery:
    """The delivery, once it is no longer new: a `serve` beside us may have claimed it first."""
    for _ in range(100):
        async with parts.database.transaction() as tx:
            each = await deliveries.get(tx, id_)
        if each.state is not deliveries.State.NEW:
            break
        await asyncio.sleep(0.1)
    return each


async def _reconciled(
    parts: Parts, connection: connections.Connection, since: datetime | None
) -> bool:
    """Whether it went well; what is wrong with one account is no reason to leave the others."""
    if since is not None:
        connection = connections.asked_since(connection, since.replace(tzinfo=since.tzinfo or UTC))
    try:
        run = await _reconcile(parts, connection)
    except GreenroomError as error:
        _tell(error)
        return False
    print(
        f"{connection.name}: {run.seen} bookings in {run.requests} answers, {run.changed} changed."
    )
    return True


async def _reconcile(parts: Parts, connection: connections.Connection) -> reconcile.SyncRun:
    def clock() -> datetime:
        return datetime.now(UTC)

    async with parts.database.transaction() as tx:
        begun = await reconcile.begin(tx, connection, asked_by="a command", now=clock())
    run = await reconcile.reconcile(
        parts.database, parts.calcom(connection), connection, begun, clock=clock
    )
    if run.error is not None:
        raise GreenroomError(f"{connection.name}: {run.error}", do="What was known stays as it is.")
    return run


def _print_connected(done: connecting.Connected, chosen: Settings) -> None:
    print(f"Connected “{done.connection.name}” ({done.connection.api_url}).")
    if done.connection.api_key is None:
        print("Without an API key it only listens to webhooks; enter its event types by hand.")
    else:
        print(f"Event types: {done.event_types}.")
    print(f"Webhook address: {chosen.webhook_url}\nWebhook: {done.webhook}")
    if done.new_secret is not None:
        print(f"Webhook secret, shown only now: {done.new_secret}")
