"""The command that says why an interview stands where it stands."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter

from greenroom.booking_links import actions as booking_links
from greenroom.bookings import actions as bookings
from greenroom.bookings import timeline, wire
from greenroom.bookings.story import Effect, Words
from greenroom.bookings.timeline import Chain, Entry
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import clean
from greenroom.commands.opening import DataDir, settings_of_data, with_parts
from greenroom.database import Transaction
from greenroom.errors import Invalid, NotFound
from greenroom.interviews import overview
from greenroom.interviews.overview import Asked, Row
from greenroom.interviews.wire import InterviewDetail
from greenroom.parts import Parts

cli = typer.Typer()

_ACCEPTED = "an interview's number, a booking link, a candidate's address, or a booking's uid"
_WIDEST = 80
_MOST = 20
"""Interviews of one candidate that are told."""
_LONGEST = 2000
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


@cli.command()
def explain(
    interview: Annotated[
        str,
        typer.Argument(
            metavar="INTERVIEW",
            help="Its number, a booking link, a candidate's address, or a booking's uid.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As the JSON API says it.")] = False,  # noqa: FBT002  (a flag)
    data_dir: DataDir = None,
) -> None:
    """Say why an interview stands where it stands: every fact, who said it, what it changed."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            told = [
                (await _row(tx, id_), await timeline.chain(tx, id_))
                for id_ in await meant(tx, interview)
            ]
        if as_json:
            origin = parts.address.origin
            found = [wire.detail(origin, row, chain) for row, chain in told]
            print(TypeAdapter(list[InterviewDetail]).dump_json(found, indent=2).decode())
        else:
            print("\n\n".join("\n".join(lines(row, chain)) for row, chain in told))

    with_parts(settings_of_data(data_dir), run)


async def meant(tx: Transaction, what: str) -> Sequence[int]:
    """The interviews that are meant. Raises NotFound, which says what it was taken for.

    Raises Invalid for nothing.
    """
    said = what.strip().rstrip("/").rpartition("/")[2]
    if not said:
        raise Invalid("It is not said which interview.", do=f"Give {_ACCEPTED}.")
    if _ID.fullmatch(said):
        return [int(said)]
    if "@" in said:
        return await _of_address(tx, said)
    link = await booking_links.by_token(tx, said) if _TOKEN.fullmatch(said) else None
    if link is not None:
        return [link.interview_id]
    try:
        kept = await bookings.get(tx, said)
    except NotFound as error:
        raise NotFound(
            f"No interview, booking link or booking is known as {clean(said, 200)}.",
            do=f"Give {_ACCEPTED}; `greenroom reconcile` asks Cal.com for what is missing here.",
        ) from error
    if not kept.matches:
        raise NotFound(
            f"Booking {said} belongs to no interview.",
            do="Open Unmatched in the browser and say whose it is.",
        )
    return [each.interview_id for each in kept.matches]


async def _row(tx: Transaction, id_: int) -> Row:
    try:
        return await overview.row(tx, id_)
    except NotFound as error:
        raise NotFound(
            error.what, do="Its number stands in the address of its page; it may have been deleted."
        ) from error


async def _of_address(tx: Transaction, address: str) -> Sequence[int]:
    known = await candidates.of_addresses(tx, [address])
    for candidate_id in known.values():
        page = await overview.page(tx, Asked(candidate_id=candidate_id), limit=_MOST)
        if page.rows:
            return [row.id for row in page.rows]
    raise NotFound(
        f"No candidate with the address {clean(address, 200)} has an interview.",
        do="Look the candidate up under Candidates; bookings of strangers are under Unmatched.",
    )


def lines(row: Row, chain: Chain) -> Iterator[str]:
    """The explanation as a terminal shows it, 80 columns wide, in this machine's time."""
    title = f"{row.candidate.name}: {row.event_type.title}, {row.event_type.length_minutes} min"
    yield _loud(clean(title, _LONGEST))
    yield from _wrapped(f"{_said(chain.reason)}.")
    for reason in row.attention:
        yield from _wrapped(f"Needs attention: {reason.label}.")
    if chain.bookings:
        yield from ("", _loud("Bookings, oldest first"))
    for kept in chain.bookings:
        starts = kept.booking.starts_at
        when = "time unknown" if starts is None else _moment(starts)
        yield f"  {timeline.word(kept):<10} {when}  {clean(kept.booking.uid, 30)}"
    if chain.recognised:
        yield from _wrapped(f"Recognised as this interview’s: {_said(chain.recognised)}.", "  ")
    yield from ("", _loud("What was said and done, oldest first"))
    for entry in chain.entries:
        yield from _entry(entry)
    yield from (
        "",
        f"Times are those of this machine ({datetime.now(UTC).astimezone():%Z, UTC%z}).",
    )


def _entry(entry: Entry) -> Iterator[str]:
    mark = "*" if entry.decides else " "
    begin = f"{mark} {_moment(entry.said_at)}  "
    text = clean(_said(entry.words), _LONGEST)
    yield from textwrap.wrap(
        text[:1].upper() + text[1:],
        _width(),
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
    )
    yield from _wrapped("; ".join(_origin(entry)), " " * len(begin))


def _origin(entry: Entry) -> Iterator[str]:
    yield clean(entry.source, 200)
    if entry.delivery_id is not None:
        yield f"delivery {entry.delivery_id}"
    elif entry.sync_run_id is not None:
        yield f"check {entry.sync_run_id}"
    if abs((entry.heard_at - entry.said_at).total_seconds()) >= 1:
        yield f"heard {_moment(entry.heard_at)}"
    if entry.still_at is not None:
        yield f"still so {_moment(entry.still_at)}"
    if entry.before and entry.before != entry.after:
        yield f"{entry.before} -> {entry.after}"
    if entry.effect and entry.effect is not Effect.NEWS:
        yield entry.effect.label.lower()
    if entry.decides:
        yield "this decides"


def _said(words: Words) -> str:
    # Names come from anybody; a terminal would obey what is in them.
    pieces = [each if isinstance(each, str) else _moment(each) for each in words]
    return clean("".join(pieces), _LONGEST)


def _wrapped(text: str, indent: str = "") -> Sequence[str]:
    return textwrap.wrap(text, _width(), initial_indent=indent, subsequent_indent=indent)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _width() -> int:
    return min(_WIDEST, max(40, shutil.get_terminal_size((_WIDEST, 24)).columns))


def _loud(text: str) -> str:
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    return text if plain else typer.style(text, bold=True)
