"""`greenroom doctor`, on the command line."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from calcom_desk import KEY
from greenroom.commands.doctor import to_do
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.health import Looked
from greenroom.doctor.model import Finding, Found, Light
from program import run


@pytest.fixture
def greenroom(database_url, tmp_path):
    """Run a command of Greenroom on the test's database."""

    def greenroom(*words):
        return run(
            *words,
            GREENROOM_DATABASE_URL=database_url,
            GREENROOM_DATA_DIR=str(tmp_path),
            GREENROOM_FIND_TUNNEL="off",
        )

    return greenroom


def test_a_fresh_installation_reads_like_advice(greenroom):
    done = greenroom("doctor")

    assert done.code == 0, done.err
    assert "Broken" not in done.out
    assert "Look here" not in done.out
    assert "Connect Cal.com" in done.out
    assert "greenroom serve" in done.out
    assert "Nothing is wrong; some things are not set up yet." in done.out
    advice = [line for line in done.out.splitlines() if line.strip().startswith("→")]
    assert len(advice) == len(set(advice)), "the same advice is given once"
    assert "\x1b[" not in done.out, "no colours where nobody watches"
    for check in CHECKS.values():
        assert check.title in done.out


def test_what_is_red_is_said_with_its_fix_and_the_exit_code(greenroom, calcom, database_url):
    greenroom("connect", "--api-url", calcom.api_url, "--api-key", KEY)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO heartbeats VALUES ('drain', 'x', now() - interval '1 h')")
    done = greenroom("doctor", "--json", "background", "migrations")

    assert done.code == 1
    said = json.loads(done.out)
    assert (said["worst"], said["count"]) == ("red", 1)
    found, beside = said["checks"]
    assert (beside["id"], beside["light"]) == ("migrations", "green")
    assert (found["id"], found["light"]) == ("background", "red")
    assert "does nothing by itself since" in found["what"]


def test_what_is_no_check_is_said(greenroom):
    wrong = greenroom("doctor", "nose")
    assert wrong.code == 1
    assert "There is no check “nose”." in wrong.err
    assert "background" in wrong.err


def test_what_a_shell_sees_is_not_kept(greenroom, database_url):
    """It may lack what `serve` was started with, and would put that aside."""
    assert greenroom("doctor", "mail-server", "disk").code == 0

    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT * FROM findings").fetchall() == []


def test_it_mends_what_can_be_mended_and_says_so(greenroom, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO deliveries (connection_id, digest, body, received_at, state, attempts)"
            " VALUES (1, 'x', '{}', now(), 'dead', 8)"
        )

    done = greenroom("doctor", "--fix", "deliveries-read")

    assert "Deliveries are read: 1 delivery is read again." in done.err
    assert "Well" in done.out
    assert done.code == 0


def test_an_account_without_a_key_is_advice_once_also_beside_another(greenroom, calcom):
    greenroom("connect", "--api-url", calcom.api_url, "--api-key", KEY)
    greenroom("connect", "--name", "Deaf", "--api-url", calcom.api_url)

    said = greenroom("doctor").out

    assert said.count("--name Deaf --api-key") == 1
    assert "This cannot be seen without an API key." not in said
    assert "After that, for Deaf: API key, API, Clock" in said


def test_a_terminal_is_told_a_command_where_a_page_has_a_button(greenroom, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO deliveries (connection_id, digest, body, received_at, state, attempts)"
            " VALUES (1, 'x', '{}', now(), 'dead', 8)"
        )

    said = greenroom("doctor", "deliveries-read").out

    assert "`greenroom doctor --fix deliveries-read`" in said
    assert "Press Read again" not in said


@pytest.mark.parametrize(
    ("check", "do", "offer", "said"),
    [
        (
            "webhook-on",
            "Press Switch it on, or switch it on in Cal.com.",
            "Switch it on",
            ["Run `greenroom doctor --fix webhook-on`, or switch it on in Cal.com."],
        ),
        (
            "jobs",
            "See the log.",
            "Try again",
            ["See the log.", "Greenroom does it: `greenroom doctor --fix jobs`."],
        ),
        (
            "probe",
            "Press Try it: it books.",
            "Try it",
            ["Press Try it on the page Health: it books."],
        ),
        ("api", "Wait, then press Check again.", None, ["Wait, then run this again."]),
    ],
)
def test_no_button_is_named_on_a_terminal(check, do, offer, said):
    finding = Finding(light=Light.RED, what="It is off.", do=do, offer=offer)
    now = datetime.now(UTC)
    found = Found(check_id=check, finding=finding, since=now, looked_at=now)

    assert to_do(Looked(CHECKS[check], [found]), found) == said
