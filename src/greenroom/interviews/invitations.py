"""The letter that carries the booking link."""

from collections.abc import Collection
from datetime import datetime

from greenroom.booking_links.model import BookingLink
from greenroom.database import Database, Transaction
from greenroom.errors import Conflict
from greenroom.interviews import actions, overview
from greenroom.interviews.model import Attention, Status
from greenroom.interviews.overview import Row
from greenroom.live.feed import announce
from greenroom.mail import letters, outbox, smtp
from greenroom.mail.model import Kind, Outgoing, State
from greenroom.mail.outbox import Addressed
from greenroom.settings import Settings


async def invite(
    tx: Transaction,
    interview_ids: Collection[int],
    *,
    settings: Settings,
    origin: str,
    by: str,
    reply_to: str | None = None,
    message: str = "",
    now: datetime,
) -> None:
    """Write to the candidates of these interviews with their live links.

    `origin` is where candidates reach us, `by` is who writes, `reply_to` where answers go,
    `message` their own words. Raises Conflict for an interview without a live link, and Invalid
    for a message with an unknown variable.
    """
    await actions.hold(tx, interview_ids)
    found = await actions.by_ids(tx, interview_ids)
    before = await outbox.counts(tx, Kind.INVITATION, interview_ids)
    written = [
        Addressed(
            letter=preview(
                row, _live(row, now), settings=settings, origin=origin, by=by, message=message
            ),
            kind=Kind.INVITATION,
            version=1 + before.get(row.id, 0),
            interview_id=row.id,
            candidate_id=row.candidate.id,
            to_address=row.candidate.addresses[0],
            to_name=row.candidate.name,
            reply_to=reply_to,
        )
        for row in await overview.rows(tx, list(found.values()))
    ]
    await outbox.put_all(tx, written, mail_from=settings.mail_from, now=now)
    await actions.note_all(tx, list(found), "wrote the invitation", by=by, now=now)
    announce(tx, "letter")


def _live(row: Row, now: datetime) -> BookingLink:
    if row.link is None or not row.link.is_live(now) or not row.candidate.addresses:
        raise Conflict(
            f"{row.candidate.name} has no booking link that works.",
            do="Send a new link; then the letter goes with it.",
        )
    return row.link


def preview(
    row: Row, link: BookingLink, *, settings: Settings, origin: str, by: str, message: str
) -> letters.Letter:
    """The letter as the candidate will read it."""
    return letters.invitation(
        candidate=row.candidate.name,
        role=row.candidate.role,
        company=settings.company,
        kind=row.event_type.title,
        length_minutes=row.event_type.length_minutes,
        host=None,
        link=f"{origin}/i/{link.token}",
        expires_at=link.expires_at,
        zone=row.candidate.zone,
        sender=by,
        message=message,
    )


async def send_letter(
    database: Database, letter_id: int, *, settings: Settings, now: datetime
) -> None:
    """Send one letter that is due, and let its interview know what became of it."""

    async def settled(tx: Transaction, letter: Outgoing) -> None:
        await _settled(tx, letter, now)

    url = settings.smtp_url
    await outbox.send_one(
        database,
        letter_id,
        server=None if url is None else smtp.read_url(url.get_secret_value()),
        mail_from=settings.mail_from,
        now=now,
        settled=settled,
        why_not=_why_not,
    )


_NOT_ANY_MORE = frozenset({Status.REQUESTED, Status.CONFIRMED, Status.DONE, Status.NO_SHOW})
"""Where an invitation that is still in the outbox would only confuse its reader."""


async def _why_not(tx: Transaction, letter: Outgoing) -> str | None:
    if letter.interview_id is None:
        return None
    link = await actions.link_at(tx, letter.interview_id, letter.link)
    if link is not None and link.revoked_at is not None:
        return "Its booking link was revoked or replaced. Send the candidate a new invitation."
    interview = (await actions.by_ids(tx, [letter.interview_id])).get(letter.interview_id)
    if letter.kind is Kind.INVITATION and interview and interview.status in _NOT_ANY_MORE:
        return f"The interview is {interview.status.label} meanwhile; the letter is not needed."
    return None


async def _settled(tx: Transaction, letter: Outgoing, now: datetime) -> None:
    announce(tx, "letter")
    if letter.interview_id is None:
        return
    if letter.state is State.SENT:
        await actions.mark_sent(tx, letter.interview_id, address=letter.link, now=now)
        await actions.note(tx, letter.interview_id, "sent the invitation", by="Greenroom", now=now)
    elif letter.state is State.HELD:
        why = f"held the invitation back: {letter.error}"
        await actions.note(tx, letter.interview_id, why, by="Greenroom", now=now)
    elif letter.state is State.DEAD:
        await actions.flag(tx, letter.interview_id, Attention.BOUNCED, now=now)
        why = f"could not deliver the invitation: {letter.error}"
        await actions.note(tx, letter.interview_id, why, by="Greenroom", now=now)
