"""Event types in PostgreSQL."""

from collections.abc import Collection, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Row,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.event_types.model import EventType, Offer


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(BigInteger, ForeignKey("connections.id"), nullable=False)
    calcom_id: Column[int | None] = Column(BigInteger)
    slug: Column[str] = Column(Text, nullable=False)
    title: Column[str] = Column(Text, nullable=False)
    length_minutes: Column[int] = Column(Integer, nullable=False)
    booking_url: Column[str] = Column(Text, nullable=False)
    requires_confirmation: Column[bool]
    is_offered: Column[bool]
    is_chosen: Column[bool] = Column(Boolean, nullable=False, server_default=true())


event_types = Table(
    "event_types",
    metadata,
    _Columns,
    UniqueConstraint("connection_id", "calcom_id"),
    # A type deleted and made again at Cal.com has the old address and a new id.
    Index(
        "event_types_by_hand_key",
        "connection_id",
        "booking_url",
        unique=True,
        postgresql_where=text("calcom_id IS NULL"),
    ),
)
_c = event_types.c
_whole = select(
    _c.id,
    _c.connection_id,
    _c.calcom_id,
    _c.slug,
    _c.title,
    _c.length_minutes,
    _c.booking_url,
    _c.requires_confirmation,
    _c.is_offered,
    _c.is_chosen,
)


async def by_ids(tx: Transaction, ids: Collection[int]) -> Sequence[EventType]:
    """Those that exist, offered or not."""
    return [_event_type(row) for row in await tx.execute(_whole.where(_c.id.in_(ids)))]


async def offered(tx: Transaction) -> Sequence[EventType]:
    """What can be sent now, by title."""
    query = _whole.where(_c.is_offered, _c.is_chosen).order_by(_c.title, _c.id)
    return [_event_type(row) for row in await tx.execute(query)]


async def of_connection(tx: Transaction, connection_id: int) -> Sequence[EventType]:
    """Every event type ever seen on the connection."""
    query = _whole.where(_c.connection_id == connection_id).order_by(_c.id)
    return [_event_type(row) for row in await tx.execute(query)]


async def save(tx: Transaction, connection_id: int, offer: Offer) -> int:
    """Insert it, or overwrite the one with its Cal.com id or, without one, its address."""
    row = {
        "connection_id": connection_id,
        "calcom_id": offer.calcom_id,
        "slug": offer.slug,
        "title": offer.title,
        "length_minutes": offer.length_minutes,
        "booking_url": offer.booking_url,
        "requires_confirmation": offer.requires_confirmation,
        "is_offered": True,
    }
    statement = insert(event_types).values(row)
    if offer.calcom_id is None:
        by_hand = _c.calcom_id.is_(None)
        statement = statement.on_conflict_do_update(
            index_elements=[_c.connection_id, _c.booking_url], index_where=by_hand, set_=row
        )
    else:
        statement = statement.on_conflict_do_update(
            index_elements=[_c.connection_id, _c.calcom_id], set_=row
        )
    return (await tx.execute(statement.returning(_c.id))).scalar_one()


async def withdraw(tx: Transaction, ids: Collection[int]) -> None:
    """Offer these no longer; what was booked with them stays."""
    await tx.execute(update(event_types).where(_c.id.in_(ids)).values(is_offered=False))


async def offer(tx: Transaction, ids: Collection[int]) -> None:
    """Offer these again."""
    await tx.execute(update(event_types).where(_c.id.in_(ids)).values(is_offered=True))


async def choose(tx: Transaction, connection_id: int, ids: Collection[int]) -> None:
    """Of what the connection offers, these are to be sent, and the others are not."""
    mine = update(event_types).where(_c.connection_id == connection_id, _c.is_offered)
    await tx.execute(mine.values(is_chosen=_c.id.in_(ids)))


def _event_type(row: Row[int, int, int | None, str, str, int, str, bool, bool, bool]) -> EventType:
    id_, connection_id, calcom_id, slug, title, minutes, url, requires, offered_, chosen = row
    return EventType(
        id=id_,
        connection_id=connection_id,
        calcom_id=calcom_id,
        slug=slug,
        title=title,
        length_minutes=minutes,
        booking_url=url,
        requires_confirmation=requires,
        is_offered=offered_,
        is_chosen=chosen,
    )
