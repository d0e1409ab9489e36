"""Checks: is the background work alive, and does it keep up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from greenroom import jobs
from greenroom.calcom import readable
from greenroom.calcom.connections import Connection
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import standing
from greenroom.deliveries.standing import Standing
from greenroom.doctor import pulse
from greenroom.doctor.examination import MINUTE, Check, Examination
from greenroom.doctor.model import Area, Beat, Finding, Light
from greenroom.doctor.words import listed, moment, plural
from greenroom.spans import span

BACKGROUND = "background"
"""The check that nobody looks at once what it looks at is dead: see `doctor.alive`."""
SILENT = timedelta(minutes=1)
"""Four signs of life missed: not one that came late."""
_GONE = 2 * timedelta(seconds=pulse.EACH) + timedelta(seconds=5)
"""A process is counted no more, though its parts may be late: after a restart there is one."""
_DAY = timedelta(days=1)
_BEHIND, _FAR_BEHIND = timedelta(minutes=5), timedelta(hours=1)
_UNREAD, _LONG_UNREAD = timedelta(minutes=1), timedelta(minutes=5)

_PARTS: Mapping[str, str] = {
    pulse.DRAIN: "reading deliveries",
    pulse.CLOCK: "what is done by the clock",
    pulse.queue("sync"): "asking Cal.com",
    pulse.queue("calcom"): "making private links",
    pulse.queue("mail"): "sending letters",
    pulse.queue("default"): "housekeeping",
}
_JOBS: Mapping[str, tuple[str, str]] = {
    "sync": ("check with Cal.com", "checks with Cal.com"),
    "calcom": ("private link", "private links"),
    "mail": ("letter", "letters"),
    "default": ("piece of housekeeping", "pieces of housekeeping"),
}
assert set(_JOBS) == set(jobs.AT_ONCE), "each queue has a word that people know"


async def _background(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        beats = await pulse.beats(tx)
        is_connected = bool(await readable.names(tx))
    return [background(beats, exam.now, is_connected=is_connected)]


def background(beats: Sequence[Beat], now: datetime, *, is_connected: bool) -> Finding:
    """What these signs of life say."""
    newest: dict[str, Beat] = {}
    for each in beats:  # the newest first
        newest.setdefault(each.part, each)
    silent = [part for part in _PARTS if part not in newest or newest[part].at < now - SILENT]
    if not silent:
        alive = {each.process for each in beats if each.at >= now - _GONE}
        where = "one process" if len(alive) == 1 else f"{len(alive)} processes"
        return Finding(light=Light.GREEN, what=f"Every part is alive, in {where}.")
    start = "Start `greenroom serve`, or `greenroom work` beside a `serve --no-work`."
    if len(silent) == len(_PARTS):
        last = max((each.at for each in newest.values()), default=None)
        when = "just now" if last is None else f"since {moment(last)}"
        return Finding(
            light=Light.RED if is_connected else Light.OFF,
            what=f"Greenroom does nothing by itself {when}: no part of it runs."
            if is_connected
            else f"Greenroom does not run {when}.",
            do=start,
        )
    named = listed([_silence(part, newest.get(part), now) for part in silent])
    return Finding(
        light=Light.RED,
        what=f"Parts of the background work are silent: {named}.",
        do="Look in the log of Greenroom for “The background work ended”, then start it again.",
    )


def _silence(part: str, last: Beat | None, now: datetime) -> str:
    return f"{_PARTS[part]} ({'never heard' if last is None else f'for {span(now - last.at)}'})"


async def _jobs(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        found = await jobs.standings(tx, since=exam.now - _DAY, now=exam.now)
    said = [finding for each in found for finding in of_queue(each, exam.now)]
    waiting = sum(each.waiting for each in found)
    return said or [
        Finding(
            light=Light.GREEN,
            what=f"{plural(waiting, 'job', 'jobs')} under way or about to begin, none is late."
            if waiting
            else "Nothing waits, and nothing failed in the last day.",
        )
    ]


def of_queue(found: jobs.Standing, now: datetime) -> Sequence[Finding]:
    """What there is to say about one queue; nothing where all is well."""
    one, many = _JOBS[found.queue]
    said: list[Finding] = []
    if found.oldest_at is not None and now - found.oldest_at > _BEHIND:
        late = now - found.oldest_at
        why = "Cal.com lets Greenroom ask so many times a minute: it goes on by itself."
        slow = found.queue in {"calcom", "sync"}
        said.append(
            Finding(
                light=Light.RED if late > _FAR_BEHIND else Light.AMBER,
                what=f"{plural(found.waiting, one, many)} waiting, the oldest for {span(late)}.",
                do=why
                if slow and late <= _FAR_BEHIND
                else "Start Greenroom again, or start `greenroom work` beside it for more hands.",
            )
        )
    if found.stalled:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"{plural(found.stalled, one, many)} begun by a process that is gone.",
                do="They are begun again by themselves within 5 minutes; or do it now.",
                offer="Begin again",
            )
        )
    if found.failed:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"{plural(found.failed, one, many)} failed for good in the last day.",
                do="The log says why. When that is mended, have them tried again.",
                offer="Try again",
            )
        )
    if found.failing:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"What is done by the clock fails again and again: {listed(found.failing)}.",
                do="The log of Greenroom says why.",
            )
        )
    return said


async def _begin_again(exam: Examination, connection: Connection | None) -> str:
    del connection
    stalled = await jobs.rescue_stalled()
    async with exam.parts.database.transaction() as tx:
        failed = await jobs.retry_failed(tx, since=exam.now - _DAY, now=exam.now)
    if not stalled + failed:
        return "There was nothing left to begin again."
    return f"{plural(stalled + failed, 'job is', 'jobs are')} begun again."


async def _deliveries(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        found = await standing.standing(tx, since=exam.now - _DAY)
        is_connected = bool(await readable.names(tx))
    if not is_connected and not (found.new or found.failed or found.dead):
        return [Finding(light=Light.OFF, what="Nothing comes before Cal.com is connected.")]
    heals = bool(exam.connections) and all(each.api_key for each in exam.connections)
    return of_deliveries(found, exam.now, heals=heals) or [
        Finding(light=Light.GREEN, what="Each delivery is read as it comes; none waits or failed.")
    ]


def of_deliveries(found: Standing, now: datetime, *, heals: bool) -> Sequence[Finding]:
    """What there is to say; nothing where all is well. `heals`: what is lost is asked for."""
    said: list[Finding] = []
    late = now - found.new_since if found.new_since is not None else timedelta()
    if late > _UNREAD:
        said.append(
            Finding(
                light=Light.RED if late > _LONG_UNREAD else Light.AMBER,
                what=f"{plural(found.new, 'delivery is', 'deliveries are')} kept and not read yet, "
                f"the oldest for {span(late)}.",
                do="Nothing is lost. If the number grows, start Greenroom again.",
            )
        )
    if found.dead:
        said.append(_dead(found.dead, heals=heals))
    if found.failed:
        what = (
            f"{_tried(found.failed, 'failed to be read')} tried again by {_selves(found.failed)}."
        )
        do = "See why under Deliveries, Tried again."
        said.append(Finding(light=Light.AMBER, what=what, do=do, offer="Read again"))
    if found.unread:
        said.append(
            Finding(
                light=Light.AMBER,
                what=f"{plural(found.unread, 'delivery', 'deliveries')} of the last day said "
                "nothing that Greenroom understands.",
                do="See why under Deliveries, Not read: often the webhook has a payload template.",
            )
        )
    return said


def _dead(count: int, *, heals: bool) -> Finding:
    what = f"{_tried(count, 'could not be read')} not tried again by {_selves(count)}. "
    lost = "What they told is missing until they are read."
    return Finding(
        light=Light.AMBER if heals else Light.RED,
        what=what + ("Asking Cal.com makes up for it." if heals else lost),
        do="See why under Deliveries, Failed; after an update, have them read again.",
        offer="Read again",
    )


def _tried(count: int, what: str) -> str:
    they, are = plural(count, "delivery", "deliveries"), "is" if count == 1 else "are"
    return f"{they} {what}, and {are}"


def _selves(count: int) -> str:
    return "itself" if count == 1 else "themselves"


async def _read_again(exam: Examination, connection: Connection | None) -> str:
    del connection
    count = await deliveries.replay_failed(exam.parts.database)
    exam.parts.intake.news.set()
    if not count:
        return "There was nothing left to read again."
    return f"{plural(count, 'delivery is', 'deliveries are')} read again."


CHECKS: Sequence[Check] = (
    Check(
        id=BACKGROUND,
        title="Background work",
        area=Area.WORK,
        means="Deliveries are read, letters sent and Cal.com asked in the background. When a part "
        "of it is silent, what candidates book is kept but stays unseen.",
        every=MINUTE,
        look=_background,
    ),
    Check(
        id="jobs",
        title="Jobs",
        area=Area.WORK,
        means="Each letter, private link and check with Cal.com is a job that waits for its turn. "
        "One that fails is tried again, up to eight times, before it is given up.",
        every=MINUTE,
        look=_jobs,
        mend=_begin_again,
    ),
    Check(
        id="deliveries-read",
        title="Deliveries are read",
        area=Area.WORK,
        means="What Cal.com delivers is kept first and read a moment later. One that cannot be "
        "read stays kept, and can be read again at any time.",
        every=MINUTE,
        look=_deliveries,
        mend=_read_again,
    ),
)
