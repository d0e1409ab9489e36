"""Asking Cal.com from the command line, and watching how it goes."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from greenroom.calcom import budget, connections
from greenroom.calcom.budget import Standing
from greenroom.calcom.connections import Connection
from greenroom.commands.opening import DataDir, settings_of_data, tell, with_parts
from greenroom.errors import GreenroomError, Invalid
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs
from greenroom.syncs import drift, runs
from greenroom.syncs.runs import Kind, SyncRun

cli = typer.Typer()

_LOOK = 0.3
"""Seconds between two looks at how it goes."""
_A_LINE_EACH = 10
"""Pages, where nobody watches a terminal."""
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""Cal.com is younger."""


@cli.command()
def reconcile(
    full: Annotated[bool, typer.Option("--full", help="Compare all that is not over.")] = False,  # noqa: FBT002  (a flag)
    since: Annotated[datetime | None, typer.Option(help="Ask for changes since (UTC).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Ask Cal.com now what changed, and take it in."""
    if full and since is not None:
        raise Invalid(
            "A full compare asks for everything that is not over, since whenever.",
            do="Give --full or --since, not both.",
        )
    if since is not None and _aware(since) > datetime.now(UTC):
        raise Invalid(
            f"{since:%Y-%m-%d %H:%M} (UTC) is still to come: nothing can have changed since.",
            do="Give --since a moment that is over, or leave it out.",
        )
    if since is not None and _aware(since) < _FIRST:
        raise Invalid(
            f"{since.date()} is before Cal.com was there: no booking changed then.",
            do=f"Give --since a day after {_FIRST.date()}.",
        )
    wanted = None if since is None else _aware(since)

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            known = await connections.every(tx, parts.seal)
        asked = [each for each in known if each.api_key is not None]
        if not asked:
            raise Invalid(
                "There is no connection with an API key, so Cal.com cannot be asked.",
                do="Run `greenroom connect --api-key cal_live_...` first.",
            )
        kind = Kind.FULL if full else Kind.INCREMENTAL
        failed = [each for each in asked if not await _asked(parts, each, kind, wanted)]
        if failed:
            raise typer.Exit(1)

    with_parts(settings_of_data(data_dir), run)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=moment.tzinfo or UTC)


async def _asked(parts: Parts, connection: Connection, kind: Kind, since: datetime | None) -> bool:
    """Whether it went well; what is wrong with one account is no reason to leave the others."""
    try:
        run = await _follow(parts, connection, kind, since)
    except GreenroomError as error:
        tell(error)
        return False
    async with parts.database.transaction() as tx:
        counted = (await drift.counts(tx, [run.id])).get(run.id, {})
    off = ", ".join(f"{count} {each.label}" for each, count in counted.items())
    print(
        f"{connection.name}: {run.seen} answers about bookings in {run.requests} requests, "
        f"{run.changed} changed." + (f" Deliveries: {off}." if off else "")
    )
    return True


async def _follow(
    parts: Parts, connection: Connection, kind: Kind, since: datetime | None
) -> SyncRun:
    """Have it asked, here or by a `serve` beside us, until it has ended. Raises GreenroomError."""
    while True:
        async with parts.database.transaction() as tx:
            standing = (await budget.standings(tx)).get(connection.id, Standing())
            syncs.demand(connection, standing, datetime.now(UTC))
            run, is_new = await runs.begin(
                tx, connection.id, kind, asked_by="a command", since=since, now=datetime.now(UTC)
            )
        run = await _watched(parts, connection, run)
        if run.error is not None:
            raise GreenroomError(f"{connection.name}: {run.error}", do=_ON[run.finished_at is None])
        if is_new or since is None:
            return run


_ON = {
    False: "What was known stays as it is.",
    True: "It goes on by itself while `greenroom serve` runs, or when you give the command again.",
}
"""What becomes of a run that stopped, by whether it is still under way."""


async def _watched(parts: Parts, connection: Connection, run: SyncRun) -> SyncRun:
    with _shown(connection.name) as shown:
        while True:
            async with parts.database.transaction() as tx:
                connection = await connections.get(tx, parts.seal, connection.id)
            work = asyncio.create_task(syncs.carry_on(parts.leader(connection)))
            try:
                while not work.done():
                    await asyncio.wait([work], timeout=_LOOK)
                    run = await _read(parts, run.id)
                    shown.tell(run)
                    if run.finished_at is not None:
                        return run  # What else is under way goes on without us.
                await work
            finally:
                work.cancel()
                # It gives its claim back first, so that nobody has to wait that out.
                await asyncio.gather(work, return_exceptions=True)
            if run.finished_at is not None or run.error is not None:
                return run
            # Another process asks; it tells us how that goes by the same row.
            await asyncio.sleep(_LOOK)


async def _read(parts: Parts, run_id: int) -> SyncRun:
    async with parts.database.transaction() as tx:
        return await runs.run(tx, run_id)


@dataclass
class _Shown:
    """A bar on a terminal, else a line now and then."""

    name: str
    bar: Progress | None
    task: TaskID | None
    said: int = 0

    def tell(self, run: SyncRun) -> None:
        """Show how far it has come."""
        if self.bar is not None and self.task is not None:
            self.bar.update(
                self.task, completed=run.pages, total=run.pages_about, where=_where(run)
            )
        elif run.pages >= self.said + _A_LINE_EACH:
            self.said = run.pages
            print(f"{self.name}: {_where(run)}", file=sys.stderr, flush=True)


@contextmanager
def _shown(name: str) -> Iterator[_Shown]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Shown(name, None, None)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[where]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Shown(name, bar, bar.add_task(name, total=None, where=""))


def _where(run: SyncRun) -> str:
    about = f" of about {run.pages_about}" if run.pages_about else ""
    singly = f", {run.singly} one by one" if run.singly else ""
    return f"page {run.pages}{about}, {run.seen} bookings{singly}"
