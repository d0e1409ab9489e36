"""One booking under two names: some deliveries know it by its number, Cal.com's own by its uid."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.bookings import facts_store, lineage_store, matches_store, store
from greenroom.bookings.chains import Link
from greenroom.bookings.match import Kept
from greenroom.bookings.model import BY_NUMBER, Told, Uid
from greenroom.database import Transaction


@dataclass(frozen=True, slots=True)
class Held:
    """Facts under the names they will be kept by, and the bookings they are about.

    `stale` are bookings about which a delivery told something before and is read anew.
    """

    told: Sequence[Told]
    keys: set[Uid]
    stale: set[Uid]


async def hold(tx: Transaction, told: Sequence[Told], deliveries: Collection[int]) -> Held:
    """Find the bookings these are about, and keep others from deciding about them."""
    held: set[Uid] = set()
    while True:
        # Somebody may have joined a number to its uid while we waited.
        named = await _settle(tx, told)
        stale = await facts_store.told_by(tx, deliveries)
        keys = {each.key for each in named} | stale
        touched = await _chained(tx, keys | _relatives(named))
        if touched <= held:
            return Held(named, keys, stale)
        await store.hold(tx, touched - held)
        held |= touched


async def hold_chain(tx: Transaction, key: Uid) -> None:
    """Keep others from deciding about the booking and those it is chained to."""
    held: set[Uid] = set()
    while not (chained := await _chained(tx, {key})) <= held:
        await store.hold(tx, chained - held)
        held |= chained


async def _chained(tx: Transaction, keys: set[Uid]) -> set[Uid]:
    return keys | {end for link in await lineage_store.around(tx, keys) for end in link.ends}


async def _settle(tx: Transaction, told: Sequence[Told]) -> Sequence[Told]:
    """Give facts that know a booking only by its number the uid, where it is known."""
    numbers = {
        (each.connection_id, each.fact.calcom_id)
        for each in told
        if each.fact.uid.startswith(BY_NUMBER) and each.fact.calcom_id
    }
    if not numbers:
        return told
    uids: dict[Uid, str] = {}
    # The same uid whatever the order, should two claim one number.
    for each in sorted(filter(_is_named, told), key=lambda each: each.key, reverse=True):
        uids[each.connection_id, each.fact.calcom_id or ""] = each.fact.uid
    uids |= await store.uids_of(tx, numbers)
    return [
        replace(each, fact=replace(each.fact, uid=uid))
        if each.fact.uid.startswith(BY_NUMBER)
        and (uid := uids.get((each.connection_id, each.fact.calcom_id or "")))
        else each
        for each in told
    ]


def _is_named(told: Told) -> bool:
    return bool(told.fact.calcom_id) and not told.fact.uid.startswith(BY_NUMBER)


def _relatives(told: Sequence[Told]) -> set[Uid]:
    """Keys under which the same bookings, or their neighbours, may be changed by others."""
    found: set[Uid] = set()
    for each in told:
        if _is_named(each):
            found.add((each.connection_id, f"{BY_NUMBER}{each.fact.calcom_id}"))
        found |= {
            (each.connection_id, uid)
            for uid in (each.fact.replaces, each.fact.replaced_by)
            if uid is not None
        }
    return found


async def join(tx: Transaction, told: Sequence[Told]) -> Mapping[Uid, tuple[Kept, str]]:
    """What is kept under a booking's number becomes its uid's: facts, row and match.

    Return the rows as they stood under their numbers, each with the uid it has now.
    """
    uids = {
        (each.connection_id, f"{BY_NUMBER}{each.fact.calcom_id}"): each.fact.uid
        for each in told
        if _is_named(each)
    }
    numbered = await store.get(tx, uids)
    for (connection_id, number), kept in numbered.items():
        key = (connection_id, uids[connection_id, number])
        await facts_store.rename(tx, connection_id, number, key[1])
        await matches_store.rename(tx, kept.key, key[1])
        await lineage_store.drop(tx, await _links(tx, kept.key))
        named = (await store.get(tx, [key])).get(key)
        if named is None:
            await store.rename(tx, kept.key, key[1])
            continue
        await store.forget(tx, [kept.key])
        if not named.matches:
            await matches_store.save(tx, {key: replace(named.whose, matches=kept.matches)})
    return {key: (kept, uids[key]) for key, kept in numbered.items()}


async def _links(tx: Transaction, key: Uid) -> Collection[Link]:
    """The links of a booking itself; its facts say them again under its uid."""
    return [link for link in await lineage_store.around(tx, [key]) if key in link.ends]
