"""The end-to-end trial on the command line, each step as it comes."""

from datetime import UTC, datetime, timedelta

import typer

from greenroom.calcom import readable
from greenroom.calcom.connections import Connection
from greenroom.doctor import actions, asking
from greenroom.doctor import probe as trials
from greenroom.doctor.checks import scope
from greenroom.doctor.examination import Examination
from greenroom.doctor.steps import Step, read_steps
from greenroom.errors import NotFound
from greenroom.parts import Parts


async def tried(parts: Parts, slug: str, *, patience: timedelta = trials.PATIENCE) -> None:
    """Make the trial with the hidden event type `slug`; exit 1 if a step fails.

    Raises NotFound where no connection has it, and CalcomError.
    """
    connection = await _owner(parts, slug)
    async with parts.database.transaction() as tx:
        asked = await trials.ask(tx, connection.id, slug, by="a command", now=_now())
    probe = await trials.carry_out(parts, asked.token, clock=_now, patience=patience, tell=_say)
    await actions.examine(parts, which=["probe"], now=_now())
    if not all(each.is_good for each in read_steps(probe)):
        raise typer.Exit(1)


async def _owner(parts: Parts, slug: str) -> Connection:
    """The first connection that offers it."""
    async with parts.database.transaction() as tx:
        connections = await readable.every(tx, parts.seal)
    exam = Examination(parts=parts, now=_now(), connections=connections)
    missing = NotFound("No Cal.com account is connected that could be asked.", do=asking.CONNECT)
    for each in connections:
        if each.api_key is None:
            continue
        try:
            trials.fitting(scope.readable(await asking.event_types(exam, each)), slug)
        except NotFound as error:
            missing = error
        else:
            return each
    raise missing


async def _say(step: Step) -> None:
    typer.echo(f"{'●' if step.is_good else '✖'} {step.in_words}.")
    if step.do:
        typer.echo(f"  → {step.do}")


def _now() -> datetime:
    return datetime.now(UTC)
