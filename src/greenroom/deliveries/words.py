"""What a delivery did, cut into the pieces a page shows each in its own way. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

Piece = (
    tuple[Literal["text"], str] | tuple[Literal["booking"], str] | tuple[Literal["at"], datetime]
)
"""Plain words, the uid of the booking that the delivery is about, or an aware time."""

_AT = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC"


def pieces(outcome: str, uid: str | None) -> Sequence[Piece]:
    """`outcome` with the times and the booking in it told apart; joined it is the same again."""
    named = rf"|(?<![\w-]){re.escape(uid)}(?![\w-])" if uid else ""
    parts = re.split(f"({_AT}{named})", outcome)
    return [_piece(part, uid) for part in parts if part]


def _piece(part: str, uid: str | None) -> Piece:
    if part == uid:
        return "booking", part
    if re.fullmatch(_AT, part):
        try:
            return "at", datetime.strptime(part, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
        except ValueError:
            return "text", part
    return "text", part
