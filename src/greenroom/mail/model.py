"""A letter on its way. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """How far a letter is. Values are stored: never rename one."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    HELD = "held"

    @property
    def label(self) -> str:
        """The word on the badge."""
        return _WORDS[self][0]

    @property
    def explanation(self) -> str:
        """The same in a sentence."""
        return _WORDS[self][1]

    @property
    def can_be_retried(self) -> bool:
        """Whether a person may have it sent now."""
        return self in {State.FAILED, State.DEAD, State.HELD}


_WORDS = {
    State.QUEUED: ("Queued", "It is sent in a moment."),
    State.SENT: ("Sent", "The mail server has taken it."),
    State.FAILED: ("Trying again", "It could not be sent yet and is tried again by itself."),
    State.DEAD: ("Not delivered", "It is not tried again unless you say so."),
    State.HELD: ("In the outbox", "It stays here until somebody sends it."),
}


class Kind(StrEnum):
    """What a letter is about. Values are stored: never rename one."""

    INVITATION = "invitation"

    @property
    def label(self) -> str:
        """The word on the screen."""
        return self.value.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A letter in the outbox.

    `version` counts letters of one kind about one interview. `attempts` counts deliveries
    begun; `next_attempt_at` is when the next may begin, and while one is under way, when it is
    given up for lost.
    """

    id: int
    interview_id: int | None
    candidate_id: int | None
    kind: Kind
    version: int
    to_address: str
    to_name: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    link: str | None
    message_id: str
    state: State
    attempts: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Letters that are not on their way.

    `dead`: given up within RECENT, and their interview has had no letter since; `refused` of them
    will never be taken as they are. `failed`: tried again by themselves. `late`: should have gone
    PROMPT ago, the first at `late_since`, and nobody has tried. `held`: in the outbox until
    somebody sends them.
    """

    dead: int
    refused: int
    failed: int
    late: int
    late_since: datetime | None
    held: int


RECENT = timedelta(days=14)
PROMPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attempt: the state, why, and when the next attempt may begin."""

    state: State
    error: str | None = None
    next_attempt_at: datetime | None = None


MOST_ATTEMPTS = 12
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=4)
LEASE = timedelta(minutes=5)
"""How long one attempt may take before it counts as lost."""
MOST_A_DAY = 20
"""Letters to one address within a day; more would be somebody's abuse, or a bug of ours."""


def failed(attempts: int, why: str, *, is_permanent: bool, now: datetime) -> Verdict:
    """What follows from an attempt that failed: pauses of 1, 2, 4 ... 240 minutes, 12 attempts."""
    if is_permanent or attempts >= MOST_ATTEMPTS:
        return Verdict(State.DEAD, why)
    pause = min(_FIRST_PAUSE * 2 ** (attempts - 1), _LONGEST_PAUSE)
    return Verdict(State.FAILED, why, now + pause)


def hold_back(*, has_server: bool, sent_today: int) -> Verdict | None:
    """Why a letter may not be sent at all now, if so."""
    if not has_server:
        return Verdict(State.HELD, "No mail server is set up. Set GREENROOM_SMTP_URL to send it.")
    if sent_today >= MOST_A_DAY:
        why = f"{MOST_A_DAY} letters went to this address within a day. Send it tomorrow."
        return Verdict(State.HELD, why)
    return None
