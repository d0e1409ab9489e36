"""Candidates and their addresses in PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    TypedColumns,
    bindparam,
    cast,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR, aggregate_order_by, insert

from greenroom.candidates.model import (
    Candidate,
    Draft,
    Order,
    Place,
    address_key,
    name_key,
    search_words,
)
from greenroom.database import Transaction, metadata
from greenroom.database.among import among

_MOMENT = DateTime(timezone=True)


class _Candidates(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    name: Column[str] = Column(Text, nullable=False)
    # By code point, so that every PostgreSQL sorts alike whatever its locale.
    name_key: Column[str] = Column(Text(collation="C"), nullable=False)
    role: Column[str] = Column(Text, nullable=False)
    zone: Column[str | None] = Column(Text)
    locale: Column[str | None] = Column(Text)
    search: Column[str] = Column(TSVECTOR, nullable=False)
    created_at: Column[datetime] = Column(_MOMENT, nullable=False)
    updated_at: Column[datetime] = Column(_MOMENT, nullable=False)


class _Addresses(TypedColumns):
    candidate_id: Column[int] = Column(
        BigInteger, ForeignKey("candidates.id", ondelete="CASCADE"), primary_key=True
    )
    position: Column[int] = Column(Integer, primary_key=True)
    address: Column[str] = Column(Text, nullable=False)
    key: Column[str] = Column(Text(collation="C"), nullable=False, unique=True)


candidates = Table(
    "candidates",
    metadata,
    _Candidates,
    Index("candidates_by_name_idx", "name_key", "id"),
    Index("candidates_by_age_idx", text("created_at DESC"), text("id DESC")),
    Index("candidates_search_idx", "search", postgresql_using="gin"),
)
addresses = Table("candidate_addresses", metadata, _Addresses)
_c = candidates.c
_a = addresses.c

_own_addresses = (
    select(func.array_agg(aggregate_order_by(_a.address, _a.position), type_=ARRAY(Text)))
    .where(_a.candidate_id == _c.id)
    .scalar_subquery()
)
_whole = select(
    _c.id, _c.name, _own_addresses, _c.role, _c.zone, _c.locale, _c.created_at, _c.updated_at
)


async def by_ids(tx: Transaction, ids: Collection[int]) -> Sequence[Candidate]:
    """Those that exist."""
    return await _all(tx, _whole.where(among(_c.id, ids)))


async def hold(tx: Transaction, ids: Collection[int]) -> Sequence[int]:
    """Keep others from changing these until `tx` ends; tell which exist. In the order of ids."""
    query = select(_c.id).where(among(_c.id, ids)).order_by(_c.id).with_for_update()
    return list((await tx.execute(query)).scalars())


async def page(
    tx: Transaction, wanted: Sequence[str], order: Order, after: Place | None, limit: int
) -> Sequence[Candidate]:
    """Up to `limit` candidates that have a word beginning with each of `wanted`."""
    query = _whole
    if wanted:
        query = query.where(_has(wanted))
    if order is Order.NAME:
        if after is not None:
            query = query.where(tuple_(_c.name_key, _c.id) > tuple_(after.key, after.id))
        query = query.order_by(_c.name_key, _c.id)
    else:
        if after is not None:
            query = query.where(tuple_(_c.created_at, _c.id) < tuple_(after.key, after.id))
        query = query.order_by(_c.created_at.desc(), _c.id.desc())
    return await _all(tx, query.limit(limit))


async def ids(tx: Transaction, wanted: Sequence[str], limit: int) -> Sequence[int]:
    """Up to `limit` ids, in no order, of those who have a word beginning with each of `wanted`."""
    # Ordered, a rare word would have the whole primary key read backwards in search of more.
    query = select(_c.id).where(_has(wanted)).limit(limit)
    return list((await tx.execute(query)).scalars())


def _has(wanted: Sequence[str]) -> ColumnElement[bool]:
    # Words are letters and digits only, so that nothing in them is syntax here.
    return _c.search.op("@@")(cast(" & ".join(f"'{word}':*" for word in wanted), TSQUERY))


async def by_keys(tx: Transaction, keys: Collection[str]) -> Mapping[str, int]:
    """Whose address it is, for each key that is known."""
    query = select(_a.key, _a.candidate_id).where(_a.key == func.any(_texts(keys)))
    return {row.key: row.candidate_id for row in await tx.execute(query)}


def _texts(values: Collection[str]) -> ColumnElement[Sequence[str]]:
    return bindparam(None, list(values), type_=ARRAY(Text))


async def add(tx: Transaction, drafts: Sequence[Draft], now: datetime) -> Sequence[int]:
    """Insert candidates without their addresses; ids in the order of `drafts`."""
    if not drafts:
        return []
    rows = [{**_row(draft), "created_at": now, "updated_at": now} for draft in drafts]
    statement = insert(candidates).returning(_c.id, sort_by_parameter_order=True)
    return list((await tx.execute(statement, rows)).scalars())


async def save(tx: Transaction, drafts: Sequence[tuple[int, Draft]], now: datetime) -> None:
    """Overwrite candidates, but not their addresses."""
    if not drafts:
        return
    rows = [{**_row(draft), "updated_at": now, "_id": id_} for id_, draft in drafts]
    values = {name: bindparam(name, type_=_c[name].type) for name in rows[0] if name != "_id"}
    statement = update(candidates).where(_c.id == bindparam("_id")).values(values)
    await tx.execute(statement, rows)


def _row(draft: Draft) -> dict[str, object]:
    return {
        "name": draft.name,
        "name_key": name_key(draft.name),
        "role": draft.role,
        "zone": draft.zone,
        "locale": draft.locale,
        "search": _vector(search_words(draft)),
    }


def _vector(found: Sequence[str]) -> str:
    return " ".join(f"'{word}'" for word in found)


async def add_addresses(tx: Transaction, owned: Iterable[tuple[int, Sequence[str]]]) -> set[str]:
    """Insert (candidate, addresses); return the keys that were free and are now theirs."""
    rows = [
        {"candidate_id": owner, "position": position, "address": each, "key": address_key(each)}
        for owner, given in owned
        for position, each in enumerate(given)
    ]
    if not rows:
        return set()
    statement = insert(addresses).on_conflict_do_nothing(index_elements=[_a.key])
    return set((await tx.execute(statement.returning(_a.key), rows)).scalars())


async def clear_addresses(tx: Transaction, candidate_id: int) -> None:
    """Take every address from a candidate."""
    await tx.execute(delete(addresses).where(_a.candidate_id == candidate_id))


async def close_to_others(tx: Transaction) -> None:
    """Let nobody else write addresses until `tx` ends; reading goes on."""
    await tx.execute(text("LOCK TABLE candidate_addresses IN SHARE ROW EXCLUSIVE MODE"))


async def remove(tx: Transaction, candidate_id: int) -> bool:
    """Delete a candidate with the addresses; whether there was one."""
    result = await tx.execute(delete(candidates).where(_c.id == candidate_id).returning(_c.id))
    return result.scalar_one_or_none() is not None


_Whole = tuple[int, str, Sequence[str] | None, str, str | None, str | None, datetime, datetime]


async def _all(tx: Transaction, query: Select[*_Whole]) -> Sequence[Candidate]:
    return [_candidate(row) for row in await tx.execute(query)]


def _candidate(row: Row[*_Whole]) -> Candidate:
    id_, name, own, role, zone, locale, created_at, updated_at = row
    return Candidate(
        id=id_,
        name=name,
        addresses=tuple(own or ()),
        role=role,
        zone=zone,
        locale=locale,
        created_at=created_at,
        updated_at=updated_at,
    )
