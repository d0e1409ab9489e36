"""`greenroom reconcile --full`, as a person runs it."""

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
    assert said.out == "Studio: 1 bookings in 2 answers, 1 changed. Deliveries: 1 lost.\n"


def test_a_full_compare_since_some_time_is_refused(tmp_path):
    said = run("reconcile", "--full", "--since", "2026-11-01", cwd=tmp_path)

    assert (said.code, said.problem[1]) == (1, "Give --full or --since, not both.")
