"""What every command needs: the settings, the parts on them, and a way to tell a problem."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from greenroom import app as house
from greenroom import logs, settings
from greenroom.errors import GreenroomError, NotFound
from greenroom.parts import Parts
from greenroom.settings import Settings

DataDir = Annotated[
    Path | None, typer.Option(help="Where the embedded database lives [GREENROOM_DATA_DIR].")
]


def tell(error: GreenroomError) -> None:
    """Say what happened and what to do, to whoever watches and not to what reads the output."""
    print(f"{error.what}\n{error.do}", file=sys.stderr)


def settings_beside(data_dir: Path | None) -> Settings:
    """For a command beside `serve`: its own output is what counts, so few log lines."""
    chosen = settings.load(data_dir=data_dir).beside_serve()
    logs.set_up(chosen.log_level if "log_level" in chosen.model_fields_set else "warning")
    return chosen


def settings_of_data(data_dir: Path | None) -> Settings:
    """For a command about what is there already: it makes no data directory of its own.

    Raises NotFound where there is none.
    """
    chosen = settings_beside(data_dir)
    if chosen.database_url is None and not _is_made(chosen.data_dir):
        place = chosen.data_dir if chosen.data_dir.is_absolute() else f"./{chosen.data_dir}"
        raise NotFound(
            f"There is no Greenroom data in {place}.",
            do="Give --data-dir, or start `greenroom serve` there first.",
        )
    return chosen


def settings_of_a_server(data_dir: Path | None) -> Settings:
    """For a command that runs until it is stopped, whose log is what people read."""
    chosen = settings.load(data_dir=data_dir)
    logs.set_up(chosen.log_level)
    return chosen


def _is_made(data_dir: Path) -> bool:
    try:
        return (data_dir.expanduser() / "postgres").is_dir()
    except OSError:  # what is wrong with it is said when it is opened
        return True


def with_parts(chosen: Settings, command: Callable[[Parts], Awaitable[None]]) -> None:
    """Run `command` on an open, migrated database, to its end."""

    async def run() -> None:
        async with house.opened(chosen) as parts:
            await command(parts)

    house.run(run())
