"""The outbox: every letter as it was sent, or will be. In the demo, the way people read mail."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenroom.accounts.guard import recruiter, viewer
from greenroom.database import Database
from greenroom.mail import outbox
from greenroom.mail.model import State
from greenroom.web.render import page

router = APIRouter(include_in_schema=False)

_LARGEST_ID = 2**63 - 1
_Id = Annotated[int, Path(ge=1, le=_LARGEST_ID)]

LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""What a letter's HTML may do when shown: be styled, and open its links in a new tab."""


@router.get("/outbox", dependencies=[Depends(viewer)])
async def outbox_page(
    request: Request,
    state: State | None = None,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST_ID)] = None,
) -> HTMLResponse:
    """List letters, newest first."""
    async with _database(request).transaction() as tx:
        found = await outbox.page(tx, state=state, before=before)
    return page(
        request,
        "mail/outbox.html",
        letters=found.items,
        next=found.next,
        state=state,
        states=State,
        has_server=request.app.state.parts.settings.smtp_url is not None,
    )


@router.get("/outbox/{letter_id}", dependencies=[Depends(viewer)])
async def letter_page(request: Request, letter_id: _Id) -> HTMLResponse:
    """Show one letter and how far it is."""
    async with _database(request).transaction() as tx:
        letter = await outbox.get(tx, letter_id)
    return page(request, "mail/letter.html", letter=letter)


@router.get("/outbox/{letter_id}/html", dependencies=[Depends(viewer)])
async def letter_html(request: Request, letter_id: _Id) -> HTMLResponse:
    """Answer with the letter's HTML part itself, for the frame on its page."""
    async with _database(request).transaction() as tx:
        letter = await outbox.get(tx, letter_id)
    return HTMLResponse(letter.html, headers={"content-security-policy": LETTER_POLICY})


@router.post("/outbox/{letter_id}/retry", dependencies=[Depends(recruiter)])
async def retry_letter(request: Request, letter_id: _Id) -> Response:
    """Queue the letter again, then show it."""
    async with _database(request).transaction() as tx:
        await outbox.retry(tx, letter_id, datetime.now(UTC))
    address = request.app.url_path_for("letter_page", letter_id=letter_id)
    return RedirectResponse(address, status_code=303)


def _database(request: Request) -> Database:
    database: Database = request.app.state.parts.database
    return database
