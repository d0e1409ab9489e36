"""Keeping who replaces whom, as facts claim it."""

from collections.abc import Collection, Mapping, Sequence

from greenroom.bookings import chains, lineage_store, store
from greenroom.bookings.chains import Link
from greenroom.bookings.model import Booking, Fact, Uid
from greenroom.database import Transaction


async def save(
    tx: Transaction, before: Mapping[Uid, Booking], said: Mapping[Uid, Sequence[Fact]]
) -> None:
    """Keep what the facts about these say of who replaces whom, and nothing they took back."""
    is_ = {
        link: at
        for (connection_id, _), facts in said.items()
        for link, at in chains.links(connection_id, facts).items()
    }
    was = {link for key, booking in before.items() for link in _links(key, booking)}
    await _drop(tx, was - is_.keys(), said.keys())
    await lineage_store.add(tx, is_)


async def forget(tx: Transaction, gone: Mapping[Uid, Booking]) -> None:
    """Nobody tells of these bookings any more."""
    await _drop(tx, {link for key, each in gone.items() for link in _links(key, each)}, gone)


async def _drop(tx: Transaction, gone: set[Link], silent: Collection[Uid]) -> None:
    """Forget these links, which `silent` bookings do not claim any more, unless others do."""
    if not gone:
        return
    others = {key for link in gone for key in link.ends}.difference(silent)
    kept = await store.get(tx, others)
    claimed = {link for key, each in kept.items() for link in _links(key, each.booking)}
    await lineage_store.drop(tx, gone - claimed)


def _links(key: Uid, booking: Booking) -> set[Link]:
    """What a booking, as it was computed, claims of who replaces whom."""
    connection_id, uid = key
    pairs = [(old, uid, "") for old in booking.replaces]
    pairs += [(uid, new, "") for new in booking.replaced_by]
    pairs += [(old, uid, seat) for seat, old in booking.seats_from]
    pairs += [(uid, new, seat) for seat, new in booking.seats_to]
    return {Link(connection_id, old, new, seat) for old, new, seat in pairs if old != new}
