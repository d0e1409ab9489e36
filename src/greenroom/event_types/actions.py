"""Doing things with event types."""

from collections.abc import Collection, Mapping, Sequence

from greenroom.database import Transaction
from greenroom.errors import Invalid, NotFound
from greenroom.event_types import store
from greenroom.event_types.model import EventType, Offer


async def mirror(tx: Transaction, connection_id: int, offers: Sequence[Offer]) -> int:
    """Make our copy agree with what Cal.com offers; return how many are offered.

    An event type that Cal.com no longer lists is withdrawn, never deleted: interviews use it.
    """
    kept = {await store.save(tx, connection_id, offer) for offer in offers}
    known = await store.of_connection(tx, connection_id)
    gone = [each.id for each in known if each.calcom_id is not None and each.id not in kept]
    await store.withdraw(tx, gone)
    return len(kept)


async def enter(tx: Transaction, connection_id: int, offer: Offer) -> EventType:
    """Keep an event type a person describes, for a connection without an API key."""
    id_ = await store.save(tx, connection_id, offer)
    return await get(tx, id_)


async def get(tx: Transaction, event_type_id: int) -> EventType:
    """Raises NotFound."""
    found = await store.by_ids(tx, [event_type_id])
    if not found:
        raise NotFound(
            f"There is no event type {event_type_id}.",
            do="Take an id from GET /api/admin/scheduling/event-types, or press Sync now.",
        )
    return found[0]


async def by_ids(tx: Transaction, ids: Collection[int]) -> Mapping[int, EventType]:
    """Those that exist, by id."""
    return {each.id: each for each in await store.by_ids(tx, ids)}


async def of_connection(tx: Transaction, connection_id: int) -> Sequence[EventType]:
    """What Cal.com offers on the connection, chosen or not, by title."""
    found = await store.of_connection(tx, connection_id)
    return sorted((each for each in found if each.is_offered), key=lambda each: each.title)


async def choose(tx: Transaction, connection_id: int, ids: Collection[int]) -> None:
    """Let these be sent, of what the connection offers, and hide the others.

    What Cal.com offers later is sent until somebody hides it. Raises Invalid for none at all.
    """
    mine = {each.id for each in await of_connection(tx, connection_id)}
    if mine and not mine & set(ids):
        raise Invalid("Without an event type there is nothing to send.", do="Choose one at least.")
    await store.choose(tx, connection_id, ids)


async def withdraw_all(tx: Transaction, connection_id: int) -> None:
    """Offer nothing of the connection: it is disconnected."""
    await store.withdraw(tx, [each.id for each in await store.of_connection(tx, connection_id)])


async def offer_by_hand_again(tx: Transaction, connection_id: int) -> None:
    """Offer what people entered: it is connected again, and nobody else tells of them."""
    known = await store.of_connection(tx, connection_id)
    await store.offer(tx, [each.id for each in known if each.calcom_id is None])


async def offered(tx: Transaction) -> Sequence[EventType]:
    """What can be sent now, by title."""
    return await store.offered(tx)
