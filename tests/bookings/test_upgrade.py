"""A running Greenroom's bookings, matches and lineage outlive the change of their tables."""

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from builders import NOW
from greenroom.bookings import actions as bookings
from greenroom.bookings import matches_store
from greenroom.bookings.match import Rung, Verdict
from greenroom.database import Database, migrate

pytestmark = pytest.mark.anyio

BEFORE = """
    INSERT INTO bookings (connection_id, uid, status, starts_at, ends_at, as_of, unconfirmed,
                          details, interview_id, match_rung, match_explanation, first_heard_at,
                          changed_at)
    SELECT 1, uid, 'confirmed', %(now)s, %(now)s, %(now)s, unconfirmed,
           '{"status_since": "2026-11-24T09:00:00Z", "title": "Intro", "host": null,
             "location": null, "reason": null, "host_absent": false, "successor_expected": false,
             "attendees": [{"email": "ada@example.org", "name": "Ada", "zone": null,
                            "absent": false}],
             "replaces": [], "replaced_by": [], "tokens": ["t"], "private_links": [],
             "event_type_id": 1, "event_type_slug": "intro", "series": null}',
           interview_id, rung, why, %(now)s, %(now)s
      FROM (VALUES ('one', true, 5, 'token', 'it carries our token for this interview'),
                   ('two', false, 6, 'person', 'Robin O''Neill said so'),
                   ('three', true, NULL, NULL, NULL),
                   ('id:7', true, NULL, NULL, NULL)) AS v(uid, unconfirmed, interview_id, rung, why)
"""


@pytest.fixture
def old_url(postgres, new_database):
    """A database of the release before, with bookings in it."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as tables:
            config = Config()
            config.set_main_option("script_location", str(migrate._PLACE))
            config.attributes["connection"] = tables
            command.upgrade(config, "0002")
        engine.dispose()
        connection.execute(BEFORE, {"now": NOW})
        connection.execute("INSERT INTO booking_lineage VALUES (1, 'one', 'two')")
    return url


async def test_what_was_known_before_is_known_after(old_url):
    assert migrate.upgrade(old_url)

    database = Database(old_url)
    async with database.transaction() as tx:
        one, two, three = [await bookings.get(tx, uid) for uid in ("one", "two", "three")]
        said = await matches_store.verdicts_on(tx, [(1, "one"), (1, "two"), (1, "three")])
        due = await bookings.to_ask(tx, 1, now=NOW.replace(hour=12), limit=9)
    await database.close()

    assert (one.match.interview_id, one.match.rung, one.match.address) == (5, Rung.TOKEN, "")
    assert (two.match.interview_id, two.match.rung) == (6, Rung.PERSON)
    assert said == {((1, "two"), ""): Verdict(6, "Robin O'Neill")}
    assert [each.is_moved for each in (one, two, three)] == [True, False, False]
    assert [each.is_unmatched for each in (one, two, three)] == [False, False, True]
    assert sorted(due) == ["one", "three"]
    assert one.booking.attendees[0].name == "Ada"
