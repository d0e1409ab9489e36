"""A booking is computed from all facts about it, whatever their order and number. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from greenroom.bookings.model import (
    Attendee,
    Booking,
    Departed,
    Fact,
    Source,
    Status,
    order,
    seat_of,
)

T = TypeVar("T")


def fold(facts: Iterable[Fact]) -> Booking:
    """Compute the booking from all facts about it; their order and repetition do not matter.

    Each field comes from the highest fact that claims it. What the API does not tell is kept
    from deliveries: why a booking was declined, that a successor is expected, and the
    attendees it hides. Raises ValueError without facts, or when they are about different
    bookings.
    """
    ranked = sorted(set(facts), key=order, reverse=True)
    if len({fact.uid for fact in ranked}) != 1:
        message = "A booking is computed from the facts about it, and only those."
        raise ValueError(message)
    top = ranked[0]
    seated = any(fact.seated for fact in ranked)
    attendees, departed = _people(ranked, seated=seated)
    return Booking(
        uid=top.uid,
        calcom_id=_said(ranked, lambda fact: fact.calcom_id),
        status=_claimed(ranked, lambda fact: fact.status),
        status_since=_status_since(ranked),
        starts_at=_claimed(ranked, lambda fact: fact.starts_at),
        ends_at=_claimed(ranked, lambda fact: fact.ends_at),
        title=_claimed(ranked, lambda fact: fact.title),
        host=_claimed(ranked, lambda fact: fact.host),
        location=_claimed(ranked, lambda fact: fact.location),
        reason=_said(ranked, lambda fact: fact.reason),
        attendees=attendees,
        host_absent=bool(_claimed(ranked, lambda fact: fact.host_absent)),
        replaces=frozenset(fact.replaces for fact in ranked if fact.replaces),
        replaced_by=frozenset(fact.replaced_by for fact in ranked if fact.replaced_by),
        successor_expected=bool(_said(ranked, lambda fact: fact.successor_expected)),
        tokens=frozenset(fact.token for fact in ranked if fact.token),
        private_links=frozenset(fact.private_link for fact in ranked if fact.private_link),
        event_type_id=_said(ranked, lambda fact: fact.event_type_id),
        event_type_slug=_said(ranked, lambda fact: fact.event_type_slug),
        series=_said(ranked, lambda fact: fact.series),
        as_of=top.as_of,
        unconfirmed=top.source is not Source.API,
        seated=seated,
        departed=departed,
        seats_from=_seats(ranked, lambda fact: fact.seat_from),
        seats_to=_seats(ranked, lambda fact: fact.seat_to),
        recurring=any(fact.recurring or fact.series for fact in ranked),
    )


def _claimed(ranked: Sequence[Fact], field: Callable[[Fact], T | None]) -> T | None:
    """The field in the highest fact that claims it; an API answer claims every field."""
    for fact in ranked:
        if (value := field(fact)) is not None or fact.source is Source.API:
            return value
    return None


def _said(ranked: Sequence[Fact], field: Callable[[Fact], T | None]) -> T | None:
    """The field in the highest fact that has a value for it."""
    return next((value for fact in ranked if (value := field(fact)) is not None), None)


def _status_since(ranked: Sequence[Fact]) -> datetime:
    """When the unbroken run of facts that claim the status of today began."""
    since = ranked[0].as_of
    status: Status | None = None
    for fact in ranked:
        if fact.status is None:
            continue
        if status not in {None, fact.status}:
            break
        said_at = fact.changed_at or fact.as_of
        since = said_at if status is None else min(since, said_at)
        status = fact.status
    return since


def _people(
    ranked: Sequence[Fact], *, seated: bool
) -> tuple[tuple[Attendee, ...], tuple[Departed, ...]]:
    """Who is there, and who has given their seat back."""
    there: dict[str, Attendee] = {}
    left: dict[str, Departed] = {}
    absent: dict[str, bool] = {}
    for fact in reversed(ranked):
        named = {seat_of(each.email): each for each in _named(fact)}
        of_api = fact.source is Source.API
        gone = {seat_of(address): address for address in fact.departed}
        if named and of_api:
            absent = {key: each.absent for key, each in named.items()}
            gone |= {key: each.email for key, each in there.items() if key not in named}
        known = there | {key: each.attendee for key, each in left.items()}
        if named and (of_api or not seated):
            there = {}
        there |= {key: _with_origin(each, known.get(key)) for key, each in named.items()}
        for key, address in gone.items():
            there.pop(key, None)
            if seated and key not in left:
                who = known.get(key) or Attendee(email=address.strip())
                left[key] = Departed(attendee=who, at=fact.changed_at or fact.as_of)
        left = {key: each for key, each in left.items() if key not in there}
        absent |= {seat_of(address): missing for address, missing in fact.absences}
    return (
        tuple(replace(each, absent=absent.get(key, False)) for key, each in there.items()),
        tuple(left.values()),
    )


def _named(fact: Fact) -> Sequence[Attendee]:
    named = fact.attendees or ()
    if fact.seated and len(named) == 1 and (fact.token or fact.private_link):
        # So it was kept before attendees had tokens of their own.
        return [_with_origin(named[0], fact)]
    return named


def _with_origin(attendee: Attendee, known: Attendee | Fact | None) -> Attendee:
    """With the token and private link heard of before, where it has none itself."""
    if known is None or not (known.token or known.private_link):
        return attendee
    return replace(
        attendee,
        token=attendee.token or known.token,
        private_link=attendee.private_link or known.private_link,
    )


def _seats(
    ranked: Sequence[Fact], other: Callable[[Fact], str | None]
) -> frozenset[tuple[str, str]]:
    found = [(fact, uid) for fact in ranked if (uid := other(fact)) is not None]
    return frozenset(
        (seat_of(address), uid)
        for fact, uid in found
        for address in (*(each.email for each in fact.attendees or ()), *fact.departed)
    )
