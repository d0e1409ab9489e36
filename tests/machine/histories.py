"""What becomes of bookings at Cal.com: single verbs, a catalogue of histories, and random ones."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from calcom_simulator import changing, taking
from calcom_simulator.model import Booking
from machine.stage import DAY, Guest, Stage

SLUGS = ("intro-call", "final-round", "paid-assessment", "weekly", "panel")
HOWS = ("token", "link", "address", "other address")


@dataclass
class Life:
    """One guest's bookings, as they go on. Verbs do nothing where Cal.com would refuse."""

    stage: Stage
    guest: Guest
    uids: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.guest.slug

    def own(self) -> list[Booking]:
        return [self.stage.world.bookings[uid] for uid in self.uids]

    def last(self) -> Booking:
        return self.own()[-1]

    async def book(self, how: str = "token") -> None:
        stage, guest = self.stage, self.guest
        email = guest.email if how != "other address" else f"home.{guest.email}"
        metadata = {"greenroom": guest.token} if how in {"token", "other address"} else {}
        link = guest.private_link if how == "link" else None
        wish = stage.wish(self.kind, stage.slot(self.kind), email, metadata=metadata, link=link)
        if self.kind == "weekly":
            taken = await stage.happens(taking.book_series(stage.world, wish, 3))
            self.uids += [one.uid for one in taken or ()]
            return
        booked = await stage.happens(taking.book(stage.world, wish))
        self.uids += [booked.uid] if booked else []

    async def pay(self) -> None:
        await self._do(taking.pay)

    async def confirm(self) -> None:
        await self._do(changing.confirm)

    async def decline(self) -> None:
        await self._do(changing.decline, "No time")

    async def cancel(self) -> None:
        await self._do(changing.cancel, "Ill")

    async def cancel_rest(self) -> None:
        """The later half of a series."""
        uid = self.uids[len(self.uids) // 2]
        world = self.stage.world
        await self.stage.happens(changing.cancel(world, uid, "Ill", subsequent=True))

    async def ask_for_another_time(self) -> None:
        await self._do(changing.request_reschedule, "I travel")

    async def move(self, *, by_host: bool = False) -> None:
        moved = await self._do(changing.reschedule, self.stage.slot(self.kind), by_host=by_host)
        self.uids += [moved.uid] if moved else []

    async def move_as_host(self) -> None:
        await self.move(by_host=True)

    async def wait(self) -> None:
        """Until the last meeting has begun."""
        await self.stage.passes(max(DAY * 0, self.last().start - self.stage.now + DAY / 96))

    async def miss(self, *, absent: bool = True) -> None:
        people = {person.email: absent for person in self.last().attendees[:1]}
        await self._do(changing.mark_absent, host=None, attendees=people)

    async def come_after_all(self) -> None:
        await self.miss(absent=False)

    async def stand_up(self) -> None:
        """The host does not come."""
        await self._do(changing.mark_absent, host=True, attendees={})

    async def _do(self, verb: Callable[..., object], *given: object, **named: object) -> Booking:
        world, uid = self.stage.world, self.uids[-1]
        return await self.stage.happens(verb(world, uid, *given, **named))  # type: ignore[return-value, arg-type]


@dataclass
class Table:
    """A seated booking: people come, go, and move to another time."""

    stage: Stage
    seats: list[tuple[str, str]] = field(default_factory=list)
    """(uid, seat uid) of those who came."""

    async def sit(self, email: str, uid: str | None = None, *, token: str | None = None) -> None:
        stage = self.stage
        start = stage.world.bookings[uid].start if uid else stage.slot("panel")
        metadata = {} if token is None else {"greenroom": token}
        wish = stage.wish("panel", start, email, metadata=metadata)
        if (taken := await stage.happens(taking.take_seat(stage.world, wish))) is not None:
            booking, seat = taken
            self.seats.append((booking.uid, seat.seat_uid))

    async def leave(self, number: int) -> None:
        uid, seat = self.seats[number % len(self.seats)]
        await self.stage.happens(changing.cancel_seat(self.stage.world, uid, seat, "Ill"))

    async def change(self, number: int) -> None:
        uid, seat = self.seats[number % len(self.seats)]
        verb = changing.reschedule_seat(self.stage.world, uid, seat, self.stage.slot("panel"))
        if (moved := await self.stage.happens(verb)) is not None:
            booking, new = moved
            self.seats.append((booking.uid, new.seat_uid))


Step = Callable[[Life], Awaitable[None]]

CATALOGUE: dict[str, tuple[str, Sequence[Step]]] = {
    "booked": ("intro-call", [Life.book]),
    "booked and cancelled": ("intro-call", [Life.book, Life.cancel]),
    "moved": ("intro-call", [Life.book, Life.move]),
    "moved three times": ("intro-call", [Life.book, Life.move, Life.move, Life.move]),
    "moved and cancelled": ("intro-call", [Life.book, Life.move, Life.cancel]),
    "cancelled and booked again": ("intro-call", [Life.book, Life.cancel, Life.book]),
    "another time asked for": ("intro-call", [Life.book, Life.ask_for_another_time]),
    "another time found": ("intro-call", [Life.book, Life.ask_for_another_time, Life.move]),
    "asked for and confirmed": ("final-round", [Life.book, Life.confirm]),
    "asked for and declined": ("final-round", [Life.book, Life.decline]),
    "confirmed, moved, confirmed": (
        "final-round",
        [Life.book, Life.confirm, Life.move, Life.confirm],
    ),
    "moved while asked for": ("final-round", [Life.book, Life.move, Life.confirm]),
    "moved by the host": ("final-round", [Life.book, Life.confirm, Life.move_as_host]),
    "confirmed and cancelled": ("final-round", [Life.book, Life.confirm, Life.cancel]),
    "not paid": ("paid-assessment", [Life.book]),
    "paid": ("paid-assessment", [Life.book, Life.pay]),
    "paid and cancelled": ("paid-assessment", [Life.book, Life.pay, Life.cancel]),
    "a series": ("weekly", [Life.book]),
    "the rest of a series cancelled": ("weekly", [Life.book, Life.cancel_rest]),
}
MISSED: dict[str, tuple[str, Sequence[Step]]] = {
    "missed": ("intro-call", [Life.book, Life.wait, Life.miss]),
    "missed by mistake": ("intro-call", [Life.book, Life.wait, Life.miss, Life.come_after_all]),
    "missed by the host": ("intro-call", [Life.book, Life.wait, Life.stand_up]),
    "over": ("intro-call", [Life.book, Life.wait]),
}
"""Time goes by in these, for everybody."""

_NEXT: dict[str, Sequence[Step]] = {
    "intro-call": (Life.book, Life.move, Life.move, Life.cancel, Life.ask_for_another_time),
    "final-round": (
        *(Life.confirm, Life.confirm, Life.decline, Life.move, Life.move_as_host),
        *(Life.cancel, Life.book),
    ),
    "paid-assessment": (Life.pay, Life.pay, Life.cancel, Life.book),
    "weekly": (Life.cancel_rest, Life.cancel),
}


async def live(stage: Stage, slug: str, chance: random.Random) -> None:
    """A history of one to six steps."""
    if slug == "panel":
        await _share(stage, chance)
        return
    one = Life(stage, await stage.invite(slug))
    await one.book(chance.choice(HOWS))
    for _ in range(chance.randrange(6)):
        step = chance.choice(_NEXT[slug])
        if step is not Life.book or not one.last().is_on:
            await step(one)


async def _share(stage: Stage, chance: random.Random) -> None:
    table, name = Table(stage), chance.randrange(10**9)
    await table.sit(f"seat0.{name}@example.org")
    for number in range(1, chance.randrange(2, 7)):
        match chance.randrange(4):
            case 0:
                await table.leave(chance.randrange(9))
            case 1:
                await table.change(chance.randrange(9))
            case _:
                await table.sit(f"seat{number}.{name}@example.org", table.seats[0][0])
