"""What deliveries did not tell, told wrongly, or told late: found each time Cal.com is asked."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.bookings.model import Booking, Fact, Source, Uid
from greenroom.database import Transaction, metadata
from greenroom.database.among import among

_MOMENT = DateTime(timezone=True)
_LATE = timedelta(minutes=1)
"""A delivery that takes longer than this is late."""
_AT_ONCE = timedelta(seconds=5)
"""Cal.com sends some deliveries just before it changes the booking."""
_MAY_COME = timedelta(hours=1)
"""How long a delivery that seems lost may still arrive and show that it was not."""


class Kind(StrEnum):
    """How what we knew was off. Values are stored: never rename one."""

    LOST = "lost"
    LATE = "late"
    OUT_OF_ORDER = "out_of_order"
    UNTRUE = "untrue"

    @property
    def label(self) -> str:
        """A word or two for people."""
        return self.value.replace("_", " ")


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    run_id: Column[int] = Column(
        BigInteger, ForeignKey("sync_runs.id", ondelete="CASCADE"), nullable=False, index=True
    )
    connection_id: Column[int] = Column(BigInteger, nullable=False)
    uid: Column[str] = Column(Text, nullable=False)
    kind: Column[str] = Column(Text, nullable=False)
    what: Column[str] = Column(Text, nullable=False)
    said_at: Column[datetime | None] = Column(_MOMENT)
    found_at: Column[datetime] = Column(_MOMENT, nullable=False)
    delivery_id: Column[int | None] = Column(BigInteger)


drift = Table(
    "drift",
    metadata,
    _Columns,
    UniqueConstraint("delivery_id", "connection_id", "uid", "kind"),
    Index("drift_uid_idx", "connection_id", "uid"),
)
_d = drift.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One booking about which we were off. `said_at` is when it was so at Cal.com."""

    connection_id: int
    uid: str
    kind: Kind
    what: str
    said_at: datetime | None
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a delivery said about a booking, and when we received it."""

    fact: Fact
    received_at: datetime
    delivery_id: int | None


def untold(
    key: Uid, booking: Booking, heard: Sequence[Heard], changed_at: datetime, *, since: datetime
) -> Drift | None:
    """What the API brought that no delivery had said, or that one had said otherwise.

    Bookings that were never to be heard of are left out: those last changed before `since`,
    and those that were moved, of which the one they became tells.
    """
    if booking.is_moved or changed_at < since or agrees(booking, heard):
        return None
    spoke = [each for each in heard if each.fact.status is not None]
    last = max(spoke, key=lambda each: each.fact.as_of, default=None)
    if last is None or last.fact.as_of + _AT_ONCE < changed_at:
        return Drift(
            connection_id=key[0],
            uid=key[1],
            kind=Kind.LOST,
            what=f"Cal.com says {_said(booking)}; no delivery said so.",
            said_at=changed_at,
        )
    what = f"Delivery {last.delivery_id} said {_said(last.fact)}; Cal.com says {_said(booking)}."
    return _about(key, Kind.UNTRUE, what, last)


def tardy(key: Uid, heard: Sequence[Heard]) -> Sequence[Drift]:
    """Deliveries that arrived over a minute after they were said, or after a newer one."""
    found: list[Drift] = []
    arrived = sorted(heard, key=lambda each: each.delivery_id or 0)
    newest = accumulate((each.fact.as_of for each in arrived), max)
    for each, newest_yet in zip(arrived, newest, strict=True):
        if seems_late(each):
            took = _long(each.received_at - each.fact.as_of)
            what = f"Delivery {each.delivery_id} took {took} to arrive."
            found.append(_about(key, Kind.LATE, what, each))
        if each.fact.as_of < newest_yet:
            what = f"Delivery {each.delivery_id} arrived after a newer one."
            found.append(_about(key, Kind.OUT_OF_ORDER, what, each))
    return found


def seems_late(heard: Heard) -> bool:
    """Whether it took over a minute to be heard."""
    return heard.received_at - heard.fact.as_of > _LATE


def agrees(booking: Booking, heard: Iterable[Heard]) -> bool:
    """Whether a delivery said what stands: the status, and the times where it named any."""
    return any(
        each.fact.status is booking.status
        and each.fact.starts_at in {None, booking.starts_at}
        and each.fact.ends_at in {None, booking.ends_at}
        for each in heard
    )


def heard_of(facts: Iterable[tuple[Fact, datetime, int | None]]) -> Mapping[str, Sequence[Heard]]:
    """By uid what deliveries said, of (fact, when it was received, which delivery)."""
    found: defaultdict[str, list[Heard]] = defaultdict(list)
    for fact, at, delivery_id in facts:
        if fact.source is Source.WEBHOOK:
            found[fact.uid].append(Heard(fact, at, delivery_id))
    return found


async def keep(tx: Transaction, run_id: int, found: Collection[Drift], *, now: datetime) -> None:
    """Keep what a run found. The same about the same delivery is kept once."""
    if not found:
        return
    rows = [
        {
            "run_id": run_id,
            "connection_id": each.connection_id,
            "uid": each.uid,
            "kind": each.kind.value,
            "what": each.what,
            "said_at": each.said_at,
            "found_at": now,
            "delivery_id": each.delivery_id,
        }
        for each in found
    ]
    await tx.execute(insert(drift).on_conflict_do_nothing(), rows)


async def settle(
    tx: Transaction, connection_id: int, heard: Mapping[str, Sequence[Heard]], *, now: datetime
) -> None:
    """Forget what seemed lost about these bookings, where its delivery has come after all."""
    query = select(_d.id, _d.uid, _d.said_at).where(
        _d.connection_id == connection_id,
        among(_d.uid, list(heard)),
        _d.kind == Kind.LOST,
        _d.found_at > now - _MAY_COME,
    )
    came = [
        id_
        for id_, uid, said_at in await tx.execute(query)
        if said_at is not None
        # It may have been kept before the run, and taken in after.
        and any(each.fact.as_of > said_at - _AT_ONCE for each in heard[uid])
    ]
    if came:
        await tx.execute(delete(drift).where(among(_d.id, came)))


async def counts(tx: Transaction, run_ids: Collection[int]) -> Mapping[int, Mapping[Kind, int]]:
    """How much drift of each kind these runs found; runs that found none are left out."""
    query = select(_d.run_id, _d.kind, func.count()).where(among(_d.run_id, run_ids))
    found: defaultdict[int, dict[Kind, int]] = defaultdict(dict)
    for run_id, kind, count in await tx.execute(query.group_by(_d.run_id, _d.kind)):
        found[run_id][Kind(kind)] = count
    return found


async def of_run(
    tx: Transaction, run_id: int, *, after: int = 0, limit: int
) -> Sequence[tuple[int, Drift]]:
    """What the run found, with the keyset's ids, after the id `after`."""
    query = select(
        _d.id, _d.connection_id, _d.uid, _d.kind, _d.what, _d.said_at, _d.delivery_id
    ).where(_d.run_id == run_id, _d.id > after)
    return [
        (
            id_,
            Drift(
                connection_id=connection_id,
                uid=uid,
                kind=Kind(kind),
                what=what,
                said_at=said_at,
                delivery_id=delivery_id,
            ),
        )
        for id_, connection_id, uid, kind, what, said_at, delivery_id in await tx.execute(
            query.order_by(_d.id).limit(limit)
        )
    ]


async def lost(
    tx: Transaction, connection_id: int, since: datetime, *, limit: int
) -> Sequence[str]:
    """Uids of bookings of which no delivery told what was found since, the latest first."""
    query = select(_d.uid).where(
        _d.connection_id == connection_id, _d.kind == Kind.LOST, _d.found_at >= since
    )
    found = (await tx.execute(query.order_by(_d.id.desc()).limit(limit))).scalars()
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Lately:
    """What was found of one kind: how much, and from when to when it was so at Cal.com."""

    count: int
    first: datetime
    last: datetime


async def lately(tx: Transaction, connection_id: int, since: datetime) -> Mapping[Kind, Lately]:
    """What was found about a connection since, by kind; kinds of which nothing was are left out."""
    at = func.coalesce(_d.said_at, _d.found_at)
    first, last = func.min(at), func.max(at)
    query = select(_d.kind, func.count(), first, last).where(
        _d.connection_id == connection_id, _d.found_at >= since
    )
    rows = await tx.execute(query.group_by(_d.kind))
    return {
        Kind(kind): Lately(count, begin, end)
        for kind, count, begin, end in rows
        if begin is not None and end is not None
    }


async def gap(tx: Transaction, run_id: int) -> tuple[datetime, datetime] | None:
    """From when to when bookings changed at Cal.com without a delivery; None where none did."""
    query = select(func.min(_d.said_at), func.max(_d.said_at)).where(
        _d.run_id == run_id, _d.kind == Kind.LOST
    )
    first, last = (await tx.execute(query)).one()
    return None if first is None or last is None else (first, last)


def _about(key: Uid, kind: Kind, what: str, heard: Heard) -> Drift:
    return Drift(
        connection_id=key[0],
        uid=key[1],
        kind=kind,
        what=what,
        said_at=heard.fact.as_of,
        delivery_id=heard.delivery_id,
    )


def _said(of: Booking | Fact) -> str:
    status = of.status.value if of.status else "nothing of its status"
    return status if of.starts_at is None else f"{status}, {of.starts_at:%Y-%m-%d %H:%M} UTC"


def _long(took: timedelta) -> str:
    minutes = round(took.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004  (minutes)
