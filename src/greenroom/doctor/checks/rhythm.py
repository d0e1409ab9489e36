"""Check: when Cal.com was heard last, against what is usual."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from greenroom import jobs
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction
from greenroom.deliveries import hours
from greenroom.doctor import asking, our_webhook
from greenroom.doctor.examination import MINUTE, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.spans import span
from greenroom.syncs import listening, silence_store
from greenroom.syncs.silence import Silence

_MAY_COME = timedelta(minutes=5)
"""A first delivery may still be on its way."""


async def _look(exam: Examination) -> Sequence[Finding]:
    if not exam.connections:
        what = "No Cal.com account is connected, so nothing can be heard."
        return [Finding(light=Light.OFF, what=what, do=asking.CONNECT)]
    async with exam.parts.database.transaction() as tx:
        return [await _of(tx, each, exam.now) for each in exam.connections]


async def _of(tx: Transaction, connection: Connection, now: datetime) -> Finding:
    current = await silence_store.of(tx, connection.id)
    if current is not None:
        return _silent(connection, current, now)
    heard_at = await hours.heard_at(tx, connection.id)
    if heard_at is None:
        since = connection.created_at
        missed = await silence_store.lost(tx, connection.id, since, found_before=now - _MAY_COME)
        return _never(connection, missed)
    return Finding(
        light=Light.GREEN,
        what=f"Heard {span(now - heard_at)} ago. {await _usual(tx, connection, heard_at, now)}",
        connection_id=connection.id,
    )


def _silent(connection: Connection, current: Silence, now: datetime) -> Finding:
    return Finding(
        light=_light(current),
        what=f"{current.how_long(now)} {current.found}",
        do=current.do,
        offer=current.webhook.offer,
        connection_id=connection.id,
    )


def _light(current: Silence) -> Light:
    if current.is_harmless:
        return Light.GREEN
    # What is wrong with the webhook is red already where it is looked at: said once is enough.
    is_told = current.webhook.is_wrong
    return Light.RED if current.missed and not is_told else Light.AMBER


def _never(connection: Connection, missed: int) -> Finding:
    if not missed:
        return Finding(
            light=Light.OFF,
            what="Nothing heard yet.",
            do="Press Ping test at the webhook in Cal.com, or book a slot: it shows here within "
            "a minute.",
            connection_id=connection.id,
        )
    bookings = "1 booking" if missed == 1 else f"{missed:,} bookings"
    return Finding(
        light=Light.AMBER,
        what=f"The webhook has never delivered, though {bookings} changed at Cal.com since it "
        "was connected. Greenroom found them by asking.",
        do="See what the checks of the webhook and of the address say.",
        connection_id=connection.id,
    )


async def _usual(tx: Transaction, connection: Connection, heard_at: datetime, now: datetime) -> str:
    learned = await listening.learned_rhythm(tx, connection.id, heard_at)
    if learned is None:
        return "Too little is known of its rhythm yet to call a silence unusual."
    pause = learned.pause(now, now)
    usual = f"Usually every {span(pause)} at this hour" if pause else "At this hour little is heard"
    alarm_at = learned.alarm_at(heard_at)
    if alarm_at is None:
        return f"{usual}."
    return f"{usual}; a silence of {span(alarm_at - heard_at)} would be unusual."


async def _mend(exam: Examination, connection: Connection | None) -> str:
    done = await our_webhook.mend(exam, connection)
    assert connection is not None  # or that would have raised
    is_news = await listening.look_into(
        exam.parts.database,
        exam.parts.seal,
        connection,
        exam.parts.calcom(connection),
        exam.parts.address.webhook_url,
        now=exam.now,
        was_mended=True,
    )
    if is_news:
        async with exam.parts.database.transaction() as tx:
            await jobs.enqueue_missing(tx, jobs.EXAMINE, {})
    return done


LAST_DELIVERY = Check(
    id="last-delivery",
    title="Last delivery",
    area=Area.DELIVERIES,
    means="Greenroom learns how often each account is usually heard, by the hour of the week. A "
    "silence that can hardly be chance is looked into at once: Cal.com is asked what was missed, "
    "and whether the webhook is in order.",
    every=MINUTE,
    look=_look,
    mend=_mend,
)
