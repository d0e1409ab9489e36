"""Where the next page of a list begins, as opaque text in addresses. Pure."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from greenroom.candidates.model import Order, Place, is_plain
from greenroom.errors import Invalid

_LONGEST = 4_000
_LARGEST_ID = 2**63 - 1


def write(place: Place | None, order: Order) -> str | None:
    """`place` in a list of this order, as text for `read`."""
    if place is None:
        return None
    key = place.key.isoformat() if isinstance(place.key, datetime) else place.key
    text = json.dumps([order.value, key, place.id], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(text: str | None, order: Order) -> Place | None:
    """The place `write` made; None for None. Raises Invalid for anything else."""
    if text is None:
        return None
    try:
        return _read(text, order)
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(
            "The cursor is not one this list has given out.",
            do="Start again without a cursor, in the same order, and follow “next” as it is.",
        ) from error


def _read(text: str, order: Order) -> Place:
    if len(text) > _LONGEST:
        raise ValueError(len(text))
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    made_for, key, id_ = json.loads(urlsafe_b64decode(padded))
    if made_for != order.value or type(id_) is not int or not 0 < id_ <= _LARGEST_ID:
        raise ValueError(made_for, id_)
    if not isinstance(key, str) or not is_plain(key):
        raise TypeError(key)
    if order is Order.NAME:
        return Place(key, id_)
    moment = datetime.fromisoformat(key)
    if moment.tzinfo is None:
        raise ValueError(key)
    return Place(moment, id_)
