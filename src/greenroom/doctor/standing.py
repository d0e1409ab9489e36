"""What stands after a look, of what was found before and what it found now. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from greenroom.doctor.model import Finding, Found, Light, worst

_LONGEST = timedelta(minutes=5)
"""An examination takes less: what was looked at later than that is the word of a wrong clock."""
_STILL_WELL = timedelta(hours=1)
"""So long what was well is taken to be, where nobody answers."""


def is_newer(before: Iterable[Found], began: datetime) -> bool:
    """Whether these were found by an examination that began later than `began`."""
    return any(began < each.looked_at <= began + _LONGEST for each in before)


def after(
    check_id: str, before: Sequence[Found], found: Sequence[Finding], now: datetime
) -> Sequence[Found]:
    """What one check is known to have found. What had no answer hides nothing that was known."""
    old, new = _by_connection(before), defaultdict[int | None, list[Finding]](list)
    for finding in found:
        new[finding.connection_id].append(finding)
    stands: list[Found] = []
    for connection_id, findings in new.items():
        known = old.get(connection_id, [])
        if _is_unanswered(findings) and _still_counts(known, findings, now):
            stands += _as_before(known, now)
        else:
            stands += _anew(check_id, known, findings, now)
    if set(new) == {None} and _is_unanswered(found):  # the look failed, for all it looks at
        for connection_id, known in old.items():
            if connection_id is not None and _worst(known) in {Light.AMBER, Light.RED}:
                stands += _as_before(known, now)
    return stands


def _by_connection(before: Iterable[Found]) -> Mapping[int | None, list[Found]]:
    old: dict[int | None, list[Found]] = {}
    for each in before:
        old.setdefault(each.finding.connection_id, []).append(each)
    return old


def _is_unanswered(findings: Iterable[Finding]) -> bool:
    return all(each.is_unanswered for each in findings)


def _worst(known: Iterable[Found]) -> Light:
    return worst(each.finding.light for each in known)


def _still_counts(known: Sequence[Found], findings: Iterable[Finding], now: datetime) -> bool:
    light = _worst(known)
    if light in {Light.RED, Light.OFF}:
        return light is Light.RED
    if worst(each.light for each in findings) is not Light.OFF:
        return False
    silent_since = _unanswered_since(known) or now
    return light is Light.AMBER or now - silent_since < _STILL_WELL


def _unanswered_since(known: Iterable[Found]) -> datetime | None:
    return min((each.unanswered_since for each in known if each.unanswered_since), default=None)


def _as_before(known: Iterable[Found], now: datetime) -> Sequence[Found]:
    return [
        replace(each, looked_at=now, unanswered_since=each.unanswered_since or now)
        for each in known
    ]


def _anew(
    check_id: str, known: Sequence[Found], findings: Sequence[Finding], now: datetime
) -> Sequence[Found]:
    silent_since = _unanswered_since(known) or now
    stands: list[Found] = []
    for place, finding in enumerate(findings):
        before = known[place] if place < len(known) else None
        is_as_before = before is not None and before.finding.light is finding.light
        stands.append(
            Found(
                check_id=check_id,
                finding=finding,
                since=before.since if before is not None and is_as_before else now,
                looked_at=now,
                unanswered_since=silent_since if finding.is_unanswered else None,
            )
        )
    return stands
