"""Deciding what a file of candidates changes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.candidates.csv_import import Field, Import, Problem, Row
from greenroom.candidates.model import Candidate, Draft, address_key, draft_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What importing the file would do. Every row is in one of the four."""

    create: Sequence[Draft]
    update: Sequence[tuple[Candidate, Draft]]
    unchanged: Sequence[Candidate]
    problems: Sequence[Problem]


def plan(file: Import, known: Mapping[str, Candidate]) -> Plan:
    """Decide whom to create and whom to update; empty cells leave things as they are.

    `known` are candidates by the address keys of the file.
    """
    create: list[Draft] = []
    update: list[tuple[Candidate, Draft]] = []
    unchanged: list[Candidate] = []
    problems = list(file.problems)
    first: dict[int, int] = {}
    for row in file.rows:
        candidate = known.get(address_key(row.draft.addresses[0]))
        if candidate is None:
            create.append(row.draft)
        elif candidate.id in first:
            problems.append(_same_person(row, first[candidate.id]))
        elif (draft := _merged(candidate, row.draft)) is None:
            unchanged.append(candidate)
        else:
            update.append((candidate, draft))
        if candidate is not None:
            first.setdefault(candidate.id, row.number)
    return Plan(create, update, unchanged, sorted(problems, key=lambda each: each.row))


def _same_person(row: Row, first: int) -> Problem:
    what = f"{row.draft.addresses[0]} belongs to the candidate of row {first}."
    return Problem(row.number, Field.EMAIL, what, "Delete one of the two rows.")


def _merged(candidate: Candidate, draft: Draft) -> Draft | None:
    """The candidate with what the file adds, or None when that is nothing new."""
    before = draft_of(candidate)
    after = replace(
        before,
        name=draft.name,
        role=draft.role or before.role,
        zone=draft.zone or before.zone,
        locale=draft.locale or before.locale,
    )
    return None if after == before else after
