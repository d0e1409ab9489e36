"""Bookings that replace one another: who follows whom, and whose place is taken. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.bookings.match import Node
from greenroom.bookings.model import Booking, Fact, Uid, seat_of


@dataclass(frozen=True, slots=True)
class Link:
    """The booking `new` has taken the place of `old`.

    Or only the seat `address` went from the one to the other, while the rest stays.
    """

    connection_id: int
    old: str
    new: str
    address: str = ""

    @property
    def ends(self) -> tuple[Uid, Uid]:
        """The keys of both bookings."""
        return (self.connection_id, self.old), (self.connection_id, self.new)


def links(connection_id: int, facts: Iterable[Fact]) -> Mapping[Link, datetime]:
    """What facts claim about who follows whom, and as of when first. Nobody follows himself."""
    found: dict[Link, datetime] = {}
    for fact in facts:
        at = fact.changed_at or fact.as_of
        for old, new, address in _claims(fact):
            if old != new:
                link = Link(connection_id, old, new, address)
                found[link] = min(at, found.get(link, at))
    return found


def _claims(fact: Fact) -> Iterable[tuple[str, str, str]]:
    if fact.replaces:
        yield fact.replaces, fact.uid, ""
    if fact.replaced_by:
        yield fact.uid, fact.replaced_by, ""
    if fact.seat_from:
        for each in fact.attendees or ():
            yield fact.seat_from, fact.uid, seat_of(each.email)
    if fact.seat_to:
        for address in fact.departed:
            yield fact.uid, fact.seat_to, seat_of(address)


def moved(claimed: Mapping[Link, datetime], bookings: Mapping[Uid, Booking]) -> set[Uid]:
    """The bookings whose place another has taken.

    Not one of which Cal.com's API said since that it takes place: a seat that goes elsewhere
    looks there like a booking that is moved. And not those that replace one another in a ring,
    which cannot be: each of them stands for itself, so that none is hidden for ever.
    """
    whole = {link: at for link, at in claimed.items() if not link.address}
    rings = _rings(whole)
    found: set[Uid] = set()
    for link, at in whole.items():
        old = bookings.get(link.ends[0])
        if old is not None and link not in rings and not (old.is_settled and at <= old.as_of):
            found.add(link.ends[0])
    return found


def _rings(links_: Collection[Link]) -> set[Link]:
    """The links left when those that begin or end a chain are taken away, again and again."""
    left = set(links_)
    while True:
        begin, end = {link.ends[0] for link in left}, {link.ends[1] for link in left}
        inside = {link for link in left if link.ends[0] in end and link.ends[1] in begin}
        if inside == left:
            return left
        left = inside


def neighbours(
    links_: Iterable[Link], bookings: Mapping[Uid, Booking]
) -> Mapping[Node, Collection[Node]]:
    """What is one meeting with what: bookings, or seats of the same person, that are linked."""
    found: defaultdict[Node, set[Node]] = defaultdict(set)
    for link in links_:
        old, new = link.ends
        if old not in bookings or new not in bookings:
            continue
        for one, other in _seats(link, bookings[old].seats, bookings[new].seats):
            found[old, one].add((new, other))
            found[new, other].add((old, one))
    return found


def _seats(link: Link, old: Sequence[str], new: Sequence[str]) -> Iterable[tuple[str, str]]:
    shared = [(seat, seat) for seat in old if seat in new and link.address in {"", seat}]
    if shared or link.address or len(old) != 1 or len(new) != 1:
        return shared
    # An event type that has got seats, or lost them.
    return [(old[0], new[0])] if "" in {*old, *new} else []
