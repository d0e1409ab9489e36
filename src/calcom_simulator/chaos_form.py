"""The switches of `chaos` as fields of a form, chances as per cent."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import get_args

from calcom_simulator.chaos import CALM, Chaos, Retries, read

_GROUPS = {
    "Webhooks": (
        "drop duplicate delay delay_seconds reorder copies wrong_signature unsigned template lie "
        "commit_seconds retries retry_pace only"
    ),
    "API": (
        "api_429 api_500 api_502 api_401 api_404 api_html api_garbage api_truncated api_empty "
        "api_hang api_slow api_huge hang_seconds slow_seconds huge_megabytes retry_after "
        "pages_shift writes_too"
    ),
    "Clocks and chance": "date_skew_seconds stamp_skew_seconds seed",
}
_CHOICES = {"retries": get_args(Retries)}


@dataclass(frozen=True)
class Field:
    """One switch as the form shows it; `unit` is "%" for chances."""

    name: str
    words: str
    value: str
    unit: str
    choices: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What an <input> of it is."""
        if self.unit == "yes":
            return "checkbox"
        return "text" if self.unit == "text" else "number"


def shown(chaos: Chaos) -> dict[str, list[Field]]:
    """Every switch, in groups, as it stands."""
    words = {each.name: str(each.metadata["words"]) for each in fields(Chaos)}
    return {
        group: [_field(chaos, name, words[name]) for name in names.split()]
        for group, names in _GROUPS.items()
    }


def submitted(form: Mapping[str, str]) -> Chaos:
    """What was filled in; an empty field is off. Raises ValueError."""
    given: dict[str, object] = {}
    for group in shown(CALM).values():
        for each in group:
            text = form.get(each.name, "").strip()
            if not text:
                continue
            if each.name == "only":
                given["only"] = tuple(text.replace(",", " ").split())
            elif each.unit == "%":
                given[each.name] = float(text) / 100
            else:
                given[each.name] = text
    return read(given)


def _field(chaos: Chaos, name: str, words: str) -> Field:
    value, choices = getattr(chaos, name), _CHOICES.get(name, ())
    if isinstance(value, bool):
        return Field(name, words, "on" if value else "", "yes", choices)
    if isinstance(value, tuple):
        return Field(name, words, " ".join(value), "text", choices)
    if isinstance(value, str):
        return Field(name, words, value, "text", choices)
    if next(each for each in fields(Chaos) if each.name == name).metadata.get("most"):
        return Field(name, words, f"{value * 100:g}", "%", choices)
    return Field(name, words, f"{value:g}", name.rpartition("_")[2], choices)
