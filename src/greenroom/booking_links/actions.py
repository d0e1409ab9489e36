"""Doing things with booking links. What they mean for their interview is the interview's."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from greenroom import jobs
from greenroom.booking_links import store
from greenroom.booking_links.model import BookingLink
from greenroom.database import Transaction

PREPARE = "prepare_link"
"""The job that makes the private link behind a booking link at Cal.com."""


async def add_all(
    tx: Transaction,
    interview_ids: Collection[int],
    *,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Make a link for each interview and have it prepared at Cal.com; nobody has sent it yet."""
    tokens = {interview_id: secrets.token_urlsafe(16) for interview_id in interview_ids}
    link_ids = await store.add_all(tx, tokens, expires_at=expires_at, now=now)
    await jobs.enqueue(tx, PREPARE, *({"link_id": link_id} for link_id in link_ids))


async def get(tx: Transaction, link_id: int) -> BookingLink | None:
    """The link, or None."""
    return await store.get(tx, link_id)


async def by_token(tx: Transaction, token: str) -> BookingLink | None:
    """The link a candidate holds, also a revoked or expired one."""
    found = await store.find(tx, tokens=[token])
    return found[0] if found else None


async def of_interviews(
    tx: Transaction, interview_ids: Collection[int]
) -> Mapping[int, Sequence[BookingLink]]:
    """Every link of these interviews, oldest first."""
    found: dict[int, list[BookingLink]] = {id_: [] for id_ in interview_ids}
    for link in await store.of_interviews(tx, interview_ids):
        found[link.interview_id].append(link)
    return found


async def interviews_by(
    tx: Transaction, tokens: Collection[str], private_links: Collection[str]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Interviews by our token and by Cal.com's private link, also of revoked and replaced ones."""
    if not tokens and not private_links:
        return {}, {}
    found = await store.find(tx, tokens=tokens, private_links=private_links)
    return (
        {link.token: link.interview_id for link in found},
        {link.private_link: link.interview_id for link in found if link.private_link},
    )


async def aim(
    tx: Transaction, link: BookingLink, *, target_url: str, private_link: str | None
) -> bool:
    """Keep where the link leads at Cal.com.

    False, and nothing is kept, if since `link` was read it was aimed or extended: a job that
    ends late must not put back what a later one made.
    """
    return await store.aim(
        tx,
        link.id,
        expires_at=link.expires_at,
        target_url=target_url,
        private_link=private_link,
    )


async def given_up(tx: Transaction) -> Sequence[int]:
    """Links without an address at Cal.com that no job will get any more."""
    return await store.given_up(tx, PREPARE)


async def extend(tx: Transaction, link_id: int, expires_at: datetime) -> None:
    """Let the link work until then, and have one that does too made at Cal.com behind it."""
    await store.change(tx, link_id, expires_at=expires_at, target_url=None)
    await jobs.enqueue(tx, PREPARE, {"link_id": link_id})


async def revoke(tx: Transaction, link_id: int, now: datetime) -> None:
    """Switch the link off."""
    await store.change(tx, link_id, revoked_at=now)


async def sent_before(tx: Transaction, moment: datetime, now: datetime) -> int:
    """How many links that still work were sent before that moment."""
    return await store.sent_before(tx, moment, now)


async def mark_sent(tx: Transaction, link_id: int, now: datetime) -> None:
    """The letter that carries the link has left the house."""
    await store.change(tx, link_id, sent_at=now)
