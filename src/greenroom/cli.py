"""The command line: every group of commands in one program. The commands are in `commands/`."""

import signal
import sys

import typer

from greenroom.commands import accounts, calcom, doctor, explain, running, syncing
from greenroom.commands.opening import tell
from greenroom.errors import GreenroomError

cli = typer.Typer(
    name="greenroom",
    help="Interview scheduling on Cal.com: send booking links, watch the dots turn green.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(running.cli)
cli.add_typer(calcom.cli)
cli.add_typer(doctor.cli)
cli.add_typer(syncing.cli)
cli.add_typer(explain.cli)
cli.add_typer(accounts.user, name="user")
cli.add_typer(accounts.token, name="token")


def main() -> None:
    """Run the command line. A problem is told in two sentences, and the exit code is 1."""
    # Whoever tells us to stop gets what Ctrl+C gets: the embedded database is put away.
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:  # nohup wants it ignored
            signal.signal(each, signal.default_int_handler)
    try:
        cli()
    except GreenroomError as error:
        tell(error)
        sys.exit(1)
