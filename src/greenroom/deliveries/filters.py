"""Which deliveries a page, the API or an export is asked for, as it stands in the address."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    model_validator,
)

from greenroom.deliveries.listing import Place, Wanted
from greenroom.deliveries.store import State
from greenroom.interviews.filters import read_place

_LARGEST_ID = 2**63 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


def _in_range(given: date) -> date:
    if not _FIRST_YEAR <= given.year <= _LAST_YEAR:
        raise ValueError(f"it should be between {_FIRST_YEAR} and {_LAST_YEAR}")
    return given


# A form sends an empty value for "any".
_Any = BeforeValidator(lambda given: None if given == "" else given)
_Moment = Annotated[date | AwareDatetime, AfterValidator(_in_range)]


class Filters(BaseModel):
    """State, trigger, connection, search and time; each left out means any."""

    state: Annotated[State | None, _Any] = None
    trigger: Annotated[Annotated[str, Field(max_length=200)] | None, _Any] = None
    connection_id: Annotated[Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None, _Any] = None
    q: Annotated[
        str,
        Field(
            max_length=200,
            description="A booking's uid, a delivery's number, or a candidate's name or address.",
        ),
    ] = ""
    since: Annotated[
        _Moment | None,
        _Any,
        Field(alias="from", description="Received then or later: a day (UTC), or a time."),
    ] = None
    until: Annotated[
        _Moment | None,
        _Any,
        Field(alias="to", description="Received before that time, or up to the end of that day."),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None:
            begin, end = _begin(self.since), _end(self.until)
            if begin >= end:
                raise ValueError("`from` comes after `to`, so nothing can fit")
        return self

    @property
    def wanted(self) -> Wanted:
        """The same, as lists of deliveries understand it."""
        return Wanted(
            state=self.state,
            trigger=self.trigger,
            connection_id=self.connection_id,
            q=self.q.strip(),
            since=None if self.since is None else _begin(self.since),
            until=None if self.until is None else _end(self.until),
        )

    @property
    def narrows(self) -> bool:
        """Whether anything but the state is asked for."""
        return any([self.trigger, self.connection_id, self.q.strip(), self.since, self.until])

    def query(self, **changes: str | int | None) -> str:
        """What stands behind the `?` of an address with these changes, and the `?`; or nothing."""
        said = {
            "state": self.state and self.state.value,
            "trigger": self.trigger,
            "connection_id": self.connection_id,
            "q": self.q.strip(),
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
        }
        said |= changes
        told = urlencode({name: value for name, value in said.items() if value})
        return f"?{told}" if told else ""


class Listed(Filters):
    """The filters of a list, and where in it the answer begins."""

    cursor: Annotated[str | None, Field(max_length=60)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @property
    def place(self) -> Place | None:
        """Where the page begins. Raises BadRequest."""
        return None if self.cursor is None else read_place(self.cursor)


def _begin(given: date) -> datetime:
    if isinstance(given, datetime):
        return given
    return datetime.combine(given, time(), UTC)


def _end(given: date) -> datetime:
    if isinstance(given, datetime):
        return given
    return datetime.combine(given, time(), UTC) + timedelta(days=1)
