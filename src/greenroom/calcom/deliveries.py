"""What Cal.com delivered: kept raw, taken in by the drain, explained, replayable."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from psycopg.rows import dict_row
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from greenroom.bookings import actions as bookings
from greenroom.bookings.actions import Change, Recorded
from greenroom.bookings.model import Status, Told
from greenroom.calcom import webhook
from greenroom.calcom.webhook import Reading
from greenroom.database import Database, Transaction, driver_connection, metadata
from greenroom.errors import NotFound
from greenroom.live.feed import announce

_MOMENT = DateTime(timezone=True)
_log = structlog.get_logger()

BATCH = 200
"""Deliveries taken in by one transaction."""
LEASE = timedelta(seconds=15)
"""How long a claimed delivery is one process's; then another may take it."""
MOST_ATTEMPTS = 8
"""After these a delivery that fails is dead: shown, not tried again by itself."""


class State(StrEnum):
    """What became of a delivery. Values are stored and are the API's."""

    NEW = "new"
    DONE = "done"
    UNREAD = "unread"
    FAILED = "failed"
    DEAD = "dead"


class _Columns(TypedColumns):
    id: Column[int] = Column(BigInteger, Identity(always=True), primary_key=True)
    connection_id: Column[int] = Column(BigInteger, nullable=False)
    digest: Column[bytes] = Column(LargeBinary, nullable=False)
    body: Column[bytes | None] = Column(LargeBinary)
    received_at: Column[datetime] = Column(_MOMENT, nullable=False)
    state: Column[str] = Column(Text, nullable=False)
    trigger: Column[str | None] = Column(Text)
    uid: Column[str | None] = Column(Text, index=True)
    outcome: Column[str | None] = Column(Text)
    attempts: Column[int] = Column(Integer, nullable=False, server_default="0")
    due_at: Column[datetime | None] = Column(_MOMENT)
    duplicates: Column[int] = Column(Integer, nullable=False, server_default="0")


class _Rejections(TypedColumns):
    reason: Column[str] = Column(Text, primary_key=True)
    count: Column[int] = Column(BigInteger, nullable=False)
    last_at: Column[datetime] = Column(_MOMENT, nullable=False)


deliveries = Table(
    "deliveries",
    metadata,
    _Columns,
    UniqueConstraint("connection_id", "digest"),
    Index("deliveries_waiting_idx", "id", postgresql_where=text("state IN ('new', 'failed')")),
    Index("deliveries_by_state_idx", "state", text("id DESC")),
)
rejections = Table("rejections", metadata, _Rejections)
_d = deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook request as received. `outcome` says what it did, or why not.

    `bytes` is the size of the body, also where the body itself was not read along.
    """

    id: int
    connection_id: int
    body: bytes | None
    received_at: datetime
    state: State
    trigger: str | None
    uid: str | None
    outcome: str | None
    attempts: int
    duplicates: int
    bytes: int


async def drain(database: Database, *, now: datetime) -> int:
    """Take in up to BATCH new deliveries, and one that was tried before; return how many.

    The attempt is counted and committed before anything is read, so that a body which kills
    the process cannot do so for ever. If they cannot be taken in together, each is alone. What
    was tried before is claimed alone, so that it fells no other with it.
    """
    async with database.transaction() as tx:
        claimed = await _claim(tx, _CLAIM, (now, BATCH, now + LEASE))
    try:
        await _take_in(database, claimed, now)
    except Exception:  # noqa: BLE001  (whatever one of them did, the others go on)
        _log.exception("A batch of deliveries failed; taking them in one by one")
        for each in claimed:
            await _take_in_alone(database, each, now)
    async with database.transaction() as tx:
        again = await _claim(tx, _CLAIM_AGAIN, (MOST_ATTEMPTS, now, now + LEASE))
    for each in again:
        if each.state is not State.DEAD:
            await _take_in_alone(database, each, now)
    return len(claimed) + len(again)


async def replay(tx: Transaction, ids: Collection[int]) -> int:
    """Have these taken in again as if new; return how many there were. Bodies must be kept."""
    again = update(deliveries).where(_d.id.in_(ids), _d.body.is_not(None))
    found = await tx.execute(
        again.values(state=State.NEW.value, attempts=0, due_at=None).returning(_d.id)
    )
    return len(found.all())


async def reject(tx: Transaction, refused: Mapping[webhook.Refusal, int], now: datetime) -> None:
    """Count requests that were not signed with our secret; their bodies are not kept."""
    # In one order everywhere, or two processes lock each other out.
    for reason, count in sorted(refused.items()):
        row = {"reason": reason.value, "count": count, "last_at": now}
        statement = insert(rejections).values(row)
        more = {"count": rejections.c.count + count, "last_at": now}
        await tx.execute(statement.on_conflict_do_update(index_elements=["reason"], set_=more))


async def rejected(tx: Transaction) -> Mapping[str, tuple[int, datetime]]:
    """How many requests were refused, and when last, by reason."""
    rows = await tx.execute(select(rejections))
    return {reason: (count, last_at) for reason, count, last_at in rows}


async def page(
    tx: Transaction, *, state: State | None, before: int | None, limit: int
) -> Sequence[Delivery]:
    """Newest first, after the keyset `before`; without bodies."""
    light = [column for column in _d if column is not _d.body]
    query = select(*light, func.octet_length(_d.body).label("bytes"))
    if state is not None:
        query = query.where(_d.state == state.value)
    if before is not None:
        query = query.where(_d.id < before)
    rows = await tx.execute(query.order_by(_d.id.desc()).limit(limit))
    return [_delivery(row, body=None, size=row["bytes"]) for row in rows.mappings()]


async def get(tx: Transaction, delivery_id: int) -> Delivery:
    """With its body. Raises NotFound."""
    query = select(deliveries).where(_d.id == delivery_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(
            f"There is no delivery {delivery_id}.",
            do="Look for it in the list of deliveries.",
        )
    return _delivery(row, body=row["body"], size=len(row["body"] or b""))


async def waiting(tx: Transaction) -> tuple[int, datetime | None]:
    """How many deliveries wait to be taken in, and since when."""
    query = select(func.count(), func.min(_d.received_at)).where(
        _d.state.in_([State.NEW.value, State.FAILED.value])
    )
    row = (await tx.execute(query)).one()
    return row[0], row[1]


async def last_received(tx: Transaction) -> datetime | None:
    """When Cal.com was heard last."""
    query = select(_d.received_at).order_by(_d.id.desc()).limit(1)
    return (await tx.execute(query)).scalar_one_or_none()


# Apart from the UPDATE, so that no plan can run it twice and claim more than was asked for.
_CLAIM = """
    WITH free AS MATERIALIZED (
        SELECT id FROM deliveries
         WHERE state IN ('new', 'failed') AND (due_at IS NULL OR due_at <= %b) AND attempts = 0
         ORDER BY id LIMIT %b FOR UPDATE SKIP LOCKED)
    UPDATE deliveries AS d SET attempts = attempts + 1, due_at = %b FROM free WHERE d.id = free.id
    RETURNING d.id, connection_id, body, received_at, state, trigger, uid, outcome, attempts,
              duplicates, octet_length(body) AS bytes
"""
# Whose last attempt was not even noted as failed has ended the process that made it.
_CLAIM_AGAIN = """
    WITH free AS MATERIALIZED (
        SELECT id, attempts >= %b AS dead FROM deliveries
         WHERE state IN ('new', 'failed') AND (due_at IS NULL OR due_at <= %b) AND attempts > 0
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE deliveries AS d
       SET attempts = attempts + CASE WHEN dead THEN 0 ELSE 1 END,
           due_at = CASE WHEN dead THEN NULL ELSE %b END,
           state = CASE WHEN dead THEN 'dead' ELSE state END,
           outcome = CASE WHEN dead
                     THEN 'It failed each time, the last time without a trace: the program ended.'
                     ELSE outcome END
      FROM free WHERE d.id = free.id
    RETURNING d.id, connection_id, body, received_at, state, trigger, uid, outcome, attempts,
              duplicates, octet_length(body) AS bytes
"""


async def _claim(
    tx: Transaction, statement: str, given: tuple[datetime | int, ...]
) -> Sequence[Delivery]:
    connection = await driver_connection(tx)
    # Binary: a body comes as it is, not as twice as many hexadecimal digits.
    async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        await cursor.execute(statement, given)
        rows = await cursor.fetchall()
    found = [Delivery(**(row | {"state": State(row["state"])})) for row in rows]
    return sorted(found, key=lambda each: each.id)


async def _take_in(database: Database, claimed: Sequence[Delivery], now: datetime) -> None:
    if not claimed:
        return
    readings = [
        (each, webhook.read(each.body or b"", received_at=each.received_at)) for each in claimed
    ]
    told = [
        Told(connection_id=each.connection_id, fact=fact, delivery_id=each.id)
        for each, reading in readings
        for fact in reading.facts
    ]
    async with database.transaction() as tx:
        recorded = await bookings.record(
            tx, told, deliveries=[each.id for each in claimed], now=now
        )
        await _mark(tx, [_settled(each, reading, recorded) for each, reading in readings])
        announce(tx, "delivery")
    for each, reading in readings:
        _log.info(
            "Received Cal.com webhook",
            trigger=reading.trigger,
            uid=reading.uid,
            delivery=each.id,
        )


async def _take_in_alone(database: Database, delivery: Delivery, now: datetime) -> None:
    try:
        await _take_in(database, [delivery], now)
    except Exception as error:  # noqa: BLE001  (kept with the delivery, and tried again)
        dead = delivery.attempts >= MOST_ATTEMPTS
        state = State.DEAD if dead else State.FAILED
        _log.exception("A delivery could not be taken in", delivery=delivery.id, state=state.value)
        async with database.transaction() as tx:
            # Another process may have taken it in since, if this one was slow.
            ours = update(deliveries).where(
                _d.id == delivery.id,
                _d.attempts == delivery.attempts,
                _d.state.in_([State.NEW.value, State.FAILED.value]),
            )
            await tx.execute(
                ours.values(
                    state=state.value,
                    outcome=f"It failed: {type(error).__name__}: {str(error)[:500]}",
                    due_at=now + timedelta(seconds=2**delivery.attempts),
                )
            )
            announce(tx, "delivery")


def _settled(
    delivery: Delivery, reading: Reading, recorded: Recorded
) -> tuple[int, State, Reading, str]:
    changes = [
        change
        for fact in reading.facts
        if (change := recorded.told(delivery.connection_id, fact.uid)) is not None
    ]
    state = State.DONE if reading.readable else State.UNREAD
    return delivery.id, state, reading, _outcome(reading, changes)


def _outcome(reading: Reading, changes: Sequence[Change]) -> str:
    if not reading.facts:
        return reading.note
    if not changes:
        return f"{reading.note} Nothing changed: it was known already, or newer facts stand."
    said = {fact.uid: fact.status for fact in reading.facts}
    return " ".join([reading.note, *(_effect(each, said.get(each.after.uid)) for each in changes)])


def _effect(change: Change, said: Status | None) -> str:
    """What the delivery did to one booking, in a sentence; `said` is the status it claims."""
    after = change.after
    if said is not None and after.status is not said:
        return f"Newer facts stand: the booking is {after.status}."
    if change.before is None:
        return "It was the first we heard of it."
    if after.status is not change.before.booking.status:
        return f"Before, it was {change.before.booking.status or 'unknown'}."
    return "Its details changed."


# Binary arrays: psycopg dumps text ones at a sixteenth of the speed.
_MARK = """
    UPDATE deliveries AS d
       SET state = m.state, trigger = m.trigger, uid = m.uid, outcome = m.outcome, due_at = NULL
      FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[])
           AS m(id, state, trigger, uid, outcome)
     WHERE d.id = m.id
"""


async def _mark(tx: Transaction, settled: Sequence[tuple[int, State, Reading, str]]) -> None:
    connection = await driver_connection(tx)
    await connection.execute(
        _MARK,
        (
            [id_ for id_, _, _, _ in settled],
            [state.value for _, state, _, _ in settled],
            [reading.trigger for _, _, reading, _ in settled],
            [reading.uid for _, _, reading, _ in settled],
            [outcome for _, _, _, outcome in settled],
        ),
    )


def _delivery(row: RowMapping, *, body: bytes | None, size: int | None) -> Delivery:
    return Delivery(
        id=row["id"],
        connection_id=row["connection_id"],
        body=body,
        received_at=row["received_at"],
        state=State(row["state"]),
        trigger=row["trigger"],
        uid=row["uid"],
        outcome=row["outcome"],
        attempts=row["attempts"],
        duplicates=row["duplicates"],
        bytes=size or 0,
    )
