"""What Greenroom should show of what is so at Cal.com, and what it shows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text

from calcom_simulator.model import Booking, Status
from calcom_simulator.world import World
from greenroom.bookings import store
from greenroom.bookings.match import Kept
from greenroom.database import Database
from greenroom.interviews.news import BEGINS, ENDS
from machine.stage import Guest, Stage

STATUSES = {
    Status.ACCEPTED: "confirmed",
    Status.PENDING: "requested",
    Status.CANCELLED: "cancelled",
    Status.REJECTED: "declined",
}


def so_at_calcom(world: World) -> dict[str, dict[str, object]]:
    """By uid: all that both sides know of a booking."""
    return {one.uid: _told(world, one) for one in world.bookings.values()}


def _told(world: World, one: Booking) -> dict[str, object]:
    people = {person.email: person.absent for person in one.attendees}
    return {
        "status": STATUSES[one.status],
        "starts": one.start,
        "ends": one.end,
        "replaces": {one.from_uid} if one.from_uid else set(),
        "moved": world.successor(one) is not None,
        "host absent": one.host_absent,
        # Cal.com names nobody in a seated booking that is cancelled.
        "people": people or None,
    }


async def shown(
    database: Database, world: World, uids: Sequence[str] | None = None
) -> dict[str, dict[str, object]]:
    """The same as Greenroom has it; `uids` None: every booking it has."""
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT connection_id, uid FROM bookings"))
        keys = [(c, uid) for c, uid in rows if uids is None or uid in uids]
        kept = await store.get(tx, keys)
    return {uid: _shown(world, each) for (_, uid), each in kept.items()}


def _shown(world: World, kept: Kept) -> dict[str, object]:
    booking = kept.booking
    people = {person.email: person.absent for person in booking.attendees}
    there = world.bookings.get(booking.uid)
    nobody = there is not None and not there.attendees
    return {
        "status": booking.status and booking.status.value,
        "starts": booking.starts_at,
        "ends": booking.ends_at,
        "replaces": set(booking.replaces),
        "moved": kept.is_moved,
        "host absent": booking.host_absent,
        "people": None if nobody else people or None,
    }


def standing(world: World, guest: Guest, *, now: datetime) -> set[str]:
    """Where the guest's interview stands by the truth; more than one where that does not tell."""
    if guest.slug == "panel":
        return _seated(world, guest, now)
    every = _of(world, guest)
    return _unshared(world, every, now) if every else {"pending"}


def _unshared(world: World, every: list[Booking], now: datetime) -> set[str]:
    last = [one for one in every if world.successor(one) is None]
    live = [one for one in last if one.is_on]
    if not live:
        dead = max(last, key=lambda one: one.updated_at or one.created_at)
        if dead.status is Status.REJECTED:
            return {"declined"}
        # Only the delivery says that another time was asked for.
        return {"reschedule_requested", "cancelled"} if dead.moved else {"cancelled"}
    one = max(live, key=lambda one: _weight(one, now))
    if _is_missed(one):
        return {"no_show"}
    if one.end <= now:
        return {"done"}
    return {STATUSES[one.status]}


def _seated(world: World, guest: Guest, now: datetime) -> set[str]:
    """Where somebody stands who shares a booking; of a seat that was given up no trace is left."""
    seats = [
        (one, person)
        for one in world.bookings.values()
        for person in one.attendees
        if person.metadata.get("greenroom") == guest.token
    ]
    if not seats:
        return {"pending", "cancelled"}
    one, person = max(seats, key=lambda seat: (seat[0].end > now, seat[0].start))
    return {"no_show" if person.absent else "done" if one.end <= now else STATUSES[one.status]}


def _weight(one: Booking, now: datetime) -> tuple[bool, bool, datetime, str]:
    ahead = one.end > now and not _is_missed(one)
    return (ahead, one.status is Status.ACCEPTED, one.start, one.uid)


def _is_missed(one: Booking) -> bool:
    return one.host_absent or any(person.absent for person in one.attendees[:1])


def _of(world: World, guest: Guest) -> list[Booking]:
    """The guest's bookings: those they made, and those that replace them."""
    own = {one.uid for one in world.bookings.values() if _is_own(one, guest)}
    for one in world.bookings.values():  # in order of time, so that chains are followed
        if one.from_uid in own:
            own.add(one.uid)
    return [world.bookings[uid] for uid in own]


def _is_own(one: Booking, guest: Guest) -> bool:
    token = one.metadata.get("greenroom")
    if token is not None:
        return token == guest.token
    return one.private_link == guest.private_link or any(
        person.email == guest.email for person in one.attendees
    )


async def interviews_shown(database: Database) -> Mapping[int, str]:
    """The status of each interview."""
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT id, status FROM interviews"))
        return {int(id_): str(status) for id_, status in rows}


async def assert_true(stage: Stage) -> None:
    """Greenroom shows what is so, of every booking and every interview."""
    found, wanted = await shown(stage.database, stage.world), so_at_calcom(stage.world)
    for uid in wanted.keys() | found.keys():
        assert found.get(uid) == wanted.get(uid), (
            f"booking {uid}",
            found.get(uid),
            wanted.get(uid),
        )
    statuses = await interviews_shown(stage.database)
    for guest in stage.guests:
        here = statuses[guest.interview_id]
        there = standing(stage.world, guest, now=stage.now)
        assert here in there, f"the interview of {guest.email} is {here}, not {there}"


async def assert_kept(stage: Stage) -> None:
    """What was answered 200 is kept once; nothing waits, and nothing is dead."""
    async with stage.database.transaction() as tx:
        rows = list(await tx.execute(text("SELECT digest, state, outcome FROM deliveries")))
    kept = [bytes(digest) for digest, _, _ in rows]
    assert len(kept) == len(set(kept))
    assert set(kept) == stage.acked
    bad = [(state, outcome) for _, state, outcome in rows if state not in {"done", "unread"}]
    assert not bad


async def assert_said_once(stage: Stage, *, truthful: bool) -> None:
    """No news is said twice, but for what begins anew after an end that people were told of.

    And of a booking that was only moved nobody hears that it was cancelled.
    `truthful`: Cal.com has told of no cancellation that was not one.
    """
    query = "SELECT interview_id, kind, uid FROM interview_news ORDER BY at"
    async with stage.database.transaction() as tx:
        said = [tuple(row) for row in await tx.execute(text(query))]
    begins, ends = ({kind.value for kind in kinds} for kinds in (BEGINS, ENDS))
    told: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for interview_id, kind, uid in said:
        known = told[interview_id, uid]
        assert kind not in known, said
        known -= ends if kind in begins else begins
        known.add(kind)
    moved = {
        one.uid
        for one in stage.world.bookings.values()
        if stage.world.successor(one) and one.cancellation_reason is None
    }
    cancelled = {uid for _, kind, uid in said if kind == "cancelled"}
    assert not truthful or not cancelled & moved


async def effects(stage: Stage) -> list[str]:
    """All that was ever said of interviews, noted about them, and written to people."""
    found: list[str] = []
    async with stage.database.transaction() as tx:
        for name in ("interview_news", "interview_history", "letters"):
            rows = await tx.execute(text(f"SELECT to_jsonb(t)::text FROM {name} AS t"))  # noqa: S608
            found += [f"{name} {row}" for row in rows.scalars()]
    return sorted(found)
