"""`greenroom connect` and `greenroom reconcile`, as a person runs them."""

import os
import pty
import subprocess
import time

import psycopg
import pytest

from calcom_desk import KEY
from program import GREENROOM, environment, run, serving, until

IN_TIME = 15.0
"""Seconds; on an idle machine it takes three."""


@pytest.fixture
def settings(database_url, tmp_path):
    return {
        "GREENROOM_DATABASE_URL": database_url,
        "GREENROOM_DATA_DIR": str(tmp_path),
        "GREENROOM_FIND_TUNNEL": "off",
    }


def hooks(calcom):
    return calcom.http.get(f"{calcom.url}/control/api/webhooks").json()


def test_one_command_from_nothing_to_a_verified_delivery(settings, tmp_path, calcom):
    with serving(tmp_path, **settings) as served:
        token = run("token", "create", "tests", "--role", "viewer", **settings).out.strip()
        began = time.monotonic()

        words = ("--api-url", calcom.url, "--api-key", KEY, "--event-type", "intro-call")
        said = run("connect", *words, **settings)
        calcom.book()

        def verified():
            answer = served.get("/api/admin/scheduling/deliveries", token)
            return answer.json()["items"]

        until(verified)
        taken = time.monotonic() - began
        offered = served.get("/api/admin/scheduling/event-types", token).json()["items"]
    print(f"Connected, and heard, after {taken:.1f} s.")  # noqa: T201  (for whoever runs it with -s)
    assert (said.code, said.err) == (0, "")
    assert "Account: Mara Lindqvist (mara@studio.example)." in said.out
    assert "  intro-call: Intro call, 30 min\n" in said.out
    assert "  panel: Panel, 60 min, not sent\n" in said.out
    assert "press Ping test" in said.out
    assert [each["title"] for each in offered] == ["Intro call"]
    assert taken < IN_TIME


def test_the_secret_is_renewed_and_the_account_disconnected(settings, calcom):
    assert run("connect", "--api-url", calcom.api_url, "--api-key", KEY, **settings).code == 0

    renewed = run("connect", "--new-secret", **settings)
    [hook] = hooks(calcom)
    parted = run("connect", "--disconnect", **settings)
    again = run("connect", "--disconnect", **settings)

    assert (renewed.code, renewed.err) == (0, "")
    assert f"Webhook secret, shown only now: {hook['secret']}\n" in renewed.out
    assert "taken for another day" in renewed.out
    assert parted.out.startswith("Disconnected “Cal.com”. Its webhook at Cal.com is deleted.\n")
    assert hooks(calcom) == []
    assert again.problem[0] == "There is no connection to Cal.com yet."


def test_what_was_connected_on_a_page_is_parted_from_on_the_command_line(settings, calcom):
    """There a private address was allowed by a setting that is not set here."""
    assert run("connect", "--api-url", calcom.api_url, "--api-key", KEY, **settings).code == 0
    with psycopg.connect(settings["GREENROOM_DATABASE_URL"], autocommit=True) as database:
        database.execute("UPDATE connections SET allows_private = false")

    parted = run("connect", "--disconnect", **settings)

    assert "Its webhook at Cal.com is deleted." in parted.out
    assert hooks(calcom) == []


def test_without_a_key_it_is_said_what_to_tick_and_a_key_that_is_none_is_refused(settings, calcom):
    secret = ("--webhook-secret", "by-hand-0123456789abcdef")
    by_hand = run("connect", "--name", "Team", *secret, **settings)
    odd = run("connect", "--api-url", calcom.api_url, "--api-key", "cal_live_käse", **settings)
    unchecked = run(
        "connect", "--api-url", calcom.api_url, "--api-key", KEY, "--skip-check", **settings
    )

    assert "all that begin with Booking" in by_hand.out
    assert (odd.code, odd.problem[0]) == (1, "That is not an API key.")
    assert "makes it within a minute" in unchecked.out
    assert "by hand" not in unchecked.out


def test_who_sits_at_a_terminal_is_asked_and_the_key_is_not_shown(settings, calcom):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [GREENROOM, "connect"],
        env=environment(**settings, TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = answered(ours, b"Where Cal.com is", calcom.url)
    said += answered(ours, b"API key", KEY)
    said += read_to_end(ours)

    assert process.wait(timeout=30) == 0, said
    assert b"Webhook: Made at Cal.com." in said
    assert KEY.encode() not in said


def answered(terminal, question, answer):
    said = b""
    while question not in said or not said.rstrip(b" ").endswith(b":"):
        said += os.read(terminal, 4096)
    time.sleep(0.2)  # until it has stopped echoing
    os.write(terminal, answer.encode() + b"\n")
    return said


def read_to_end(terminal):
    said = b""
    while True:
        try:
            more = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            return said
        if not more:
            return said
        said += more


def test_an_event_type_that_is_not_there_is_named_with_those_that_are(settings, calcom):
    words = ("--api-url", calcom.api_url, "--api-key", KEY, "--event-type", "nothing")
    said = run("connect", *words, **settings)

    assert said.problem[0] == "Cal.com names no event type “nothing”."
    assert "intro-call" in said.problem[1]
    assert hooks(calcom) == []


def test_a_full_compare_is_asked_for_and_told_of(database_url, calcom, tmp_path):
    settings = {
        "GREENROOM_DATABASE_URL": database_url,
        "GREENROOM_DATA_DIR": str(tmp_path),
        "GREENROOM_CALCOM_API_KEY": KEY,
        "GREENROOM_CALCOM_API_URL": calcom.api_url,
    }
    assert run("connect", "--name", "Studio", **settings).code == 0
    calcom.control("webhooks", enabled=False)
    calcom.book()

    said = run("reconcile", "--full", **settings)

    assert (said.code, said.err) == (0, "")
    assert (
        said.out
        == "Studio: 1 answers about bookings in 2 requests, 1 changed. Deliveries: 1 lost.\n"
    )


def test_changes_since_a_time_to_come_are_refused(tmp_path):
    said = run("reconcile", "--since", "2999-01-01", cwd=tmp_path)

    assert (said.code, list(tmp_path.iterdir())) == (1, [])
    assert said.problem[0].startswith("2999-01-01 00:00 (UTC) is still to come")


def test_a_full_compare_since_some_time_is_refused(tmp_path):
    said = run("reconcile", "--full", "--since", "2026-11-01", cwd=tmp_path)

    assert (said.code, said.problem[1]) == (1, "Give --full or --since, not both.")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("replay 99999999999999999999", "should be"),
        ("replay 0", "should be"),
        ("reconcile --since 0001-01-01", "before Cal.com was there"),
    ],
)
def test_numbers_and_moments_that_cannot_be_are_refused_with_words(tmp_path, words, what):
    said = run(*words.split(), cwd=tmp_path)

    assert said.code in {1, 2}
    assert what in said.err
    assert "Traceback" not in said.err
