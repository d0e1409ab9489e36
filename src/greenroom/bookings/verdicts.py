"""What people say about whose booking it is: it stays until they take it back."""

from collections.abc import Collection
from datetime import datetime

from greenroom.bookings import matches_store, names, store
from greenroom.bookings.actions import get
from greenroom.bookings.match import Kept, Node, Verdict
from greenroom.bookings.matching import forget_said, of_whole, rematch
from greenroom.bookings.model import Uid, seat_of
from greenroom.bookings.standing import restand
from greenroom.database import Transaction
from greenroom.errors import Conflict, NotFound
from greenroom.interviews import actions as interviews
from greenroom.live.feed import announce


async def judge(
    tx: Transaction,
    key: Uid,
    interview_id: int | None,
    *,
    address: str = "",
    by: str,
    now: datetime,
) -> None:
    """A person says whose booking it is, or that it is nobody's (None); that stays.

    It goes for the whole chain of bookings that replace one another. `address` names the seat
    where several people share the booking. Raises NotFound for the booking, the seat or the
    interview, and Conflict where it must be said which seat.
    """
    node = await _hold_seat(tx, key, address)
    if interview_id is not None:
        await interviews.get(tx, interview_id)
    await matches_store.keep_verdict(tx, node, Verdict(interview_id, by), now)
    lost = await _obey(tx, key, interview_id, now=now)
    for each in lost:
        await interviews.note(tx, each, f"said that booking {key[1]} is not its", by=by, now=now)
    if interview_id is not None:
        await interviews.note(tx, interview_id, f"matched booking {key[1]}", by=by, now=now)


async def take_back(
    tx: Transaction, key: Uid, *, address: str = "", by: str, now: datetime
) -> None:
    """What a person said about that booking, or seat, counts no more; without that, nothing.

    What was said before its seats were known may be taken back for all of them at once, by "".
    Raises NotFound and Conflict as `judge` does.
    """
    await names.hold_chain(tx, key)
    before = await get(tx, key[1], connection_id=key[0])
    whole = bool(of_whole(before, await matches_store.verdicts_on(tx, [key])))
    are_all = whole and seat_of(address) == "" and len(before.booking.seats) > 1
    if not await forget_said(tx, before, None if are_all else _seat(before, address), now):
        return
    await _obey(tx, key, None, now=now)
    after = await get(tx, key[1], connection_id=key[0])
    about = {each.interview_id for each in (*before.matches, *after.matches)}
    what = f"took back whose booking {key[1]} is"
    await interviews.note_all(tx, sorted(about), what, by=by, now=now)


async def _hold_seat(tx: Transaction, key: Uid, address: str) -> Node:
    """Keep others from deciding about the booking and its chain; give the seat that is meant."""
    await names.hold_chain(tx, key)
    return key, _seat(await get(tx, key[1], connection_id=key[0]), address)


def _seat(kept: Kept, address: str) -> str:
    """The seat of that address, "" for the only one there is. Raises NotFound and Conflict."""
    seats, seat = kept.booking.seats, seat_of(address)
    if seat == "" and len(seats) == 1:
        return seats[0]
    if seat == "":
        raise Conflict(
            "Several people share this booking.", do="Say whose seat is meant, by its address."
        )
    if seat not in seats:
        raise NotFound(
            f"Nobody with the address {address} has a seat in this booking.",
            do="Reload the page; its attendees may have changed.",
        )
    return seat


async def _obey(
    tx: Transaction, key: Uid, interview_id: int | None, *, now: datetime
) -> Collection[int]:
    """Let the ladder speak anew about the booking; return the interviews that lost theirs."""
    kept = await store.get(tx, [key])
    before = {each.interview_id for each in kept[key].matches}
    touched = await rematch(tx, kept)
    # It holds them all in order; a note before would hold its own interview first.
    await restand(tx, touched | ({interview_id} if interview_id else set()), now=now)
    after = {each.interview_id for each in (await store.get(tx, [key]))[key].matches}
    announce(tx, f"booking:{key[1]}")
    return sorted(before - after)
