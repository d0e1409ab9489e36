"""What the Scheduling page is asked to show, as it stands in the address."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, Field

from greenroom.errors import BadRequest
from greenroom.interviews.overview import TABS, Asked

Tab = Literal["attention", "to_invite", "pending", "confirmed", "done", "all"]
TAB_LABELS: dict[Tab, str] = {
    "attention": "Needs attention",
    "to_invite": "To invite",
    "pending": "Pending",
    "confirmed": "Confirmed",
    "done": "Done",
    "all": "All",
}
"""The words on the tabs, in their order."""

PER_PAGE = 50
MOST = 200
"""Rows of one answer."""

_LARGEST_ID = 2**63 - 1
# A form sends an empty value for "any".
_Id = Annotated[
    Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
]


class Filters(BaseModel):
    """Tab, search and event type; `before` is where a page of the list begins."""

    tab: Tab = "all"
    q: Annotated[str, Field(max_length=200)] = ""
    event_type_id: _Id = None
    before: Annotated[str | None, Field(max_length=60)] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = PER_PAGE

    @property
    def asked(self) -> Asked:
        """The same, as the overview understands it."""
        return Asked(
            statuses=TABS[self.tab],
            q=self.q,
            event_type_id=self.event_type_id,
            attention=self.tab == "attention",
        )

    @property
    def narrows(self) -> bool:
        """Whether somebody searches or filters within the tab."""
        return bool(self.q.strip()) or self.event_type_id is not None

    @property
    def place(self) -> tuple[datetime, int] | None:
        """Where the page of the list begins. Raises BadRequest."""
        return None if self.before is None else read_place(self.before)

    def address(self, **changes: str | int | None) -> str:
        """The page's address with these changes, without what is as usual."""
        said = {"tab": self.tab, "q": self.q.strip(), "event_type_id": self.event_type_id}
        said |= changes
        if said["tab"] == "all":
            del said["tab"]
        query = urlencode({name: value for name, value in said.items() if value})
        return f"/?{query}" if query else "/"

    def after(self, place: tuple[datetime, int] | None) -> str | None:
        """The address of the next page, if there is one."""
        return None if place is None else self.address(before=write_place(place))


def write_place(place: tuple[datetime, int]) -> str:
    """A place in the list as text that fits in an address."""
    moment, id_ = place
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S%f}-{id_}"


def read_place(text: str) -> tuple[datetime, int]:
    """The place `write_place` made. Raises BadRequest for anything else."""
    moment, _, id_ = text.partition("-")
    try:
        at = datetime.strptime(moment, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
        number = int(id_)
    except (ValueError, OverflowError) as error:
        raise _unreadable() from error
    if not 0 < number <= _LARGEST_ID:
        raise _unreadable()
    return at, number


def _unreadable() -> BadRequest:
    return BadRequest(
        "The place in the list cannot be read.", do="Start at the top of the list again."
    )
