"""Taking in what Cal.com says. `record` is the only door: webhooks, reconcile and replay use it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from greenroom.bookings import (
    facts_store,
    lineage,
    lineage_store,
    model,
    names,
    store,
)
from greenroom.bookings.fold import fold
from greenroom.bookings.match import Kept
from greenroom.bookings.matching import is_known, rematch
from greenroom.bookings.model import Booking, Fact, Told, Uid
from greenroom.bookings.standing import restand
from greenroom.database import Transaction
from greenroom.errors import NotFound
from greenroom.interviews import actions as interviews
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
    joined = (await names.join(tx, held.told)).values()
    touched = {match.interview_id for kept, _ in joined for match in kept.matches}
    every = await facts_store.of(tx, held.keys)
    touched |= await _drop(tx, {key for key in held.stale if not every[key]})
    said = {key: facts for key, facts in every.items() if facts}
    before = await store.get(tx, said)
    changes = {key: Change(before.get(key), fold(facts)) for key, facts in said.items()}
    news = {key: each for key, each in changes.items() if each.is_news}
    await _save(tx, changes, said, now)
    touched |= await _match(tx, changes, news, now)
    await _rename(tx, joined, touched)
    await restand(tx, touched, now=now)
    _tell(tx, news)
    renamed = zip(told, held.told, strict=True)
    return Recorded(news, {was.key: is_.key for was, is_ in renamed})


async def get(tx: Transaction, uid: str, *, connection_id: int | None = None) -> Kept:
    """The booking of that uid, on that connection or on any. Raises NotFound.

    Where several connections see it, of one that is somebody's interview before the others.
    """
    found = await store.find(tx, uid)
    if connection_id is not None:
        found = [each for each in found if each.connection_id == connection_id]
    if not found:
        raise NotFound(
            f"There is no booking {uid} here.",
            do="Press Sync now if Cal.com has it; its uid is in the address of its page there.",
        )
    return min(found, key=lambda each: (not each.matches, each.connection_id))


async def kept(tx: Transaction, keys: Collection[Uid]) -> Sequence[Kept]:
    """Those of these bookings that there are, as they stand."""
    return list((await store.get(tx, keys)).values())


async def between(
    tx: Transaction,
    start: datetime | None,
    end: datetime | None,
    *,
    status: str | None,
    after: tuple[datetime, str, int] | None,
    limit: int,
) -> Sequence[Kept]:
    """Bookings that start in [start, end), earliest first, after the keyset `after`."""
    return await store.between(tx, start, end, status=status, after=after, limit=limit)


async def to_ask(
    tx: Transaction, connection_id: int, *, now: datetime, limit: int
) -> Sequence[str]:
    """Uids of bookings Cal.com's API should have been asked about by now, the longest due first.

    Their newest word came by webhook, and its minute is over.
    """
    return await store.to_ask(tx, connection_id, now=now, limit=limit)


async def ask_again(
    tx: Transaction, connection_id: int, uids: Collection[str], *, at: datetime | None
) -> None:
    """Ask about these then, where the API has not confirmed them since; None: not any more."""
    await store.ask_again(tx, connection_id, uids, at)


async def live(
    tx: Transaction, connection_id: int, *, ends_after: datetime, beyond: str | None, limit: int
) -> Sequence[str]:
    """Uids of bookings requested or confirmed, not moved, that end after that moment.

    Sorted by uid, after the keyset `beyond`.
    """
    return await store.live(tx, connection_id, ends_after=ends_after, beyond=beyond, limit=limit)


async def evidence(tx: Transaction, keys: Collection[Uid]) -> Sequence[facts_store.Evidence]:
    """What was said about these bookings, in the order in which we first kept it."""
    return await facts_store.evidence(tx, keys)


async def _rename(
    tx: Transaction, joined: Collection[tuple[Kept, str]], touched: Collection[int]
) -> None:
    """Let interviews call bookings by their uids, where they knew them by their numbers."""
    if not joined:
        return
    # All that will be changed, and in their order: who changed these first would hold them while
    # he waits for others, who may wait for them.
    await interviews.hold(tx, touched)
    for kept, uid in joined:
        for match in kept.matches:
            await interviews.rename_booking(tx, match.interview_id, kept.booking.uid, uid)


async def _drop(tx: Transaction, keys: set[Uid]) -> set[int]:
    """Forget bookings that nobody tells of; return the interviews whose bookings change."""
    if not keys:
        return set()
    claimed = await lineage_store.around(tx, keys)
    around = await store.get(tx, {*keys, *(key for link in claimed for key in link.ends)})
    await store.forget(tx, keys)
    await lineage.forget(tx, {key: around[key].booking for key in keys & around.keys()})
    for _, uid in keys & around.keys():
        announce(tx, f"booking:{uid}")
    left = {key: each for key, each in around.items() if key not in keys}
    lost = {match.interview_id for key in keys & around.keys() for match in around[key].matches}
    return lost | await rematch(tx, left)


async def _save(
    tx: Transaction,
    changes: Mapping[Uid, Change],
    said: Mapping[Uid, Sequence[Fact]],
    now: datetime,
) -> None:
    changed = {
        key: each
        for key, each in changes.items()
        if each.before is None or each.before.booking != each.after
    }
    computed = [(key[0], each.after, _ask_at(each.after, now)) for key, each in changed.items()]
    await store.save(tx, computed, now)
    was = {key: each.before.booking for key, each in changed.items() if each.before}
    await lineage.save(tx, was, {key: said[key] for key in changed})


async def _match(
    tx: Transaction, changes: Mapping[Uid, Change], news: Mapping[Uid, Change], now: datetime
) -> set[int]:
    """Find the interviews of these; return those whose bookings, or what they say, changed."""
    kept = {key: _as_kept(each, key, now) for key, each in changes.items()}
    known = {key for key, each in changes.items() if is_known(each.before, each.after)}
    touched = await rematch(tx, kept, known=known)
    matched = [match for key in news for match in kept[key].matches]
    return touched | {each.interview_id for each in matched}


def _ask_at(booking: Booking, now: datetime) -> datetime | None:
    """When Cal.com's API should be asked; never about a booking whose uid is not known."""
    if not booking.unconfirmed or booking.uid.startswith(model.BY_NUMBER):
        return None
    return now + model.UNSETTLED


def _as_kept(change: Change, key: Uid, now: datetime) -> Kept:
    """The booking as `save` has just left it."""
    before = change.before
    return Kept(
        connection_id=key[0],
        booking=change.after,
        matches=before.matches if before else (),
        is_unmatched=before.is_unmatched if before else False,
        is_moved=before.is_moved if before else False,
        changed_at=now,
        first_heard_at=before.first_heard_at if before else now,
    )


def _tell(tx: Transaction, news: Mapping[Uid, Change]) -> None:
    for (_, uid), change in news.items():
        announce(tx, f"booking:{uid}")
        status = change.after.status
        if status and (change.before is None or change.before.booking.status is not status):
            # People grep for this sentence; it is part of the guide.
            _log.info(f"Updated booking {uid} status to {status.value}")
