"""The list of candidates, one candidate, and the import of a file. All of it without JavaScript."""

import asyncio
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import recruiter, viewer
from greenroom.candidates import actions, cursors, drafts
from greenroom.candidates.csv_import import LARGEST, Import, UnreadableFile, read_csv
from greenroom.candidates.model import Draft, Order
from greenroom.database import Database
from greenroom.errors import Invalid
from greenroom.web.forms import form
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
_PER_PAGE = 50
_SHOWN_ROWS = 20
"""Rows of a file the preview shows; the problems it shows all."""
_LARGEST_FIELD = 64 * 1024
_LARGEST_FILE_AS_TEXT = LARGEST * 4 // 3 + 4
_OVERHEAD = 64 * 1024
"""Bytes of a form around the file in it."""


@router.get("/candidates", dependencies=[Depends(viewer)])
async def candidates_page(
    request: Request,
    q: Annotated[str, Query(max_length=10_000)] = "",
    order: Order = Order.NAME,
    cursor: str | None = None,
) -> HTMLResponse:
    """Show the list, or what a search finds."""
    after = cursors.read(cursor, order)
    async with _database(request).transaction() as tx:
        found = await actions.find(tx, query=q, order=order, after=after, limit=_PER_PAGE)
    return page(
        request,
        "candidates/index.html",
        candidates=found.items,
        next=cursors.write(found.next, order),
        q=q,
        order=order,
        orders=Order,
        is_first=after is None,
    )


@router.post("/candidates", dependencies=[Depends(recruiter)])
async def add_candidate(request: Request) -> Response:
    """Add the candidate of the form, then show them."""
    draft = await _draft(request)
    async with _database(request).transaction() as tx:
        candidate = await actions.add(tx, draft, datetime.now(UTC))
    return _see(request, "candidate_page", candidate_id=candidate.id)


@router.get("/candidates/import", dependencies=[Depends(recruiter)])
async def import_page(request: Request) -> HTMLResponse:
    """Ask for a file."""
    return page(request, "candidates/import.html")


@router.post(
    "/candidates/import/preview",
    dependencies=[Depends(recruiter)],
    max_body_size=LARGEST + _OVERHEAD,
)
async def preview_import(request: Request) -> HTMLResponse:
    """Show what importing the file would do. Stores nothing; the page carries the file along."""
    # Read here and not by a parameter: FastAPI would read the form before it asks who sends it.
    async with form(request, files=1, fields=4, largest=_LARGEST_FIELD) as sent:
        upload = sent.get("file")
        data = await upload.read(LARGEST + 1) if isinstance(upload, UploadFile) else b""
    if not data:
        raise Invalid("No file was chosen, or it is empty.", do="Go back and choose a CSV file.")
    file = await asyncio.to_thread(read_csv, data)
    async with _database(request).transaction() as tx:
        plan = await actions.plan_import(tx, file)
    return page(
        request,
        "candidates/preview.html",
        plan=plan,
        notes=file.notes,
        shown=_SHOWN_ROWS,
        data=b64encode(data).decode(),
    )


@router.post(
    "/candidates/import",
    dependencies=[Depends(recruiter)],
    max_body_size=_LARGEST_FILE_AS_TEXT + _OVERHEAD,
)
async def apply_import(request: Request) -> HTMLResponse:
    """Import the file a preview carried along, and report.

    Answers with the report itself: sending the form again changes nothing more.
    """
    async with form(request, fields=4, largest=_LARGEST_FILE_AS_TEXT) as sent:
        data = str(sent.get("data", ""))
    file = await asyncio.to_thread(_carried, data)
    async with _database(request).transaction() as tx:
        done = await actions.import_csv(tx, file, datetime.now(UTC))
    return page(request, "candidates/report.html", done=done)


def _carried(data: str) -> Import:
    try:
        return read_csv(b64decode(data, validate=True))
    except ValueError as error:
        raise UnreadableFile(
            "The file did not come along with the form.", do="Choose the file once more."
        ) from error


@router.get("/candidates/{candidate_id}", dependencies=[Depends(viewer)])
async def candidate_page(request: Request, candidate_id: _Id) -> HTMLResponse:
    """Show a candidate, and the form that changes them."""
    async with _database(request).transaction() as tx:
        candidate = await actions.get(tx, candidate_id)
    return page(request, "candidates/candidate.html", candidate=candidate)


@router.post("/candidates/{candidate_id}", dependencies=[Depends(recruiter)])
async def change_candidate(request: Request, candidate_id: _Id) -> Response:
    """Keep the form, then show the candidate again."""
    draft = await _draft(request)
    async with _database(request).transaction() as tx:
        await actions.change(tx, candidate_id, draft, datetime.now(UTC))
    return _see(request, "candidate_page", candidate_id=candidate_id)


@router.post("/candidates/{candidate_id}/removal", dependencies=[Depends(recruiter)])
async def remove_candidate(request: Request, candidate_id: _Id) -> Response:
    """Forget the candidate, then show the list."""
    async with _database(request).transaction() as tx:
        await actions.remove(tx, candidate_id)
    return _see(request, "candidates_page")


async def _draft(request: Request) -> Draft:
    async with form(request, fields=20, largest=_LARGEST_FIELD) as sent:
        given = {name: str(value) for name, value in sent.items()}
    return drafts.read(
        name=given.get("name", ""),
        addresses=given.get("addresses", "").split(),
        role=given.get("role"),
        zone=given.get("zone"),
        locale=given.get("locale"),
    )


def _see(request: Request, name: str, **params: object) -> Response:
    return RedirectResponse(request.app.url_path_for(name, **params), status_code=303)


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
