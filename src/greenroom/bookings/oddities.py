"""What about the bookings of an interview a person should settle, and where that is done. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from greenroom.bookings.match import Kept
from greenroom.bookings.model import Attendee
from greenroom.candidates.model import address_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """What is odd about one booking that stands.

    `stranger` booked it with an address that is none of the candidate's. `is_second`: others
    stand beside it. `at_calcom` is its page there, "" when we cannot tell.
    """

    stranger: Attendee | None
    is_second: bool
    at_calcom: str


def oddities(
    bookings: Sequence[Kept], *, addresses: Collection[str], booking_url: str
) -> Mapping[tuple[int, str], Oddity]:
    """The bookings of one interview about which something is odd, by what they are known by.

    `addresses` are the candidate's, `booking_url` that of the event type. A series is one.
    """
    standing = [each for each in bookings if _stands(each)]
    several = len({each.booking.series or each.booking.uid for each in standing}) > 1
    own = {address_key(each) for each in addresses}
    found = {
        each.key: Oddity(
            stranger=_stranger(each, own),
            is_second=several,
            at_calcom=at_calcom(each.booking.uid, booking_url),
        )
        for each in standing
    }
    return {key: each for key, each in found.items() if each.stranger or each.is_second}


def at_calcom(uid: str, booking_url: str) -> str:
    """The booking's page at Cal.com, by the address at which it was booked; "" if that is none."""
    parts = urlsplit(booking_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or ":" in uid:
        return ""
    host = parts.netloc
    if host == "cal.com" or host.endswith(".cal.com"):
        host = "app.cal.com"
    return f"{parts.scheme}://{host}/booking/{quote(uid, safe='')}"


def _stands(kept: Kept) -> bool:
    booking = kept.booking
    return booking.status is not None and booking.status.is_live and not kept.is_moved


def _stranger(kept: Kept, own: Collection[str]) -> Attendee | None:
    people = [each for each in kept.booking.attendees if each.email]
    if not own or not people or any(address_key(each.email) in own for each in people):
        return None
    return people[0]
