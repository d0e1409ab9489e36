"""What the tests of accounts have in common."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from greenroom.accounts import credentials, store, throttle

PUBLIC = "https://interviews.example.org"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PASSWORD = "marmalade on the 7th ferry"
ANOTHER = "eleven violins under water"
TABLES = [
    store.users,
    store.tickets,
    credentials.sessions,
    credentials.tokens,
    throttle.attempts,
    throttle.known_networks,
]
"""Parents first."""


async def count(tx, *tables):
    """How many rows each table has."""
    return [
        (await tx.execute(select(func.count()).select_from(each))).scalar_one() for each in tables
    ]


async def everything(tx):
    """All rows of all tables, as text."""
    return "\n".join(
        [str((await tx.execute(select(each).order_by(*each.primary_key))).all()) for each in TABLES]
    )
