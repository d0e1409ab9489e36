"""How Cal.com's API answers: in which shape, at what time by its clock, and how often it may."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from greenroom.calcom import answers, budget
from greenroom.calcom.budget import Standing
from greenroom.calcom.client import BOOKINGS, EVENT_TYPES, Missing, Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import Busy, CalcomError, Failing, KeyRefused
from greenroom.calcom.text import Unreadable
from greenroom.doctor import asking
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Finding, Light

_SLOW = timedelta(seconds=5)
"""An answer to a small question that takes longer is slow."""
_CLOCKS_DIFFER, _CLOCKS_MISLEAD = timedelta(seconds=60), timedelta(minutes=10)
_FEW = 10
"""Of the requests Cal.com takes in its window."""
_NEEDED = f"bookings {BOOKINGS}, event types {EVENT_TYPES}"
_UPDATE = "Update Greenroom; if it is the newest, report what stands here."


async def look_api(exam: Examination, connection: Connection) -> Sequence[Finding]:
    """Whether it answers, and in shapes that can be read. Raises CalcomError."""
    try:
        account = await asking.account(exam, connection)
        offered = await asking.event_types(exam, connection)
        bookings = await _upcoming(exam, connection)
    except CalcomError as error:
        return [await _trouble(exam, connection, error)]
    odd = _unread("event types", offered, answers.event_type) or _unread(
        "bookings", bookings, lambda row: answers.booking(row, fetched_at=account.heard_at)
    )
    if odd is not None:
        light, what = odd
        return [Finding(light=light, what=what, do=_UPDATE, connection_id=connection.id)]
    took = f"{account.took.total_seconds():.1f} s"
    if account.took > _SLOW:
        what = f"It works, but took {took} to answer a small question."
        do = "Look at the network, and at how busy Cal.com is; Greenroom waits 20 s for an answer."
        return [asking.amber(connection, what, do)]
    what = f"It answered in {took}, in the versions Greenroom reads: {_NEEDED}."
    return [asking.green(connection, what)]


async def _trouble(exam: Examination, connection: Connection, error: CalcomError) -> Finding:
    if isinstance(error, Busy):
        if not (await _standing(exam, connection)).is_open:
            return asking.unanswered(error, connection)
        do = "Check that Cal.com is up and that this machine reaches it."
        return asking.red(connection, error.what, do)
    if isinstance(error, KeyRefused):
        return asking.unanswered(error, connection)
    if isinstance(error, Missing):
        do = f"{error.do} Greenroom needs {_NEEDED}; an older Cal.com has to be updated."
        return asking.red(connection, error.what, do)
    return asking.red(connection, error.what, error.do)


async def _upcoming(exam: Examination, connection: Connection) -> Sequence[Row]:
    async def ask() -> Sequence[Row]:
        answer = await exam.parts.calcom(connection).bookings(status="upcoming")
        found: Sequence[Row] = answer.data
        return found

    return await exam.once("upcoming", connection, ask)


def _unread(
    what: str, rows: Sequence[Row], read: Callable[[Row], object]
) -> tuple[Light, str] | None:
    wrong: list[str] = []
    for row in rows:
        try:
            read(row)
        except Unreadable as error:
            wrong.append(error.why)
    if not wrong:
        return None
    # One odd row is that row; all of them are another API.
    light = Light.RED if len(wrong) == len(rows) else Light.AMBER
    count = f"{len(wrong)} of {len(rows)} {what}"
    return light, f"Cal.com's answer has a shape Greenroom does not know: in {count} {wrong[0]}."


async def look_clock(exam: Examination, connection: Connection) -> Sequence[Finding]:
    """Whether our clock agrees with Cal.com's. Raises CalcomError."""
    account = await asking.account(exam, connection)
    if account.said_at is None:
        return [asking.off(connection, "Cal.com's answers do not say what time it is there.")]
    off = _ahead(account)
    if abs(off) <= _CLOCKS_DIFFER:
        return [asking.green(connection, "This machine's clock agrees with Cal.com's.")]
    way = "ahead of" if off > timedelta() else "behind"
    light = Light.AMBER if abs(off) <= _CLOCKS_MISLEAD else Light.RED
    return [
        Finding(
            light=light,
            what=f"This machine's clock is {_long(abs(off))} {way} Cal.com's.",
            do="Have the clock set by the network: on Linux `sudo timedatectl set-ntp true`. If "
            "this machine is right, Cal.com's own server is wrong.",
            connection_id=connection.id,
        )
    ]


def _ahead(account: asking.Account) -> timedelta:
    """How far our clock is ahead of Cal.com's; nothing where it lies within the asking."""
    assert account.said_at is not None
    # The header is cut to whole seconds.
    if account.asked_at - timedelta(seconds=1) <= account.said_at <= account.heard_at:
        return timedelta()
    if account.said_at > account.heard_at:
        return account.heard_at - account.said_at
    return account.asked_at - account.said_at


def _long(took: timedelta) -> str:
    seconds = round(took.total_seconds())
    if seconds < 2 * 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 2 * 60 else f"{round(minutes / 60)} h"


async def look_budget(exam: Examination, connection: Connection) -> Sequence[Finding]:
    """Whether there are requests left to ask with. Raises CalcomError."""
    try:
        limits = (await asking.account(exam, connection)).limits
    except (KeyRefused, Failing) as error:
        return [asking.unanswered(error, connection)]
    except Busy:
        limits = None
    standing = await _standing(exam, connection)
    if standing.is_open:
        what = f"Cal.com failed {standing.failures} times in a row: it is asked now and then."
        return [asking.off(connection, what, "See what the check API says.")]
    share = f"Greenroom's own share is {exam.parts.settings.calcom_requests_per_minute} a minute"
    if limits is None and standing.rests_until is not None:
        return [
            asking.amber(
                connection,
                "Cal.com's rate limit is reached: nothing is asked until "
                f"{standing.rests_until:%H:%M:%S} UTC.",
                "Nothing to do at once. If it happens often, see what else uses this API key, or "
                f"lower GREENROOM_CALCOM_REQUESTS_PER_MINUTE. {share}.",
            )
        ]
    if limits is not None and limits.remaining < _FEW:
        return [
            asking.amber(
                connection,
                f"Cal.com takes only {limits.remaining} more requests in the next "
                f"{limits.reset:.0f} s: something else uses this key too.",
                "Make a key for Greenroom alone in Cal.com under Settings, Developer, API keys, "
                "and enter it on the Connections page.",
            )
        ]
    left = "" if limits is None else f"Cal.com takes {limits.remaining} more in its window. "
    return [asking.green(connection, f"{left}{share}.")]


async def _standing(exam: Examination, connection: Connection) -> Standing:
    async with exam.parts.database.transaction() as tx:
        return (await budget.standings(tx)).get(connection.id, Standing())
