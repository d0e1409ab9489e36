"""A silence of Cal.com that is no chance: how long it is, and what it was found to be. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from greenroom.calcom import subscription
from greenroom.calcom.subscription import Flaw, Subscription
from greenroom.spans import span

_HOUR = timedelta(hours=1)
_PAUSES = (1, 2, 4, 8, 24)
"""Hours until a silence that goes on is looked into again."""


class Webhook(StrEnum):
    """How our webhook was found at Cal.com. Values are stored: never rename one."""

    UNKNOWN = "unknown"
    IN_ORDER = "in_order"
    OFF = "off"
    GONE = "gone"
    ELSEWHERE = "elsewhere"
    SECRET = "secret"  # noqa: S105  (the name of a flaw)
    EVENTS = "events"

    @property
    def is_wrong(self) -> bool:
        """Whether it keeps us from hearing."""
        return self not in {Webhook.UNKNOWN, Webhook.IN_ORDER}

    @property
    def sentence(self) -> str:
        """What is wrong with it; nothing where nothing is, as far as we know."""
        return _SENTENCES.get(self, "")

    @property
    def offer(self) -> str | None:
        """The word on the button that mends it."""
        return _OFFERS.get(self)


_SENTENCES = {
    Webhook.OFF: "The webhook is switched off at Cal.com.",
    Webhook.GONE: "The webhook is not there any more at Cal.com.",
    Webhook.ELSEWHERE: "The webhook at Cal.com leads to another address than ours.",
    Webhook.SECRET: "The webhook at Cal.com signs with another secret than ours.",
    Webhook.EVENTS: "The webhook at Cal.com is not told of every event.",
}
_OFFERS = {
    Webhook.OFF: "Switch it on",
    Webhook.GONE: "Make it again",
    Webhook.ELSEWHERE: "Move it here",
    Webhook.SECRET: "Enter our secret",
    Webhook.EVENTS: "Add the events",
}


def judge(there: Sequence[Subscription], url: str, known_id: str | None, secret: str) -> Webhook:
    """How our webhook is, of those that the account has. Pure."""
    ours = subscription.ours(there, url, known_id, secret)
    if not ours:
        return Webhook.GONE
    kept = ours[0]
    flaws = subscription.flaws(kept, secret)
    if Flaw.OFF in flaws:
        return Webhook.OFF
    if kept.url != url:
        return Webhook.ELSEWHERE
    # Some instances do not show it.
    if Flaw.SECRET in flaws and kept.secret is not None:
        return Webhook.SECRET
    return Webhook.EVENTS if Flaw.EVENTS in flaws else Webhook.IN_ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One silence longer than usual, and what Cal.com said when it was asked about it.

    `usual` is the time between two news that was usual then, where that is known. `run_id` is the
    reconcile that was asked for; None without an API key. It was `looks` times looked into, last
    at `looked_at`. `missed` bookings changed at Cal.com since it `began` without a word.
    `mended_at`: the webhook was wrong, and is in order since. `problem` is why Cal.com did not
    answer. `ended_at` is when it was heard again.
    """

    id: int
    connection_id: int
    began: datetime
    usual: timedelta | None
    noticed_at: datetime
    run_id: int | None
    looks: int
    looked_at: datetime | None
    missed: int
    webhook: Webhook
    mended_at: datetime | None
    problem: str | None
    ended_at: datetime | None

    @property
    def is_harmless(self) -> bool:
        """Whether nothing is to be done: nothing was missed, or what kept it silent is mended."""
        if self.looked_at is None or self.webhook is not Webhook.IN_ORDER:
            return False
        return self.mended_at is not None or (not self.missed and not self.problem)

    @property
    def look_again_at(self) -> datetime:
        """Looked into again then: after an hour, two, four ... a day."""
        if self.looked_at is None:
            return self.noticed_at
        return self.looked_at + _HOUR * _PAUSES[min(max(self.looks, 1), len(_PAUSES)) - 1]

    def how_long(self, now: datetime) -> str:
        """Such as "Silent for 3 h 10; usually it is heard every 9 min."."""
        usual = f"; usually it is heard every {span(self.usual)}" if self.usual else ""
        return f"Cal.com has been silent for {span(now - self.began)}{usual}."

    @property
    def found(self) -> str:
        """What it was found to be about, in sentences."""
        if self.looked_at is None:
            return (
                "It is being asked what was missed."
                if self.run_id is not None
                else "It cannot be asked what was missed: this connection has no API key."
            )
        if self.problem:
            return f"It could not be asked what was missed: {self.problem}"
        if not self.missed and self.webhook is Webhook.IN_ORDER and self.mended_at is None:
            return "All is well: nothing was missed, and the webhook is in order."
        return " ".join(filter(None, [_missed(self.missed), self._about_the_webhook]))

    @property
    def _about_the_webhook(self) -> str:
        if self.webhook is not Webhook.IN_ORDER:
            return self.webhook.sentence
        if self.mended_at is not None:
            return "The webhook is in order again; its next delivery ends this."
        return "The webhook at Cal.com is in order, but its deliveries do not arrive."

    @property
    def do(self) -> str:
        """What a person should do; nothing where it is harmless, or not known yet."""
        if self.webhook.offer is not None:
            return f"Press {self.webhook.offer}: Greenroom does it at Cal.com."
        if self.is_harmless or self.looked_at is None:
            return ""
        if self.problem:
            return "See what the checks of Cal.com say on the Health page."
        return (
            "See on the Health page whether this Greenroom is reached from outside, and whether "
            "a team's event types are used."
        )


def _missed(count: int) -> str:
    if count == 0:
        return "Nothing was missed."
    if count == 1:
        return "1 booking was missed and is repaired."
    return f"{count:,} bookings were missed and are repaired."
