"""Doing things with candidates: load, decide, save, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from greenroom.candidates import merging, store
from greenroom.candidates.csv_import import Import, Problem
from greenroom.candidates.merging import Plan
from greenroom.candidates.model import (
    Candidate,
    Draft,
    Order,
    Place,
    address_key,
    name_key,
    words,
)
from greenroom.database import Transaction
from greenroom.errors import Conflict, NotFound

_MOST_WORDS = 8
"""Words of a search that count; the rest of a long text is ignored."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the list, and where the next page begins; None at the end."""

    items: Sequence[Candidate]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: numbers of candidates, and why rows were left out."""

    created: int
    updated: int
    unchanged: int
    problems: Sequence[Problem]


async def get(tx: Transaction, candidate_id: int) -> Candidate:
    """Raises NotFound."""
    found = await store.by_ids(tx, [candidate_id])
    if not found:
        raise _unknown(candidate_id)
    return found[0]


async def by_ids(tx: Transaction, ids: Collection[int]) -> Mapping[int, Candidate]:
    """Those that exist, by id."""
    return {each.id: each for each in await store.by_ids(tx, ids)}


async def hold(tx: Transaction, ids: Collection[int]) -> None:
    """Have others who want to hold or change these wait until `tx` ends."""
    await store.hold(tx, ids)


async def find(
    tx: Transaction,
    *,
    query: str = "",
    order: Order = Order.NAME,
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """Candidates who have, in name, addresses or role, a word beginning with each word of `query`.

    Case and accents do not count. A `query` without letters or digits finds nobody.
    """
    wanted = words(query)[:_MOST_WORDS]
    if query.strip() and not wanted:
        return Page([], None)
    found = await store.page(tx, wanted, order, after, limit + 1)
    items = found[:limit]
    return Page(items, _place(items[-1], order) if len(found) > limit else None)


def _place(last: Candidate, order: Order) -> Place:
    return Place(name_key(last.name) if order is Order.NAME else last.created_at, last.id)


async def ids_matching(tx: Transaction, query: str, *, limit: int = 1000) -> Sequence[int]:
    """Ids of candidates `query` finds, as in `find` but in no order; for lists of other things."""
    wanted = words(query)[:_MOST_WORDS]
    return await store.ids(tx, wanted, limit) if wanted else []


async def of_addresses(tx: Transaction, addresses: Iterable[str]) -> Mapping[str, int]:
    """Whose addresses these are: candidate ids by `address_key`, unknown ones left out."""
    return await store.by_keys(tx, {address_key(each) for each in addresses})


async def add(tx: Transaction, draft: Draft, now: datetime) -> Candidate:
    """Keep a new candidate. Raises Conflict when somebody else has one of the addresses."""
    (candidate_id,) = await store.add(tx, [draft], now)
    await _give_addresses(tx, candidate_id, draft.addresses)
    return await get(tx, candidate_id)


async def change(tx: Transaction, candidate_id: int, draft: Draft, now: datetime) -> Candidate:
    """Make the candidate be as `draft` says. Raises NotFound, and Conflict as `add` does."""
    if not await store.hold(tx, [candidate_id]):
        raise _unknown(candidate_id)
    await store.save(tx, [(candidate_id, draft)], now)
    await store.clear_addresses(tx, candidate_id)
    await _give_addresses(tx, candidate_id, draft.addresses)
    return await get(tx, candidate_id)


async def _give_addresses(tx: Transaction, candidate_id: int, addresses: Sequence[str]) -> None:
    given = await store.add_addresses(tx, [(candidate_id, addresses)])
    taken = [each for each in addresses if address_key(each) not in given]
    if not taken:
        return
    owner = (await of_addresses(tx, taken)).get(address_key(taken[0]))
    raise Conflict(
        f"{taken[0]} is the address of another candidate (number {owner}).",
        do="Open that candidate instead, or leave this address out.",
    )


async def remove(tx: Transaction, candidate_id: int) -> None:
    """Forget a candidate and the addresses. Raises NotFound, and Conflict if interviews exist."""
    try:
        there_was = await store.remove(tx, candidate_id)
    except IntegrityError as error:
        raise Conflict(
            "This candidate has interviews, which would lose the person they are with.",
            do="Keep the candidate; revoke the booking links if nothing more should happen.",
        ) from error
    if not there_was:
        raise _unknown(candidate_id)


async def plan_import(tx: Transaction, file: Import) -> Plan:
    """What `import_csv` would do with the file now."""
    keys = {address_key(row.draft.addresses[0]) for row in file.rows}
    owners = await store.by_keys(tx, keys)
    people = await by_ids(tx, set(owners.values()))
    return merging.plan(file, {key: people[owner] for key, owner in owners.items()})


async def import_csv(tx: Transaction, file: Import, now: datetime) -> Imported:
    """Create and update candidates from a file, recognised by address; all or nothing.

    Empty cells leave what is known. Doing it twice changes nothing the second time.
    """
    await store.close_to_others(tx)
    plan = await plan_import(tx, file)
    ids = await store.add(tx, plan.create, now)
    owned = [(id_, draft.addresses) for id_, draft in zip(ids, plan.create, strict=True)]
    await store.add_addresses(tx, owned)
    await store.save(tx, [(before.id, draft) for before, draft in plan.update], now)
    return Imported(len(plan.create), len(plan.update), len(plan.unchanged), plan.problems)


def _unknown(candidate_id: int) -> NotFound:
    return NotFound(
        f"There is no candidate {candidate_id}.",
        do="Look the candidate up in the list again; somebody may have removed them.",
    )
