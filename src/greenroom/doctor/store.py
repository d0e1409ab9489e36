"""What the doctor found last, and signs of life, in PostgreSQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.database import Transaction, metadata
from greenroom.doctor import standing
from greenroom.doctor.model import Beat, Finding, Found, Light

_MOMENT = DateTime(timezone=True)
_NONE = 0
"""In place of a connection's id, for a finding about the whole installation."""
_LONG_DEAD = timedelta(days=2)
"""After so long without a sign of life a process is not coming back."""


class _Findings(TypedColumns):
    check_id: Column[str] = Column(Text, primary_key=True)
    connection_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    # A check may find several things about one connection: the how manieth this is.
    place: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    light: Column[str] = Column(Text, nullable=False)
    what: Column[str] = Column(Text, nullable=False)
    fix: Column[str] = Column(Text, nullable=False)
    offer: Column[str | None] = Column(Text)
    since: Column[datetime] = Column(_MOMENT, nullable=False)
    looked_at: Column[datetime] = Column(_MOMENT, nullable=False)
    unanswered_since: Column[datetime | None] = Column(_MOMENT)


class _Heartbeats(TypedColumns):
    part: Column[str] = Column(Text, primary_key=True)
    process: Column[str] = Column(Text, primary_key=True)
    at: Column[datetime] = Column(_MOMENT, nullable=False)


findings = Table("findings", metadata, _Findings)
heartbeats = Table("heartbeats", metadata, _Heartbeats)
_f = findings.c
_h = heartbeats.c


async def every(tx: Transaction) -> Sequence[Found]:
    """What was found last, those about one check together and in the order found."""
    query = select(findings).order_by(_f.check_id, _f.connection_id, _f.place)
    return [_found(row) for row in (await tx.execute(query)).mappings()]


async def last_looked(tx: Transaction) -> Mapping[str, datetime]:
    """When each check was looked at last; those never looked at are left out."""
    query = select(_f.check_id, func.max(_f.looked_at)).group_by(_f.check_id)
    return {check_id: at for check_id, at in await tx.execute(query) if at is not None}


async def keep(tx: Transaction, looked: Mapping[str, Sequence[Finding]], now: datetime) -> bool:
    """Put what an examination that began `now` found in the place of what these checks had found.

    What one that began later found meanwhile stays. Give whether a light changed.
    """
    if not looked:
        return False
    # The rows are locked in one order, so that two that look at once do not wait for each other.
    held = await _kept(tx, looked, is_to_be_changed=True)
    before = {id_: held[id_] for id_ in looked if not standing.is_newer(held[id_], now)}
    stands = {id_: standing.after(id_, old, looked[id_], now) for id_, old in before.items()}
    await tx.execute(delete(findings).where(_f.check_id.in_(list(before))))
    rows = [row for found in stands.values() for row in _rows(found)]
    if rows:
        # Another may have looked meanwhile, at a check that nobody had looked at before.
        await tx.execute(insert(findings).on_conflict_do_nothing(), rows)
    return any(_lights(stands[id_]) != _lights(old) for id_, old in before.items())


async def compared(
    tx: Transaction, looked: Mapping[str, Sequence[Finding]], now: datetime
) -> Sequence[Found]:
    """What would stand if this were kept; nothing is."""
    held = await _kept(tx, looked)
    return [
        each for id_, found in looked.items() for each in standing.after(id_, held[id_], found, now)
    ]


async def _kept(
    tx: Transaction, check_ids: Collection[str], *, is_to_be_changed: bool = False
) -> Mapping[str, list[Found]]:
    mine = _f.check_id.in_(list(check_ids))
    query = select(findings).where(mine).order_by(*findings.primary_key)
    found = await tx.execute(query.with_for_update() if is_to_be_changed else query)
    kept: dict[str, list[Found]] = {id_: [] for id_ in check_ids}
    for row in found.mappings():
        kept[row["check_id"]].append(_found(row))
    return kept


def _lights(found: Sequence[Found]) -> Mapping[int | None, Sequence[Light]]:
    lights = defaultdict[int | None, list[Light]](list)
    for each in found:
        lights[each.finding.connection_id].append(each.finding.light)
    return lights


async def drop_others(tx: Transaction, connection_ids: Collection[int]) -> bool:
    """Forget what was found about connections that are gone; whether there was any."""
    kept = [_NONE, *connection_ids]
    gone = await tx.execute(delete(findings).where(_f.connection_id.not_in(kept)))
    return gone.rowcount > 0


async def beat(tx: Transaction, process: str, parts: Collection[str], now: datetime) -> None:
    """These parts of that process are alive."""
    if parts:
        rows = [{"part": part, "process": process, "at": now} for part in sorted(parts)]
        new = insert(heartbeats)
        again = new.on_conflict_do_update(
            index_elements=[_h.part, _h.process], set_={"at": new.excluded.at}
        )
        await tx.execute(again, rows)


async def beats(tx: Transaction) -> Sequence[Beat]:
    """Every sign of life, the newest first."""
    query = select(heartbeats).order_by(_h.at.desc(), _h.part, _h.process)
    return [Beat(**row) for row in (await tx.execute(query)).mappings()]


async def sweep(tx: Transaction, now: datetime) -> None:
    """Forget processes that are long gone, but never the last sign of life of a part."""
    other = heartbeats.alias("newer")
    newer = select(other.c.at).where(other.c.part == _h.part, other.c.at > _h.at).exists()
    await tx.execute(delete(heartbeats).where(_h.at < now - _LONG_DEAD, newer))


def _rows(found: Sequence[Found]) -> Sequence[dict[str, object]]:
    places: dict[int, int] = defaultdict(int)
    rows: list[dict[str, object]] = []
    for each in found:
        connection_id = each.finding.connection_id or _NONE
        places[connection_id] += 1
        rows.append(
            {
                "check_id": each.check_id,
                "connection_id": connection_id,
                "place": places[connection_id],
                "light": each.finding.light.value,
                "what": each.finding.what,
                "fix": each.finding.do,
                "offer": each.finding.offer,
                "since": each.since,
                "looked_at": each.looked_at,
                "unanswered_since": each.unanswered_since,
            }
        )
    return rows


def _found(row: RowMapping) -> Found:
    finding = Finding(
        light=Light(row["light"]),
        what=row["what"],
        do=row["fix"],
        offer=row["offer"],
        connection_id=row["connection_id"] or None,
    )
    return Found(
        check_id=row["check_id"],
        finding=finding,
        since=row["since"],
        looked_at=row["looked_at"],
        unanswered_since=row["unanswered_since"],
    )
