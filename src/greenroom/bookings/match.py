"""Which interview is this booking? Pure: the evidence is gathered elsewhere."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from greenroom.bookings.model import Booking, Uid


class Rung(StrEnum):
    """How a booking was recognised, surest first. Values are stored: never rename one."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105  (the name of a rung, not a secret)
    PRIVATE_LINK = "private_link"
    LINEAGE = "lineage"
    KNOWN = "known"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Match:
    """The interview a booking belongs to, and the sentence that says why.

    `address` is "", or the seat it is about where several people share the booking.
    """

    interview_id: int
    rung: Rung
    explanation: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whose booking, or seat, it is in a person's judgement; None: nobody's."""

    interview_id: int | None
    by: str


@dataclass(frozen=True, slots=True)
class Whose:
    """What follows for one booking from all we know about it and its neighbours.

    `is_unmatched`: somebody has a seat there, or it as a whole, and belongs to no interview,
    and no person has said that this is right.
    """

    matches: tuple[Match, ...] = ()
    is_unmatched: bool = False
    is_moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A booking as it stands in the table, and whose it is.

    `is_moved`: another booking has taken its place, which is not a cancellation.
    """

    connection_id: int
    booking: Booking
    matches: tuple[Match, ...] = ()
    is_unmatched: bool = False
    is_moved: bool
    changed_at: datetime
    first_heard_at: datetime

    @property
    def key(self) -> Uid:
        """What the booking is known by."""
        return (self.connection_id, self.booking.uid)

    @property
    def match(self) -> Match | None:
        """Whose it is; of a booking with seats the first there is."""
        return self.matches[0] if self.matches else None

    @property
    def whose(self) -> Whose:
        """All that was derived about it."""
        return Whose(self.matches, self.is_unmatched, self.is_moved)

    def match_of(self, address: str) -> Match | None:
        """Whose that seat is."""
        return next((each for each in self.matches if each.address == address), None)


@dataclass(frozen=True, slots=True)
class Open:
    """An interview of a candidate who has one of the addresses.

    `is_over`: its meeting ended before this booking came to be. Whether it waits or is booked
    makes no difference, for that may change with the next word from Cal.com.
    """

    interview_id: int
    address: str
    same_event_type: bool
    is_over: bool = False


Node = tuple[Uid, str]
"""A booking, or one seat of it: (its key, the seat or "")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What we know that may tell whose booking, or seat, it is; ids are interviews'.

    `known` is the match kept for it, if any. `waiting`: interviews of candidates with an
    attendee's address, also those that are booked.
    """

    verdict: Verdict | None = None
    by_token: int | None = None
    by_private_link: int | None = None
    known: Match | None = None
    waiting: Sequence[Open] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """Whose each is; `nobodys` are those a person set aside, with what continues them."""

    matches: Mapping[Node, Match]
    nobodys: frozenset[Node]


def settle(
    evidence: Mapping[Node, Evidence], neighbours: Mapping[Node, Collection[Node]]
) -> Settled:
    """Tell whose each is: the first rung that fits, or that fits one it continues.

    `neighbours` replace, or are replaced by, one another; all of a chain must be there. Chains
    are computed anew as a whole, from those that have a reason of their own: no two can rest
    on each other, in whatever order they were heard of. A person's word goes for the whole
    chain, for it is one meeting that moves.
    """
    judged = {node: each.verdict for node, each in evidence.items() if each.verdict is not None}
    nobodys = frozenset(
        node
        for node, origin in _nearest(judged, neighbours).items()
        if judged[origin].interview_id is None
    )
    found: dict[Node, Match] = {}
    for own in (_by_person, _surely, _probably):
        roots = {
            node: match
            for node, each in evidence.items()
            if node not in found and node not in nobodys and (match := own(each)) is not None
        }
        open_ = evidence.keys() - found.keys() - nobodys
        agreed = _agreed(roots, open_, neighbours) if own is _probably else roots
        found |= _spread(agreed, open_, neighbours, evidence)
    return Settled(
        {
            node: Match(each.interview_id, each.rung, each.explanation, node[1])
            for node, each in found.items()
        },
        nobodys,
    )


def _by_person(evidence: Evidence) -> Match | None:
    verdict = evidence.verdict
    if verdict is None or verdict.interview_id is None:
        return None
    return Match(verdict.interview_id, Rung.PERSON, f"{verdict.by} said so")


def _surely(evidence: Evidence) -> Match | None:
    if evidence.by_token is not None:
        return Match(evidence.by_token, Rung.TOKEN, "it carries our token for this interview")
    if evidence.by_private_link is not None:
        return Match(
            evidence.by_private_link,
            Rung.PRIVATE_LINK,
            "it was booked through this interview's private link",
        )
    known = evidence.known
    # A link that was made anew is not found by its old hash any more.
    return known if known and known.rung in {Rung.TOKEN, Rung.PRIVATE_LINK} else None


def _probably(evidence: Evidence) -> Match | None:
    known = evidence.known if evidence.known and evidence.known.rung in _PROBABLE else None
    if known is not None and (
        known.rung is Rung.KNOWN
        or any(each.interview_id == known.interview_id for each in evidence.waiting)
    ):
        return known
    # Another interview waiting now is no reason; that the candidate is not there any more is.
    return _by_address(evidence.waiting) or known


_PROBABLE = frozenset({Rung.KNOWN, Rung.EMAIL})


def _by_address(known: Sequence[Open]) -> Match | None:
    found = [each for each in known if not each.is_over]
    fitting = [each for each in found if each.same_event_type] or found
    if len({each.interview_id for each in fitting}) != 1:
        return None
    one = min(fitting, key=lambda each: each.address)
    which = "of this event type" if one.same_event_type else "and no other"
    return Match(
        one.interview_id,
        Rung.EMAIL,
        "an attendee has the candidate's address, "
        f"and the candidate has one open interview {which}",
    )


def _agreed(
    roots: Mapping[Node, Match],
    open_: AbstractSet[Node],
    neighbours: Mapping[Node, Collection[Node]],
) -> Mapping[Node, Match]:
    """Of probable reasons within one chain, those for the interview the first of them names."""
    named: dict[Node, int] = {}
    for node in sorted(roots):
        if node not in named:
            for each in _reach(node, open_, neighbours):
                named[each] = roots[node].interview_id
    return {node: each for node, each in roots.items() if each.interview_id == named[node]}


def _reach(
    start: Node, within: AbstractSet[Node], neighbours: Mapping[Node, Collection[Node]]
) -> set[Node]:
    found, edge = {start}, [start]
    while edge:
        more = set(neighbours.get(edge.pop(), ())) & (within - found)
        found |= more
        edge += more
    return found


def _nearest(
    roots: Iterable[Node], neighbours: Mapping[Node, Collection[Node]]
) -> Mapping[Node, Node]:
    """Each node that can be reached from `roots`, with the root it is nearest to."""
    origin = {node: node for node in roots}
    edge = sorted(origin)
    while edge:
        reached = [(other, node) for node in edge for other in sorted(neighbours.get(node, ()))]
        fresh = {}
        for other, node in reached:
            if other not in origin and other not in fresh:
                fresh[other] = origin[node]
        origin |= fresh
        edge = sorted(fresh)
    return origin


def _spread(
    roots: Mapping[Node, Match],
    open_: AbstractSet[Node],
    neighbours: Mapping[Node, Collection[Node]],
    evidence: Mapping[Node, Evidence],
) -> Mapping[Node, Match]:
    """The roots, and those that continue them, step by step."""
    found = dict(roots)
    edge = sorted(roots)
    while edge:
        fresh: dict[Node, Match] = {}
        for node in edge:
            for other in neighbours.get(node, ()):
                if other in open_ and other not in found and other not in fresh:
                    fresh[other] = _continues(node, found[node], evidence[other])
        found |= fresh
        edge = sorted(fresh)
    return found


def _continues(node: Node, of: Match, evidence: Evidence) -> Match:
    """The match of one that replaces, or is replaced by, `node`; a reason of its own stays."""
    own = _probably(evidence)
    if own is not None and own.interview_id == of.interview_id:
        return own
    (_, uid), _ = node
    why = f"it continues booking {uid}, which is this interview's"
    return Match(of.interview_id, Rung.LINEAGE, why)
