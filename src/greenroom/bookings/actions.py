"""Taking in what Cal.com says. `record` is the only door: webhooks, reconcile and replay use it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from greenroom.booking_links import actions as booking_links
from greenroom.bookings import facts_store, model, store
from greenroom.bookings.match import Evidence, Kept, Match, Open, Rung, match
from greenroom.bookings.model import Booking, Outcome, Told, Uid
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import address_key
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Meeting, MeetingStatus
from greenroom.live.feed import announce

_log = structlog.get_logger()

BY_NUMBER = "id:"
"""Before the number of a booking whose uid is not known yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a batch of facts did to one booking. `before` is None for a new one."""

    before: Kept | None
    after: Booking

    @property
    def is_news(self) -> bool:
        """Whether anything but the age of our knowledge changed."""
        if self.before is None:
            return True
        known = self.before.booking
        return replace(self.after, as_of=known.as_of, unconfirmed=known.unconfirmed) != known


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `record` did, by booking; those about which nothing new was said are left out."""

    changes: Mapping[Uid, Change] = field(default_factory=dict)

    def told(self, connection_id: int, uid: str) -> Change | None:
        """The change of this booking, if there was one."""
        return self.changes.get((connection_id, uid))


async def record(tx: Transaction, told: Sequence[Told], *, now: datetime) -> Recorded:
    """Take in facts from Cal.com, in any order and any number of times.

    The bookings they are about are computed anew from all facts, matched to interviews, and
    the interviews stand where that puts them, in one transaction.
    """
    told = await _settle_names(tx, told)
    keys = {each.key for each in told} | _named_relatives(told)
    await store.hold(tx, keys)
    told = await _settle_names(tx, told)
    await facts_store.add(tx, told, now)
    await _adopt_numbers(tx, told)
    said = {key: facts for key, facts in (await facts_store.of(tx, keys)).items() if facts}
    before = await store.get(tx, said)
    changes = {key: Change(before.get(key), model.fold(facts)) for key, facts in said.items()}
    await store.save(tx, [(key[0], each.after) for key, each in changes.items()], now)
    await store.add_lineage(tx, _lineage(changes))
    news = {key: each for key, each in changes.items() if each.is_news}
    touched = await _match(tx, set(changes))
    await restand(tx, touched | await _interviews_of(tx, set(changes)), now=now)
    _tell(tx, news)
    return Recorded(news)


async def restand(tx: Transaction, interview_ids: Collection[int], *, now: datetime) -> None:
    """Let these interviews stand where their bookings put them."""
    held = await interviews.hold(tx, interview_ids)
    of = await store.of_interviews(tx, held)
    meetings = {id_: [m for m in map(_meeting, kept) if m] for id_, kept in of.items()}
    emails = {
        kept.booking.uid: [attendee.email for attendee in kept.booking.attendees]
        for each in of.values()
        for kept in each
    }
    await interviews.restand(tx, meetings, attendees=emails, now=now)


async def get(tx: Transaction, uid: str) -> Kept:
    """The booking of that uid. Raises NotFound."""
    found = await store.find(tx, uid)
    if not found:
        raise NotFound(
            f"There is no booking {uid} here.",
            do="Press Sync now if Cal.com has it; its uid is in the address of its page there.",
        )
    return found[0]


async def between(
    tx: Transaction,
    start: datetime | None,
    end: datetime | None,
    *,
    status: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Kept]:
    """Bookings that start in [start, end), earliest first, after the keyset `after`."""
    return await store.between(tx, start, end, status=status, after=after, limit=limit)


async def match_by_hand(
    tx: Transaction, uid: str, interview_id: int, *, by: str, now: datetime
) -> None:
    """A person says whose booking it is; that stays. Raises NotFound for either."""
    kept = await get(tx, uid)
    await interviews.get(tx, interview_id)
    await store.hold(tx, [kept.key])
    before = {kept.match.interview_id} if kept.match else set()
    match_ = Match(interview_id, Rung.PERSON, f"{by} said so")
    await store.save_match(tx, kept.key, match_)
    await interviews.note(tx, interview_id, f"matched booking {uid}", by=by, now=now)
    touched = await _match(tx, await store.relatives(tx, [kept.key]))
    await restand(tx, before | touched | {interview_id}, now=now)


async def _settle_names(tx: Transaction, told: Sequence[Told]) -> Sequence[Told]:
    """Give facts that know a booking only by its number the uid, where we know it."""
    numbers = {
        (each.connection_id, each.fact.calcom_id)
        for each in told
        if each.fact.uid.startswith(BY_NUMBER) and each.fact.calcom_id
    }
    if not numbers:
        return told
    uids = await store.uids_of(tx, numbers)
    return [
        replace(each, fact=replace(each.fact, uid=uid))
        if each.fact.uid.startswith(BY_NUMBER)
        and (uid := uids.get((each.connection_id, each.fact.calcom_id or "")))
        else each
        for each in told
    ]


def _named_relatives(told: Sequence[Told]) -> set[Uid]:
    """Keys under which the same bookings, or their neighbours, may be changed by others."""
    found: set[Uid] = set()
    for each in told:
        if each.fact.calcom_id and not each.fact.uid.startswith(BY_NUMBER):
            found.add((each.connection_id, BY_NUMBER + each.fact.calcom_id))
        found |= {
            (each.connection_id, uid)
            for uid in (each.fact.replaces, each.fact.replaced_by)
            if uid is not None
        }
    return found


async def _adopt_numbers(tx: Transaction, told: Sequence[Told]) -> None:
    """Facts kept under a booking's number become its uid's once both are known."""
    both = {
        (each.connection_id, BY_NUMBER + each.fact.calcom_id): each.fact.uid
        for each in told
        if each.fact.calcom_id and not each.fact.uid.startswith(BY_NUMBER)
    }
    if not both:
        return
    for connection_id, number in await store.get(tx, set(both)):
        await facts_store.rename(tx, connection_id, number, both[connection_id, number])
        await store.forget(tx, (connection_id, number))


def _lineage(changes: Mapping[Uid, Change]) -> set[tuple[int, str, str]]:
    found: set[tuple[int, str, str]] = set()
    for (connection_id, uid), change in changes.items():
        found |= {(connection_id, old, uid) for old in change.after.replaces if old != uid}
        found |= {(connection_id, uid, new) for new in change.after.replaced_by if new != uid}
    return found


async def _match(tx: Transaction, keys: set[Uid]) -> set[int]:
    """Match these bookings and on along their chains; return interviews that gained or lost one."""
    touched: set[int] = set()
    looked_at: set[Uid] = set()
    while keys:
        kept = await store.get(tx, keys | await store.relatives(tx, keys))
        looked_at |= keys
        evidence = await _evidence(tx, [kept[key] for key in keys if key in kept])
        moved: set[Uid] = set()
        for key, found in evidence.items():
            was, is_ = kept[key].match, match(found)
            if was != is_:
                await store.save_match(tx, key, is_)
                touched |= {each.interview_id for each in (was, is_) if each is not None}
                moved.add(key)
        keys = await store.relatives(tx, moved) - looked_at if moved else set()
    return touched


async def _evidence(tx: Transaction, bookings: Sequence[Kept]) -> Mapping[Uid, Evidence]:
    tokens = {token for each in bookings for token in each.booking.tokens}
    hashes = {hash_ for each in bookings for hash_ in each.booking.private_links}
    by_token, by_hash = await booking_links.interviews_by(tx, tokens, hashes)
    keys = {each.key for each in bookings}
    pairs = await store.lineage_of(tx, keys)
    neighbours = await store.get(tx, {uid for pair in pairs for uid in pair} - keys)
    neighbours = {**neighbours, **{each.key: each for each in bookings}}
    waiting = await _waiting(tx, [each for each in bookings if each.match is None])
    return {
        each.key: Evidence(
            by_token=_first(by_token, each.booking.tokens),
            by_private_link=_first(by_hash, each.booking.private_links),
            relatives=_matched_relatives(each.key, pairs, neighbours),
            known=each.match,
            waiting=waiting.get(each.key, ()),
        )
        for each in bookings
    }


def _first(found: Mapping[str, int], wanted: Collection[str]) -> int | None:
    return next((found[each] for each in sorted(wanted) if each in found), None)


def _matched_relatives(
    key: Uid, pairs: Sequence[tuple[Uid, Uid]], known: Mapping[Uid, Kept]
) -> Sequence[tuple[str, int]]:
    others = {new if old == key else old for old, new in pairs if key in (old, new)}
    return [
        (other[1], kept.match.interview_id)
        for other in others
        if (kept := known.get(other)) and kept.match
    ]


async def _waiting(tx: Transaction, bookings: Sequence[Kept]) -> Mapping[Uid, Sequence[Open]]:
    """Open interviews of candidates who have an address of an attendee."""
    addresses = {a.email for each in bookings for a in each.booking.attendees if a.email}
    if not addresses:
        return {}
    whose = await candidates.of_addresses(tx, addresses)
    open_ = await interviews.waiting(tx, set(whose.values()))
    return {
        each.key: [
            Open(
                interview.id,
                attendee.email,
                _same_event_type(each, connection_id, calcom_id),
            )
            for attendee in each.booking.attendees
            for interview, connection_id, calcom_id in open_
            if interview.candidate_id == whose.get(address_key(attendee.email))
        ]
        for each in bookings
    }


def _same_event_type(kept: Kept, connection_id: int, calcom_id: int | None) -> bool:
    return (
        calcom_id is not None
        and kept.connection_id == connection_id
        and kept.booking.event_type_id == calcom_id
    )


async def _interviews_of(tx: Transaction, keys: set[Uid]) -> set[int]:
    around = keys | await store.relatives(tx, keys)
    kept = await store.get(tx, around)
    return {each.match.interview_id for each in kept.values() if each.match}


def _meeting(kept: Kept) -> Meeting | None:
    booking = kept.booking
    if booking.status is None or booking.starts_at is None or booking.ends_at is None:
        return None
    return Meeting(
        uid=booking.uid,
        status=MeetingStatus(booking.status.value),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        since=booking.status_since,
        is_moved=kept.is_moved or booking.is_moved,
        successor_expected=booking.successor_expected,
        is_no_show=booking.outcome in {Outcome.CANDIDATE_NO_SHOW, Outcome.HOST_NO_SHOW},
        host=booking.host.name if booking.host else None,
        location=booking.location,
        series=booking.series,
    )


def _tell(tx: Transaction, news: Mapping[Uid, Change]) -> None:
    for (_, uid), change in news.items():
        announce(tx, f"booking:{uid}")
        status = change.after.status
        if status and (change.before is None or change.before.booking.status is not status):
            # People grep for this sentence; it is part of the guide.
            _log.info(f"Updated booking {uid} status to {status.value}")
