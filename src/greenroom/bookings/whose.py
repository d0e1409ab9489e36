"""From bookings to interviews and back, for those who know only the one or the other."""

from collections.abc import Collection, Mapping, Sequence

from greenroom.bookings import store
from greenroom.bookings.model import Uid
from greenroom.database import Transaction


async def interviews_of(tx: Transaction, keys: Collection[Uid]) -> Mapping[Uid, Sequence[int]]:
    """The interviews of each of these bookings that has some: several where it has seats."""
    kept = await store.get(tx, keys)
    found = {key: sorted({m.interview_id for m in each.matches}) for key, each in kept.items()}
    return {key: ids for key, ids in found.items() if ids}


async def uids_of(tx: Transaction, interview_ids: Collection[int]) -> Collection[str]:
    """What Cal.com calls the bookings of these interviews, past ones too."""
    found = await store.of_interviews(tx, interview_ids)
    return {kept.booking.uid for bookings in found.values() for kept in bookings}
