"""Candidates as JSON. Reading needs the role viewer, changing the role recruiter."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from greenroom.accounts.guard import recruiter, viewer
from greenroom.candidates import actions, cursors, drafts
from greenroom.candidates.csv_import import read_csv
from greenroom.candidates.model import Candidate, Draft, Order, draft_of
from greenroom.database import Database

router = APIRouter(prefix="/api/admin/scheduling/candidates", tags=["Candidates"])

Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="A candidate's id.")]
_Line = Annotated[str, Field(max_length=2_000)]
_Addresses = Annotated[
    list[Annotated[str, Field(max_length=320)]],
    Field(max_length=10, description="E-mail addresses; letters go to the first."),
]
_Zone = Annotated[_Line | None, Field(description="An IANA time zone, such as Europe/Berlin.")]
_Locale = Annotated[_Line | None, Field(description="A language tag, such as pt-BR.")]
_Role = Annotated[_Line | None, Field(description="The job they are considered for.")]


class NewCandidate(BaseModel):
    """A candidate to add."""

    model_config = ConfigDict(extra="forbid")

    name: _Line
    email: Annotated[
        Annotated[str, Field(max_length=320)] | None,
        Field(description="Short for `addresses` with one address."),
    ] = None
    addresses: _Addresses = []
    role: _Role = None
    zone: _Zone = None
    locale: _Locale = None

    def draft(self) -> Draft:
        """The same, checked. Raises Invalid."""
        given = self.addresses if self.email is None else [self.email, *self.addresses]
        return drafts.read(
            name=self.name, addresses=given, role=self.role, zone=self.zone, locale=self.locale
        )


class CandidateChange(BaseModel):
    """What to change; what is left out stays, and null empties a field."""

    model_config = ConfigDict(extra="forbid")

    name: _Line = ""
    addresses: _Addresses = []
    role: _Role = None
    zone: _Zone = None
    locale: _Locale = None

    def applied_to(self, candidate: Candidate) -> Draft:
        """The candidate with the change, checked. Raises Invalid."""
        before = draft_of(candidate)

        def either(field: str) -> str | None:
            chosen = self if field in self.model_fields_set else before
            value: str | None = getattr(chosen, field)
            return value

        changed = "addresses" in self.model_fields_set
        return drafts.read(
            name=either("name") or "",
            addresses=self.addresses if changed else before.addresses,
            role=either("role"),
            zone=either("zone"),
            locale=either("locale"),
        )


class CandidateOut(BaseModel):
    """A candidate."""

    id: int
    name: str
    email: Annotated[str | None, Field(description="The first address: letters go there.")]
    addresses: list[str]
    role: Annotated[str, Field(description="The job they are considered for; may be empty.")]
    zone: str | None
    locale: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, candidate: Candidate) -> "CandidateOut":
        """The candidate as JSON shows it."""
        return cls(
            id=candidate.id,
            name=candidate.name,
            email=candidate.addresses[0] if candidate.addresses else None,
            addresses=list(candidate.addresses),
            role=candidate.role,
            zone=candidate.zone,
            locale=candidate.locale,
            created_at=candidate.created_at,
            updated_at=candidate.updated_at,
        )


class CandidatesOut(BaseModel):
    """A page of candidates."""

    items: list[CandidateOut]
    next: Annotated[
        str | None, Field(description="Give it as `cursor` for the next page; null at the end.")
    ]


class ProblemOut(BaseModel):
    """Why a row of the file was left out."""

    model_config = ConfigDict(from_attributes=True)

    row: Annotated[int, Field(description="Its number in a spreadsheet; the header is row 1.")]
    field: str
    what: str
    do: str


class ImportedOut(BaseModel):
    """What came of a file: numbers of candidates, and each row that was left out."""

    created: int
    updated: int
    unchanged: Annotated[int, Field(description="Known already, with nothing new in the file.")]
    problems: list[ProblemOut]
    notes: Annotated[list[str], Field(description="Guesses to look at, such as the encoding.")]


@router.get("", dependencies=[Depends(viewer)])
async def list_candidates(
    request: Request,
    q: Annotated[
        str,
        Query(
            max_length=10_000,
            description="Words that begin a word of the name, an address or the role.",
        ),
    ] = "",
    order: Order = Order.NAME,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CandidatesOut:
    """List candidates by name, or the newest first; all of them, or those a search finds."""
    after = cursors.read(cursor, order)
    async with _database(request).transaction() as tx:
        page = await actions.find(tx, query=q, order=order, after=after, limit=limit)
    items = [CandidateOut.of(each) for each in page.items]
    return CandidatesOut(items=items, next=cursors.write(page.next, order))


@router.post("", status_code=201, dependencies=[Depends(recruiter)])
async def create_candidate(request: Request, response: Response, new: NewCandidate) -> CandidateOut:
    """Add a candidate. An address that another candidate has is refused with 409."""
    draft = new.draft()
    async with _database(request).transaction() as tx:
        candidate = await actions.add(tx, draft, datetime.now(UTC))
    response.headers["location"] = f"{router.prefix}/{candidate.id}"
    return CandidateOut.of(candidate)


@router.post(
    "/import",
    dependencies=[Depends(recruiter)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_candidates(request: Request) -> ImportedOut:
    """Create and update candidates from a CSV file, recognised by e-mail address.

    The first row names the columns: name (or first name and last name), e-mail, and if you
    like role, time zone, language. Empty cells change nothing. At most 5 MiB and 10,000
    rows; rows that cannot be used come back as problems, the others are taken in.
    """
    file = await asyncio.to_thread(read_csv, await request.body())
    async with _database(request).transaction() as tx:
        done = await actions.import_csv(tx, file, datetime.now(UTC))
    return ImportedOut(
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        problems=[ProblemOut.model_validate(each) for each in done.problems],
        notes=list(file.notes),
    )


@router.get("/{candidate_id}", dependencies=[Depends(viewer)])
async def read_candidate(request: Request, candidate_id: Id) -> CandidateOut:
    """One candidate."""
    async with _database(request).transaction() as tx:
        return CandidateOut.of(await actions.get(tx, candidate_id))


@router.patch("/{candidate_id}", dependencies=[Depends(recruiter)])
async def update_candidate(
    request: Request, candidate_id: Id, change: CandidateChange
) -> CandidateOut:
    """Change some of a candidate. `addresses` replaces them all."""
    async with _database(request).transaction() as tx:
        await actions.hold(tx, [candidate_id])
        draft = change.applied_to(await actions.get(tx, candidate_id))
        return CandidateOut.of(await actions.change(tx, candidate_id, draft, datetime.now(UTC)))


@router.delete("/{candidate_id}", status_code=204, dependencies=[Depends(recruiter)])
async def delete_candidate(request: Request, candidate_id: Id) -> None:
    """Remove a candidate and their addresses. Refused with 409 while they have interviews."""
    async with _database(request).transaction() as tx:
        await actions.remove(tx, candidate_id)


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
