"""That the doctor itself is alive: only the background work examines, and it may be dead. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from greenroom.doctor.checks.work import BACKGROUND, background
from greenroom.doctor.health import Looked
from greenroom.doctor.model import Beat, Finding, Found, Light
from greenroom.doctor.words import moment

OVERDUE = timedelta(minutes=3)
"""What is looked at each minute has then been passed over three times."""


def is_overdue(looked: Sequence[Looked], now: datetime, awake_since: datetime | None) -> bool:
    """Whether what is looked at each minute has not been for minutes.

    `awake_since`: a process started, or its machine woke, then; nobody could look before.
    """
    looked_at = _looked_at(looked)
    known = [at for at in (looked_at, awake_since) if at is not None]
    return bool(known) and max(known) < now - OVERDUE


def overdue(
    looked: Sequence[Looked], beats: Sequence[Beat], now: datetime, *, is_connected: bool
) -> Sequence[Looked]:
    """With what is so now in the place of what the check of the background work found last."""
    return [
        replace(each, found=[_found(each, beats, now, is_connected=is_connected)])
        if each.check.id == BACKGROUND
        else each
        for each in looked
    ]


def _found(looked: Looked, beats: Sequence[Beat], now: datetime, *, is_connected: bool) -> Found:
    finding = background(beats, now, is_connected=is_connected)
    at = _looked_at([looked])
    if finding.light is Light.GREEN:  # but it does not come to looking
        finding = Finding(
            light=Light.RED,
            what="Nothing has been looked at "
            + ("yet" if at is None else f"since {moment(at)}")
            + ", though it is each minute: what stands here may not be so any more.",
            do="Look in the log of Greenroom why, then start it again. Check again looks now.",
        )
    at = at or now
    before = next((each for each in looked.found if each.finding.light is finding.light), None)
    since = at if before is None else before.since
    return Found(check_id=BACKGROUND, finding=finding, since=since, looked_at=at)


def _looked_at(looked: Sequence[Looked]) -> datetime | None:
    times = [x.looked_at for each in looked if each.check.id == BACKGROUND for x in each.found]
    return max(times, default=None)
