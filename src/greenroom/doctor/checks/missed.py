"""Check: what deliveries did not tell in the last day, and asking Cal.com brought to light."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from greenroom.calcom.connections import Connection
from greenroom.doctor import asking
from greenroom.doctor.examination import MINUTE, Check, Examination
from greenroom.doctor.model import Area, Finding
from greenroom.doctor.words import moment
from greenroom.syncs import drift
from greenroom.syncs.drift import Kind, Lately

_DAY = timedelta(days=1)
_FRESH = timedelta(hours=1)
"""So long after the last loss somebody should look; what is repaired needs nobody for longer."""
_A_FEW = 2
"""Lost deliveries of a day that nobody need look into: Cal.com sends each once, at best."""
_NOTES = {
    Kind.LATE: "came over a minute late",
    Kind.OUT_OF_ORDER: "came after newer ones",
    Kind.UNTRUE: "said what was not so",
}


async def _look(exam: Examination, connection: Connection) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        found = await drift.lately(tx, connection.id, exam.now - _DAY)
    lost = found.get(Kind.LOST)
    if lost is None:
        what = f"No booking was missed in the last day.{_notes(found)}"
        return [asking.green(connection, what)]
    many = "1 booking" if lost.count == 1 else f"{lost.count} bookings"
    what = (
        f"Of {many} no delivery told ({_when(lost.first, lost.last)}). Asking Cal.com found and "
        f"repaired all of that.{_notes(found)}"
    )
    if lost.count <= _A_FEW or exam.now - lost.last >= _FRESH:
        return [asking.green(connection, what)]
    return [
        asking.amber(
            connection,
            what,
            "See what the checks of the webhook and of the public address say, and whether "
            "Greenroom was stopped then. This is green again an hour after the last loss.",
        )
    ]


def _notes(found: Mapping[Kind, Lately]) -> str:
    said = [f"{found[kind].count} {how}" for kind, how in _NOTES.items() if kind in found]
    return f" Of the deliveries, {', '.join(said)}." if said else ""


def _when(first: datetime, last: datetime) -> str:
    begin, end = moment(first), moment(last)
    return begin if begin == end else f"between {begin} and {end}"


DRIFT = Check(
    id="drift",
    title="Missed news",
    area=Area.DELIVERIES,
    means="Greenroom asks Cal.com besides listening, and repairs what deliveries missed. Much of "
    "that means that something between Cal.com and here loses them.",
    every=MINUTE,
    look=asking.each_with_key(_look),
)
