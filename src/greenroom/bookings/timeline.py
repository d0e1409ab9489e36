"""Why an interview stands where it stands: what was said about its bookings, and by whom."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.booking_links import actions as booking_links
from greenroom.bookings import facts_store, model, store, story
from greenroom.bookings.facts_store import Evidence
from greenroom.bookings.match import Kept, Match, Rung
from greenroom.bookings.model import Fact, Source, Uid
from greenroom.bookings.reasons import Grounds, Telling, because
from greenroom.bookings.story import Effect, Step, Words, plain
from greenroom.database import Transaction
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Interview
from greenroom.interviews.model import Status as InterviewStatus
from greenroom.interviews.news import Kind

_NAMED = re.compile(r"\bbooking (\S+)")
_SOURCES = {Source.API: "Cal.com’s API", Source.WEBHOOK: "Cal.com’s webhook"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the timeline. `said_at` is since when it was true, `heard_at` when we learnt it.

    `still_at` is until when Cal.com's API has said the same again.

    `source` is "Cal.com's webhook", "Cal.com's API" or who did it. `before` and `after` are the
    booking's status in one word. `decides`: the status shown comes from this fact. `effect` is
    None for what people did.
    """

    said_at: datetime
    heard_at: datetime
    source: str
    words: Words
    uid: str | None = None
    delivery_id: int | None = None
    sync_run_id: int | None = None
    effect: Effect | None = None
    before: str | None = None
    after: str | None = None
    decides: bool = False
    still_at: datetime | None = None

    @property
    def text(self) -> str:
        """The words, with times in UTC."""
        return plain(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The bookings of an interview, oldest first, and everything that was said and done.

    `reason` says in one sentence why the interview stands where it stands, `recognised` why
    the booking that counts is this interview's. `news` is what people were told, each once.
    """

    bookings: Sequence[Kept]
    entries: Sequence[Entry]
    news: Sequence[tuple[datetime, Kind]]
    reason: Words
    match: Match | None
    recognised: Words


async def chain(tx: Transaction, interview_id: int) -> Chain:
    """What stands behind the status of an interview. Raises NotFound."""
    interview = await interviews.get(tx, interview_id)
    kept = sorted(await bookings(tx, interview_id), key=_age)
    said = await facts_store.evidence(tx, [each.key for each in kept])
    links = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
    notes = await interviews.notes(tx, interview_id)
    current = interview.meeting.uid if interview.meeting else None
    counts = next((each for each in kept if each.booking.uid == current), None)
    deciding = _deciding(interview, [each.fact for each in said if each.fact.uid == current])
    match = match_of(counts, interview_id) if counts else None
    return Chain(
        bookings=kept,
        entries=sorted(
            [*_told(said, kept, deciding), *await _done(tx, notes)],
            key=lambda entry: (entry.said_at, entry.heard_at),
        ),
        news=await interviews.told(tx, interview_id),
        reason=because(interview, links, _grounds(said, deciding, counts, notes)),
        match=match,
        recognised=_recognised(counts, match, kept) if counts and match else (),
    )


def _age(kept: Kept) -> tuple[datetime, bool, str]:
    # Heard of together, the one that gave way is the older.
    return (kept.first_heard_at, not kept.is_moved, kept.booking.uid)


async def bookings(tx: Transaction, interview_id: int) -> Sequence[Kept]:
    """Every booking of the interview, also those moved away."""
    return (await store.of_interviews(tx, [interview_id]))[interview_id]


async def matches(tx: Transaction, found: Iterable[Interview]) -> Mapping[int, Match]:
    """How the bookings that count for these interviews were recognised, by interview."""
    booked = {each.id: each.meeting.uid for each in found if each.meeting}
    kept = await store.of_interviews(tx, list(booked)) if booked else {}
    return {
        id_: is_
        for id_, of in kept.items()
        for each in of
        if each.booking.uid == booked[id_] and (is_ := match_of(each, id_))
    }


def match_of(kept: Kept, interview_id: int) -> Match | None:
    """Why the booking is this interview's; None if it is not."""
    return next((each for each in kept.matches if each.interview_id == interview_id), None)


def word(kept: Kept) -> str:
    """A booking's status in one word: "moved" when another has taken its place."""
    return story.word(kept.booking, is_moved=kept.is_moved)


def _deciding(interview: Interview, facts: Collection[Fact]) -> Fact | None:
    ranked = sorted(facts, key=model.order, reverse=True)
    if interview.status is InterviewStatus.NO_SHOW and interview.outcome is None:
        missing = [fact for fact in ranked if _tells_of_absence(fact)]
        # The first to say it is what turned the dot.
        return missing[-1] if missing else None
    return next((fact for fact in ranked if fact.status is not None), None)


def _tells_of_absence(fact: Fact) -> bool:
    return bool(
        fact.host_absent
        or any(absent for _, absent in fact.absences)
        or any(each.absent for each in fact.attendees or ())
    )


def _told(said: Sequence[Evidence], kept: Sequence[Kept], deciding: Fact | None) -> Iterable[Entry]:
    starts = {each.booking.uid: each.booking.starts_at for each in kept}
    moved = {each.booking.uid for each in kept if each.is_moved}
    about: defaultdict[str, list[tuple[Fact, datetime]]] = defaultdict(list)
    for each in said:
        about[each.fact.uid].append((each.fact, each.heard_at))
    told: dict[Fact, Step] = {}
    for uid, heard in about.items():
        told |= story.steps(heard, starts, is_moved=uid in moved)
    return [_entry(each, told.get(each.fact), decides=each.fact == deciding) for each in said]


def _entry(evidence: Evidence, step: Step | None, *, decides: bool) -> Entry:
    fact = evidence.fact
    return Entry(
        said_at=_since(evidence),
        heard_at=evidence.heard_at,
        still_at=fact.as_of if fact.as_of > evidence.heard_at else None,
        source=_SOURCES[fact.source],
        words=step.words if step else ("one of many facts, older than those told here",),
        uid=fact.uid,
        delivery_id=evidence.delivery_id,
        sync_run_id=evidence.sync_run_id,
        effect=step.effect if step else None,
        before=step.before if step else None,
        after=step.after if step else None,
        decides=decides,
    )


def _since(evidence: Evidence) -> datetime:
    """Since when it was so: an answer's `as_of` moves on, each time Cal.com says the same."""
    fact = evidence.fact
    known = fact.as_of if fact.changed_at is None else min(fact.changed_at, fact.as_of)
    return min(known, evidence.heard_at) if fact.source is Source.API else known


async def _done(tx: Transaction, notes: Sequence[tuple[datetime, str, str]]) -> Iterable[Entry]:
    """What people and jobs did. Bookings that are named by uid are told by their time."""
    uids = {found[1] for _, _, what in notes if (found := _NAMED.search(what))}
    starts = {uid: kept.booking.starts_at for uid in uids for kept in await store.find(tx, uid)}
    return [
        Entry(said_at=at, heard_at=at, source=who, words=_readable(what, starts))
        for at, who, what in notes
    ]


def _readable(what: str, starts: Mapping[str, datetime | None]) -> Words:
    found = _NAMED.search(what)
    if found is None or (at := starts.get(found[1])) is None:
        return (what,)
    return (f"{what[: found.start()]}the booking of ", at, what[found.end() :])


def _grounds(
    said: Sequence[Evidence],
    deciding: Fact | None,
    counts: Kept | None,
    notes: Sequence[tuple[datetime, str, str]],
) -> Grounds:
    said_by = [who for _, who, what in notes if what.startswith("said how it went")]
    found = next((each for each in said if each.fact == deciding), None)
    if deciding is None or found is None:
        return Grounds(said_by=next(reversed(said_by), ""))
    others = [
        each.heard_at
        for each in said
        if each.fact.uid == deciding.uid
        and each.fact.status is deciding.status
        and each.fact.source is not deciding.source
    ]
    other = Source.WEBHOOK if deciding.source is Source.API else Source.API
    return Grounds(
        decides=Telling(deciding.source, found.heard_at),
        earlier=Telling(other, min(others)) if others else None,
        said_by=next(reversed(said_by), ""),
        moved_away=counts is not None and word(counts) == "moved",
        missing=_missing(counts),
    )


def _missing(counts: Kept | None) -> str:
    """Who was absent, by what Cal.com says."""
    if counts is None:
        return "somebody"
    if counts.booking.host_absent:
        return "the host"
    names = [each.name or each.email for each in counts.booking.attendees if each.absent]
    return " and ".join(names) or "somebody"


def _recognised(counts: Kept, match: Match, kept: Sequence[Kept]) -> Words:
    """The explanation; a booking it continues is told by its time, for nobody knows uids."""
    if match.rung is not Rung.LINEAGE:
        return (match.explanation,)
    near = counts.booking.replaces | counts.booking.replaced_by
    own: set[Uid] = {counts.key}
    relatives = [
        each
        for each in kept
        if each.key not in own
        and (each.booking.uid in near or counts.booking.uid in each.booking.replaced_by)
        and each.booking.starts_at
    ]
    if not relatives or relatives[0].booking.starts_at is None:
        return (match.explanation,)
    return (
        "it continues the booking of ",
        relatives[0].booking.starts_at,
        ", which is this interview’s",
    )
