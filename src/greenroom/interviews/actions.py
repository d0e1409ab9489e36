"""Doing things with interviews: load, decide, save, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from greenroom.booking_links import actions as booking_links
from greenroom.booking_links.model import DEFAULT_EXPIRY, BookingLink
from greenroom.candidates import actions as candidates
from greenroom.database import Transaction
from greenroom.errors import Conflict, NotFound
from greenroom.event_types import actions as event_types
from greenroom.interviews import model, news_store, standings_store, store
from greenroom.interviews.model import (
    Attention,
    Interview,
    Meeting,
    Outcome,
)
from greenroom.interviews.news import Kind, news
from greenroom.interviews.standings_store import Stood
from greenroom.live.feed import announce

_AT_ONCE = 500
"""Interviews whose status time changes in one transaction."""


async def add_links(
    tx: Transaction, ids: Sequence[int], *, expires_at: datetime | None, by: str, now: datetime
) -> None:
    """Make a booking link for each interview, and note it."""
    await booking_links.add_all(tx, ids, expires_at=expires_at, now=now)
    await store.note_all(tx, ids, "created a booking link", actor=by, now=now)


async def revoke(tx: Transaction, interview_id: int, *, by: str, now: datetime) -> None:
    """Switch every link of the interview off. Raises NotFound."""
    await get(tx, interview_id)
    await store.hold(tx, [interview_id])
    every = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
    live = [link for link in every if link.revoked_at is None]
    for link in live:
        await booking_links.revoke(tx, link.id, now)
    if live:
        await store.note(tx, interview_id, "revoked the booking link", actor=by, now=now)
    await restand_kept(tx, [interview_id], now=now)


async def extend(tx: Transaction, interview_id: int, *, days: int, by: str, now: datetime) -> None:
    """Let the newest link work at least `days` days from now; that never shortens it.

    Raises NotFound, and Conflict without a link or for one that has no end.
    """
    newest = await _newest_link(tx, interview_id)
    if newest.expires_at is None:
        raise Conflict(
            "The booking link has no end.", do="There is nothing to extend; it works as it is."
        )
    until = max(newest.expires_at, now + timedelta(days=days))
    await booking_links.extend(tx, newest.id, until)
    what = f"let the link work until {until:%Y-%m-%d}"
    await store.note(tx, interview_id, what, actor=by, now=now)
    await restand_kept(tx, [interview_id], now=now)


async def replace_link(
    tx: Transaction,
    interview_id: int,
    *,
    by: str,
    now: datetime,
    expires_in: timedelta | None = DEFAULT_EXPIRY,
) -> None:
    """Switch the old link off and make a new one. Raises NotFound."""
    await revoke(tx, interview_id, by=by, now=now)
    expires_at = None if expires_in is None else now + expires_in
    await add_links(tx, [interview_id], expires_at=expires_at, by=by, now=now)
    await restand_kept(tx, [interview_id], now=now)


async def say_outcome(
    tx: Transaction, interview_id: int, outcome: Outcome | None, *, by: str, now: datetime
) -> None:
    """Keep how the meeting went, as a person says; None takes it back.

    Raises NotFound, and Conflict for an interview that nobody has booked.
    """
    await hold(tx, [interview_id])
    interview = await get(tx, interview_id)
    if interview.meeting is None or not interview.meeting.status.is_live:
        raise Conflict(
            "There is no meeting to say that about.", do="Say it once the interview is booked."
        )
    await store.set_outcome(tx, interview_id, outcome, of=interview.meeting.uid)
    said = "took the outcome back" if outcome is None else f"said how it went: {outcome.value}"
    await store.note(tx, interview_id, said, actor=by, now=now)
    await restand_kept(tx, [interview_id], now=now)


async def _newest_link(tx: Transaction, interview_id: int) -> BookingLink:
    await get(tx, interview_id)
    await store.hold(tx, [interview_id])
    every = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
    kept = [link for link in every if link.revoked_at is None]
    if not kept:
        raise Conflict("There is no booking link to extend.", do="Send a new one.")
    return kept[-1]


async def mark_sent(
    tx: Transaction, interview_id: int, *, address: str | None, now: datetime
) -> None:
    """The letter with the booking link of that address has left the house."""
    sent = await link_at(tx, interview_id, address)
    if sent is not None and sent.sent_at is None:
        await booking_links.mark_sent(tx, sent.id, now)
    announce(tx, f"interview:{interview_id}")


async def link_at(tx: Transaction, interview_id: int, address: str | None) -> BookingLink | None:
    """The interview's booking link of that address, `.../i/<token>`."""
    every = (await booking_links.of_interviews(tx, [interview_id]))[interview_id]
    return next((each for each in every if (address or "").endswith(f"/i/{each.token}")), None)


async def rename_booking(tx: Transaction, interview_id: int, old: str, new: str) -> None:
    """A booking of the interview is known by another uid now."""
    await store.rename_booking(tx, interview_id, old, new)
    await news_store.rename(tx, interview_id, old, new)


async def note(tx: Transaction, interview_id: int, what: str, *, by: str, now: datetime) -> None:
    """Keep what somebody or something did, for the timeline."""
    await store.note(tx, interview_id, what, actor=by, now=now)


async def note_all(
    tx: Transaction, interview_ids: Collection[int], what: str, *, by: str, now: datetime
) -> None:
    """The same for many."""
    await store.note_all(tx, interview_ids, what, actor=by, now=now)


async def flag(tx: Transaction, interview_id: int, why: Attention, *, now: datetime) -> None:
    """Have a person look."""
    for interview in await store.hold(tx, [interview_id]):
        await store.set_attention(tx, interview.id, interview.attention | {why}, now)
    announce(tx, f"interview:{interview_id}")


async def get(tx: Transaction, interview_id: int) -> Interview:
    """Raises NotFound."""
    found = await store.by_ids(tx, [interview_id])
    if not found:
        raise _missing(interview_id)
    return found[0]


async def by_ids(tx: Transaction, ids: Collection[int]) -> Mapping[int, Interview]:
    """Those that exist, by id."""
    return {each.id: each for each in await store.by_ids(tx, ids)}


async def hold(tx: Transaction, ids: Collection[int]) -> Sequence[Interview]:
    """Keep others from changing these interviews; return those that exist."""
    return await store.hold(tx, ids) if ids else []


async def notes(tx: Transaction, interview_id: int) -> Sequence[tuple[datetime, str, str]]:
    """(when, who, what) people and jobs did, oldest first."""
    return await store.notes(tx, interview_id)


async def told(tx: Transaction, interview_id: int) -> Sequence[tuple[datetime, Kind]]:
    """(when, what) was said of the interview, each news once, oldest first."""
    return await news_store.of(tx, interview_id)


async def waiting(
    tx: Transaction, candidate_ids: Collection[int], *, or_booked: bool = False
) -> Sequence[tuple[Interview, int, int | None]]:
    """Interviews of these candidates that wait for a booking, or also those that have had one.

    Each with the connection and the Cal.com id of its event type.
    """
    if not candidate_ids:
        return []
    every = await store.of_candidates(tx, candidate_ids)
    open_ = [each for each in every if or_booked or each.status.waits_for_booking]
    types = await event_types.by_ids(tx, {each.event_type_id for each in open_})
    return [
        (each, types[each.event_type_id].connection_id, types[each.event_type_id].calcom_id)
        for each in open_
    ]


async def restand(
    tx: Transaction,
    held: Sequence[Interview],
    meetings: Mapping[int, Sequence[Meeting]],
    *,
    attendees: Mapping[str, Collection[str]],
    now: datetime,
) -> None:
    """Let interviews stand where their links, these bookings and the clock put them.

    `held` came from `hold`. `attendees` are the addresses by booking uid.
    """
    links = await booking_links.of_interviews(tx, list(meetings))
    known = await candidates.by_ids(tx, {each.candidate_id for each in held})
    stood: list[Stood] = []
    for interview in held:
        of = meetings[interview.id]
        standing = model.stand(
            links[interview.id],
            of,
            now=now,
            withdrawn=interview.withdrawn_at is not None,
            outcome=interview.said,
            outcome_of=interview.said_of,
        )
        candidate = known.get(interview.candidate_id)
        attention = model.flags(
            links[interview.id],
            of,
            attendees=attendees,
            addresses=candidate.addresses if candidate else (),
        )
        stood.append(
            Stood(
                interview=interview,
                standing=standing,
                attention=attention | (interview.attention - model.DERIVED),
                reschedules=sum(each.is_moved for each in of),
            )
        )
    await _save(tx, [each for each in stood if each.is_news], now)


async def turned(tx: Transaction, *, now: datetime) -> Sequence[int]:
    """Some interviews whose status time alone has changed: they want to be restood."""
    return await store.turned(tx, now, _AT_ONCE)


async def restand_kept(tx: Transaction, ids: Collection[int], *, now: datetime) -> None:
    """Let interviews stand where their links, the clock and the booking kept on them put them.

    All count as changed, for their links or what was said of them did. Those that are booked
    turn at once: another booking of theirs may count by now, and only `turned` asks for all.
    """
    held = await store.hold(tx, ids)
    links = await booking_links.of_interviews(tx, ids)
    stood: list[Stood] = []
    for interview in held:
        kept = [interview.meeting] if interview.meeting else []
        standing = model.stand(
            links[interview.id],
            kept,
            now=now,
            withdrawn=interview.withdrawn_at is not None,
            outcome=interview.said,
            outcome_of=interview.said_of,
        )
        stood.append(
            Stood(
                interview=interview,
                standing=replace(standing, turns_at=now) if kept else standing,
                attention=interview.attention,
                reschedules=interview.reschedules,
            )
        )
    await _save(tx, stood, now)


async def _save(tx: Transaction, stood: Sequence[Stood], now: datetime) -> None:
    await standings_store.save(tx, stood, now)
    found = [news(each.interview, each.standing) for each in stood]
    await news_store.add(tx, [each for each in found if each is not None], now)
    for each in stood:
        announce(tx, f"interview:{each.interview.id}")


def _missing(interview_id: int) -> NotFound:
    return NotFound(
        f"There is no interview {interview_id}.",
        do="Go back to the list; it may have been deleted.",
    )
