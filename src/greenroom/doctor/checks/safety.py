"""Checks: secrets at rest, unsigned deliveries, and the list of time zones."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

from greenroom import zones
from greenroom.calcom import connections, sealed
from greenroom.calcom.connections import Connection
from greenroom.calcom.sealed import Tally
from greenroom.doctor.examination import HOUR, TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.words import plural
from greenroom.errors import Unavailable

_OTHERS = 0o077
"""What others than a file's owner may do with it."""
_OLD_NAMES = ("Asia/Calcutta", "Europe/Kiev", "US/Eastern", "Asia/Saigon", "America/Buenos_Aires")
"""Zones by names that browsers and Cal.com still say, and that some lists have dropped."""
_YEAR = timedelta(days=365)


async def _secrets(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        tally = await sealed.tally(tx, exam.parts.seal, exam.now)
        names = await connections.names(tx)
    lost = [_lost(tally, id_, names[id_]) for id_ in sorted(tally.no_key | tally.no_secret)]
    mode = await asyncio.to_thread(_mode, exam)
    has_former = bool(exam.parts.settings.former_keys())
    found = of_secrets(tally, mode, _key_file(exam), has_former=has_former)
    return [*lost, *([] if lost and found.light is Light.GREEN else [found])]


def _lost(tally: Tally, connection_id: int, name: str) -> Finding:
    what = " and ".join(
        word
        for word, ids in (("API key", tally.no_key), ("webhook secret", tally.no_secret))
        if connection_id in ids
    )
    paste = f"or give the connection a new one: `{connections.new_key(name)}`"
    return Finding(
        light=Light.RED,
        what=f"The {what} of “{name}” cannot be opened: sealed with another secret key.",
        do="Start Greenroom with that key in GREENROOM_OLD_SECRET_KEYS (it is in a copy of "
        f"secret.key, or was GREENROOM_SECRET_KEY), {paste}.",
        connection_id=connection_id,
    )


def of_secrets(tally: Tally, mode: int, file: Path, *, has_former: bool) -> Finding:
    """What is to be said of those that can be opened. `mode`: the rights of the key's file."""
    if mode & _OTHERS:
        return Finding(
            light=Light.AMBER,
            what=f"Other users of this machine may read {file.name}, which opens every secret.",
            do=f"Run `chmod 600 {file}`.",
            offer="Close the file",
        )
    if tally.former:
        need = "needs" if tally.former == 1 else "need"
        return Finding(
            light=Light.AMBER,
            what=f"{plural(tally.former, 'secret', 'secrets')} still {need} a former secret key.",
            do="Have them sealed with the present one, or start `greenroom serve` again; until "
            "then leave GREENROOM_OLD_SECRET_KEYS as it is.",
            offer="Seal anew",
        )
    if has_former:
        what = "Every secret is sealed with the present key: GREENROOM_OLD_SECRET_KEYS can go."
    elif tally.present:
        what = f"{plural(tally.present, 'secret', 'secrets')} sealed with the present key."
    else:
        what = "The secret key is there; nothing is sealed with it yet."
    return Finding(light=Light.GREEN, what=what)


async def _mend_secrets(exam: Examination, connection: Connection | None) -> str:
    del connection
    file = _key_file(exam)
    if await asyncio.to_thread(_mode, exam) & _OTHERS:
        try:
            await asyncio.to_thread(file.chmod, 0o600)
        except OSError as error:
            raise Unavailable(
                f"{file.name} cannot be closed to others: {error.strerror}.",
                do=f"Run `chmod 600 {file}` as the user who owns it.",
            ) from error
        return f"Only the user who runs Greenroom may read {file.name} now."
    count = await sealed.renew(exam.parts.database, exam.parts.seal)
    return f"{plural(count, 'secret', 'secrets')} sealed with the present key."


def _key_file(exam: Examination) -> Path:
    return exam.parts.settings.data_dir / "secret.key"


def _mode(exam: Examination) -> int:
    """The rights on the key's file; none where the key is in a variable."""
    if exam.parts.settings.secret_key is not None:
        return 0
    try:
        return _key_file(exam).stat().st_mode
    except OSError:
        return 0


async def _unsigned(exam: Examination) -> Sequence[Finding]:
    if exam.parts.settings.unsigned_webhooks == "refuse":
        return [Finding(light=Light.GREEN, what="Deliveries without a good signature are refused.")]
    return [
        Finding(
            light=Light.AMBER,
            what="Deliveries without a signature are taken: whoever reaches this machine can make "
            "bookings up.",
            do="Take GREENROOM_UNSIGNED_WEBHOOKS away, start Greenroom again, and give the webhook "
            "its secret in Cal.com.",
        )
    ]


async def _time_zones(exam: Examination) -> Sequence[Finding]:
    return [of_time_zones(version("tzdata"), exam.now.date())]


def of_time_zones(packaged: str, today: date) -> Finding:
    """`packaged`: the version of the list, such as "2026.1", the first of that year."""
    missing = [name for name in _OLD_NAMES if zones.found(name) is None]
    if missing:
        return Finding(
            light=Light.RED,
            what=f"The list of time zones lacks {', '.join(missing)}.",
            do=_UPDATE,
        )
    # Which day it is from it does not say; there are some each year, most in its first half.
    year = int(packaged.partition(".")[0])
    if today - date(year, 7, 1) > _YEAR:
        return Finding(
            light=Light.AMBER,
            what=f"The list of time zones is of {year}: countries have changed their clocks since, "
            "and times there may be an hour off.",
            do=_UPDATE,
        )
    return Finding(light=Light.GREEN, what=f"The list of time zones is of {year} ({packaged}).")


_UPDATE = (
    "Bring Greenroom up to date, or its time zones alone: `pip install --upgrade tzdata` where "
    "Greenroom is installed. Then start it again."
)

CHECKS: Sequence[Check] = (
    Check(
        id="secrets",
        title="Secrets at rest",
        area=Area.SAFETY,
        means="API keys and webhook secrets are sealed in the database with a key that is not in "
        "it. Without that key Cal.com cannot be asked, and its deliveries cannot be verified.",
        every=TEN_MINUTES,
        look=_secrets,
        mend=_mend_secrets,
    ),
    Check(
        id="unsigned",
        title="Signed deliveries only",
        area=Area.SAFETY,
        means="The signature shows that a delivery comes from Cal.com. Without it anybody could "
        "send bookings, moves and cancellations.",
        every=TEN_MINUTES,
        look=_unsigned,
    ),
    Check(
        id="time-zones",
        title="Time zones",
        area=Area.SAFETY,
        means="Governments change their clocks, mostly at short notice. An old list puts "
        "interviews there at the wrong hour.",
        every=HOUR,
        look=_time_zones,
    ),
)
