"""Our address in PostgreSQL: one row."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.addresses.model import Look, Place, Source, Standing
from greenroom.database import Transaction, metadata

_MOMENT = DateTime(timezone=True)


class _Address(TypedColumns):
    id: Column[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    key: Column[str] = Column(Text, nullable=False)
    origin: Column[str | None] = Column(Text)
    source: Column[str | None] = Column(Text)
    since: Column[datetime | None] = Column(_MOMENT)
    previous: Column[str | None] = Column(Text)
    typed: Column[str | None] = Column(Text)
    found: Column[str | None] = Column(Text)
    found_by: Column[str | None] = Column(Text)
    seen_at: Column[datetime | None] = Column(_MOMENT)
    lost_at: Column[datetime | None] = Column(_MOMENT)
    looked_at: Column[datetime | None] = Column(_MOMENT)
    look_what: Column[str | None] = Column(Text)
    look_do: Column[str | None] = Column(Text)
    refused_at: Column[datetime | None] = Column(_MOMENT)
    refused_what: Column[str | None] = Column(Text)
    refused_do: Column[str | None] = Column(Text)


_ONE = 1
public_address = Table(
    "public_address", metadata, _Address, CheckConstraint("id = 1", name="is_one")
)
_a = public_address.c


async def get(tx: Transaction, new_key: str, *, hold: bool = False) -> Standing:
    """What is known; `new_key` becomes ours where there is none yet."""
    query = select(public_address).where(_a.id == _ONE)
    if hold:
        query = query.with_for_update()
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        first = insert(public_address).values(id=_ONE, key=new_key)
        await tx.execute(first.on_conflict_do_nothing())
        row = (await tx.execute(query)).mappings().one()
    return Standing(
        key=row["key"],
        place=_place(row["origin"], row["source"]),
        since=row["since"],
        previous=row["previous"],
        typed=row["typed"],
        found=_place(row["found"], row["found_by"]),
        seen_at=row["seen_at"],
        lost_at=row["lost_at"],
        look=_look(row["looked_at"], row["look_what"], row["look_do"]),
        refused=_look(row["refused_at"], row["refused_what"], row["refused_do"]),
    )


async def change(tx: Transaction, **values: str | datetime | None) -> None:
    """Overwrite columns of the row."""
    await tx.execute(update(public_address).where(_a.id == _ONE).values(**values))


def _place(origin: str | None, source: str | None) -> Place | None:
    return None if origin is None or source is None else Place(origin, Source(source))


def _look(at: datetime | None, what: str | None, do: str | None) -> Look | None:
    return None if at is None else Look(what=what or "", do=do or "", at=at)
