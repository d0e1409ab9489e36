"""Reading a CSV file of candidates, whatever program wrote it. Pure: stores nothing.

Every row ends up in `rows` or in `problems`; no bytes make it crash.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenroom.candidates import drafts
from greenroom.candidates.model import (
    LONGEST_NAME,
    Draft,
    address_key,
    clean,
    fold,
)
from greenroom.errors import Invalid

LARGEST = 5 * 1024 * 1024
"""Bytes in one file."""
MOST_ROWS = 10_000
_LONGEST_CELL = 2_000


class UnreadableFile(Invalid):
    """The file as a whole cannot be used."""


class FileTooLarge(UnreadableFile):
    """The file has more bytes than are read."""

    status = 413


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was left out. `row` is its number in a spreadsheet: the header is row 1."""

    row: int
    field: str
    what: str
    do: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be used. The draft has one address; empty cells are "" and None."""

    number: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Import:
    """What a file says. `notes` are guesses a person should look at."""

    rows: Sequence[Row]
    problems: Sequence[Problem]
    notes: Sequence[str] = ()


class Field(StrEnum):
    """The columns we understand."""

    NAME = "name"
    FIRST = "first name"
    LAST = "last name"
    EMAIL = "e-mail"
    ROLE = "role"
    ZONE = "time zone"
    LOCALE = "language"


_SYNONYMS = {
    Field.NAME: "name fullname candidate candidatename",
    Field.FIRST: "firstname first givenname given forename",
    Field.LAST: "lastname last surname familyname family",
    Field.EMAIL: "email mail emailaddress mailaddress emails",
    Field.ROLE: "role position job jobtitle",
    Field.ZONE: "timezone zone tz",
    Field.LOCALE: "language locale lang",
}
_FIELDS = {name: field for field, names in _SYNONYMS.items() for name in names.split()}


def read_csv(data: bytes) -> Import:
    """What the file says: rows to use, and a problem for each row that cannot be used.

    Reads UTF-8 and UTF-16 (else Windows-1252, with a note), columns apart by comma,
    semicolon or tab, and a header in any case and order. Raises UnreadableFile when there
    is no header to go by, or the file is too large.
    """
    if len(data) > LARGEST:
        raise FileTooLarge(
            f"The file is larger than {LARGEST // 1024 // 1024} MiB.",
            do="Split it, and import the parts one after the other.",
        )
    text, notes = _decode(data)
    records = _records(text)
    header = next(records, None)
    columns = _columns(header[1] if header else [])
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, cells in records:
        given = {name: cells[index] for name, index in columns.items() if index < len(cells)}
        found = _read_row(number, given, seen)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            rows.append(found)
    return Import(rows, problems, notes)


def _decode(data: bytes) -> tuple[str, list[str]]:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableFile(
            "This is a spreadsheet file, not CSV.",
            do="Open it and save it as “CSV UTF-8”, then import that file.",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        note = (
            "The file is not UTF-8, so it was read as Windows-1252. If letters with accents "
            "look wrong, save it as “CSV UTF-8” and import it again."
        )
        return data.decode("cp1252", "replace"), [note]


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records that are not blank, each with its number in a spreadsheet."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    count = 0
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableFile(
                f"Row {number} cannot be read: {error}.",
                do="Look for a quotation mark that is opened and never closed.",
            ) from error
        if cells is None:
            return
        if number == 1 and _DECLARED.fullmatch(text.partition("\n")[0].strip()):
            continue
        if any(cell.strip() for cell in cells):
            count += 1
            if count > MOST_ROWS + 1:
                raise FileTooLarge(
                    f"The file has more than {MOST_ROWS} rows.",
                    do="Split it, and import the parts one after the other.",
                )
            yield number, cells


_DECLARED = re.compile(r"sep=([,;\t])", re.IGNORECASE)
"""Excel's own first line."""
_HEAD = 10_000
"""Characters looked at to find out what separates columns."""


def _separator(text: str) -> str:
    head = text.lstrip()[:_HEAD]
    if declared := _DECLARED.match(head):
        return declared[1]
    line = head.partition("\n")[0]

    def understood(separator: str) -> tuple[int, int]:
        names = line.split(separator)
        return sum(_field(name) is not None for name in names), len(names)

    return max(",;\t", key=understood)


def _field(name: str) -> Field | None:
    return _FIELDS.get("".join(filter(str.isalnum, fold(name))))


def _columns(header: Sequence[str]) -> Mapping[Field, int]:
    columns: dict[Field, int] = {}
    for index, name in enumerate(header):
        field = _field(name)
        if field in columns:
            raise UnreadableFile(
                f"Two columns hold the {field}: number {columns[field] + 1} and {index + 1}.",
                do="Delete or rename one of them.",
            )
        if field is not None:
            columns[field] = index
    if Field.EMAIL not in columns or not columns.keys() & {Field.NAME, Field.FIRST, Field.LAST}:
        raise UnreadableFile(
            "The first row does not name the columns: we need at least a name and an e-mail.",
            do="Make the first row a header such as: name,e-mail,role,time zone,language",
        )
    return columns


def _read_row(number: int, given: Mapping[Field, str], seen: dict[str, int]) -> Row | Problem:
    found = [_value(number, field, given) for field in _READERS]
    problems = [each for each in found if isinstance(each, Problem)]
    if problems:
        return problems[0]
    name, address, role, zone, locale = (each for each in found if isinstance(each, str))
    key = address_key(address)
    if key in seen:
        what = f"{address} is in row {seen[key]} already."
        return Problem(number, Field.EMAIL, what, "Delete one of the two rows.")
    seen[key] = number
    draft = Draft(
        name=name, addresses=(address,), role=role, zone=zone or None, locale=locale or None
    )
    return Row(number, draft)


def _value(number: int, field: Field, given: Mapping[Field, str]) -> str | Problem:
    try:
        return _READERS[field](given)
    except Invalid as error:
        return Problem(number, field, error.what, error.do)


def _cell(given: Mapping[Field, str], field: Field) -> str:
    cell = given.get(field, "")
    if len(cell) > _LONGEST_CELL:
        raise Invalid(
            f"The cell has {len(cell)} characters; at most {_LONGEST_CELL} are read.",
            do="Look for a quotation mark that is opened and never closed.",
        )
    if "\ufffd" in cell:
        raise Invalid(
            "The cell has characters that cannot be read.",
            do="Save the file as “CSV UTF-8”, then import it again.",
        )
    return cell


def _name(given: Mapping[Field, str]) -> str:
    parts = f"{_cell(given, Field.FIRST)} {_cell(given, Field.LAST)}"
    whole = _cell(given, Field.NAME)
    return drafts.read_name(whole if clean(whole, LONGEST_NAME) else parts)


def _address(given: Mapping[Field, str]) -> str:
    cell = _cell(given, Field.EMAIL)
    if not cell.strip():
        raise Invalid("The row has no e-mail address.", do="Fill in the address.")
    return drafts.read_address(cell)


_READERS: Mapping[Field, Callable[[Mapping[Field, str]], str]] = {
    Field.NAME: _name,
    Field.EMAIL: _address,
    Field.ROLE: lambda given: drafts.read_role(_cell(given, Field.ROLE)),
    Field.ZONE: lambda given: drafts.read_zone(_cell(given, Field.ZONE)) or "",
    Field.LOCALE: lambda given: drafts.read_locale(_cell(given, Field.LOCALE)) or "",
}
