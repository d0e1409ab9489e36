"""`greenroom demo`: the whole of Greenroom on one machine, with made-up people, in one go."""

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import structlog

from greenroom import app, logs, settings
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.booking_links import actions as booking_links
from greenroom.calcom import connecting
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.database import embedded
from greenroom.errors import Conflict, GreenroomError, NotFound, Unavailable
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions as interviews
from greenroom.interviews import invitations, sending
from greenroom.parts import Parts
from greenroom.settings import Settings

_log = structlog.get_logger()

_STATE = "calcom.json"
"""The simulator's memory: by it a demo's directory is known."""
_KEY = "cal_simulator_mara"
"""The API key of the simulator's host."""
_ADDRESS = "robin@northpier.example"
_PEOPLE = tuple(
    Draft(name=name, addresses=(address,), role=role, zone=zone)
    for name, address, role, zone in (
        ("Ada Byron", "ada@harbor.example", "Compiler Engineer", "Europe/London"),
        ("Tomasz Oyelaran", "tomasz@harbor.example", "Platform Engineer", "America/New_York"),
        ("Aïsha Núñez", "aisha@meadow.example", "Product Designer", "America/Sao_Paulo"),
        ("Kenji Watanabe", "kenji@meadow.example", "Platform Engineer", "Asia/Tokyo"),
        ("Priya Raman", "priya@delta.example", "Data Engineer", "Asia/Calcutta"),
        ("Lena Brandt", "lena@delta.example", "Product Designer", "Europe/Berlin"),
        ("Otto Lindqvist", "otto@delta.example", "Support Lead", "Europe/Stockholm"),
        ("Candidate Example", "candidate@example.com", "Analyst", None),
    )
)
_SENT: Mapping[str, Sequence[str]] = {
    "technical-interview": ("ada@harbor.example", "tomasz@harbor.example", "priya@delta.example"),
    "intro-call": ("aisha@meadow.example", "candidate@example.com"),
    "final-round": ("kenji@meadow.example",),
}
"""Who got a link for what, by the event type's slug."""


def run(*, port: int, simulator_port: int, data_dir: Path, reset: bool) -> None:
    """Start everything, say where it is, and go on until interrupted."""
    _check(data_dir)
    listener = app.listen("127.0.0.1", port)
    if reset:
        _forget(data_dir)
    chosen = settings.load(
        data_dir=data_dir,
        public_url=f"http://localhost:{listener.getsockname()[1]}",
        company="Northpier",
        mail_from="Northpier hiring <hiring@northpier.example>",
    ).model_copy(update={"database_url": None, "smtp_url": None})
    logs.set_up("warning")
    with _simulator(simulator_port, data_dir) as calcom:
        app.run(_run(chosen, listener, calcom))


def _check(data_dir: Path) -> None:
    """Leave alone what is not a demo's: it would get made-up people, or be deleted."""
    try:
        if data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / _STATE).exists():
            raise Conflict(
                f"{data_dir} has something in it that is not a demo's, so it was left alone.",
                do="Name another --data-dir.",
            )
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{data_dir} cannot be used: {error.strerror}.", do="Name another --data-dir."
        ) from error


def _forget(data_dir: Path) -> None:
    if (data_dir / "postgres").exists():
        if embedded.is_used(data_dir):
            raise Conflict(
                f"A demo is running on {data_dir}.", do="Stop it first, then start with --reset."
            )
        with embedded.running(data_dir):
            pass  # a demo that was killed leaves the server up; now it stops
    shutil.rmtree(data_dir)
    data_dir.mkdir()


@contextmanager
def _simulator(port: int, data_dir: Path) -> Iterator[str]:
    """Run the Cal.com simulator beside us; give its address."""
    command = [sys.executable, "-m", "calcom_simulator", "--port", str(port)]
    command += ["--state", str(data_dir / _STATE), "--until-eof"]
    app.listen("127.0.0.1", port, option="--simulator-port").close()  # taken: say so ourselves
    # It ends with its standard input, so also when we are killed.
    process = subprocess.Popen(  # noqa: S603  (our own program)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    if "ready on" not in said:
        process.wait()
        raise GreenroomError("The Cal.com simulator did not start.", do="See what it said above.")
    try:
        yield said.rpartition(" ")[2].strip()
    finally:
        process.terminate()
        process.wait(timeout=10)


async def _run(chosen: Settings, listener: socket.socket, calcom: str) -> None:
    async with app.opened(chosen) as parts:
        await _connect(parts, calcom)
        is_new = await _furnish(parts)
        address = await _sign_in_address(parts)
        print(
            f"\n  Greenroom        {chosen.origin}\n"
            f"  Signed in as you {address}\n"
            f"  Letters          {chosen.origin}/outbox\n"
            f"  Cal.com          {calcom}/control  (a simulator; host page: {calcom}/host)\n\n"
            "  Open the second line. Stop with Ctrl+C; start again with --reset for new data.\n",
            flush=True,
        )
        async with asyncio.TaskGroup() as group:
            story = group.create_task(_tell_story(parts, calcom)) if is_new else None
            await app.serve(chosen, parts, listener, works=True)
            if story is not None:
                story.cancel()


async def _connect(parts: Parts, calcom: str) -> None:
    await connecting.connect(
        parts.database,
        parts.seal,
        parts.http,
        name="Demo",
        api_url=f"{calcom}/v2",
        api_key=_KEY,
        secret=None,
        check=True,
        webhook_url=parts.address.webhook_url,
        reachable=True,
        now=datetime.now(UTC),
    )


async def _furnish(parts: Parts) -> bool:
    """Add the sample people and their links, once; True if that was now."""
    now = datetime.now(UTC)
    async with parts.database.transaction() as tx:
        if (await candidates.find(tx, limit=1)).items:
            return False
        ids = {draft.addresses[0]: (await candidates.add(tx, draft, now)).id for draft in _PEOPLE}
        offered = {each.slug: each for each in await event_types.offered(tx)}
        for slug, addresses in _SENT.items():
            sent = await sending.send(
                tx, [ids[each] for each in addresses], offered[slug].id, by="Robin Demo", now=now
            )
            await invitations.invite(
                tx,
                sent.interview_ids,
                settings=parts.settings,
                origin=parts.address.origin,
                by="Robin Demo",
                now=now,
            )
    return True


async def _sign_in_address(parts: Parts) -> str:
    now = datetime.now(UTC)
    async with parts.database.transaction() as tx:
        try:
            person = await accounts.by_email(tx, _ADDRESS)
        except NotFound:
            person, _ = await accounts.add_user(
                tx, email=_ADDRESS, name="Robin Demo", role=Role.ADMIN, now=now
            )
        assert person.id is not None
        ticket = await accounts.sign_in_ticket(tx, person.id, now)
    return accounts.sign_in_address(parts.settings.origin, ticket)


async def _tell_story(parts: Parts, calcom: str) -> None:
    try:
        await _play(parts, calcom)
    except Exception:  # noqa: BLE001  (a demo without its sample bookings is still a demo)
        _log.exception("The sample bookings could not all be made")


async def _play(parts: Parts, calcom: str) -> None:
    """Let some candidates book at Cal.com, as soon as its deliveries can reach us."""
    async with httpx2.AsyncClient(timeout=10) as http:
        await _until_up(http, parts.address.webhook_url)
        ada = await _book(parts, http, calcom, "ada@harbor.example", days=1)
        await _book(parts, http, calcom, "kenji@meadow.example", days=3)
        aisha = await _book(parts, http, calcom, "aisha@meadow.example", days=2)
        await _book(parts, http, calcom, "tomasz@harbor.example", days=4)
        headers = {"cal-api-version": "2024-08-13", "Authorization": f"Bearer {_KEY}"}
        start = await _slot(http, calcom, ada["eventTypeId"], days=2)
        moved = {"start": start, "reschedulingReason": "A train strike"}
        await http.post(
            f"{calcom}/v2/bookings/{ada['uid']}/reschedule", json=moved, headers=headers
        )
        cancelled = {"cancellationReason": "I am ill, sorry"}
        await http.post(
            f"{calcom}/v2/bookings/{aisha['uid']}/cancel", json=cancelled, headers=headers
        )


async def _until_up(http: httpx2.AsyncClient, url: str) -> None:
    for _ in range(300):
        with suppress(httpx2.HTTPError):
            if (await http.get(url)).is_success:
                return
        await asyncio.sleep(0.1)


async def _book(
    parts: Parts, http: httpx2.AsyncClient, calcom: str, address: str, *, days: int
) -> Mapping[str, str]:
    """Book as the candidate would on Cal.com's page, with our token in the metadata."""
    async with parts.database.transaction() as tx:
        ids = await candidates.of_addresses(tx, [address])
        candidate = await candidates.get(tx, next(iter(ids.values())))
        interview, _, calcom_id = (await interviews.waiting(tx, [candidate.id]))[0]
        link = (await booking_links.of_interviews(tx, [interview.id]))[interview.id][-1]
    start = await _slot(http, calcom, str(calcom_id), days=days)
    booking = {
        "start": start,
        "eventTypeId": calcom_id,
        "attendee": {
            "name": candidate.name,
            "email": address,
            "timeZone": candidate.zone or "Europe/Berlin",
        },
        "metadata": {"greenroom": link.token},
    }
    answer = await http.post(
        f"{calcom}/v2/bookings", json=booking, headers={"cal-api-version": "2024-08-13"}
    )
    found: Mapping[str, str] = answer.json()["data"]
    return found


async def _slot(http: httpx2.AsyncClient, calcom: str, event_type: str, *, days: int) -> str:
    """The first free time of the event type from `days` days on."""
    start = datetime.now(UTC) + timedelta(days=days)
    query = {
        "eventTypeId": event_type,
        "start": start.date().isoformat(),
        "end": (start + timedelta(days=7)).date().isoformat(),
    }
    answer = await http.get(
        f"{calcom}/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"}
    )
    days_ = answer.json()["data"]
    first: str = next(times for _, times in sorted(days_.items()) if times)[0]["start"]
    return first
