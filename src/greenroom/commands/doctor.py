"""The doctor on the command line: every check with its fix."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from greenroom.calcom import readable
from greenroom.commands import probing
from greenroom.commands.opening import DataDir, settings_of_data, tell, with_parts
from greenroom.doctor import actions
from greenroom.doctor.health import Health, Looked
from greenroom.doctor.model import Area, Found, Light
from greenroom.errors import GreenroomError
from greenroom.parts import Parts

cli = typer.Typer()

_DOTS = {Light.GREEN: "●", Light.OFF: "○", Light.AMBER: "▲", Light.RED: "✖"}
_COLOURS = {
    Light.GREEN: "green",
    Light.OFF: "bright_black",
    Light.AMBER: "yellow",
    Light.RED: "red",
}
_WORD, _TITLE = 10, 22
"""Columns of the light's word, and of the check's title."""


@cli.command()
def doctor(
    checks: Annotated[
        list[str] | None, typer.Argument(metavar="CHECK...", help="Only these; none: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002  (a flag)
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended.")] = False,  # noqa: FBT002  (a flag)
    probe: Annotated[
        str | None,
        typer.Option(metavar="EVENT-TYPE", help="Book this hidden event type, and cancel it."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Look at everything and say what is wrong, with the fix; exit 1 if something is red."""

    async def run(parts: Parts) -> None:
        if probe is not None:
            await probing.tried(parts, probe)
            return
        looked = await _examined(parts, checks)
        if fix and await _mended(parts, looked):
            looked = await _examined(parts, checks)
        async with parts.database.transaction() as tx:
            names = await readable.names(tx)
        health = Health(looked=looked, names=names)
        if as_json:
            print(json.dumps(health.as_data(), default=_plain, indent=2))
        else:
            _show(health)
        if health.light is Light.RED:
            raise typer.Exit(1)

    with_parts(settings_of_data(data_dir), run)


async def _examined(parts: Parts, checks: Sequence[str] | None) -> Sequence[Looked]:
    # A shell may lack what `greenroom serve` was started with: its findings are not kept.
    return await actions.look(parts, which=checks or "all", now=datetime.now(UTC))


async def _mended(parts: Parts, looked: Sequence[Looked]) -> bool:
    """Whether there was anything to mend; what was done, or why it was not, is said."""
    tried = False
    for each in looked:
        for found in each.found:
            if not _can_be_mended(each, found):
                continue
            tried = True
            try:
                done = await actions.mend(
                    parts,
                    each.check.id,
                    found.finding.connection_id,
                    by="a command",
                    now=datetime.now(UTC),
                    keeps=False,
                )
                typer.echo(f"{each.check.title}: {done}", err=True)
            except GreenroomError as error:
                tell(error)
    return tried


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _show(health: Health) -> None:
    console = Console(highlight=False)
    later = health.later
    for area in Area:
        mine = [each for each in health.looked if each.check.area is area]
        if not mine:
            continue
        console.print(Text(f"\n{area.value}", style="bold"))
        for each in mine:
            if each.check.id not in later:
                for found in each.found:
                    if not _waits(each, found, health):
                        _line(console, each, found, health)
        _and_then(console, mine, health)
    console.print(Text(f"\n{health.summary}.", style=f"bold {_COLOURS[health.light]}"))
    if any(_can_be_mended(each, found) for each in health.looked for found in each.found):
        console.print("`greenroom doctor --fix` mends what has a button on the page Health.")


def _waits(looked: Looked, found: Found, health: Health) -> bool:
    return health.is_repeated(found) or looked.check.id in health.later


def _and_then(console: Console, looked: Sequence[Looked], health: Health) -> None:
    """Checks that wait for the same as one above: their names alone, by connection."""
    waiting: dict[str, list[str]] = {}
    for each in looked:
        for found in each.found:
            if _waits(each, found, health):
                name = _name(found, health)
                waiting.setdefault(f", for {name}" if name else "", []).append(each.check.title)
    for of, titles in waiting.items():
        start = Text(f"  {_DOTS[Light.OFF]} {Light.OFF.label:<{_WORD}}", style=_COLOURS[Light.OFF])
        _wrapped(console, start, f"After that{of}: {', '.join(titles)}.", " " * (4 + _WORD))


def _name(found: Found, health: Health) -> str | None:
    """What its connection is called, where there are several."""
    return health.names.get(found.finding.connection_id or 0) if len(health.names) > 1 else None


def _line(console: Console, looked: Looked, found: Found, health: Health) -> None:
    finding = found.finding
    colour = _COLOURS[finding.light]
    name = _name(found, health)
    of = f"{name}: " if name else ""
    line = Text(f"  {_DOTS[finding.light]} {finding.light.label:<{_WORD}}", style=colour)
    line.append(f"{looked.check.title:<{_TITLE}} ", style="default")
    indent = " " * (4 + _WORD + _TITLE + 1)
    _wrapped(console, line, of + finding.what, indent)
    style = colour if finding.light in {Light.AMBER, Light.RED} else "default"
    for do in to_do(looked, found):
        _wrapped(console, Text(indent), f"→ {do}", f"{indent}  ", style)


def to_do(looked: Looked, found: Found) -> Sequence[str]:
    """What to do about it, in the words of a terminal: it has no buttons."""
    do, offer = found.finding.do, found.finding.offer
    do = do.replace("Press Check again", "Run this again").replace(
        "press Check again", "run this again"
    )
    if offer is None:
        return [do] if do else []
    if not _can_be_mended(looked, found):
        return [do.replace(f"Press {offer}", f"Press {offer} on the page Health")] if do else []
    run = f"`greenroom doctor --fix {looked.check.id}`"
    if f"Press {offer}" in do:
        return [do.replace(f"Press {offer}", f"Run {run}")]
    return [each for each in (do, f"Greenroom does it: {run}.") if each]


def _wrapped(
    console: Console, start: Text, words: str, indent: str, style: str = "default"
) -> None:
    """On a terminal, lines go on below where they began; in a file each stays one line."""
    if not console.is_terminal or console.width < 2 * len(indent):
        console.print(start.append(words, style=style), soft_wrap=True)
        return
    first, *rest = Text(words, style=style).wrap(console, console.width - len(indent))
    console.print(start.append(first), soft_wrap=True)
    for each in rest:
        console.print(Text(indent).append(each), soft_wrap=True)


def _can_be_mended(looked: Looked, found: Found) -> bool:
    is_wrong = found.finding.light in {Light.AMBER, Light.RED}
    can = looked.check.mend is not None and looked.check.by_itself
    return is_wrong and can and found.finding.offer is not None
