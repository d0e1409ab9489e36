"""Taking in what Cal.com says. `record` is the only door: webhooks, reconcile and replay use it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from greenroom.booking_links import actions as booking_links
from greenroom.bookings import facts_store, model, names, store
from greenroom.bookings.match import Evidence, Kept, Match, Open, Rung, continues, match
from greenroom.bookings.model import Booking, Outcome, Told, Uid
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import address_key
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Meeting, MeetingStatus
from greenroom.live.feed import announce

_log = structlog.get_logger()


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
    uids: Mapping[Uid, Uid] = field(default_factory=dict)
    """What a booking is kept by, for what a fact called it."""

    def told(self, connection_id: int, uid: str) -> Change | None:
        """The change of this booking, if there was one."""
        key = (connection_id, uid)
        return self.changes.get(self.uids.get(key, key))


async def record(
    tx: Transaction, told: Sequence[Told], *, deliveries: Collection[int] = (), now: datetime
) -> Recorded:
    """Take in facts from Cal.com, in any order and any number of times.

    The bookings they are about are computed anew from all facts, matched to interviews, and
    the interviews stand where that puts them, in one transaction. What a delivery told when it
    was read before gives way to what it tells now; `deliveries` are some that may tell nothing.
    A booking that nobody tells of any more goes.
    """
    heard = {each.delivery_id for each in told if each.delivery_id is not None}
    held = await names.hold(tx, told, heard | set(deliveries))
    await facts_store.forget(tx, heard | set(deliveries), held.told)
    await facts_store.add(tx, held.told, now)
    touched = await _join(tx, held.told)
    every = await facts_store.of(tx, held.keys)
    touched |= await _drop(tx, {key for key in held.stale if not every[key]})
    said = {key: facts for key, facts in every.items() if facts}
    before = await store.get(tx, said)
    changes = {key: Change(before.get(key), model.fold(facts)) for key, facts in said.items()}
    news = {key: each for key, each in changes.items() if each.is_news}
    await _save(tx, changes, now)
    touched |= await _match(tx, _as_kept(changes, now), news)
    await restand(tx, touched, now=now)
    _tell(tx, news)
    renamed = zip(told, held.told, strict=True)
    return Recorded(news, {was.key: is_.key for was, is_ in renamed})


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
    await store.hold(tx, [(await get(tx, uid)).key])
    kept = await get(tx, uid)
    await interviews.get(tx, interview_id)
    before = {kept.match.interview_id} if kept.match else set()
    match_ = Match(interview_id, Rung.PERSON, f"{by} said so")
    await store.save_matches(tx, {kept.key: match_})
    relatives = await store.get(tx, await store.relatives(tx, [kept.key]))
    # It holds them all in order; a note before would hold its own interview first.
    await restand(tx, before | await _match(tx, relatives) | {interview_id}, now=now)
    await interviews.note(tx, interview_id, f"matched booking {uid}", by=by, now=now)


async def _join(tx: Transaction, told: Sequence[Told]) -> set[int]:
    """Join numbers to their uids; return the interviews whose booking has another name now."""
    touched: set[int] = set()
    for kept, uid in (await names.join(tx, told)).values():
        if kept.match:
            touched.add(kept.match.interview_id)
            await interviews.rename_booking(tx, kept.match.interview_id, kept.booking.uid, uid)
    return touched


async def _drop(tx: Transaction, keys: set[Uid]) -> set[int]:
    """Forget bookings that nobody tells of; return the interviews whose bookings change."""
    if not keys:
        return set()
    around = await store.get(tx, set(keys) | await store.relatives(tx, keys))
    await store.forget(tx, keys)
    gone = {key: around[key].booking for key in keys & around.keys()}
    await _drop_lineage(tx, _lineage(gone), keys)
    for _, uid in gone:
        announce(tx, f"booking:{uid}")
    return {each.match.interview_id for each in around.values() if each.match}


async def _save(tx: Transaction, changes: Mapping[Uid, Change], now: datetime) -> None:
    changed = {
        key: each
        for key, each in changes.items()
        if each.before is None or each.before.booking != each.after
    }
    await store.save(tx, [(key[0], each.after) for key, each in changed.items()], now)
    is_ = _lineage({key: each.after for key, each in changed.items()})
    was = _lineage({key: each.before.booking for key, each in changed.items() if each.before})
    await _drop_lineage(tx, was - is_, changed.keys())
    await store.add_lineage(tx, is_)


async def _drop_lineage(
    tx: Transaction, gone: set[tuple[int, str, str]], silent: Collection[Uid]
) -> None:
    """Forget these links, which `silent` bookings do not claim any more, unless others do."""
    others = {(c, uid) for c, *uids in gone for uid in uids}.difference(silent)
    kept = await store.get(tx, others)
    await store.drop_lineage(tx, gone - _lineage({k: each.booking for k, each in kept.items()}))


def _lineage(bookings: Mapping[Uid, Booking]) -> set[tuple[int, str, str]]:
    found: set[tuple[int, str, str]] = set()
    for (connection_id, uid), booking in bookings.items():
        found |= {(connection_id, old, uid) for old in booking.replaces if old != uid}
        found |= {(connection_id, uid, new) for new in booking.replaced_by if new != uid}
    return found


def _as_kept(changes: Mapping[Uid, Change], now: datetime) -> Mapping[Uid, Kept]:
    """The bookings as `save` has just left them."""
    return {
        (connection_id, uid): Kept(
            connection_id=connection_id,
            booking=each.after,
            match=each.before.match if each.before else None,
            is_moved=each.before.is_moved if each.before else False,
            changed_at=now,
            first_heard_at=each.before.first_heard_at if each.before else now,
        )
        for (connection_id, uid), each in changes.items()
    }


async def _match(
    tx: Transaction, start: Mapping[Uid, Kept], news: Collection[Uid] = ()
) -> set[int]:
    """Match these bookings and on along their chains; return the interviews this may change.

    Those are the ones that gain or lose a booking, and those of `news` and their neighbours.

    Those whose neighbour has found its interview are looked at again, also when both were
    in `start`: what came together must end as what came one by one.
    """
    known = dict(start)
    keys, settled = set(start), set[Uid]()
    touched: set[int] = set()
    changed = set(news)
    while keys:
        neighbours = _neighbours(await store.lineage_of(tx, keys))
        known |= await store.get(tx, (keys | neighbours.keys()) - known.keys())
        changed |= {other for key in keys & set(news) for other in neighbours[key]}
        looked_at = [known[key] for key in sorted(keys) if key in known]
        found = await _evidence(tx, looked_at)
        moved: dict[Uid, Match | None] = {}
        for kept in looked_at:
            related = _matched(kept, neighbours[kept.key], known)
            is_ = match(replace(found[kept.key], relatives=related))
            if kept.match != is_:
                touched |= {each.interview_id for each in (kept.match, is_) if each is not None}
                moved[kept.key] = is_
                # At once, so that two neighbours cannot trade places.
                known[kept.key] = replace(kept, match=is_)
        await store.save_matches(tx, moved)
        settled |= moved.keys()
        keys = {other for key in moved for other in neighbours[key]} - settled
    around = [known[key].match for key in changed & known.keys()]
    return touched | {each.interview_id for each in around if each}


def _neighbours(pairs: Sequence[tuple[Uid, Uid]]) -> defaultdict[Uid, set[Uid]]:
    found: defaultdict[Uid, set[Uid]] = defaultdict(set)
    for old, new in pairs:
        found[old].add(new)
        found[new].add(old)
    return found


def _matched(
    kept: Kept, others: Collection[Uid], known: Mapping[Uid, Kept]
) -> Sequence[tuple[str, int]]:
    """Neighbours with an interview; those that stand by themselves, if there are any.

    Not those that are matched only because this booking was.
    """
    found = {other[1]: is_ for other in others if other in known and (is_ := known[other].match)}
    own = {uid: is_ for uid, is_ in found.items() if is_.rung is not Rung.LINEAGE}
    return [
        (uid, is_.interview_id)
        for uid, is_ in (own or found).items()
        if is_ != continues(kept.booking.uid, is_.interview_id)
    ]


async def _evidence(tx: Transaction, bookings: Sequence[Kept]) -> Mapping[Uid, Evidence]:
    """All but the relatives."""
    tokens = {token for each in bookings for token in each.booking.tokens}
    hashes = {hash_ for each in bookings for hash_ in each.booking.private_links}
    by_token, by_hash = await booking_links.interviews_by(tx, tokens, hashes)
    sure = {
        each.key: Evidence(
            by_token=_first(by_token, each.booking.tokens),
            by_private_link=_first(by_hash, each.booking.private_links),
            known=each.match,
        )
        for each in bookings
    }
    unsure = [each for each in bookings if match(sure[each.key]) is None]
    waiting = await _waiting(tx, unsure)
    return {key: replace(each, waiting=waiting.get(key, ())) for key, each in sure.items()}


def _first(found: Mapping[str, int], wanted: Collection[str]) -> int | None:
    return next((found[each] for each in sorted(wanted) if each in found), None)


async def _waiting(tx: Transaction, bookings: Sequence[Kept]) -> Mapping[Uid, Sequence[Open]]:
    """Open interviews of candidates who have an address of an attendee."""
    addresses = {a.email for each in bookings for a in each.booking.attendees if a.email}
    if not addresses:
        return {}
    whose = await candidates.of_addresses(tx, addresses)
    open_: dict[int | None, list[tuple[int, int, int | None]]] = defaultdict(list)
    for interview, connection_id, calcom_id in await interviews.waiting(tx, set(whose.values())):
        open_[interview.candidate_id].append((interview.id, connection_id, calcom_id))
    return {
        each.key: [
            Open(id_, attendee.email, _same_event_type(each, connection_id, calcom_id))
            for attendee in each.booking.attendees
            for id_, connection_id, calcom_id in open_[whose.get(address_key(attendee.email))]
        ]
        for each in bookings
    }


def _same_event_type(kept: Kept, connection_id: int, calcom_id: int | None) -> bool:
    return (
        calcom_id is not None
        and kept.connection_id == connection_id
        and kept.booking.event_type_id == calcom_id
    )


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
        first_known=kept.first_heard_at,
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
