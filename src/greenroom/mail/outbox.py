"""Letters wait here until the mail server has taken them; each goes out once."""

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from greenroom import jobs
from greenroom.database import Database, Transaction
from greenroom.errors import Conflict, Invalid, NotFound
from greenroom.mail import mime, model, smtp, store
from greenroom.mail.letters import Letter
from greenroom.mail.model import Backlog, Kind, Outgoing, State, Verdict
from greenroom.mail.smtp import Server
from greenroom.mail.wording import person

SEND = "send_letter"
"""The job that sends one letter; it is given `letter_id`."""

_MOST_AT_ONCE = 1_000

_log = structlog.get_logger()

Settled = Callable[[Transaction, Outgoing], Awaitable[None]]
"""Told, in the transaction that keeps it, what became of a letter."""

WhyNot = Callable[[Transaction, Outgoing], Awaitable[str | None]]
"""Asked just before a letter goes: why it may not go any more; None lets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """A letter and whom it is for. Answers go to `reply_to`, else to GREENROOM_MAIL_FROM."""

    letter: Letter
    kind: Kind
    version: int
    interview_id: int | None
    candidate_id: int | None
    to_address: str
    to_name: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the outbox, newest first; `next` is the id the next page begins below."""

    items: Sequence[Outgoing]
    next: int | None


async def put(
    tx: Transaction,
    letter: Letter,
    *,
    kind: Kind,
    version: int,
    interview_id: int | None,
    candidate_id: int | None,
    to_address: str,
    to_name: str,
    mail_from: str,
    now: datetime,
    reply_to: str | None = None,
) -> int | None:
    """Keep a letter and queue its sending, as `put_all` does; return its id."""
    addressed = Addressed(
        letter=letter,
        kind=kind,
        version=version,
        interview_id=interview_id,
        candidate_id=candidate_id,
        to_address=to_address,
        to_name=to_name,
        reply_to=reply_to,
    )
    (letter_id,) = await put_all(tx, [addressed], mail_from=mail_from, now=now)
    return letter_id


async def put_all(
    tx: Transaction, written: Sequence[Addressed], *, mail_from: str, now: datetime
) -> Sequence[int | None]:
    """Keep letters and queue their sending; return their ids, in the order of `written`.

    None stands for a letter that was not kept because its interview already has one of that
    kind and version: the same news never goes out twice. `mail_from` is the setting; each
    letter's Message-ID is made from its domain and stays the same for every attempt. Raises
    Invalid for an address that is none.
    """
    domain = mime.sender(mail_from).domain
    rows = [_row(each, domain, now) for each in written]
    ids = await store.add(tx, rows)
    await jobs.enqueue(tx, SEND, *map(_job, ids.values()))
    return [ids.get(str(row["message_id"])) for row in rows]


def _job(letter_id: int) -> dict[str, Any]:
    return {"letter_id": letter_id}


def _row(written: Addressed, domain: str, now: datetime) -> dict[str, object]:
    mime.mailbox(written.to_address)
    if written.reply_to is not None:
        mime.mailbox(written.reply_to)
    news = (written.interview_id, written.kind, written.version, written.to_address)
    unique = "|".join(map(str, (*news, written.letter.subject, now.isoformat())))
    return {
        "interview_id": written.interview_id,
        "candidate_id": written.candidate_id,
        "kind": written.kind.value,
        "version": written.version,
        "to_address": written.to_address,
        "to_name": person(written.to_name),
        "reply_to": written.reply_to,
        "subject": written.letter.subject,
        "text": written.letter.text,
        "html": written.letter.html,
        "link": written.letter.link,
        "message_id": f"{hashlib.sha256(unique.encode()).hexdigest()[:32]}@{domain}",
        "state": State.QUEUED.value,
        "attempts": 0,
        "created_at": now,
        "next_attempt_at": now,
    }


async def send_one(
    database: Database,
    letter_id: int,
    *,
    server: Server | None,
    mail_from: str,
    now: datetime,
    settled: Settled | None = None,
    why_not: WhyNot | None = None,
) -> State | None:
    """Send the letter if it is due, and keep what became of it.

    Does nothing, and returns None, when it was sent, is not due yet, or somebody else is at
    it. A worker that dies on the way leaves it to be sent again, with the same Message-ID,
    once `model.LEASE` is over. Without a server, or with a reason from `why_not`, the letter
    stays in the outbox.
    """
    async with database.transaction() as tx:
        letter = await store.claim(tx, letter_id, now=now, until=now + model.LEASE)
        if letter is None:
            return None
        today = await store.sent_since(tx, letter.to_address, now - timedelta(days=1))
        reason = None if why_not is None else await why_not(tx, letter)
    verdict = model.hold_back(has_server=server is not None, sent_today=today)
    if reason is not None:
        verdict = Verdict(State.HELD, reason)
    if verdict is None and letter.attempts > model.MOST_ATTEMPTS:
        # Counted and never settled: each attempt took its worker down.
        verdict = Verdict(State.DEAD, "Sending was broken off every time; see the log.")
    if verdict is None:
        assert server is not None
        verdict = await _send(letter, server, mail_from, now)
    return await _settle(database, letter, verdict, now, settled)


async def _send(letter: Outgoing, server: Server, mail_from: str, now: datetime) -> Verdict:
    try:
        by, to = mime.sender(mail_from), mime.mailbox(letter.to_address, letter.to_name)
        raw = mime.wire(letter, by=by, to=to, now=now)
        await smtp.deliver(server, raw, by=by, to=to)
    except smtp.NotTaken as error:
        return model.failed(letter.attempts, error.why, is_permanent=error.is_permanent, now=now)
    except Invalid as error:
        return model.failed(letter.attempts, str(error), is_permanent=True, now=now)
    except mime.Unsafe:
        why = "The letter has something in its names that could add mail headers."
        return model.failed(letter.attempts, why, is_permanent=True, now=now)
    return Verdict(State.SENT)


async def _settle(
    database: Database,
    letter: Outgoing,
    verdict: Verdict,
    now: datetime,
    settled: Settled | None,
) -> State | None:
    async with database.transaction() as tx:
        if not await store.settle(tx, letter, verdict, now):
            return None
        if settled is not None:
            after = await store.get(tx, letter.id)
            assert after is not None
            await settled(tx, after)
    _log.info("Tried to send a letter", letter_id=letter.id, state=verdict.state.value)
    return verdict.state


async def waiting(tx: Transaction, now: datetime, *, limit: int = 200) -> Sequence[int]:
    """Ids of letters to send now, the longest waiting first: new ones and those to try again."""
    return await store.due(tx, now, limit)


async def retry(tx: Transaction, letter_id: int, now: datetime) -> Outgoing:
    """Have a letter sent that was not. Raises NotFound, and Conflict if it was or soon will be."""
    letter = await get(tx, letter_id)
    if not await store.requeue(tx, letter_id, now):
        raise Conflict(
            f"This letter is {letter.state.label.lower()}.",
            do="There is nothing to do; look at its page in a moment.",
        )
    await jobs.enqueue(tx, SEND, _job(letter_id))
    return letter


async def backlog(tx: Transaction, now: datetime) -> Backlog:
    """Letters that are not on their way."""
    return await store.backlog(tx, overdue=now - model.PROMPT, since=now - model.RECENT)


async def retry_all(tx: Transaction, now: datetime) -> int:
    """Have every letter of the backlog sent but those held or refused; return how many."""
    again = await store.requeue_lost(tx, now, since=now - model.RECENT)
    due = {*again, *await store.due(tx, now, _MOST_AT_ONCE)}
    await jobs.enqueue_missing(tx, SEND, *map(_job, sorted(due)))
    return len(due)


async def unsent(tx: Transaction) -> Mapping[State, int]:
    """How many letters are in each state, but for those that were sent."""
    return await store.unsent(tx)


async def get(tx: Transaction, letter_id: int) -> Outgoing:
    """Raises NotFound."""
    letter = await store.get(tx, letter_id)
    if letter is None:
        raise NotFound(f"There is no letter {letter_id}.", do="Look for it in the outbox.")
    return letter


async def page(
    tx: Transaction, *, state: State | None = None, before: int | None = None, limit: int = 50
) -> Page:
    """The newest letters, or the newest below the id `before`."""
    found = await store.page(tx, state=state, before=before, limit=limit + 1)
    items = found[:limit]
    return Page(items, items[-1].id if len(found) > limit else None)


async def counts(tx: Transaction, kind: Kind, interview_ids: Collection[int]) -> Mapping[int, int]:
    """How many letters of this kind each interview has; those without one are left out."""
    return await store.counts(tx, kind.value, interview_ids)


async def of_interview(tx: Transaction, interview_id: int) -> Sequence[Outgoing]:
    """Every letter about the interview, oldest first."""
    return await store.of_interview(tx, interview_id)
