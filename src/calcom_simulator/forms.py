"""Reading the booking form: prefill from the address, answers from the form. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from calcom_simulator.model import JSON, SOURCE_WEB, EventType, Question, Refused
from calcom_simulator.moments import parse
from calcom_simulator.taking import Wish, place

_LISTS = frozenset({"multiselect", "checkbox", "multiemail"})
_NOT_CARRIED = frozenset({"tz", "slot", "page"})


class Fields(Protocol):
    """What a query string and a form have in common."""

    def get(self, key: str, /) -> object:
        """The last value."""

    def getlist(self, key: str, /) -> Sequence[object]:
        """Every value."""

    def multi_items(self) -> Sequence[tuple[str, object]]:
        """All of them, in order."""


@dataclass(frozen=True)
class Field:
    """One of the owner's questions, with what the address or the form says to it."""

    question: Question
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """What to show in a field that holds one value."""
        return ", ".join(self.values)

    @property
    def locked(self) -> bool:
        """Whether the visitor may not change it."""
        return self.question.disable_on_prefill and bool(self.values)


def fields_of(kind: EventType, given: Fields) -> list[Field]:
    """The questions, prefilled."""
    return [
        Field(one, tuple(str(value) for value in given.getlist(one.slug))) for one in kind.questions
    ]


def carried(given: Fields) -> list[tuple[str, str]]:
    """What goes along from page to page: everything but where in the list one is."""
    return [(name, str(value)) for name, value in given.multi_items() if name not in _NOT_CARRIED]


def metadata_of(given: Fields) -> JSON:
    """Every `metadata[key]=value`."""
    return {
        name[len("metadata[") : -1]: str(value)
        for name, value in given.multi_items()
        if name.startswith("metadata[") and name.endswith("]")
    }


def slot_of(given: Fields) -> datetime:
    """The chosen time. Raises Refused."""
    try:
        return parse(str(given.get("slot") or ""))
    except ValueError as error:
        raise Refused.bad_request("Please choose a time first.") from error


def wish_of(kind: EventType, form: Fields, *, zone: str, link: str | None) -> Wish:
    """What the visitor asks for, as the web application sends it. Raises Refused."""
    name, email = (str(form.get(key) or "").strip() for key in ("name", "email"))
    if not name or "@" not in email:
        raise Refused.bad_request("Please fill in your name and your e-mail address.")
    answers: JSON = {}
    for question in kind.questions:
        value = _answer(question, form)
        if value is not None:
            answers[question.slug] = value
        elif question.required:
            raise Refused.bad_request(f"Please answer: {question.label}")
    if notes := str(form.get("notes") or "").strip():
        answers["notes"] = notes
    guests = _addresses(str(form.get("guests") or ""))
    answers["guests"] = guests
    at, spot = _place(kind, form)
    return Wish(
        event_type_id=kind.id,
        start=slot_of(form),
        name=name,
        email=email,
        zone=zone,
        guests=tuple(guests),
        location=spot or None,
        responses=answers | {"location": {"value": at, "optionValue": spot}},
        metadata=metadata_of(form),
        link=link,
        source=SOURCE_WEB,
    )


def asks_for_phone(kind: EventType) -> bool:
    """Whether the host calls the visitor, and so needs a number."""
    return bool(kind.locations) and kind.locations[0].get("type") == "attendeePhone"


def _place(kind: EventType, form: Fields) -> tuple[str, str]:
    if asks_for_phone(kind):
        phone = str(form.get("locationPhone") or "").strip()
        if not phone:
            raise Refused.bad_request("Please fill in your phone number.")
        return "phone", phone
    first: Mapping[str, object] = kind.locations[0] if kind.locations else {}
    return ("inPerson" if first.get("type") == "address" else place(kind)), ""


def _answer(question: Question, form: Fields) -> object:
    values = [str(value).strip() for value in form.getlist(question.slug)]
    if question.type == "boolean":
        return bool(values) or None
    if question.type == "multiemail":
        return _addresses(",".join(values)) or None
    if question.type in _LISTS:
        return values or None
    return next((value for value in values if value), None)  # a number stays text, as there


def _addresses(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
