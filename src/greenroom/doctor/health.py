"""What the doctor knows, arranged for people: what needs them first. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from greenroom.doctor.examination import Check
from greenroom.doctor.model import Area, Finding, Found, Light, worst

_NEED = (Light.RED, Light.AMBER)


@dataclass(frozen=True, slots=True)
class Looked:
    """A check with what it found when it last looked; nothing where it never has."""

    check: Check
    found: Sequence[Found]

    @property
    def light(self) -> Light:
        """The worst of them."""
        return worst(each.finding.light for each in self.found)

    @property
    def since(self) -> datetime | None:
        """Since when it has been as bad as it is; None: it has never looked."""
        light = self.light
        return min((each.since for each in self.found if each.finding.light is light), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Every check with what it found last. `names` are those of the connections there are.

    `is_overdue`: nobody looks any more, so the rest may not be so now. `acted_on` is the check
    of which whoever reads it has pressed the button.
    """

    looked: Sequence[Looked]
    names: Mapping[int, str]
    is_overdue: bool = False
    acted_on: str | None = None

    @property
    def light(self) -> Light:
        """The worst of all; before anything is connected nothing can be well."""
        found = worst(each.light for each in self.looked)
        return Light.OFF if found is Light.GREEN and not self.names else found

    @property
    def count(self) -> int:
        """How many things need somebody."""
        return len([1 for each in self.looked for one in each.found if one.finding.light in _NEED])

    @property
    def looked_at(self) -> datetime | None:
        """When anything was looked at last; None: never."""
        return max((one.looked_at for each in self.looked for one in each.found), default=None)

    @property
    def summary(self) -> str:
        """All of it in a sentence."""
        if self.looked_at is None:
            return "Not looked at yet"
        if self.count:
            return "1 thing needs you" if self.count == 1 else f"{self.count} things need you"
        return "All is well" if self.names else "Nothing is wrong; some things are not set up yet"

    @property
    def needs(self) -> Sequence[Looked]:
        """Checks that need somebody, the red ones first."""
        return [each for light in _NEED for each in self.looked if each.light is light]

    @property
    def advice(self) -> Sequence[Looked]:
        """What is not set up yet and could be now."""
        later = self.later
        return [
            each
            for each in self.looked
            if each.light is Light.OFF
            and each.check.id not in later
            and any(one.finding.do and not one.unanswered_since for one in each.found)
        ]

    @property
    def later(self) -> Collection[str]:
        """Checks that are off as long as another is: of their area, or with the same advice."""
        said: set[str] = set()
        areas: set[Area] = set()
        found: list[str] = []
        for each in self.looked:
            do = {one.finding.do for one in each.found} - {""}
            if each.light is Light.OFF and do:
                if do <= said or each.check.area in areas:
                    found.append(each.check.id)
                areas.add(each.check.area)
            said |= do
        return found

    def is_repeated(self, one: Found) -> bool:
        """Whether what it advises is said above, of another check."""
        if one.finding.light is not Light.OFF or not one.finding.do:
            return False
        above = takewhile(lambda each: each.check.id != one.check_id, self.looked)
        return any(other.finding.do == one.finding.do for each in above for other in each.found)

    @property
    def acted(self) -> Sequence[Looked]:
        """The check that was acted on, where it stands in no other place of note."""
        shown = [*self.needs, *self.advice]
        return [e for e in self.looked if e.check.id == self.acted_on and e not in shown]

    @property
    def rest(self) -> Mapping[Area, Sequence[Looked]]:
        """The other checks by area, in the order of the page."""
        shown = [*self.needs, *self.advice, *self.acted]
        by_area: dict[Area, list[Looked]] = {}
        for each in self.looked:
            if each not in shown:
                by_area.setdefault(each.check.area, []).append(each)
        return by_area

    def as_data(self) -> dict[str, Any]:
        """The same for programs: what the JSON API answers, with times as they are."""
        return {
            "worst": self.light,
            "summary": self.summary,
            "count": self.count,
            "looked_at": self.looked_at,
            "checks": [data for each in self.looked for data in _as_data(each)],
        }


def _as_data(looked: Looked) -> Sequence[dict[str, Any]]:
    check = looked.check
    about = {
        "id": check.id,
        "title": check.title,
        "area": check.area,
        "means": check.means,
    }
    if not looked.found:
        never = Finding(light=Light.OFF, what="Not looked at yet.")
        return [about | _told(never) | _times(None)]
    return [about | _told(each.finding) | _times(each) for each in looked.found]


def _told(finding: Finding) -> dict[str, Any]:
    told = asdict(finding)
    del told["is_unanswered"]
    return told


def _times(found: Found | None) -> dict[str, datetime | None]:
    names = ("since", "looked_at", "unanswered_since")
    return {name: getattr(found, name, None) for name in names}
