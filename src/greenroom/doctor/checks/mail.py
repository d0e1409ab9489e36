"""Checks: mail."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from greenroom.calcom.connections import Connection
from greenroom.doctor.checks import mail_sender, mail_server
from greenroom.doctor.examination import HOUR, MINUTE, TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.words import plural
from greenroom.mail import outbox
from greenroom.mail.model import MOST_ATTEMPTS, RECENT, Backlog
from greenroom.spans import span

_ANEW = "Correct the address, and send a new one."
_LONG = timedelta(hours=1)
"""A letter that nobody has tried to send for so long is one that somebody misses."""


async def look_at_outbox(exam: Examination) -> Sequence[Finding]:
    """Whether letters go, and whether some were given up."""
    async with exam.parts.database.transaction() as tx:
        found = await outbox.backlog(tx, exam.now)
    has_server = exam.parts.settings.smtp_url is not None
    problems = [*_stuck(found, exam.now), *_given_up(found)]
    if problems:
        # Without a server they would only be held; what was refused would be again.
        can_go = found.late or found.failed or found.dead > found.refused
        offer = "Try them again" if has_server and can_go else None
        return [
            Finding(
                light=Light.RED if _is_long(found, exam.now) else Light.AMBER,
                what=" ".join(what for what, _ in problems),
                do=" ".join(do for _, do in problems),
                offer=offer,
            )
        ]
    if found.held:
        return [_held(found.held, has_server=has_server)]
    return [Finding(light=Light.GREEN, what="Every letter has gone.")]


def _is_long(found: Backlog, now: datetime) -> bool:
    return found.late_since is not None and now - found.late_since > _LONG


def _stuck(found: Backlog, now: datetime) -> Sequence[tuple[str, str]]:
    problems = []
    if found.late_since is not None:
        waited = span(now - found.late_since)
        problems.append(
            (
                f"{_letters(found.late)} should have gone {waited} ago, and nobody has tried.",
                "See “Background work”: letters go while it runs.",
            )
        )
    if found.failed:
        problems.append(
            (
                f"{_letters(found.failed)} could not be sent yet; Greenroom tries again by itself.",
                "See “Mail server”; each letter's page under Messages says what went wrong.",
            )
        )
    return problems


def _given_up(found: Backlog) -> Sequence[tuple[str, str]]:
    problems = []
    if tired := found.dead - found.refused:
        problems.append(
            (
                f"{_of_late(tired)} {_were(tired)} given up after {MOST_ATTEMPTS} attempts.",
                "Once “Mail server” is green, have them tried again.",
            )
        )
    if found.refused:
        problems.append(
            (
                f"{_of_late(found.refused)} {_were(found.refused)} refused for good.",
                f"Open Messages, Not delivered: each says why. {_ANEW}",
            )
        )
    return problems


def _held(number: int, *, has_server: bool) -> Finding:
    if has_server:
        what = f"{_letters(number)} {_are(number)} kept under Messages until somebody sends them."
        return Finding(light=Light.GREEN, what=what)
    what = f"{_letters(number)} {_are(number)} kept under Messages: there is no mail server yet."
    return Finding(
        light=Light.OFF,
        what=what,
        do="Open Messages to read a letter and copy its link, or set up a mail server.",
    )


async def try_again(exam: Examination, connection: Connection | None) -> str:
    """Have all that were not sent, and not refused for good, tried once more."""
    del connection
    async with exam.parts.database.transaction() as tx:
        number = await outbox.retry_all(tx, datetime.now(UTC))
    if number == 0:
        return "There is no letter to try again: what was refused for good wants a new one."
    return f"{_letters(number)} {_are(number)} sent now; look again in a minute."


def _of_late(number: int) -> str:
    return f"{_letters(number)} of the last {RECENT.days} days"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _letters(number: int) -> str:
    return plural(number, "letter", "letters")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


CHECKS: Sequence[Check] = (
    Check(
        id="mail-server",
        title="Mail server",
        area=Area.MAIL,
        means="Invitations go out through it. Greenroom connects and logs in as for a letter, and "
        "sends none.",
        every=TEN_MINUTES,
        look=mail_server.look,
    ),
    Check(
        id="mail-from",
        title="Sender",
        area=Area.MAIL,
        means="Mailboxes look up whether letters from your domain are really yours (SPF, DKIM, "
        "DMARC). Without that they end up in spam, or are refused.",
        every=HOUR,
        look=mail_sender.look,
    ),
    Check(
        id="outbox",
        title="Letters",
        area=Area.MAIL,
        means="A letter that has not gone is a candidate without a link.",
        every=MINUTE,
        look=look_at_outbox,
        mend=try_again,
        by_itself=False,
    ),
)
