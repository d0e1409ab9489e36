"""Check: requests to our webhook address that were not signed with a secret of ours."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from greenroom.calcom.connections import Connection
from greenroom.calcom.subscription import Flaw
from greenroom.calcom.webhook import Refusal
from greenroom.deliveries import hours, rejections
from greenroom.doctor import asking, our_webhook
from greenroom.doctor.examination import MINUTE, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.our_webhook import Ours
from greenroom.doctor.words import moment
from greenroom.errors import Conflict, GreenroomError

_DAY = timedelta(days=1)
_OF_CALCOM = (Refusal.NO_SECRET, Refusal.PASTED, Refusal.RETIRED)
"""Reasons that only Cal.com's own requests are refused for."""
_TELLING = (*_OF_CALCOM, Refusal.WRONG, Refusal.MALFORMED, Refusal.MISSING)
"""Reasons, those first that say most about what to do."""

_OFFER = "Enter our secret"
_ENTER = f"Press {_OFFER}, or paste it in Cal.com: the Connections page makes a new one."

_Refused = Mapping[Refusal, tuple[int, datetime]]


async def _look(exam: Examination) -> Sequence[Finding]:
    if not exam.connections:
        what = "No Cal.com account is connected, so nothing is taken in."
        return [Finding(light=Light.OFF, what=what, do=asking.CONNECT)]
    async with exam.parts.database.transaction() as tx:
        counted = await rejections.lately(tx, exam.now)
        heard = {each.id: await hours.heard_at(tx, each.id) for each in exam.connections}
    recent = {why: (n, at) for why, (n, at) in counted.items() if at > exam.now - _DAY}
    if not recent:
        return [Finding(light=Light.GREEN, what="No request was refused in the last day.")]
    heard_at = max((at for at in heard.values() if at is not None), default=None)
    since = _after(recent, heard_at)
    light = _light(since, heard_at, exam.now)
    if light is not Light.GREEN:
        return [await _finding(exam, light, since)]
    # What came of one account says nothing of another's secret.
    quiet = [each for each in exam.connections if _is_suspect(_after(recent, heard[each.id]))]
    wrong = [
        each
        for each, ours in await _with_webhook(exam, quiet)
        if ours.shows_secrets and ours.has(Flaw.SECRET)
    ]
    if wrong:
        return [_enter(each, recent) for each in wrong]
    return [Finding(light=light, what=f"{_said(recent)} Deliveries have come since.")]


def _after(refused: _Refused, moment: datetime | None) -> _Refused:
    return {why: each for why, each in refused.items() if moment is None or each[1] > moment}


def _is_suspect(since: _Refused) -> bool:
    return any(why in since for why in (*_OF_CALCOM, Refusal.WRONG))


def _enter(connection: Connection, recent: _Refused) -> Finding:
    return Finding(
        light=Light.RED,
        what=f"{_said(recent)} Cal.com signs for “{connection.name}” with another secret than "
        "ours, and nothing of it has come since.",
        do=_ENTER,
        offer=_OFFER,
        connection_id=connection.id,
    )


def _light(since: _Refused, heard_at: datetime | None, now: datetime) -> Light:
    """How bad it is; `since` are those after which nothing was taken in."""
    if any(why in since for why in _OF_CALCOM):
        return Light.RED
    was_heard = heard_at is not None and heard_at > now - _DAY
    if Refusal.WRONG in since:
        return Light.AMBER if was_heard else Light.RED
    # Strangers knock at every public address.
    return Light.AMBER if since and heard_at is None else Light.GREEN


async def _finding(exam: Examination, light: Light, since: _Refused) -> Finding:
    first = next(why for why in _TELLING if why in since)
    if first not in {*_OF_CALCOM, Refusal.WRONG}:
        return Finding(light=light, what=_said(since), do=first.do)
    reached = await _with_webhook(exam, exam.connections)
    if reached and not any(_is_wrong(ours) for _, ours in reached):
        return Finding(
            light=Light.AMBER,
            what=f"{_said(since)} By now Cal.com has the right secret.",
            do="Press Ping test in Cal.com, or wait for the next booking, to see that it fits.",
        )
    by_hand = "Make a new secret on the Connections page, and paste it in Cal.com without a blank."
    return Finding(
        light=light,
        what=_said(since),
        do=_ENTER if reached else by_hand,
        offer=_OFFER if reached else None,
    )


async def _with_webhook(
    exam: Examination, of: Sequence[Connection]
) -> Sequence[tuple[Connection, Ours]]:
    """Those of them whose webhook we can see to, and what is there."""
    found: list[tuple[Connection, Ours]] = []
    for each in of:
        if each.api_key is None or not exam.parts.address.is_reachable_from(each.api_url):
            continue
        try:
            ours = await our_webhook.look_up(exam, each)
        except GreenroomError:  # the checks of the webhook tell it
            continue
        found.append((each, ours))
    return found


def _is_wrong(ours: Ours) -> bool:
    return ours.kept is None or ours.has(Flaw.SECRET)


def _said(refused: _Refused) -> str:
    total = sum(count for count, _ in refused.values())
    last = max(at for _, at in refused.values())
    many = "1 request was" if total == 1 else f"{total} requests were"
    reasons = " ".join(f"{refused[why][0]}×: {why.what}" for why in _TELLING if why in refused)
    return f"{many} refused since yesterday, the last {moment(last)}. {reasons}"


async def _mend(exam: Examination, connection: Connection | None) -> str:
    of = exam.connections if connection is None else [connection]
    said = [
        f"{each.name}: {await our_webhook.mend(exam, each)}"
        for each, ours in await _with_webhook(exam, of)
        if _is_wrong(ours)
    ]
    if not said:
        raise Conflict(
            "There is no webhook at Cal.com whose secret Greenroom could enter.",
            do="Make a new secret on the Connections page, and paste it in Cal.com.",
        )
    return " ".join(said)


SIGNATURES = Check(
    id="signatures",
    title="Signatures",
    area=Area.DELIVERIES,
    means="Only what is signed with our secret is taken in: anybody can send something to a "
    "public address.",
    every=MINUTE,
    look=_look,
    mend=_mend,
)
