"""The address behind an interview: our page, in front of a Cal.com link. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

DEFAULT_EXPIRY = timedelta(days=14)
"""How long a booking link works unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingLink:
    """The address behind an interview: `/i/<token>`, in front of a Cal.com link."""

    id: int
    interview_id: int
    token: str
    target_url: str | None
    private_link: str | None
    created_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None = None
    opened_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether a candidate can still book with it."""
        return self.revoked_at is None and not self.is_expired(now)

    def is_expired(self, now: datetime) -> bool:
        """Whether its time has run out."""
        return self.expires_at is not None and self.expires_at <= now


def booking_address(base: str, *, token: str, name: str, address: str | None) -> str:
    """Cal.com's booking page with the candidate and our token filled in.

    The token travels twice, as metadata and as a booking field: each is lost by some of
    Cal.com's events, and a field that the event type does not have is ignored.
    """
    parts = urlsplit(base)
    given = {"name": name, "email": address or "", "metadata[greenroom]": token, "greenroom": token}
    query = [*parse_qsl(parts.query), *((key, value) for key, value in given.items() if value)]
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
