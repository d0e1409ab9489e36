"""With many bookings no question that is asked all day reads them all."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from builders import DAY, NOW, answered
from greenroom.bookings import claims, lineage_store, matches_store, store
from greenroom.bookings.fold import fold
from greenroom.bookings.model import Status
from greenroom.database import driver_connection

pytestmark = pytest.mark.anyio

MANY = 60_000


@pytest.fixture
async def many(world):
    """Bookings of two years: most confirmed, one in a thousand declined, some moved."""
    async with world.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO bookings (connection_id, uid, calcom_id, status, starts_at, ends_at,"
                " as_of, unconfirmed, details, is_moved, is_unmatched, first_heard_at, changed_at)"
                " SELECT :connection, 'uid' || n, n::text,"
                "        CASE WHEN n % 1000 = 0 THEN 'declined' ELSE 'confirmed' END,"
                "        t, t + interval '30 min', t, false,"
                "        CAST(:details AS jsonb), n % 500 = 1, n % 700 = 2, t, t"
                "   FROM generate_series(1, :many) AS n,"
                "        LATERAL (SELECT CAST(:now AS timestamptz)"
                "                        + (n - 0.9 * :many) * interval '15 min') AS at(t)"
            ),
            {
                "connection": world.connection_id,
                "many": MANY,
                "now": NOW,
                "details": json.dumps(claims.dump_details(fold([answered(Status.CONFIRMED)]))),
            },
        )
        await tx.execute(
            text(
                "INSERT INTO booking_matches SELECT connection_id, uid, '', calcom_id::bigint,"
                " 'token', '' FROM bookings"
            )
        )
        await tx.execute(
            text(
                "INSERT INTO booking_lineage SELECT connection_id, uid, 'next' || uid, '', as_of"
                " FROM bookings"
            )
        )
        await tx.execute(text("ANALYZE"))
    return world


async def plans(world, ask):
    """How PostgreSQL answers what `ask` asks."""
    asked = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    async with world.database.transaction() as tx:
        event.listen(tx.sync_connection, "before_cursor_execute", note)
        await ask(tx)
        raw = await driver_connection(tx)
        found = []
        for statement, parameters in asked:
            rows = await raw.execute(f"EXPLAIN {statement}", parameters)
            found.append("\n".join(str(line) for (line,) in await rows.fetchall()))
    assert found
    return found


QUESTIONS = {
    "ahead": lambda tx, c: store.between(tx, NOW, None, status=None, after=None, limit=51),
    "declined": lambda tx, c: store.between(
        tx, None, None, status="declined", after=None, limit=51
    ),
    "moved": lambda tx, c: store.between(tx, None, None, status="moved", after=None, limit=51),
    "deep": lambda tx, c: store.between(
        tx, None, None, status=None, after=(NOW - 100 * DAY, "uid1", c), limit=51
    ),
    "one": lambda tx, c: store.find(tx, "uid77"),
    "some": lambda tx, c: store.get(tx, [(c, f"uid{n}") for n in range(200)]),
    "of interviews": lambda tx, c: store.of_interviews(tx, list(range(1, 200))),
    "to ask": lambda tx, c: store.to_ask(tx, c, now=NOW, limit=200),
    "live": lambda tx, c: store.live(
        tx, c, ends_after=NOW - timedelta(days=1), beyond="uid5", limit=200
    ),
    "verdicts": lambda tx, c: matches_store.verdicts_on(tx, [(c, f"uid{n}") for n in range(200)]),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_question_reads_every_booking(many, question):
    found = await plans(many, lambda tx: QUESTIONS[question](tx, many.connection_id))

    for plan in found:
        assert "Seq Scan on bookings" not in plan, plan
        assert "Seq Scan on booking_matches" not in plan, plan


async def test_a_chain_is_followed_by_its_index(many):
    async with many.database.transaction() as tx:
        connection = await driver_connection(tx)
        keys = [[many.connection_id] * 200, [f"uid{n}" for n in range(200)]]
        rows = await connection.execute(f"EXPLAIN {lineage_store._TOUCHING}", 2 * keys)
        plan = "\n".join(str(line) for (line,) in await rows.fetchall())

    assert "Seq Scan on booking_lineage" not in plan, plan
