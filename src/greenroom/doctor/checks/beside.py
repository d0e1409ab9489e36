"""Webhooks beside ours: those of single event types, and those of other Greenrooms."""

from collections.abc import Sequence
from datetime import timedelta

from greenroom.calcom import subscription
from greenroom.calcom.connections import Connection
from greenroom.deliveries import doubles
from greenroom.doctor import asking
from greenroom.doctor.checks import scope
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Finding
from greenroom.doctor.our_webhook import Ours

IN_CALCOM = "in Cal.com under Settings, Developer, Webhooks"
"""Where people find webhooks."""
_LATELY = timedelta(hours=1)
_MOST_TYPES = 10
"""Event types that are asked for webhooks of their own."""


async def of_event_types(exam: Examination, connection: Connection, url: str) -> Finding | None:
    """Those of event types that deliver to us on their own. Raises CalcomError."""
    slugs = await _doubling(exam, connection, url)
    if not slugs:
        return None
    named = ", ".join(f"“{each}”" for each in slugs)
    return asking.amber(
        connection,
        f"Cal.com delivers some events twice: {named} has a webhook of its own with our address.",
        "Nothing is counted twice. To stop it, open the event type in Cal.com, Advanced, "
        "Webhooks, and delete the one with our address.",
    )


async def _doubling(exam: Examination, connection: Connection, url: str) -> Sequence[str]:
    """Slugs of those event types; asked where bookings came twice."""
    async with exam.parts.database.transaction() as tx:
        if not await doubles.is_told_twice(tx, connection.id, since=exam.now - _LATELY):
            return ()
    calcom = exam.parts.calcom(connection)
    offered = scope.readable(await asking.event_types(exam, connection))
    found = []
    for each in offered[:_MOST_TYPES]:
        there = subscription.read(await calcom.webhooks_of(each.id))
        if any(one.url == url and one.active for one in there):
            found.append(each.slug)
    return found


def of_strangers(connection: Connection, ours: Ours) -> Finding | None:
    """Those of other Greenrooms on the same account."""
    if not ours.strangers:
        return None
    where = ", ".join(subscription.origin(each.url) for each in ours.strangers)
    return asking.amber(
        connection,
        f"Another Greenroom listens to the same account, at {where}.",
        "Two Greenrooms on one account do each other no harm: both see every booking, and each "
        "calls those of the other unmatched. If that one is gone, delete its webhook "
        f"{IN_CALCOM}.",
    )
