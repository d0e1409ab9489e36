"""Lists of deliveries: which there are, in what order, and whose booking each is about."""

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, or_, select, text, tuple_

from greenroom.bookings import whose
from greenroom.bookings.model import BY_NUMBER, Uid
from greenroom.candidates import actions as candidates
from greenroom.database import Database, Transaction
from greenroom.database.among import among
from greenroom.deliveries.store import Delivery, State, deliveries, light, places_in, read
from greenroom.interviews import actions as interviews
from greenroom.interviews import overview
from greenroom.interviews.overview import Asked

Place = tuple[datetime, int]
"""Where a page of the list begins: after the delivery received then, of that number."""

_PEOPLES_INTERVIEWS = 100
"""Interviews whose deliveries a search by name or address looks at."""
_MOST_TRIGGERS = 100
_d = deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which deliveries; None means any. Received in [since, until).

    `q` is a booking's uid or number, a delivery's number, or words of a candidate's name or
    address.
    """

    state: State | None = None
    trigger: str | None = None
    connection_id: int | None = None
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class About:
    """The interview a delivery concerns, and who it is with."""

    interview_id: int
    name: str


async def page(
    tx: Transaction, wanted: Wanted, *, before: Place | None, limit: int, bodies: bool = False
) -> Sequence[Delivery]:
    """Newest first, after the keyset `before`."""
    query = _matching(wanted, await _named(tx, wanted.q), bodies=bodies)
    return await _page(tx, query, before, limit)


async def every(
    database: Database, wanted: Wanted, *, at_once: int, bodies: bool = False
) -> AsyncIterator[Sequence[Delivery]]:
    """All of them, newest first, some at a time: each page in a transaction of its own."""
    async with database.transaction() as tx:
        uids = await _named(tx, wanted.q)
    query, before = _matching(wanted, uids, bodies=bodies), None
    while True:
        async with database.transaction() as tx:
            found = await _page(tx, query, before, at_once)
        if found:
            yield found
        if len(found) < at_once:
            return
        before = place_of(found[-1])


def place_of(delivery: Delivery) -> Place:
    """Where the page after this delivery begins."""
    return delivery.received_at, delivery.id


async def triggers(tx: Transaction) -> Sequence[str]:
    """Every trigger there is a delivery of, by name."""
    return list((await tx.execute(_TRIGGERS, {"most": _MOST_TRIGGERS})).scalars())


async def has_failed(tx: Transaction) -> bool:
    """Whether any failed, for now or for good, and can be taken in again."""
    for state in (State.FAILED, State.DEAD):
        if await places_in(tx, state, after=None, limit=1):
            return True
    return False


async def about(tx: Transaction, found: Sequence[Delivery]) -> Mapping[Uid, Sequence[About]]:
    """Whose each booking is that these deliveries concern, as far as that is known."""
    return await about_bookings(tx, {(e.connection_id, e.uid) for e in found if e.uid})


async def about_bookings(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Sequence[About]]:
    """Whose each of these bookings is, as far as that is known."""
    ids = await whose.interviews_of(tx, keys)
    held = await interviews.by_ids(tx, {id_ for each in ids.values() for id_ in each})
    people = await candidates.by_ids(tx, {each.candidate_id for each in held.values()})
    known = {
        id_: About(id_, people[each.candidate_id].name)
        for id_, each in held.items()
        if each.candidate_id in people
    }
    return {key: [known[id_] for id_ in each if id_ in known] for key, each in ids.items()}


async def interview_ids(tx: Transaction, found: Sequence[Delivery]) -> Mapping[Uid, Sequence[int]]:
    """The interviews of each booking that these deliveries concern, as far as they are known."""
    return await whose.interviews_of(tx, {(e.connection_id, e.uid) for e in found if e.uid})


async def _named(tx: Transaction, q: str) -> Collection[str]:
    """The uids that somebody who types `q` may mean."""
    if not q:
        return ()
    people = await overview.page(tx, Asked(q=q), limit=_PEOPLES_INTERVIEWS)
    theirs = await whose.uids_of(tx, [row.id for row in people.rows])
    return {q, f"{BY_NUMBER}{q}", *theirs}


def _matching(
    wanted: Wanted, uids: Collection[str], *, bodies: bool
) -> Select[*tuple[object, ...]]:
    query: Select[*tuple[object, ...]] = select(*light, *([_d.body] if bodies else []))
    if wanted.state is not None:
        query = query.where(_d.state == wanted.state.value)
    if wanted.trigger is not None:
        query = query.where(_d.trigger == wanted.trigger)
    if wanted.connection_id is not None:
        query = query.where(_d.connection_id == wanted.connection_id)
    if wanted.since is not None:
        query = query.where(_d.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(_d.received_at < wanted.until)
    if uids:
        # Found first, then sorted: few are, and a walk down the whole list would look for long.
        numbers = [int(each) for each in uids if re.fullmatch(r"[0-9]{1,18}", each)]
        named = or_(among(_d.uid, uids), among(_d.id, numbers))
        found = select(_d.id).where(named).cte("found").prefix_with("MATERIALIZED")
        query = query.where(_d.id.in_(select(found.c.id)))
    return query


async def _page(
    tx: Transaction, query: Select[*tuple[object, ...]], before: Place | None, limit: int
) -> Sequence[Delivery]:
    if before is not None:
        query = query.where(
            and_(_d.received_at <= before[0], tuple_(_d.received_at, _d.id) < before)
        )
    newest = query.order_by(_d.received_at.desc(), _d.id.desc()).limit(limit)
    rows = (await tx.execute(newest)).mappings()
    return [read({name: row[name] for name in row}) for row in rows]


# From one name to the next by the index, past all deliveries of the same: DISTINCT reads every one.
_TRIGGERS = text("""
    WITH RECURSIVE names(name) AS (
        (SELECT trigger FROM deliveries WHERE trigger IS NOT NULL ORDER BY trigger LIMIT 1)
        UNION ALL
        SELECT (SELECT trigger FROM deliveries WHERE trigger > name ORDER BY trigger LIMIT 1)
          FROM names WHERE name IS NOT NULL)
    SELECT name FROM names WHERE name IS NOT NULL LIMIT :most
""")
