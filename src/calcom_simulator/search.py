"""Finding bookings as GET /v2/bookings does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from calcom_simulator.model import Booking, Refused, Status, User
from calcom_simulator.moments import parse
from calcom_simulator.world import World

_OVER = frozenset({Status.CANCELLED, Status.REJECTED})
_STATUSES = ("upcoming", "recurring", "past", "cancelled", "unconfirmed")
_SORTS = {
    "sortStart": "start",
    "sortEnd": "end",
    "sortCreated": "created_at",
    "sortUpdatedAt": "updated_at",
}
_TIMES = (
    *("afterStart", "beforeEnd"),
    *("afterCreatedAt", "beforeCreatedAt", "afterUpdatedAt", "beforeUpdatedAt"),
)
_MOST = 250


@dataclass(frozen=True)
class Search:
    """The query of one request."""

    statuses: frozenset[str]
    event_type_ids: frozenset[int]
    email: str | None
    name: str | None
    uid: str | None
    times: Mapping[str, datetime]
    sort: tuple[str, bool]
    take: int
    skip: int

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Search":
        """From the query string. Raises Refused (400)."""
        statuses = frozenset(filter(None, query.get("status", "").split(",")))
        if unknown := statuses - set(_STATUSES):
            raise Refused.bad_request(
                f"Invalid status: {', '.join(sorted(unknown))}. Must be one of {_STATUSES}"
            )
        kinds = ",".join(query.get(name, "") for name in ("eventTypeIds", "eventTypeId"))
        return cls(
            statuses=statuses,
            event_type_ids=frozenset(int(one) for one in kinds.split(",") if one.isdigit()),
            email=query.get("attendeeEmail"),
            name=query.get("attendeeName"),
            uid=query.get("bookingUid"),
            times={name: _time(name, query[name]) for name in _TIMES if name in query},
            sort=_sort(query, statuses),
            take=_whole("take", query.get("take", "100"), 1, _MOST),
            skip=_whole("skip", query.get("skip", "0"), 0, None),
        )

    def run(self, world: World, user: User) -> tuple[list[Booking], int]:
        """Those found, and how many Cal.com says there are.

        It counts without looking at the times of creation and change.
        """
        now = world.now()
        counted = [one for one in world.bookings.values() if self._fits(one, user, now)]
        found = [one for one in counted if self._was_made_then(one)]
        name, backwards = self.sort
        dated = [one for one in found if getattr(one, name) is not None]
        undated = [one for one in found if getattr(one, name) is None]
        dated.sort(key=attrgetter(name, "id"), reverse=backwards)
        # PostgreSQL puts NULL first when it sorts downwards, last otherwise.
        return (undated + dated if backwards else dated + undated), len(counted)

    def _fits(self, one: Booking, user: User, now: datetime) -> bool:
        emails = {person.email for person in one.attendees}
        return (
            (one.user_id == user.id or user.email in emails)
            and (not self.statuses or any(_is(one, status, now) for status in self.statuses))
            and (not self.event_type_ids or one.event_type_id in self.event_type_ids)
            and self.email in {None, *emails}
            and (self.name is None or any(self.name in person.name for person in one.attendees))
            and self.uid in {None, one.uid}
            and _within(one.start, self.times.get("afterStart"), None)
            and _within(one.end, None, self.times.get("beforeEnd"))
        )

    def _was_made_then(self, one: Booking) -> bool:
        times = self.times
        return _within(
            one.created_at, times.get("afterCreatedAt"), times.get("beforeCreatedAt")
        ) and _within(one.updated_at, times.get("afterUpdatedAt"), times.get("beforeUpdatedAt"))


def stir(world: World, user: User, search: Search) -> None:
    """By chance, change a row that an earlier page has shown, so that the order shifts.

    Sorted by last change it moves to the end: every later row moves up, and `skip` misses one.
    """
    chaos = world.faults.chaos
    if not chaos.pages_shift or world.chance_of_chaos("api").random() >= chaos.pages_shift:
        return
    found, _ = search.run(world, user)
    if found:
        world.touch(found[0])


def _is(one: Booking, status: str, now: datetime) -> bool:
    ahead = one.end >= now and one.status not in _OVER
    match status:
        case "upcoming":
            return ahead
        case "recurring":
            return ahead and one.series_uid is not None
        case "unconfirmed":
            return ahead and one.status is Status.PENDING
        case "past":
            return one.end < now and one.status not in _OVER
        case _:
            return one.status in _OVER


def _within(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if moment is None:  # a row never changed is not found by when it changed
        return after is None and before is None
    return (after is None or after <= moment) and (before is None or moment <= before)


def _sort(query: Mapping[str, str], statuses: frozenset[str]) -> tuple[str, bool]:
    for name, attribute in _SORTS.items():
        if name in query:
            return attribute, query[name] == "desc"
    return "start", bool(statuses) and statuses <= {"past", "cancelled"}


def _time(name: str, text: str) -> datetime:
    try:
        return parse(text.replace(" ", "+"))  # a plus sign that nobody encoded
    except ValueError as error:
        raise Refused.bad_request(f"{name} must be a valid ISO 8601 date string") from error


def _whole(name: str, text: str, least: int, most: int | None) -> int:
    if not text.isdigit() or int(text) < least or (most is not None and int(text) > most):
        wanted = f"between {least} and {most}" if most else f"at least {least}"
        raise Refused.bad_request(f"{name} must be a whole number, {wanted}")
    return int(text)
