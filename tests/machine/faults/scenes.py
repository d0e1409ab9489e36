"""Scenes that are alike: the same people, links and deliveries, each on its own connection."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text

from builders import NOW, delivery, fixture
from greenroom.bookings import actions as bookings
from greenroom.deliveries import actions as deliveries
from greenroom.interviews import actions as interviews
from greenroom.mail import outbox
from world import World, connect

_DELIVERIES = text(
    "SELECT state, trigger, uid FROM deliveries WHERE connection_id = :id ORDER BY id"
)


@dataclass(frozen=True)
class Scene:
    """One connection with three people invited, one of whom has booked; more has been delivered."""

    world: World
    interviews: tuple[int, ...]
    second: tuple[int, int]
    """The deliveries about the second booking of the first interview: it replaces, it is there."""

    async def drain(self, now: datetime) -> None:
        while await deliveries.drain(self.world.database, now=now):
            pass

    async def told(self) -> dict[str, object]:
        """All that people see of it, and all that was done for them; without times of hearing."""
        async with self.world.database.transaction() as tx:
            every = await bookings.between(tx, None, None, status=None, after=None, limit=10_000)
            shown = [await interviews.get(tx, id_) for id_ in self.interviews]
            notes = [await interviews.notes(tx, id_) for id_ in self.interviews]
            letters = [await outbox.of_interview(tx, id_) for id_ in self.interviews]
            kept = await tx.execute(_DELIVERIES, {"id": self.world.connection_id})
        own = self.world.connection_id
        return {
            "bookings": sorted(
                (
                    each.booking.uid,
                    str(each.booking.status),
                    str(each.booking.starts_at),
                    str(each.booking.replaced_by),
                    self.interviews.index(each.match.interview_id) if each.match else None,
                    each.is_moved,
                )
                for each in every
                if each.connection_id == own
            ),
            "interviews": [
                (each.status, each.meeting and each.meeting.uid, sorted(each.attention))
                for each in shown
            ],
            "notes": [[what for _, _, what in each] for each in notes],
            "letters": [len(each) for each in letters],
            "deliveries": [tuple(row) for row in kept],
        }


class Stage:
    """Makes scenes that are alike, each of its own connection and people."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.database = world.database
        self._made = 0

    async def invited(self) -> int:
        """The interview of somebody of whom nothing was heard yet."""
        self._made += 1
        person = await self._world.candidate("Dora", f"dora{self._made}@example.org")
        return (await self._world.send(person, await self._world.event_type())).id

    async def scene(self) -> Scene:
        self._made += 1
        connection_id = await connect(self._world.database, f"Scene {self._made}")
        world = replace(self._world, connection_id=connection_id)
        event_type = await self._world.event_type()
        names = ("ada", "bob", "cleo")
        people = [await world.candidate(name, f"{name}{self._made}@example.org") for name in names]
        rows = [await world.send(each, event_type) for each in people]
        _, bob, cleo = [person.addresses[0] for person in people]
        ours = {"metadata": {"greenroom": rows[0].link.token}, "status": "ACCEPTED"}
        by_number = fixture("guide__booking_confirmed").replace(b"2024-01-15", b"2026-11-25")
        await world.deliver(by_number.replace(b"candidate@example.com", bob.encode()))
        stranger = {"uid": "stranger", "bookingId": 9}
        bodies = (
            delivery(uid="first", bookingId=7, **ours),
            delivery("BOOKING_RESCHEDULED", uid="second", rescheduleUid="first", bookingId=8),
            delivery("BOOKING_CREATED", uid="second", bookingId=8, status="ACCEPTED"),
            delivery(uid="real", bookingId=123456, attendees=[]),
            delivery(uid="third", bookingId=10, attendees=[{"name": "C", "email": cleo}]),
            delivery("BOOKING_CANCELLED", **stranger, status="CANCELLED"),
            delivery("BOOKING_CREATED", **stranger, status="ACCEPTED"),
            b"false",
        )
        keeping = (world.intake.keep(connection_id, body, NOW) for body in bodies)
        _, *second = [kept.id for kept in await asyncio.gather(*keeping)]
        return Scene(world, tuple(row.id for row in rows), tuple(second[:2]))
