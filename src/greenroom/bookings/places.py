"""Where a page of unmatched bookings ended, as text that fits in an address."""

from datetime import UTC, datetime

from greenroom.bookings.inbox_store import Place
from greenroom.errors import BadRequest

_LARGEST_ID = 2**63 - 1


def write(place: Place) -> str:
    """A place in the list: start, connection, uid."""
    starts_at, connection_id, uid = place
    return f"{starts_at.astimezone(UTC):%Y%m%d%H%M%S%f}-{connection_id}-{uid}"


def read(text: str) -> Place:
    """The place `write` made. Raises BadRequest for anything else."""
    moment, _, rest = text.partition("-")
    number, _, uid = rest.partition("-")
    try:
        starts_at = datetime.strptime(moment, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
        connection_id = int(number)
    except (ValueError, OverflowError) as error:
        raise _unreadable() from error
    if not 0 < connection_id <= _LARGEST_ID or "\x00" in uid:
        raise _unreadable()
    return starts_at, connection_id, uid


def _unreadable() -> BadRequest:
    return BadRequest(
        "The place in the list cannot be read.", do="Start at the top of the list again."
    )
