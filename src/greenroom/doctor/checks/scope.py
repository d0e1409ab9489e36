"""What an account's Cal.com can give, and whose bookings its webhook does not hear of."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from greenroom.bookings import actions as bookings
from greenroom.calcom import answers
from greenroom.calcom.answers import EventTypeRow
from greenroom.calcom.client import Missing, Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import KeyRefused
from greenroom.calcom.text import Unreadable
from greenroom.doctor import asking
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Finding, Light
from greenroom.syncs import drift

_LATELY = timedelta(days=7)


async def look_private_links(exam: Examination, connection: Connection) -> Sequence[Finding]:
    """Whether Cal.com gives private links, and of which shape. Raises CalcomError."""
    offered = readable(await asking.event_types(exam, connection))
    shown = next((each for each in offered if not each.hidden), None)
    if shown is None:
        what = "There is no event type to make private links of."
        do = "Make an event type in Cal.com, then press Sync now."
        return [Finding(light=Light.OFF, what=what, do=do, connection_id=connection.id)]
    light, do = Light.GREEN, ""
    try:
        _, is_whole = await exam.parts.calcom(connection).private_links(shown.id)
        what = "Cal.com makes them" + (
            ", and names the whole address."
            if is_whole
            else ", in the older way: Greenroom adds the event type to the address."
        )
    except Missing:
        what = "This Cal.com has none: every candidate gets the public page of the event type."
        light, do = Light.AMBER, "Update Cal.com. Bookings are still recognised, by our own link."
    except KeyRefused:
        what = "The key may not make them: every candidate gets the public page."
        light, do = Light.AMBER, "Use a key of whoever owns the event types."
    return [Finding(light=light, what=what, do=do, connection_id=connection.id)]


async def look_team_events(exam: Examination, connection: Connection) -> Sequence[Finding]:
    """Whether bookings of event types that are not the key's own came without a delivery.

    Raises CalcomError.
    """
    own = {row.get("id") for row in await asking.event_types(exam, connection)}
    async with exam.parts.database.transaction() as tx:
        lost = await drift.lost(tx, connection.id, exam.now - _LATELY, limit=200)
        kept = await bookings.kept(tx, [(connection.id, uid) for uid in lost])
    missed: defaultdict[str, int] = defaultdict(int)
    for each in kept:
        number, slug = each.booking.event_type_id, each.booking.event_type_slug
        if number is not None and number not in own:
            missed[slug or f"number {number}"] += 1
    if not missed:
        what = "No booking of the last 7 days was of an event type that the webhook misses."
        return [Finding(light=Light.GREEN, what=what, connection_id=connection.id)]
    named = ", ".join(f"“{slug}” ({count})" for slug, count in sorted(missed.items()))
    return [
        Finding(
            light=Light.AMBER,
            what=f"Bookings came that no delivery told of, of event types of a team: {named}.",
            do="In Cal.com open the team's settings, Webhooks, and add one with the address "
            f"{exam.parts.address.webhook_url} and the secret of this connection (make one on the "
            "Connections page). Until then Greenroom finds them by asking each minute.",
            connection_id=connection.id,
        )
    ]


def readable(rows: Sequence[Row]) -> Sequence[EventTypeRow]:
    """Those event types that can be read."""
    found: list[EventTypeRow] = []
    for row in rows:
        try:
            found.append(answers.event_type(row))
        except Unreadable:
            continue
    return found
