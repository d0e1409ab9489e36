"""What API v2 answers about event types (2024-06-14) and their private links."""

from calcom_simulator.model import JSON, EventType, PrivateLink, Question, Team, User
from calcom_simulator.moments import js
from calcom_simulator.world import World


def event_type(world: World, kind: EventType, *, as_owner: bool) -> JSON:
    """An event type; strangers do not see the hidden fields."""
    owner = world.users[kind.owner_id]
    fields = _booking_fields(kind)
    return {
        "id": kind.id,
        "ownerId": kind.owner_id,
        "lengthInMinutes": kind.minutes,
        **({"lengthInMinutesOptions": list(kind.lengths)} if kind.lengths else {}),
        "title": kind.title,
        "slug": kind.slug,
        "description": kind.description,
        "locations": list(kind.locations),
        "bookingFields": [one for one in fields if as_owner or not one.get("hidden")],
        "recurrence": _recurrence(kind),
        "users": [_user(owner)],
        "price": kind.price,
        "currency": kind.currency,
        "minimumBookingNotice": kind.notice_minutes,
        "confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": True}
        if kind.needs_confirmation
        else {"disabled": True},
        "seats": _seats(kind),
        "hidden": kind.hidden,
        "bookingUrl": f"{world.public_url}/{owner.username}/{kind.slug}",
        "metadata": {"multipleDuration": list(kind.lengths)} if kind.lengths else {},
        **_ALWAYS_SO,
    }


def team_event_type(world: World, kind: EventType) -> JSON:
    """A team's event type, as its members see it."""
    assert kind.team_id is not None
    team = world.teams[kind.team_id]
    told = event_type(world, kind, as_owner=True)
    del told["users"]
    hosts = [world.users[each] for each in team.member_ids]
    return told | {
        "bookingUrl": f"{world.public_url}/team/{team.slug}/{kind.slug}",
        "hosts": [
            {"userId": one.id, "name": one.name, "username": one.username, "avatarUrl": None}
            for one in hosts
        ],
        "teamId": team.id,
        "ownerId": None,
        "parentEventTypeId": None,
        "schedulingType": "collective",
        "assignAllTeamMembers": True,
        "team": {"id": team.id, "slug": team.slug, "name": team.name},
        "rescheduleWithSameRoundRobinHost": False,
        "rrHostSubsetEnabled": False,
    }


def team(one: Team) -> JSON:
    """A team, as GET /v2/teams has it."""
    return {
        "id": one.id,
        "parentId": None,
        "name": one.name,
        "slug": one.slug,
        "isOrganization": False,
        "isPrivate": False,
        "timeZone": "Europe/Berlin",
        "weekStart": "Monday",
    }


_ALWAYS_SO: JSON = {
    "disableGuests": False,
    "slotInterval": None,
    "beforeEventBuffer": 0,
    "afterEventBuffer": 0,
    "lockTimeZoneToggleOnBookingPage": False,
    "forwardParamsSuccessRedirect": True,
    "successRedirectUrl": None,
    "isInstantEvent": False,
    "scheduleId": None,
    "onlyShowFirstAvailableSlot": False,
    "offsetStart": 0,
    "bookingWindow": {"disabled": True},
    "requiresBookerEmailVerification": False,
    "hideCalendarNotes": False,
    "useDestinationCalendarEmail": False,
    "hideCalendarEventDetails": False,
    "hideOrganizerEmail": False,
    "calVideoSettings": {"sendTranscriptionEmails": True},
    "bookingRequiresAuthentication": False,
    "bookerActiveBookingsLimit": {"disabled": True},
    "disableCancelling": {"disabled": False},
    "disableRescheduling": {"disabled": False},
    "interfaceLanguage": None,
    "allowReschedulingPastBookings": False,
    "allowReschedulingCancelledBookings": False,
    "showOptimizedSlots": False,
}


def _user(owner: User) -> JSON:
    return {
        "id": owner.id,
        "name": owner.name,
        "username": owner.username,
        "avatarUrl": None,
        "brandColor": None,
        "darkBrandColor": None,
        "weekStart": "Monday",
        "metadata": {},
    }


def _recurrence(kind: EventType) -> JSON | None:
    if kind.recurrence is None:
        return None
    return {
        "disabled": False,
        "interval": kind.recurrence.interval,
        "occurrences": kind.recurrence.occurrences,
        "frequency": kind.recurrence.frequency,
    }


def _seats(kind: EventType) -> JSON:
    if kind.seats is None:
        return {"disabled": True}
    return {
        "disabled": False,
        "seatsPerTimeSlot": kind.seats.per_slot,
        "showAttendeeInfo": kind.seats.show_attendees,
        "showAvailabilityCount": kind.seats.show_count,
    }


def _booking_fields(kind: EventType) -> list[JSON]:
    def default(slug: str, type_: str, *, required: bool = False, hidden: bool = False) -> JSON:
        told = {"isDefault": True, "type": type_, "slug": slug, "required": required}
        return told | {"disableOnPrefill": False, "hidden": hidden}

    name = {"isDefault": True, "type": "name", "slug": "name", "required": True}
    place = default("location", "radioInput")
    del place["disableOnPrefill"]
    return [
        name | {"label": "your_name", "disableOnPrefill": False},
        default("email", "email", required=True),
        place,
        *(_question(one) for one in kind.questions),
        default("title", "text", required=True, hidden=True),
        default("notes", "textarea"),
        default("guests", "multiemail"),
        default("rescheduleReason", "textarea"),
    ]


def _question(one: Question) -> JSON:
    return {
        "isDefault": False,
        "type": one.type,
        "slug": one.slug,
        "label": one.label,
        "required": one.required,
        **({"placeholder": one.placeholder} if one.placeholder is not None else {}),
        "disableOnPrefill": one.disable_on_prefill,
        **({"options": list(one.options)} if one.options else {}),
        "hidden": one.hidden,
    }


def private_link(world: World, link: PrivateLink) -> JSON:
    """A private link: with `expiresAt`, or with counts. One edition forgets the slug."""
    kind = world.event_types[link.event_type_id]
    url = f"{world.public_url}/d/{link.id}"
    told: JSON = {
        "linkId": link.id,
        "eventTypeId": kind.id,
        "isExpired": link.is_expired(world.now()),
        "bookingUrl": f"{url}/{kind.slug}" if world.edition.private_links == "versioned" else url,
    }
    if link.expires_at is not None:
        return told | {"expiresAt": js(link.expires_at)}
    return told | {"maxUsageCount": link.max_uses, "usageCount": link.uses}
