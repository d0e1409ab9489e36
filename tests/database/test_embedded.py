"""The PostgreSQL that comes along."""

import os
import subprocess
import sys
import time

import psycopg
import pytest

from greenroom.database import embedded
from greenroom.errors import Unavailable

HOLD = """
import pathlib, sys, time
from greenroom.database import embedded
with embedded.running(pathlib.Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


def start(place):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def postmaster(place):
    return int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def dies(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_two_processes_share_one_server_and_the_last_stops_it(tmp_path):
    first, url = start(tmp_path)
    with embedded.running(tmp_path) as same:
        assert same == url
        pid = postmaster(tmp_path)
        first.terminate()
        first.wait()
        with psycopg.connect(same) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    assert dies(pid)


def test_what_was_committed_is_there_after_the_owner_was_killed(tmp_path):
    owner, url = start(tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('here')")
    owner.kill()
    owner.wait()

    with embedded.running(tmp_path) as url_again:
        with psycopg.connect(url_again) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("here",)
        pid = postmaster(tmp_path)

    assert dies(pid)


def test_a_place_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "postgres").write_text("a file where a folder should be")

    with pytest.raises(Unavailable, match="GREENROOM_DATA_DIR"), embedded.running(tmp_path):
        pass
