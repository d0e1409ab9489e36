"""An installation with data in it comes up to this version, and nothing of it is lost."""

from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from greenroom.database import migrate
from world import SEAL

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def first_release(new_database):
    """The URL of a database as the first released version left it, without rows."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    config = Config()
    config.set_main_option("script_location", str(migrate._PLACE))
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.commit()
    engine.dispose()
    return url


def fill(url):
    """One interview each: matched by its token, matched by a person, and a booking of nobody's."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO connections (name, api_url, api_key, private_links, created_at,"
            " synced_until) VALUES ('Mara', 'https://cal.example/v2', %s, true, %s, %s)",
            (SEAL.close("cal_live_1"), NOW, NOW),
        )
        connection.execute(
            "INSERT INTO looks (connection_id, since, question, reached, skip, rests_until)"
            " VALUES (1, %(now)s, 'afterUpdatedAt', %(now)s, 100, %(now)s)",
            {"now": NOW},
        )
        connection.execute(
            "INSERT INTO sync_runs (connection_id, asked_by, started_at) VALUES (1, 'Robin', %s)",
            (NOW,),
        )
        for uid, interview_id, rung, why in (
            ("carried", 1, "token", "it carries our token for this interview"),
            ("judged", 2, "person", "Robin said so"),
            ("stranger", None, None, None),
        ):
            connection.execute(
                "INSERT INTO bookings (connection_id, uid, status, starts_at, ends_at, as_of,"
                " unconfirmed, details, interview_id, match_rung, match_explanation,"
                " first_heard_at, changed_at)"
                " VALUES (1, %s, 'confirmed', %s, %s, %s, true, '{}', %s, %s, %s, %s, %s)",
                (uid, NOW, NOW, NOW, interview_id, rung, why, NOW, NOW),
            )
        connection.execute("INSERT INTO booking_lineage VALUES (1, 'carried', 'judged')")
        connection.execute(
            "INSERT INTO deliveries (connection_id, digest, body, received_at, state)"
            " VALUES (1, 'digest', 'body', %s, 'done')",
            (NOW,),
        )


def test_what_the_first_release_kept_is_there_after_the_upgrade(first_release):
    fill(first_release)

    assert migrate.upgrade(first_release) is True

    with psycopg.connect(first_release) as connection:
        ask = connection.execute
        matches = ask("SELECT uid, interview_id, rung FROM booking_matches ORDER BY uid").fetchall()
        verdicts = ask('SELECT uid, interview_id, "by" FROM verdicts').fetchall()
        flags = ask("SELECT uid, is_moved, is_unmatched FROM bookings ORDER BY uid").fetchall()
        run = ask("SELECT kind, finished_at IS NOT NULL, error FROM sync_runs").fetchall()
        kept = ask("SELECT body, state, duplicates FROM deliveries").fetchall()
        resting = ask("SELECT rests_until FROM budgets").fetchall()
    assert matches == [("carried", 1, "token"), ("judged", 2, "person")]
    assert verdicts == [("judged", 2, "Robin")]
    assert flags == [("carried", True, False), ("judged", False, False), ("stranger", False, True)]
    assert run == [("incremental", True, "It ended with the process that did it.")]
    assert kept == [(b"body", "done", 0)]
    assert resting == [(NOW,)]
