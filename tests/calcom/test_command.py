"""`greenroom reconcile --full`, as a person runs it."""

import pytest

from calcom_desk import KEY
from program import run


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
