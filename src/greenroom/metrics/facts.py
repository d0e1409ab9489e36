"""How Greenroom is, in numbers: what the doctor knows, for monitors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom import jobs
from greenroom.calcom import allowance, budget, connections
from greenroom.calcom.budget import Standing
from greenroom.database import Transaction
from greenroom.deliveries import rejections
from greenroom.deliveries import standing as deliveries
from greenroom.doctor import actions as doctor
from greenroom.doctor import pulse
from greenroom.doctor.health import Looked
from greenroom.doctor.model import Beat
from greenroom.mail import outbox
from greenroom.mail.model import State
from greenroom.syncs import drift
from greenroom.syncs.drift import Kind

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was so at one moment. Connections are known by their ids; nobody is named.

    `heard` is when each connection's last delivery came, `drift` what was found within a day,
    `refused` counts since the installation began, `failed_jobs` those of a day, `beats` are the
    last signs of life by part. `unread` deliveries are those of a day. `left` is how many
    requests may go to Cal.com at once, of `per_minute` in `read`.
    """

    checks: Sequence[Looked]
    deliveries: deliveries.Standing
    heard: Mapping[int, datetime]
    refused: Mapping[str, int]
    queues: Sequence[jobs.Standing]
    beats: Mapping[str, datetime]
    drift: Mapping[int, Mapping[Kind, int]]
    budgets: Mapping[int, Standing]
    left: Mapping[int, int]
    letters: Mapping[State, int]
    database_bytes: int


async def read(tx: Transaction, *, per_minute: int, now: datetime) -> Facts:
    """Some twenty small queries, each by an index or on a small table."""
    ids = list(await connections.names(tx))
    found = await rejections.rejected(tx)
    return Facts(
        checks=(await doctor.health(tx, now=now)).looked,
        deliveries=await deliveries.standing(tx, since=now - _DAY),
        heard=await deliveries.heard(tx, ids),
        refused={reason: count for reason, (count, _) in found.items()},
        queues=await jobs.standings(tx, since=now - _DAY, now=now),
        beats=_newest(await pulse.beats(tx)),
        drift={id_: await _drifted(tx, id_, now) for id_ in ids},
        budgets=await budget.standings(tx),
        left=await allowance.left(tx, per_minute=per_minute),
        letters=await outbox.unsent(tx),
        database_bytes=await _size(tx),
    )


def _newest(beats: Sequence[Beat]) -> Mapping[str, datetime]:
    found: dict[str, datetime] = {}
    for each in beats:  # the newest first
        found.setdefault(each.part, each.at)
    return found


async def _drifted(tx: Transaction, connection_id: int, now: datetime) -> Mapping[Kind, int]:
    found = await drift.lately(tx, connection_id, now - _DAY)
    return {kind: found[kind].count if kind in found else 0 for kind in Kind}


async def _size(tx: Transaction) -> int:
    found = await tx.exec_driver_sql("SELECT pg_database_size(current_database())")
    return int(found.scalar_one())
