"""Finding the interviews of bookings, chain by chain; what follows is written here alone."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from greenroom.booking_links import actions as booking_links
from greenroom.bookings import chains, lineage_store, matches_store, probes, store
from greenroom.bookings.ended import weigh
from greenroom.bookings.match import (
    Evidence,
    Kept,
    Node,
    Open,
    Rung,
    Settled,
    Verdict,
    Whose,
    settle,
)
from greenroom.bookings.model import Attendee, Booking, Uid, seat_of
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import address_key
from greenroom.database import Transaction
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Interview

_OF_THE_DOCTOR = Verdict(None, "the doctor")
"""A booking that Greenroom made to try itself is nobody's, whatever its address."""


async def rematch(
    tx: Transaction, kept: Mapping[Uid, Kept], *, known: Collection[Uid] = ()
) -> set[int]:
    """Find the interviews of these bookings and of all they are chained to.

    `known` are those of which nothing was heard that could change whose they are. Return the
    interviews that gain or lose a booking, or whose booking has moved.
    """
    claimed = await lineage_store.around(tx, kept.keys())
    chained = {key for link in claimed for key in link.ends}
    every = {**await store.get(tx, chained - kept.keys()), **kept}
    open_ = {key: each for key, each in every.items() if key in chained or key not in known}
    if not open_:
        return set()
    bookings = {key: each.booking for key, each in open_.items()}
    near, moved = chains.neighbours(claimed, bookings), chains.moved(claimed, bookings)
    evidence = await _evidence(tx, list(open_.values()))
    others = await _others(tx, evidence, open_.keys())
    is_: Mapping[Uid, Whose] = {}
    # A meeting in this batch may be over before another of it was booked: each round is sure of
    # one more of them, by the time they were.
    for _ in open_:
        told = [_with_matches(open_[key], each) for key, each in is_.items()]
        weighed = weigh(evidence, open_, [*others, *told])
        if is_ and weighed == evidence:
            break
        evidence, settled = weighed, settle(weighed, near)
        is_ = {key: _whose(key, each, settled, key in moved) for key, each in bookings.items()}
    changed = {key: each for key, each in is_.items() if each != open_[key].whose}
    await matches_store.save(tx, changed)
    return {
        match.interview_id
        for key, each in changed.items()
        for match in (*each.matches, *open_[key].matches)
    }


def is_known(before: Kept | None, after: Booking) -> bool:
    """Whether nothing was heard that could change whose booking it is."""
    return (
        before is not None
        and not before.is_unmatched
        and _recognised_by(before.booking) == _recognised_by(after)
    )


def _recognised_by(booking: Booking) -> tuple[object, ...]:
    there = [_origins(each) for each in booking.attendees]
    # Apart from those who are there: who takes a seat again is asked about again.
    left = [_origins(each.attendee) for each in booking.departed]
    event = (booking.event_type_id, booking.event_type_slug, booking.seated)
    return (booking.tokens, booking.private_links, there, left, *event)


def _origins(attendee: Attendee) -> tuple[str | None, ...]:
    return attendee.email, attendee.token, attendee.private_link


def _whose(key: Uid, booking: Booking, settled: Settled, is_moved: bool) -> Whose:  # noqa: FBT001 (one of four)
    nodes = [(key, seat) for seat in booking.seats]
    found = [match for node in nodes if (match := settled.matches.get(node)) is not None]
    left = {(key, seat_of(each.attendee.email)) for each in booking.departed}
    wanted = set(nodes) - left - settled.nobodys
    return Whose(
        tuple(sorted(found, key=lambda each: each.address)),
        is_unmatched=any(node not in settled.matches for node in wanted),
        is_moved=is_moved,
    )


def _with_matches(kept: Kept, whose: Whose) -> Kept:
    return replace(kept, matches=whose.matches, is_moved=whose.is_moved)


async def _others(
    tx: Transaction, evidence: Mapping[Node, Evidence], but: Collection[Uid]
) -> Sequence[Kept]:
    """What else is booked for the interviews these may be found for by an address."""
    ids = {one.interview_id for each in evidence.values() for one in each.waiting}
    of = await store.of_interviews(tx, ids) if ids else {}
    return list(
        {one.key: one for each in of.values() for one in each if one.key not in but}.values()
    )


async def _evidence(tx: Transaction, every: Sequence[Kept]) -> Mapping[Node, Evidence]:
    """What is known of each of these bookings and of each of their seats."""
    tokens = {token for each in every for token in _tokens(each.booking)}
    hashes = {hash_ for each in every for hash_ in _private_links(each.booking)}
    by_token, by_hash = await booking_links.interviews_by(tx, tokens, hashes)
    verdicts = await matches_store.verdicts_on(tx, [each.key for each in every])
    our_own = await probes.among_these(tx, {each.key: _tokens(each.booking) for each in every})
    found: dict[Node, Evidence] = {}
    for kept in every:
        said = _judged(kept, verdicts)
        for seat in kept.booking.seats:
            token, hash_ = _origin(kept.booking, seat)
            found[kept.key, seat] = Evidence(
                verdict=_OF_THE_DOCTOR if kept.key in our_own else said.get(seat),
                by_token=_first(by_token, token),
                by_private_link=_first(by_hash, hash_),
                known=kept.match_of(seat),
            )
    unsure = {key for (key, _), each in found.items() if _is_unsure(each)}
    waiting = await _waiting(tx, [each for each in every if each.key in unsure])
    return {node: replace(each, waiting=waiting.get(node, ())) for node, each in found.items()}


async def forget_said(tx: Transaction, kept: Kept, seat: str | None, now: datetime) -> bool:
    """Forget what people said of that seat; False if nothing was.

    What was said of the booking before its seats were known holds on for the others; at None
    that alone is forgotten.
    """
    said = await matches_store.verdicts_on(tx, [kept.key])
    whole = of_whole(kept, said)
    if seat is None:
        gone = {""}
    elif seat in whole:
        gone = {"", seat}
        for other in whole.keys() - {seat}:
            if (kept.key, other) not in said:
                await matches_store.keep_verdict(tx, (kept.key, other), whole[other], now)
    else:
        gone = {seat}
    dropped = [await matches_store.drop_verdict(tx, (kept.key, each)) for each in sorted(gone)]
    return any(dropped)


def of_whole(kept: Kept, verdicts: Mapping[Node, Verdict]) -> Mapping[str, Verdict]:
    """What was said of the booking before its seats were known, by the seats it goes for.

    Of an interview's the first; nobody's are they all. What was said of a seat itself stands.
    """
    seats = kept.booking.seats
    whole = verdicts.get((kept.key, ""))
    if whole is None or "" in seats:
        return {}
    return dict.fromkeys(seats if whole.interview_id is None else seats[:1], whole)


def _judged(kept: Kept, verdicts: Mapping[Node, Verdict]) -> Mapping[str, Verdict]:
    """What people said, by seat."""
    own = {seat: verdicts.get((kept.key, seat)) for seat in kept.booking.seats}
    said = {seat: each for seat, each in own.items() if each is not None}
    return {**of_whole(kept, verdicts), **said}


def _is_unsure(evidence: Evidence) -> bool:
    return (
        evidence.verdict is None
        and evidence.by_token is None
        and evidence.by_private_link is None
        and (evidence.known is None or evidence.known.rung in {Rung.LINEAGE, Rung.EMAIL})
    )


def _people(booking: Booking) -> Sequence[Attendee]:
    return [*booking.attendees, *(each.attendee for each in booking.departed)]


def _tokens(booking: Booking) -> Collection[str]:
    own = {each.token for each in _people(booking)} if booking.seated else set()
    return booking.tokens | {token for token in own if token}


def _private_links(booking: Booking) -> Collection[str]:
    own = {each.private_link for each in _people(booking)} if booking.seated else set()
    return booking.private_links | {hash_ for hash_ in own if hash_}


def _origin(booking: Booking, seat: str) -> tuple[Collection[str], Collection[str]]:
    """Tokens and private links by which that seat, or the booking as a whole, came about."""
    if seat == "":
        return booking.tokens, booking.private_links
    who = next(each for each in _people(booking) if seat_of(each.email) == seat)
    own = ({who.token} if who.token else set(), {who.private_link} if who.private_link else set())
    # Told of the booking, it goes for its only seat.
    alone = len(booking.seats) == 1
    return own[0] or (booking.tokens if alone else ()), own[1] or (
        booking.private_links if alone else ()
    )


def _first(found: Mapping[str, int], wanted: Collection[str]) -> int | None:
    return next((found[each] for each in sorted(wanted) if each in found), None)


async def _waiting(tx: Transaction, bookings: Sequence[Kept]) -> Mapping[Node, Sequence[Open]]:
    """Interviews of candidates who have an address of an attendee."""
    addresses = {a.email for each in bookings for a in _people(each.booking)}
    if not addresses:
        return {}
    whose = await candidates.of_addresses(tx, addresses)
    open_: defaultdict[int | None, list[tuple[Interview, int, int | None]]] = defaultdict(list)
    wanted = await interviews.waiting(tx, set(whose.values()), or_booked=True)
    for interview, connection_id, calcom_id in wanted:
        open_[interview.candidate_id].append((interview, connection_id, calcom_id))
    found: defaultdict[Node, list[Open]] = defaultdict(list)
    for each in bookings:
        for attendee in _people(each.booking):
            seat = seat_of(attendee.email) if each.booking.seated else ""
            of = open_[whose.get(address_key(attendee.email))]
            found[each.key, seat] += [
                Open(
                    interview.id,
                    attendee.email,
                    _same_event_type(each, connection_id, type_id),
                )
                for interview, connection_id, type_id in of
            ]
    return found


def _same_event_type(kept: Kept, connection_id: int, calcom_id: int | None) -> bool:
    return (
        calcom_id is not None
        and kept.connection_id == connection_id
        and kept.booking.event_type_id == calcom_id
    )
