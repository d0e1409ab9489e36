"""The end-to-end trial: book a slot at Cal.com, follow the news of it to a status, take it back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import structlog

from greenroom import jobs
from greenroom.bookings import actions as bookings
from greenroom.bookings import probes
from greenroom.bookings.model import Status
from greenroom.bookings.probes import Probe
from greenroom.calcom import connections
from greenroom.calcom.answers import EventTypeRow
from greenroom.calcom.connections import Connection
from greenroom.calcom.refusals import newer
from greenroom.calcom.replies import CalcomError, Missing
from greenroom.database import Transaction
from greenroom.deliveries import following
from greenroom.deliveries.following import Followed
from greenroom.deliveries.store import State
from greenroom.doctor import asking, suspicion
from greenroom.doctor.checks.scope import readable
from greenroom.doctor.examination import Examination
from greenroom.doctor.steps import Step
from greenroom.doctor.words import listed
from greenroom.errors import Conflict, GreenroomError, NotFound
from greenroom.parts import Parts
from greenroom.seal import WrongKey

RUN = "run_probe"
"""The job that makes the trial."""
SLUG = "greenroom-probe"
"""The event type to try with, where there is one of that name."""
LONGEST = timedelta(minutes=2)
"""After this a trial that has not ended never will."""
PATIENCE = timedelta(seconds=20)
"""How long Cal.com may take to tell us."""

_ATTENDEE = {"name": "Greenroom probe", "email": "greenroom-probe@example.com", "timeZone": "UTC"}
"""Nobody gets what is sent there: the domain is kept for examples."""
_REASON = "Greenroom tried whether it hears of bookings."
_FIRST, _LAST = timedelta(days=2), timedelta(days=14)
"""From now, between which a slot is taken: far enough not to be in anybody's way."""
_OUT_OF_DATE = _LAST + timedelta(days=1)
"""After this what a trial booked is over at Cal.com."""
_PAUSE = 0.1
_OVER = frozenset({Status.CANCELLED, Status.DECLINED})
_LIVE = frozenset({Status.CONFIRMED, Status.REQUESTED})

_log = structlog.get_logger()


def fitting(offered: Sequence[EventTypeRow], slug: str | None) -> EventTypeRow:
    """The hidden event type to try with: the one asked for, or the one named for it.

    No other is booked without being asked for: it may be what interviews are booked with. Raises
    NotFound where there is none.
    """
    hidden = [each for each in offered if each.hidden and not each.recurring and not each.seats]
    named = [each for each in hidden if each.slug == (slug or SLUG)]
    if named:
        return named[0]
    if slug is not None:
        known = ", ".join(each.slug for each in hidden) or "none"
        raise NotFound(f"There is no hidden event type “{slug}”.", do=f"There is: {known}.")
    if hidden:
        known = listed([f"“{each.slug}”" for each in hidden])
        raise NotFound(
            f"No hidden event type has the address {SLUG}; there is {known}.",
            do=f"Make one with that address, or run `greenroom doctor --probe {hidden[0].slug}` "
            "if it may be booked and cancelled.",
        )
    raise NotFound(
        "There is no hidden event type to try with.",
        do=f"In Cal.com make an event type with the address {SLUG}, without questions of its own, "
        "and switch on Hidden in its menu; then press Check again.",
    )


async def ask(
    tx: Transaction, connection_id: int, slug: str | None, *, by: str, now: datetime
) -> Probe:
    """Note that a trial is wanted. Raises Conflict while another is under way."""
    await probes.hold(tx, connection_id)
    last = await probes.latest(tx, connection_id)
    if last is not None and last.ended_at is None and now - last.asked_at < LONGEST:
        raise Conflict("It is being tried just now.", do="Wait a minute, then look again.")
    return await probes.ask(tx, connection_id, slug, by=by, now=now)


async def enqueue(tx: Transaction, probe: Probe) -> None:
    """Have the trial made in the background."""
    await jobs.enqueue(tx, RUN, {"token": probe.token})


async def carry_out(
    parts: Parts,
    token: str,
    *,
    clock: Callable[[], datetime],
    patience: timedelta = PATIENCE,
    tell: Callable[[Step], Awaitable[None]] | None = None,
) -> Probe:
    """Make the trial that was asked for, once; `tell` hears of each step when it is kept.

    `patience` is how long Cal.com may take to tell us. What was booked is given back whatever
    happens, at the latest by `clear_up`. One that was cut short books nothing again: it ends.
    """
    async with parts.database.transaction() as tx:
        is_mine = await probes.begin(tx, token, clock())
        probe = await probes.get(tx, token)
        connection = await connections.get(tx, parts.seal, probe.connection_id)
    if not is_mine:
        return await _end(parts, connection, probe, clock())
    trial = _Trial(parts, connection, probe, clock, patience, tell)
    try:
        await trial.run()
    except GreenroomError as error:
        await trial.step(Step(error.what, do=error.do))
    finally:
        async with parts.database.transaction() as tx:
            steps = [asdict(each) for each in trial.steps]
            await probes.note(tx, token, ended_at=clock(), steps=steps)
    async with parts.database.transaction() as tx:
        return await probes.get(tx, token)


async def _end(parts: Parts, connection: Connection, probe: Probe, now: datetime) -> Probe:
    """Give back what one that was cut short has booked; it shows no steps then."""
    if probe.is_left and probe.uid is not None:
        with suppress(CalcomError):  # `clear_up` tries again
            await _give_back(parts, connection, probe.token, probe.uid)
    async with parts.database.transaction() as tx:
        if probe.ended_at is None:
            await probes.note(tx, probe.token, ended_at=now)
        return await probes.get(tx, probe.token)


async def clear_up(parts: Parts, *, now: datetime) -> int:
    """Cancel bookings of trials that were cut short; return how many there were."""
    async with parts.database.transaction() as tx:
        left = await probes.left(tx, now - _OUT_OF_DATE, now - LONGEST)
        await probes.sweep(tx, now - _OUT_OF_DATE)
    done = 0
    for each in left:
        try:
            async with parts.database.transaction() as tx:
                connection = await connections.get(tx, parts.seal, each.connection_id)
            if connection.api_key is None:
                continue
            await _give_back(parts, connection, each.token, each.uid or "")
            done += 1
        except WrongKey:  # the check of the secrets tells it; the key may come back
            continue
        except GreenroomError as error:
            _log.warning(
                "A booking of a trial could not be cancelled", uid=each.uid, why=str(error)
            )
    return done


async def _give_back(parts: Parts, connection: Connection, token: str, uid: str) -> None:
    try:
        await parts.calcom(connection).cancel(uid, _REASON)
    except Missing:
        pass
    except CalcomError as error:
        # 400: it is cancelled already.
        if error.code != 400:  # noqa: PLR2004  (as Cal.com answers)
            raise
    async with parts.database.transaction() as tx:
        await probes.note(tx, token, is_left=False)


@dataclass(slots=True)
class _Trial:
    parts: Parts
    connection: Connection
    probe: Probe
    clock: Callable[[], datetime]
    patience: timedelta
    tell: Callable[[Step], Awaitable[None]] | None
    steps: list[Step] = field(default_factory=list)

    async def step(self, step: Step) -> None:
        self.steps.append(step)
        async with self.parts.database.transaction() as tx:
            await probes.note(tx, self.probe.token, steps=[asdict(each) for each in self.steps])
        if self.tell is not None:
            await self.tell(step)

    async def run(self) -> None:
        kind = await self._kind()
        start = await self._slot(kind)
        asked_at = self.clock()
        uid = await self._book(kind, start)
        booked = Step(f"Booked “{kind.slug}” at Cal.com", self._since(asked_at))
        try:
            await self.step(booked)
            heard = await self._follow(uid, asked_at, _LIVE, "the booking")
        finally:
            asked_at = self.clock()
            await _give_back(self.parts, self.connection, self.probe.token, uid)
        await self.step(Step("Cancelled it at Cal.com", self._since(asked_at)))
        if heard:
            await self._follow(uid, asked_at, _OVER, "that")

    async def _kind(self) -> EventTypeRow:
        exam = self._exam()
        return fitting(readable(await asking.event_types(exam, self.connection)), self.probe.slug)

    async def _slot(self, kind: EventTypeRow) -> str:
        now = self.clock()
        calcom = self.parts.calcom(self.connection)
        free = await calcom.slots(kind.id, now + _FIRST, now + _LAST)
        if not free:
            raise NotFound(
                f"The event type “{kind.slug}” has no free time in the next two weeks.",
                do="Give it hours in Cal.com, under Availability, then try it again.",
            )
        return free[-1]

    async def _book(self, kind: EventTypeRow, start: str) -> str:
        token = self.probe.token
        async with self.parts.database.transaction() as tx:
            await probes.note(tx, token, slug=kind.slug, is_left=True)
        row = await self.parts.calcom(self.connection).book(
            kind.id, start, attendee=_ATTENDEE, metadata={"greenroom": token}
        )
        uid = row.get("uid")
        if not isinstance(uid, str) or not uid:
            raise newer("a booking without its uid")
        async with self.parts.database.transaction() as tx:
            await probes.note(tx, token, uid=uid)
        return uid

    async def _follow(
        self, uid: str, since: datetime, wanted: frozenset[Status], what: str
    ) -> bool:
        """Whether news of it came, and led to one of the statuses wanted."""
        known = {each.id for each in await self._about(uid)} if wanted is _OVER else set[int]()
        until = self.clock() + self.patience
        told: Followed | None = None
        while self.clock() < until:
            every = await self._about(uid)
            news = [each for each in every if each.received_at >= since or each.id not in known]
            if news and told is None:
                told = news[0]
                took = max((told.received_at - since).total_seconds(), 0.0)
                await self.step(Step(f"Cal.com told us of {what}, signed with our secret", took))
            status = await self._status(uid)
            if news and status in wanted and any(each.state is State.DONE for each in news):
                await self.step(Step(f"It was read: the booking is {status}", self._since(since)))
                return True
            await asyncio.sleep(_PAUSE)
        await self.step(await self._failed(told, what, since))
        return False

    async def _failed(self, told: Followed | None, what: str, since: datetime) -> Step:
        seconds = self.patience.total_seconds()
        if told is None:
            do = await suspicion.of_silence(self._exam(), self.connection, since)
            return Step(f"Cal.com did not tell us of {what} within {seconds:.0f} s", do=do)
        do = suspicion.of_unread(told, self.connection)
        return Step(f"Delivery {told.id} came, but did not lead to the status", do=do)

    async def _about(self, uid: str) -> Sequence[Followed]:
        begun = self.probe.asked_at - timedelta(seconds=1)
        async with self.parts.database.transaction() as tx:
            return await following.about(tx, uid, begun)

    async def _status(self, uid: str) -> Status | None:
        async with self.parts.database.transaction() as tx:
            found = await bookings.kept(tx, [(self.connection.id, uid)])
        return found[0].booking.status if found else None

    def _since(self, moment: datetime) -> float:
        return (self.clock() - moment).total_seconds()

    def _exam(self) -> Examination:
        return Examination(parts=self.parts, now=self.clock(), connections=[self.connection])
