"""Deliveries as files: CSV for spreadsheets, one JSON object a line for programs.

A file is written while it is sent, from one page of the list after the other, so that its
length costs no memory.
"""

import csv
import io
import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum

from greenroom.bookings.model import Uid
from greenroom.calcom import connections
from greenroom.database import Database
from greenroom.deliveries import listing
from greenroom.deliveries.listing import Wanted
from greenroom.deliveries.store import Delivery
from greenroom.errors import TooMany

_AT_ONCE = 1_000
_BODIES_AT_ONCE = 20
"""Deliveries in memory at a time, without and with bodies of up to 256 KiB."""
_STEERS = frozenset("=+-@\t\r")
"""What a cell begins with that spreadsheets take for a formula."""

Cell = str | int | None
Line = Mapping[str, Cell]

COLUMNS = (
    *("id", "received_at", "connection_id", "connection", "trigger", "state", "signature", "uid"),
    *("interview_ids", "outcome", "attempts", "duplicates", "last_duplicate_at", "bytes"),
)
"""Of every file; `body`, in base64, comes last where it was asked for."""


class Kind(StrEnum):
    """The form of a file, as addresses name it."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """For Content-Type."""
        return {
            Kind.CSV: "text/csv; charset=utf-8; header=present",
            Kind.NDJSON: "application/x-ndjson",
        }[self]


class Exports:
    """Who is being sent a file by this process: one at a time for each user."""

    def __init__(self) -> None:
        self._under_way: set[Hashable] = set()

    @contextmanager
    def of(self, user: Hashable) -> Iterator[None]:
        """Let `user` have a file. Raises TooMany while they are being sent another."""
        if user in self._under_way:
            raise TooMany(
                "You are being sent an export already.",
                do="Wait until it has come to its end, or stop it, then ask again.",
            )
        self._under_way.add(user)
        try:
            yield
        finally:
            self._under_way.discard(user)


async def begun(
    database: Database,
    wanted: Wanted,
    kind: Kind,
    *,
    bodies: bool,
    turn: AbstractContextManager[None],
) -> AsyncGenerator[bytes, None]:
    """A file in pieces, its first one read already, so that an error is still an answer.

    `turn` is held to the end of the file. Raises what it raises, and Unavailable.
    """
    written = _written(database, wanted, kind, bodies=bodies, turn=turn)
    first = await anext(written)

    async def whole() -> AsyncGenerator[bytes, None]:
        async with aclosing(written):  # at once, and with it the user's turn
            yield first
            async for piece in written:
                yield piece

    return whole()


async def _written(
    database: Database,
    wanted: Wanted,
    kind: Kind,
    *,
    bodies: bool,
    turn: AbstractContextManager[None],
) -> AsyncGenerator[bytes, None]:
    columns = [*COLUMNS, *(["body"] if bodies else [])]
    write: Callable[[Line], str] = _as_csv if kind is Kind.CSV else _as_json
    at_once = _BODIES_AT_ONCE if bodies else _AT_ONCE
    with turn:
        head = _as_csv({name: name for name in columns}) if kind is Kind.CSV else ""
        async with database.transaction() as tx:
            names = await connections.names(tx)
        async for page in listing.every(database, wanted, at_once=at_once, bodies=bodies):
            async with database.transaction() as tx:
                interviews = await listing.interview_ids(tx, page)
            lines = (_line(each, columns, names, interviews) for each in page)
            yield (head + "".join(map(write, lines))).encode()
            head = ""
        yield head.encode()


def _line(
    each: Delivery,
    columns: list[str],
    names: Mapping[int, str],
    interviews: Mapping[Uid, Sequence[int]],
) -> Line:
    theirs = interviews.get((each.connection_id, each.uid or ""), ())
    known: dict[str, Cell] = {
        "id": each.id,
        "received_at": _moment(each.received_at),
        "connection_id": each.connection_id,
        "connection": names.get(each.connection_id),
        "trigger": each.trigger,
        "state": each.state.value,
        "signature": each.signature and each.signature.value,
        "uid": each.uid,
        "interview_ids": " ".join(map(str, theirs)) or None,
        "outcome": each.outcome,
        "attempts": each.attempts,
        "duplicates": each.duplicates,
        "last_duplicate_at": _moment(each.last_duplicate_at),
        "bytes": each.bytes,
        "body": None if each.body is None else b64encode(each.body).decode(),
    }
    return {name: known[name] for name in columns}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _as_json(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _as_csv(line: Line) -> str:
    """One record by RFC 4180, no cell of which a spreadsheet takes for a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, line.values()))
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    if isinstance(value, str) and value[:1] in _STEERS:
        return f"'{value}"
    return value
