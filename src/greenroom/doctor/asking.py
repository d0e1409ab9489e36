"""What several checks ask Cal.com of a connection, and say where it does not answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenroom.calcom import connections
from greenroom.calcom.client import Row
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import Busy, CalcomError, KeyRefused, Limits, Resting, row
from greenroom.calcom.text import Fields
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Finding, Light
from greenroom.errors import GreenroomError

CONNECT = "Press Connect Cal.com on the Connections page, or run `greenroom connect`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose key it is, and how Cal.com answered that; `said_at` is its word about the time."""

    id: int | None
    name: str
    email: str
    username: str
    asked_at: datetime
    heard_at: datetime
    said_at: datetime | None
    limits: Limits | None

    @property
    def took(self) -> timedelta:
        """From the question to its answer."""
        return self.heard_at - self.asked_at

    @property
    def label(self) -> str:
        """What a connection keeps of it."""
        return (self.email or self.username)[:320]


async def account(exam: Examination, connection: Connection) -> Account:
    """Whose key it is. Raises CalcomError."""

    async def ask() -> Account:
        asked_at = datetime.now(UTC)
        answer = await exam.parts.calcom(connection).account()
        given = Fields(row(answer.data))
        return Account(
            id=given.number("id"),
            name=given.text("name", 200) or "",
            email=given.text("email", 320) or "",
            username=given.text("username", 200) or "",
            asked_at=asked_at,
            heard_at=datetime.now(UTC),
            said_at=answer.said_at,
            limits=answer.limits,
        )

    return await exam.once("account", connection, ask)


async def event_types(exam: Examination, connection: Connection) -> Sequence[Row]:
    """The key's own event types, hidden ones too. Raises CalcomError."""
    return await exam.once("event types", connection, exam.parts.calcom(connection).event_types)


LookAt = Callable[[Examination, Connection], Awaitable[Sequence[Finding]]]


def each_with_key(look: LookAt) -> Callable[[Examination], Awaitable[Sequence[Finding]]]:
    """A look at each connection that has an API key; what `look` raises of Cal.com's is OFF."""

    async def look_at_all(exam: Examination) -> Sequence[Finding]:
        if not exam.connections:
            return [Finding(light=Light.OFF, what="No Cal.com account is connected.", do=CONNECT)]
        return [found for each in exam.connections for found in await _look(exam, each, look)]

    return look_at_all


async def _look(exam: Examination, connection: Connection, look: LookAt) -> Sequence[Finding]:
    if connection.api_key is None:
        what = "This cannot be seen without an API key."
        return [off(connection, what, give_key(connection))]
    try:
        return await look(exam, connection)
    except CalcomError as error:
        return [unanswered(error, connection)]
    except GreenroomError as error:  # of this connection alone: the others are looked at still
        return [amber(connection, error.what, error.do)]


def give_key(connection: Connection) -> str:
    """What to do about a connection that cannot ask Cal.com."""
    return (
        "Enter an API key on the connection's page, or run "
        f"`{connections.new_key(connection.name)}`."
    )


def unanswered(error: CalcomError, connection: Connection, *, check: str | None = None) -> Finding:
    """Cal.com did not say; which check says why."""
    if check is None and isinstance(error, KeyRefused):
        check = "API key"
    elif check is None and isinstance(error, Busy) and not isinstance(error, Resting):
        check = "Requests"
    return Finding(
        light=Light.OFF,
        what="Cal.com could not be asked about this.",
        do=f"See what the check {check or 'API'} says.",
        connection_id=connection.id,
        is_unanswered=True,
    )


def green(connection: Connection, what: str) -> Finding:
    """All is well with it."""
    return Finding(light=Light.GREEN, what=what, connection_id=connection.id)


def amber(connection: Connection, what: str, do: str, *, offer: str | None = None) -> Finding:
    """Something about it wants doing."""
    return Finding(light=Light.AMBER, what=what, do=do, offer=offer, connection_id=connection.id)


def red(connection: Connection, what: str, do: str, *, offer: str | None = None) -> Finding:
    """Bookings go unseen until somebody acts."""
    return Finding(light=Light.RED, what=what, do=do, offer=offer, connection_id=connection.id)


def off(connection: Connection, what: str, do: str = "") -> Finding:
    """It does not apply, or cannot be known yet."""
    return Finding(light=Light.OFF, what=what, do=do, connection_id=connection.id)
