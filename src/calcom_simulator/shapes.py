"""What API v2 answers about bookings (2024-08-13), webhooks and oneself."""

from collections.abc import Sequence

from calcom_simulator.model import JSON, Attendee, Booking, User, Webhook
from calcom_simulator.moments import js, maybe
from calcom_simulator.world import World


def success(data: object) -> JSON:
    """The envelope of everything that went well."""
    return {"status": "success", "data": data}


def me(user: User) -> JSON:
    """GET /v2/me."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "avatarUrl": None,
        "bio": None,
        "timeFormat": 24,
        "defaultScheduleId": None,
        "weekStart": "Monday",
        "timeZone": user.zone,
        "username": user.username,
        "organizationId": None,
    }


# Bookings


def booking(world: World, one: Booking, *, as_host: bool = True) -> JSON:
    """A booking as its event type makes it look: seated, one of a series, or plain."""
    if world.kind(one).seats:
        return _seated(world, one, as_host=as_host)
    told = _common(world, one) | _people_and_answers(one)
    if one.series_uid:
        return told | {"recurringBookingUid": one.series_uid}
    return told | {"rescheduledByEmail": _rescheduled_by(world, one)}


def _common(world: World, one: Booking) -> JSON:
    kind, host = world.kind(one), world.host(one)
    away = world.successor(one)
    reason = one.responses.get("rescheduledReason")
    return {
        "id": one.id,
        "uid": one.uid,
        "title": one.title,
        "description": one.description,
        "hosts": [
            {
                "id": host.id,
                "name": host.name,
                "email": host.email,
                "displayEmail": host.email,
                "username": host.username,
                "timeZone": host.zone,
            }
        ],
        "status": one.status.value.lower(),
        "cancellationReason": one.cancellation_reason or "",
        "cancelledByEmail": one.cancelled_by or "",
        **({"reschedulingReason": reason} if reason else {}),
        **({"rescheduledFromUid": one.from_uid} if one.from_uid else {}),
        **({"rescheduledToUid": away.uid} if away else {}),
        "start": js(one.start),
        "end": js(one.end),
        "duration": one.minutes,
        "eventTypeId": kind.id,
        "eventType": {"id": kind.id, "slug": kind.slug},
        "meetingUrl": one.location,
        "location": one.location,
        "absentHost": one.host_absent,
        "createdAt": js(one.created_at),
        "updatedAt": maybe(one.updated_at),
        "metadata": _own_metadata(one.metadata),
        "rating": None,
        "icsUid": one.ical_uid,
    }


def _people_and_answers(one: Booking) -> JSON:
    booker = one.attendees[0]
    guests = one.responses.get("guests")
    answers: JSON = one.responses | {"displayEmail": booker.email}
    told: JSON = {"attendees": [_attendee(person) for person in one.attendees]}
    if guests is not None:
        told["guests"] = guests
        answers["displayGuests"] = guests
    return told | {"bookingFieldsResponses": answers}


def _seated(world: World, one: Booking, *, as_host: bool) -> JSON:
    told = _common(world, one) | {"rescheduledByEmail": None}
    for missing in ("metadata", "cancelledByEmail"):
        del told[missing]
    seats = world.kind(one).seats
    shown = one.attendees if as_host or (seats and seats.show_attendees) else []
    people = [_attendee(person) | _seat(person) for person in shown]
    return told | {"attendees": people}


def _seat(person: Attendee) -> JSON:
    answers = {key: value for key, value in person.responses.items() if key != "email"}
    return {
        "seatUid": person.seat_uid,
        "bookingFieldsResponses": answers,
        "metadata": _own_metadata(person.metadata),
    }


def _attendee(person: Attendee) -> JSON:
    return {
        "name": person.name,
        "email": person.email,
        "displayEmail": person.email,
        "timeZone": person.zone,
        "language": person.language,
        "absent": person.absent,
        **({"phoneNumber": person.phone} if person.phone else {}),
    }


def _rescheduled_by(world: World, one: Booking) -> str | None:
    old = world.bookings.get(one.from_uid or "")
    return old.rescheduled_by if old is not None and not one.moved else one.rescheduled_by


def _own_metadata(metadata: JSON) -> JSON:
    return {key: value for key, value in metadata.items() if key != "videoCallUrl"}


def page_of(world: World, found: Sequence[Booking], *, take: int, skip: int, total: int) -> JSON:
    """One page of bookings with `pagination`. Pages count from what the edition says.

    `total` can be more than was found: Cal.com counts without the filters on the times
    of creation and change, so a next page may be promised that is empty.
    """
    page = found[skip : skip + take]
    number, pages = skip // take, -(-total // take)
    return {
        **success([booking(world, one) for one in page]),
        "pagination": {
            "returnedItems": len(page),
            "totalItems": total,
            "itemsPerPage": take,
            "remainingItems": max(0, total - skip - len(page)),
            "currentPage": number + world.edition.first_page,
            "totalPages": pages,
            "hasNextPage": number + 1 < pages,
            "hasPreviousPage": number > 0,
        },
    }


# Webhooks


def webhook(world: World, one: Webhook) -> JSON:
    """A subscription, with its secret in clear as Cal.com gives it."""
    told: JSON = {
        "id": one.id,
        "payloadTemplate": one.template,
        "triggers": list(one.triggers),
        "subscriberUrl": one.url,
        "active": one.active,
        "secret": one.secret,
    }
    if world.edition.webhook_versions:
        told |= {"version": one.version, "time": one.time, "timeUnit": one.time_unit}
    if one.event_type_id:
        return told | {"eventTypeId": one.event_type_id}
    return told | ({"teamId": one.team_id} if one.team_id else {"userId": one.user_id})


def webhook_row(one: Webhook) -> JSON:
    """A subscription as GET of a single one gives it: the whole database row."""
    return {
        "id": one.id,
        "userId": None if one.event_type_id or one.team_id else one.user_id,
        "teamId": one.team_id,
        "eventTypeId": one.event_type_id,
        "subscriberUrl": one.url,
        "payloadTemplate": one.template,
        "createdAt": js(one.created_at),
        "active": one.active,
        "appId": None,
        "secret": one.secret,
        "platform": False,
        "time": one.time,
        "timeUnit": one.time_unit,
        "version": one.version,
        "triggers": list(one.triggers),
        "oAuthClientId": None,
    }
