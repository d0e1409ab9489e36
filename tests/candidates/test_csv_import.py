from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.candidates import csv_import, merging
from greenroom.candidates.csv_import import FileTooLarge, UnreadableFile, read_csv
from greenroom.candidates.model import Candidate, Draft

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADA = Draft(
    name="Ada Lovelace",
    addresses=("ada@example.org",),
    role="Engineer",
    zone="Europe/London",
    locale="en-GB",
)
PLAIN = """\
name,e-mail,role,time zone,language
Ada Lovelace,ada@example.org,Engineer,Europe/London,en-GB
"""


def drafts_of(data: bytes) -> list[Draft]:
    found = read_csv(data)
    assert list(found.problems) == []
    return [row.draft for row in found.rows]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n")).encode("utf-8-sig"),
        ("\n\n" + PLAIN).encode(),
        (
            b"First Name;SURNAME;Email;Position;TimeZone;Locale\n"
            b'Ada;Lovelace;"ada@example.org";Engineer;europe/london;en_GB'
        ),
        (
            b"Mail,Candidate,Job,Zone,lang,Salary\n"
            b"ada@example.org,Ada  Lovelace ,Engineer,Europe/London,en-GB,1"
        ),
    ],
)
def test_a_file_says_the_same_whatever_program_wrote_it(data):
    assert drafts_of(data) == [ADA]


def test_a_file_that_is_not_utf8_is_read_as_windows_1252_with_a_note():
    found = read_csv("name;email\nJosé “Pepe” Núñez;pepe@example.org\n".encode("cp1252"))

    assert found.rows[0].draft.name == "José “Pepe” Núñez"
    assert "Windows-1252" in found.notes[0]


def test_commas_and_line_breaks_in_quotes_belong_to_the_cell():
    found = drafts_of(
        b'name,email\n"Lovelace, Ada","ada@example.org"\n"Bob\nMoses",bob@example.org\n'
    )

    assert [draft.name for draft in found] == ["Lovelace, Ada", "Bob Moses"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n \n,,\n",
        b"Ada,ada@example.org\n",
        b"name\nAda\n",
        b"email,role\nada@example.org,Engineer\n",
        b"name,email,E-Mail\nAda,a@example.org,b@example.org\n",
        b"PK\x03\x04" + b"\x00" * 100,
        b"\xd0\xcf\x11\xe0" + b"\x00" * 100,
        b'name,email\n"' + b"x" * 200_000,
    ],
)
def test_a_file_without_a_header_to_go_by_is_refused_with_what_to_do(data):
    with pytest.raises(UnreadableFile) as refusal:
        read_csv(data)

    assert refusal.value.do


@pytest.mark.parametrize(
    "data",
    [
        b"name,email\n" + b"x" * csv_import.LARGEST,
        b"name,email\n" + b"A,a@example.org\n" * 10_001,
    ],
)
def test_a_file_that_is_too_large_is_refused(data):
    with pytest.raises(FileTooLarge):
        read_csv(data)


@pytest.mark.parametrize(
    ("row", "field", "what"),
    [
        (b",ada@example.org,,,", "name", "There is no name."),
        (b"Ada,,,,", "e-mail", "The row has no e-mail address."),
        (b"Ada", "e-mail", "The row has no e-mail address."),
        (b"Ada,a@b@c,,,", "e-mail", "“a@b@c” is not an e-mail address."),
        (b"Ada,ada@example.org,,Moon,", "time zone", "“Moon” is not a time zone."),
        (b"Ada,ada@example.org,,,tlhIngan Hol", "language", "“tlhIngan Hol” is not a language."),
        (b"x" * 201 + b",ada@example.org,,,", "name", "The name has more than 200 characters."),
        (b"x" * 2_001 + b",ada@example.org,,,", "name", "The cell has 2001 characters"),
        (b"A\xef\xbf\xbdda,ada@example.org,,,", "name", "The cell has characters that cannot"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_the_reason(row, field, what):
    rows = [PLAIN.encode(), row.replace(b"ada@", b"other@"), b"Bob,bob@x.org\n"]
    found = read_csv(b"\n".join(rows))

    assert [each.draft.name for each in found.rows] == ["Ada Lovelace", "Bob"]
    (problem,) = found.problems
    assert (problem.row, problem.field) == (4, field)
    assert problem.what.startswith(what)
    assert problem.do


def test_an_address_that_stands_twice_in_the_file_is_taken_once():
    found = read_csv(b"name,email\nAda,ada@example.org\nAda L.,ADA@example.org\n")

    assert [row.draft.name for row in found.rows] == ["Ada"]
    assert found.problems[0].row == 3
    assert found.problems[0].what == "ADA@example.org is in row 2 already."


HEADED = st.lists(st.text(max_size=20), max_size=30).map(
    lambda cells: "name,email,role\n" + ",".join(cells)
)
BYTES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=100).map(lambda data: b"name;email\n" + data),
    HEADED.map(lambda text: text.encode("utf-8", "surrogatepass")),
    HEADED.map(lambda text: text.encode("utf-16", "surrogatepass")),
)


@settings(max_examples=300, deadline=None)
@given(BYTES)
def test_no_bytes_make_reading_crash(data):
    try:
        found = read_csv(data)
    except UnreadableFile:
        return
    for row in found.rows:
        repr(row.draft).encode()
    for problem in found.problems:
        problem.what.encode()


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=30), st.integers(min_value=0, max_value=30))
def test_every_row_is_taken_or_is_a_problem(good, bad):
    rows = [f"A,a{n}@example.org" for n in range(good)] + ["A,nonsense"] * bad
    found = read_csv(("name,email\n" + "\n".join(rows)).encode())

    assert (len(found.rows), len(found.problems)) == (good, bad)


def known(id_: int, *addresses: str, **more: str) -> Candidate:
    return Candidate(
        id=id_,
        name=more.get("name", "Ada Lovelace"),
        addresses=addresses,
        role=more.get("role", "Engineer"),
        zone=more.get("zone"),
        locale=None,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_plan_creates_updates_and_leaves_alone():
    ada = known(1, "ada@example.org", zone="Europe/London")
    bob = known(2, "bob@example.org", name="Bob")
    file = read_csv(
        b"name,email,role,zone\n"
        b"Ada King,ADA@example.org,,\n"
        b"Bob,bob@example.org,Engineer,\n"
        b"Cleo,cleo@example.org,,\n"
    )

    plan = merging.plan(file, {"ada@example.org": ada, "bob@example.org": bob})

    assert [draft.name for draft in plan.create] == ["Cleo"]
    assert list(plan.unchanged) == [bob]
    assert list(plan.update) == [
        (
            ada,
            Draft(
                name="Ada King",
                addresses=("ada@example.org",),
                role="Engineer",
                zone="Europe/London",
            ),
        )
    ]


def test_two_rows_about_one_candidate_are_one_update_and_one_problem():
    ada = known(1, "ada@example.org", "king@example.org")
    file = read_csv(b"name,email\nAda King,ada@example.org\nCountess,king@example.org\n")

    plan = merging.plan(file, {"ada@example.org": ada, "king@example.org": ada})

    assert [draft.name for _, draft in plan.update] == ["Ada King"]
    assert plan.problems[0].what == "king@example.org belongs to the candidate of row 2."
