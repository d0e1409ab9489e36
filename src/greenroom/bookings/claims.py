"""How facts and bookings look at rest, as JSON. The names are stored: never rename a field.

By pydantic: writing the fields out by hand in Python was measured to take three times as long.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import TypeAdapter

from greenroom.bookings.model import Booking, Fact, Source

_FACT = TypeAdapter(Fact)
_BOOKING = TypeAdapter(Booking)
_APART = {"uid", "as_of", "source", "digest"}
"""Fields of a fact that have columns of their own."""
_DETAILS = (
    "status_since",
    "title",
    "host",
    "location",
    "reason",
    "attendees",
    "host_absent",
    "replaces",
    "replaced_by",
    "successor_expected",
    "tokens",
    "private_links",
    "event_type_id",
    "event_type_slug",
    "series",
    "seated",
    "departed",
    "seats_from",
    "seats_to",
    "recurring",
)
"""Fields of a booking that no query asks for."""


def dump(fact: Fact) -> str:
    """What the fact claims, without the fields that have columns of their own."""
    return _FACT.dump_json(fact, exclude=_APART, exclude_defaults=True).decode()


def load(
    said: Mapping[str, object], *, uid: str, as_of: datetime, source: Source, digest: str
) -> Fact:
    """The fact as it was dumped."""
    return _FACT.validate_python(
        {**said, "uid": uid, "as_of": as_of, "source": source, "digest": digest}
    )


def dump_details(booking: Booking) -> dict[str, object]:
    """The fields of a booking that have no column of their own."""
    found: dict[str, object] = _BOOKING.dump_python(booking, mode="json", include=set(_DETAILS))
    # Sets have no order; stored sorted, the same booking is the same row.
    return {
        key: sorted(v) if isinstance(v, list) and key in _SETS else v for key, v in found.items()
    }


_SETS = frozenset({"replaces", "replaced_by", "tokens", "private_links", "seats_from", "seats_to"})


def load_booking(row: Mapping[str, object]) -> Booking:
    """A booking from its row: columns and details together."""
    details = row["details"]
    assert isinstance(details, Mapping)
    return _BOOKING.validate_python(
        {
            **details,
            "uid": row["uid"],
            "calcom_id": row["calcom_id"],
            "status": row["status"],
            "starts_at": row["starts_at"],
            "ends_at": row["ends_at"],
            "as_of": row["as_of"],
            "unconfirmed": row["unconfirmed"],
        }
    )
