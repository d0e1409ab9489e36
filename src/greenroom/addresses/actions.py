"""Keeping our address: what was typed, what was found, what is in use."""

import secrets
from datetime import datetime

from greenroom import jobs
from greenroom.addresses import store
from greenroom.addresses.model import Look, Place, Source, Standing, choose
from greenroom.database import Transaction
from greenroom.live.feed import announce

FOLLOW = "follow_address"
"""The job that has each Cal.com deliver to the address we have now."""
TOPIC = "address"
"""What is announced when something about the address changed."""


async def get(tx: Transaction) -> Standing:
    """What is known of our address."""
    return await store.get(tx, secrets.token_hex(32))


async def settle(tx: Transaction, setting: str | None, *, local: str, now: datetime) -> Place:
    """Have what is set, typed or found be our address; Cal.com is told when it is another one.

    For processes that serve: `setting` and `local` are theirs. Who runs beside them takes what
    they settled.
    """
    known = await store.get(tx, secrets.token_hex(32), hold=True)
    place = choose(setting, known, local=local)
    if place == known.place:
        return place
    values: dict[str, str | datetime | None] = {"origin": place.origin, "source": place.source}
    if known.place is None or place.origin != known.place.origin:
        values |= {"since": now, "looked_at": None, "look_what": None, "look_do": None}
        if known.place is not None and known.place.source is not Source.LOCAL:
            values["previous"] = known.place.origin
        await jobs.enqueue_missing(tx, FOLLOW, {})
        await jobs.enqueue_missing(tx, jobs.EXAMINE, {})
    await store.change(tx, **values)
    announce(tx, TOPIC)
    return place


async def type_in(tx: Transaction, origin: str | None) -> None:
    """A person said it, `origin` as `model.cleaned` gives it; None: nobody says it any more."""
    await get(tx)
    await store.change(tx, typed=origin)
    announce(tx, TOPIC)


async def found(tx: Transaction, place: Place, now: datetime) -> None:
    """A tunnel that leads to us was found, or is there still."""
    await store.change(
        tx,
        found=place.origin,
        found_by=place.source,
        seen_at=now,
        lost_at=None,
        refused_at=None,
        refused_what=None,
        refused_do=None,
    )
    announce(tx, TOPIC)


async def lost(tx: Transaction, now: datetime) -> None:
    """The tunnel that was found is gone. Its address stays ours: it may come back."""
    await store.change(tx, lost_at=now)
    announce(tx, TOPIC)


async def refuse(tx: Transaction, look: Look | None, now: datetime) -> None:
    """A tunnel was found that does not lead to us, or not well; None: it is there no more."""
    if look is None:
        await store.change(tx, refused_at=None, refused_what=None, refused_do=None)
    else:
        await store.change(tx, refused_at=now, refused_what=look.what, refused_do=look.do)
    announce(tx, TOPIC)


async def keep_look(tx: Transaction, look: Look, now: datetime) -> None:
    """How the address in use answered when it was asked from here."""
    await store.change(tx, looked_at=now, look_what=look.what, look_do=look.do)
    announce(tx, TOPIC)
