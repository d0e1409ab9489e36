"""Why an interview stands where it stands: what was said about its bookings, and by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.bookings import facts_store, model, store
from greenroom.bookings.facts_store import Evidence
from greenroom.bookings.match import Kept
from greenroom.bookings.model import Fact, Source
from greenroom.database import Transaction
from greenroom.interviews import actions as interviews


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the timeline. `said_at` is when it was true, `heard_at` when we learnt it.

    `source` is "Cal.com's webhook", "Cal.com's API" or who did it. `decides`: the status shown
    comes from this fact.
    """

    said_at: datetime
    heard_at: datetime
    source: str
    text: str
    uid: str | None = None
    delivery_id: int | None = None
    sync_run_id: int | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """The bookings of an interview, oldest first, and everything that was said and done."""

    bookings: Sequence[Kept]
    entries: Sequence[Entry]


async def chain(tx: Transaction, interview_id: int) -> Chain:
    """What stands behind the status of an interview."""
    kept = (await store.of_interviews(tx, [interview_id]))[interview_id]
    said = await facts_store.evidence(tx, [each.key for each in kept])
    interview = await interviews.get(tx, interview_id)
    current = interview.meeting.uid if interview.meeting else None
    deciding = _deciding([each.fact for each in said if each.fact.uid == current])
    entries = [_entry(each, decides=each.fact == deciding) for each in said]
    entries += [
        Entry(said_at=at, heard_at=at, source=who, text=what)
        for at, who, what in await interviews.notes(tx, interview_id)
    ]
    return Chain(
        sorted(kept, key=lambda each: each.booking.as_of),
        sorted(entries, key=lambda entry: (entry.said_at, entry.heard_at)),
    )


def _deciding(facts: Sequence[Fact]) -> Fact | None:
    ranked = sorted(facts, key=model.order, reverse=True)
    return next((fact for fact in ranked if fact.status is not None), None)


def _entry(evidence: Evidence, *, decides: bool) -> Entry:
    fact = evidence.fact
    return Entry(
        said_at=fact.as_of,
        heard_at=evidence.heard_at,
        source="Cal.com’s API" if fact.source is Source.API else "Cal.com’s webhook",
        text=_words(fact),
        uid=fact.uid,
        delivery_id=evidence.delivery_id,
        sync_run_id=evidence.sync_run_id,
        decides=decides,
    )


def _words(fact: Fact) -> str:
    said = []
    if fact.status is not None:
        said.append(f"the booking is {fact.status.value}")
    if fact.starts_at is not None:
        said.append(f"it starts {fact.starts_at:%Y-%m-%d %H:%M} UTC")
    if fact.replaces:
        said.append(f"it replaces {fact.replaces}")
    if fact.replaced_by:
        said.append(f"{fact.replaced_by} has taken its place")
    if fact.successor_expected:
        said.append("the host asked for another time")
    said += [f"{who} gave the seat back" for who in fact.departed]
    said += [f"{who} was {'absent' if absent else 'there'}" for who, absent in fact.absences]
    if fact.reason:
        said.append(f"the reason given is “{fact.reason}”")
    return "; ".join(said) or "nothing about the status"


def word(kept: Kept) -> str:
    """A booking's status in one word: "moved" when another has taken its place."""
    if kept.is_moved:
        return "moved"
    return kept.booking.status.value if kept.booking.status else "unknown"
