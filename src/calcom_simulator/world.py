"""The state of one simulated Cal.com: who, what, which bookings, what time it is.

Pure: the clock and the seed are arguments, nothing here does input or output.
Given the same seed and the same calls, every id is the same again.
"""

import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from calcom_simulator.chaos import Chaos
from calcom_simulator.editions import HOSTED, Edition
from calcom_simulator.memory import Faults, Memory
from calcom_simulator.model import (
    Booking,
    Delivery,
    EventType,
    MeetingAlarm,
    PrivateLink,
    Refused,
    Team,
    User,
    Webhook,
)
from calcom_simulator.rate import RateLimit

# Flickr's base 58, as Cal.com's short-uuid uses it.
_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_TICK = timedelta(milliseconds=1)


class World:
    """Everything one Cal.com knows, and its clock.

    `furnish` fills an empty world and is called again by `reset`. `public_url` is the
    address in people's browsers, without a slash at the end.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        edition: Edition = HOSTED,
        furnish: Callable[["World"], None] = lambda _: None,
        public_url: str = "http://localhost:3000",
    ) -> None:
        self.edition = edition
        self.public_url = public_url
        self._clock = clock
        self._furnish = furnish
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Forget everything, set the clock right, and furnish again with this seed."""
        self.seed = seed
        self._offset = timedelta(0)
        self._last_stamp = datetime.min.replace(tzinfo=UTC)
        self._numbers: dict[str, int] = {}
        self.users: dict[int, User] = {}
        self.teams: dict[int, Team] = {}
        self.event_types: dict[int, EventType] = {}
        self.links: dict[str, PrivateLink] = {}
        self.bookings: dict[str, Booking] = {}
        self._moved_to: dict[str, str] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.alarms: list[MeetingAlarm] = []
        self.deliveries: list[Delivery] = []
        self.rate = RateLimit()
        self.faults = Faults()
        self._furnish(self)

    def memory(self) -> Memory:
        """What it remembers: not a copy, so read it before anything else happens."""
        return Memory(
            seed=self.seed,
            edition=self.edition,
            offset=self._offset,
            last_stamp=self._last_stamp,
            numbers=self._numbers,
            users=self.users,
            teams=self.teams,
            event_types=self.event_types,
            links=self.links,
            bookings=self.bookings,
            webhooks=self.webhooks,
            alarms=self.alarms,
            deliveries=self.deliveries,
            rate=self.rate,
            faults=self.faults,
        )

    def recall(self, memory: Memory) -> None:
        """Forget everything, and go on from what another world remembered."""
        self.seed = memory.seed
        self.edition = memory.edition
        self._offset = memory.offset
        self._last_stamp = memory.last_stamp
        self._numbers = memory.numbers
        self.users = memory.users
        self.teams = memory.teams
        self.event_types = memory.event_types
        self.links = memory.links
        self.bookings = {}
        self._moved_to = {}
        for booking in memory.bookings.values():
            self.add_booking(booking)
        self.webhooks = memory.webhooks
        self.alarms = memory.alarms
        self.deliveries = memory.deliveries
        self.rate = memory.rate
        self.faults = memory.faults

    # Time

    def now(self) -> datetime:
        """What time it is here, in UTC, to the millisecond (as JavaScript has it)."""
        moment = self._clock() + self._offset
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def stamp(self) -> datetime:
        """Now, but never the same moment twice, so that what comes later is dated later."""
        now = self.now() + self.faults.chaos.stamps_ahead
        self._last_stamp = max(now, self._last_stamp + _TICK)
        return self._last_stamp

    def set_clock(self, now: datetime) -> None:
        """Let it be `now`; the clock runs on from there."""
        self._offset = now - self._clock()
        self._last_stamp = now + self.faults.chaos.stamps_ahead - _TICK

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.set_clock(self._clock() + self._offset + timedelta(seconds=seconds))

    # Names and numbers

    def number(self, kind: str) -> int:
        """The next id of this kind: 1, 2, 3, ..."""
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def new_uid(self) -> str:
        """22 letters and digits, as bookings and private links have them."""
        return "".join(self._chance().choices(_ALPHABET, k=22))

    def new_uuid(self) -> str:
        """A random UUID, as webhooks, seats and series have them."""
        return str(uuid.UUID(int=self._chance().getrandbits(128), version=4))

    def _chance(self) -> random.Random:
        # Counted, so that a world which recalls another's memory goes on with the same ids.
        return random.Random(f"{self.seed}/{self.number('chance')}")

    def set_chaos(self, chaos: Chaos) -> None:
        """Let this go wrong from now on, from the beginning of its chances."""
        if chaos.stamps_ahead != self.faults.chaos.stamps_ahead:
            self._last_stamp = self.now() + chaos.stamps_ahead - _TICK
        self.faults.chaos = chaos
        for part in ("webhooks", "api"):
            self._numbers.pop(f"chaos of {part}", None)

    def chance_of_chaos(self, part: str) -> random.Random:
        """The next chances of this part; `chaos.seed` is theirs, so ids stay as they are."""
        number = self.number(f"chaos of {part}")
        return random.Random(f"{self.faults.chaos.seed}/{part}/{number}")

    # Finding

    def user_by_key(self, key: str) -> User | None:
        """Whose API key this is."""
        found = (user for user in self.users.values() if key and user.key == key)
        return next(found, None)

    def user_named(self, username: str) -> User | None:
        """The user with this name in the URL."""
        return next((user for user in self.users.values() if user.username == username), None)

    def event_type(self, number: int) -> EventType:
        """The event type. Raises Refused (404)."""
        if number not in self.event_types:
            raise Refused(404, f"Event type with id {number} not found")
        return self.event_types[number]

    def event_type_at(self, username: str, slug: str) -> EventType | None:
        """The event type behind `/<username>/<slug>`."""
        owner = self.user_named(username)
        mine = self.event_types_of(owner) if owner else []
        return next((kind for kind in mine if kind.slug == slug), None)

    def event_types_of(self, owner: User) -> list[EventType]:
        """The user's own: a team's are not among them."""
        kinds = self.event_types.values()
        return [kind for kind in kinds if kind.owner_id == owner.id and kind.team_id is None]

    def team_event_type_at(self, team_slug: str, slug: str) -> EventType | None:
        """The event type behind `/team/<team>/<slug>`."""
        teams = {team.id for team in self.teams.values() if team.slug == team_slug}
        kinds = (kind for kind in self.event_types.values() if kind.team_id in teams)
        return next((kind for kind in kinds if kind.slug == slug), None)

    def hosts(self, kind: EventType) -> tuple[int, ...]:
        """Who has to be there: its owner, or everybody in its team."""
        return (kind.owner_id,) if kind.team_id is None else self.teams[kind.team_id].member_ids

    def booking(self, uid: str) -> Booking:
        """The booking. Raises Refused (404)."""
        if uid not in self.bookings:
            raise Refused.no_booking(uid)
        return self.bookings[uid]

    def series(self, series_uid: str) -> list[Booking]:
        """Every occurrence of a recurring booking, in order of time."""
        same = (one for one in self.bookings.values() if one.series_uid == series_uid)
        return sorted(same, key=lambda one: one.start)

    def successor(self, booking: Booking) -> Booking | None:
        """The booking that this one was moved to."""
        return self.bookings.get(self._moved_to.get(booking.uid, ""))

    def host(self, booking: Booking) -> User:
        """Who holds it."""
        return self.users[booking.user_id]

    def kind(self, booking: Booking) -> EventType:
        """What was booked."""
        return self.event_types[booking.event_type_id]

    # Keeping

    def add_event_type(self, kind: EventType) -> EventType:
        """Keep an event type under the next id, whatever id it came with."""
        kept = replace(kind, id=self.number("event type"))
        self.event_types[kept.id] = kept
        return kept

    def add_booking(self, booking: Booking) -> None:
        """Keep a booking, and which one it replaces."""
        self.bookings[booking.uid] = booking
        if booking.from_uid is not None:
            self._moved_to[booking.from_uid] = booking.uid

    def touch(self, booking: Booking) -> None:
        """Note that its row changed just now."""
        booking.updated_at = self.stamp()

    def subscriptions(self, trigger: str, user_id: int, event_type_id: int | None) -> list[Webhook]:
        """Who is told. Each scope counts by itself: two matching subscriptions, two deliveries.

        What befalls a team's event type is not told to its members' own subscriptions.
        """
        kind = self.event_types.get(event_type_id or 0)
        team_id = kind.team_id if kind else None

        def hears(webhook: Webhook) -> bool:
            if webhook.event_type_id is not None:
                return webhook.event_type_id == event_type_id
            if webhook.team_id is not None or team_id is not None:
                return webhook.team_id == team_id
            return webhook.user_id == user_id

        return [
            webhook
            for webhook in self.webhooks.values()
            if webhook.active and trigger in webhook.triggers and hears(webhook)
        ]

    def forget_alarms(self, uid: str) -> None:
        """Its MEETING_* deliveries will not be sent."""
        self.alarms = [alarm for alarm in self.alarms if alarm.booking_uid != uid]

    def due_alarms(self) -> list[MeetingAlarm]:
        """Take out the MEETING_* deliveries whose time has come.

        When both of a booking are due at once, ENDED goes first: so it was recorded.
        """
        now = self.now()
        due = [alarm for alarm in self.alarms if alarm.at <= now]
        self.alarms = [alarm for alarm in self.alarms if alarm.at > now]
        return sorted(due, key=lambda alarm: (alarm.booking_uid, alarm.announcement.trigger))

    def waiting(self) -> list[Delivery]:
        """The deliveries that have been kept back, first due first."""
        found = [(one.due, one.id, one) for one in self.deliveries if one.due is not None]
        return [one for _, _, one in sorted(found)]


def overlapping(bookings: Iterable[Booking], start: datetime, end: datetime) -> list[Booking]:
    """Those that take up time in [start, end)."""
    return [one for one in bookings if one.is_on and one.start < end and start < one.end]
