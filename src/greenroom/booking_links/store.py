"""Booking links in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Table,
    Text,
    TypedColumns,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.booking_links.model import BookingLink
from greenroom.database import Transaction, metadata
from greenroom.database.among import among

_MOMENT = DateTime(timezone=True)


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    interview_id: Column[int] = Column(
        BigInteger, ForeignKey("interviews.id", ondelete="CASCADE"), nullable=False, index=True
    )
    token: Column[str] = Column(Text, nullable=False, unique=True)
    target_url: Column[str | None] = Column(Text)
    private_link: Column[str | None] = Column(Text, index=True)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    expires_at: Column[datetime | None] = Column(_MOMENT)
    sent_at: Column[datetime | None] = Column(_MOMENT)
    opened_at: Column[datetime | None] = Column(_MOMENT)
    revoked_at: Column[datetime | None] = Column(_MOMENT)


links = Table("booking_links", metadata, _Columns)
_l = links.c


async def add_all(
    tx: Transaction, tokens: Mapping[int, str], *, expires_at: datetime | None, now: datetime
) -> Sequence[int]:
    """Insert a booking link for each interview in `tokens`; nobody has sent them yet."""
    if not tokens:
        return []
    rows = [
        {"interview_id": id_, "token": token, "created_at": now, "expires_at": expires_at}
        for id_, token in tokens.items()
    ]
    return list((await tx.execute(insert(links).returning(_l.id), rows)).scalars())


async def of_interviews(tx: Transaction, interview_ids: Collection[int]) -> Sequence[BookingLink]:
    """Every link of these interviews, oldest first."""
    query = select(links).where(among(_l.interview_id, interview_ids)).order_by(_l.id)
    return [BookingLink(**row) for row in (await tx.execute(query)).mappings()]


async def get(tx: Transaction, link_id: int) -> BookingLink | None:
    """The link, or None."""
    row = (await tx.execute(select(links).where(_l.id == link_id))).mappings().one_or_none()
    return None if row is None else BookingLink(**row)


async def find(
    tx: Transaction, *, tokens: Collection[str] = (), private_links: Collection[str] = ()
) -> Sequence[BookingLink]:
    """Links, also revoked and replaced ones, with one of these tokens or Cal.com hashes."""
    either = or_(among(_l.token, tokens), among(_l.private_link, private_links))
    query = select(links).where(either).order_by(_l.id)
    return [BookingLink(**row) for row in (await tx.execute(query)).mappings()]


async def aim(
    tx: Transaction,
    link_id: int,
    *,
    expires_at: datetime | None,
    target_url: str,
    private_link: str | None,
) -> bool:
    """Keep where the link leads; False where it leads somewhere already, or was extended since."""
    still = update(links).where(
        _l.id == link_id, _l.target_url.is_(None), _l.expires_at.is_not_distinct_from(expires_at)
    )
    aimed = still.values(target_url=target_url, private_link=private_link).returning(_l.id)
    return (await tx.execute(aimed)).one_or_none() is not None


_GIVEN_UP = text("""
    SELECT l.id FROM booking_links AS l JOIN procrastinate_jobs AS j
        ON j.task_name = :job AND (j.args ->> 'link_id')::bigint = l.id
     WHERE l.target_url IS NULL AND l.revoked_at IS NULL
     GROUP BY l.id HAVING bool_and(j.status = 'failed') ORDER BY l.id
""")


async def given_up(tx: Transaction, job: str) -> Sequence[int]:
    """Links that lead nowhere, whose `job` failed for good and is not queued again."""
    return list((await tx.execute(_GIVEN_UP, {"job": job})).scalars())


async def sent_before(tx: Transaction, moment: datetime, now: datetime) -> int:
    """How many links that are live now left the house before `moment`."""
    live = or_(_l.expires_at.is_(None), _l.expires_at > now)
    query = select(func.count()).where(_l.sent_at < moment, _l.revoked_at.is_(None), live)
    return (await tx.execute(query)).scalar_one()


async def change(tx: Transaction, link_id: int, **values: str | datetime | None) -> None:
    """Overwrite columns of a link."""
    await tx.execute(update(links).where(_l.id == link_id).values(**values))
