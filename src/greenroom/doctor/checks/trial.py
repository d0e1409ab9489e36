"""Check: the end-to-end trial that somebody asked for, and how it went."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeGuard

from greenroom.bookings import probes
from greenroom.bookings.probes import Probe
from greenroom.calcom.connections import Connection
from greenroom.doctor import asking
from greenroom.doctor import probe as trials
from greenroom.doctor.checks.scope import readable
from greenroom.doctor.examination import TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.steps import Step, read_steps
from greenroom.doctor.words import moment
from greenroom.errors import Conflict, NotFound

_TAKEN_UP = timedelta(minutes=1)
_OFFER = "Try it"
_BOTH_LETTERS = "Cal.com tells the host of both by mail."


async def _look(exam: Examination, connection: Connection) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        last = await probes.latest(tx, connection.id)
    if _is_under_way(last, exam):
        return [asking.off(connection, f"It is being tried just now{_so_far(last)}")]
    offered = readable(await asking.event_types(exam, connection))
    try:
        slug = trials.fitting(offered, None).slug
        how = f"Press {_OFFER}: it books the hidden event type “{slug}” and cancels at once. "
        do, offer = how + _BOTH_LETTERS, _OFFER
    except NotFound as error:
        do, offer = f"{error.what} {error.do}", None
    light, what, first = _outcome(last, exam)
    if light is Light.GREEN:
        do = "Try it again after you changed something." if offer else ""
    fix = first if light in {Light.AMBER, Light.RED} else do
    return [Finding(light=light, what=what, do=fix, offer=offer, connection_id=connection.id)]


def _outcome(last: Probe | None, exam: Examination) -> tuple[Light, str, str]:
    """How the last one went, in words, and what to do about it."""
    if last is None:
        return Light.OFF, "Not tried yet.", ""
    age = exam.now - last.asked_at
    if last.began_at is None and age > _TAKEN_UP:
        what = "It was asked for, and nobody has taken it up."
        return Light.AMBER, what, "See what the check of the background work says."
    steps = read_steps(last)
    what = f"Tried {moment(last.asked_at)}{_in_words(steps)}"
    failed = next((each for each in steps if not each.is_good), None)
    if failed is None and last.ended_at is not None and len(steps) == len(_WENT_WELL):
        return Light.GREEN, what, ""
    if last.uid is None or failed is None:  # the trial could not be made
        return Light.AMBER, what, failed.do if failed else "Try it again."
    return Light.RED, what, failed.do


def _is_under_way(last: Probe | None, exam: Examination) -> TypeGuard[Probe]:
    if last is None or last.ended_at is not None:
        return False
    return exam.now - last.asked_at < (trials.LONGEST if last.began_at else _TAKEN_UP)


def _so_far(last: Probe) -> str:
    steps = read_steps(last)
    return f": {'; '.join(each.in_words for each in steps)} ..." if steps else "."


def _in_words(steps: Sequence[Step]) -> str:
    if not steps:
        return ", and cut short."
    if len(steps) == len(_WENT_WELL) and all(each.is_good for each in steps):
        took = (f"{how} {each.seconds:.1f} s" for how, each in zip(_WENT_WELL, steps, strict=True))
        return f": {', '.join(took)}."
    return ". " + " ".join(f"{each.in_words}." for each in steps)


_WENT_WELL = (
    "booked in",
    "told of after",
    "confirmed here after",
    "cancelled in",
    "told of after",
    "cancelled here after",
)


async def _mend(exam: Examination, connection: Connection | None) -> str:
    if connection is None:
        raise Conflict("It is not said which connection to try.", do="Press the button beside it.")
    offered = readable(await asking.event_types(exam, connection))
    slug = trials.fitting(offered, None).slug
    async with exam.parts.database.transaction() as tx:
        probe = await trials.ask(tx, connection.id, slug, by=exam.by, now=exam.now)
        await trials.enqueue(tx, probe)
    return f"Booking “{slug}” at Cal.com: each step shows at “{PROBE.title}”."


PROBE = Check(
    id="probe",
    title="End-to-end trial",
    area=Area.DELIVERIES,
    means="Greenroom books a slot of a hidden event type, follows the news of it until the status "
    "is here, and cancels it: the one proof that everything works together.",
    every=TEN_MINUTES,
    look=asking.each_with_key(_look),
    mend=_mend,
    by_itself=False,
)
