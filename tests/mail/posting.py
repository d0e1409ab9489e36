"""Writing, sending and looking at letters, in as few words as a test wants to spend on it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from greenroom.database import Database
from greenroom.mail import letters, model, outbox
from greenroom.mail.model import Kind

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FROM = "Acme interviews <interviews@acme.example>"
LINK = "https://interviews.example.org/i/x4Tq"


def invitation(**changes: object) -> letters.Letter:
    told = {
        "candidate": "Ada Lovelace",
        "role": "Engineer",
        "company": "Acme",
        "kind": "Technical interview",
        "length_minutes": 45,
        "host": "Mara Lindqvist",
        "link": LINK,
        "expires_at": NOW + 14 * DAY,
        "zone": "Europe/Berlin",
        "sender": "Rita Recruiter",
    }
    return letters.invitation(**{**told, **changes})


async def put(database: Database, letter: letters.Letter | None = None, **changes: object):
    values = {
        "kind": Kind.INVITATION,
        "version": 1,
        "interview_id": 7,
        "candidate_id": 3,
        "to_address": "ada@example.org",
        "to_name": "Ada Lovelace",
        "mail_from": FROM,
        "now": NOW,
        "reply_to": "rita@acme.example",
    }
    async with database.transaction() as tx:
        return await outbox.put(tx, letter or invitation(), **{**values, **changes})


async def send(database: Database, letter_id: int, office, now: datetime = NOW, **more: object):
    server = None if office is None else office.server()
    return await outbox.send_one(
        database, letter_id, server=server, mail_from=FROM, now=now, **more
    )


async def kept(database: Database, letter_id: int) -> model.Outgoing:
    async with database.transaction() as tx:
        return await outbox.get(tx, letter_id)


async def waiting(database: Database, now: datetime) -> list[int]:
    async with database.transaction() as tx:
        return list(await outbox.waiting(tx, now))


async def jobs(database: Database) -> list[dict[str, int]]:
    async with database.transaction() as tx:
        query = "SELECT args FROM procrastinate_jobs WHERE task_name = 'send_letter' ORDER BY id"
        return list((await tx.execute(text(query))).scalars())
