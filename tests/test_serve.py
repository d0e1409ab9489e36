"""`serve` and `work` as processes: how they begin, what they keep, how they end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from builders import delivery
from greenroom.calcom.webhook import signature
from greenroom.database import embedded
from greenroom.deliveries import actions as deliveries
from greenroom.settings import WEBHOOK_PATH
from program import GREENROOM, Served, environment, run, serving, started, until

SECRET = "whsec_served_0123456789ab"
PASSWORD = "seven lanterns over marmalade"
HALF_A_REQUEST = f"POST {WEBHOOK_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode()
DELIVERIES = "/api/admin/scheduling/deliveries"


class Burst:
    """Signed deliveries over 16 connections, as fast as they are answered.

    `answered` has the delivery's id for each uid that was answered 200, `refused` the other
    statuses; a connection that breaks is not opened again.
    """

    def __init__(self, served: Served, name: str, many: int) -> None:
        self.answered: dict[str, int] = {}
        self.refused: list[int] = []
        self._where = urlsplit(served.url).netloc.replace("localhost", "127.0.0.1")
        self._uids = (f"{name}{number}" for number in range(many))
        self._taking = threading.Lock()
        self._threads = [threading.Thread(target=self._send) for _ in range(16)]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        connection = http.client.HTTPConnection(self._where, timeout=30)
        try:
            while uid := self._next():
                status, answer = _post(connection, uid)
                if status == 200:
                    self.answered[uid] = int(answer.split(b'"delivery":"')[1].split(b'"')[0])
                else:
                    self.refused.append(status)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _next(self) -> str | None:
        with self._taking:
            return next(self._uids, None)


def _post(connection: http.client.HTTPConnection, uid: str) -> tuple[int, bytes]:
    body = delivery(uid=uid)
    connection.request("POST", WEBHOOK_PATH, body, {"X-Cal-Signature-256": signature(SECRET, body)})
    response = connection.getresponse()
    return response.status, response.read()


@contextmanager
def signed_in(data_dir: Path, *options: str) -> Iterator[Served]:
    """A running `serve`, with an admin signed in."""
    with serving(data_dir, *options) as served:
        form = {"email": "robin@example.org", "password": PASSWORD}
        link = next((word for word in served.said.split() if "/set-up/" in word), None)
        if link:
            form["name"] = "Robin"
        answer = served.http.post(link or f"{served.url}/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield served


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A data directory with a user and a connection, set up as its first visitor would."""
    place = tmp_path_factory.mktemp("home") / "data"
    with signed_in(place) as served:
        assert served.said.startswith("Nobody can sign in yet. Open this link to become the first")
        connected = run("connect", "--webhook-secret", SECRET, "--data-dir", place)
        assert connected.code == 0
        for path, expected in (
            ("/healthz", {"status": "up"}),
            ("/readyz", {"status": "ready"}),
            (WEBHOOK_PATH, "ready"),
        ):
            answer = served.get(path).json()
            assert expected in (answer, answer["status"])
    return place


def kept(served: Served, **asked: str) -> dict[int, dict]:
    """Every delivery, by its number."""
    found: dict[int, dict] = {}
    page: dict = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = served.get(DELIVERIES, limit=200, **cursor, **asked).json()
        found |= {each["id"]: each for each in page["items"]}
    return found


def waiting(served: Served) -> set[int]:
    """The deliveries that are not taken in yet."""
    return set(kept(served, state="new"))


def claimed(data_dir: Path) -> set[int]:
    """What is claimed and not taken in, asked of the database itself."""
    with database(data_dir) as connection:
        rows = connection.execute("SELECT id FROM deliveries WHERE state = 'new' AND attempts > 0")
        return {id_ for (id_,) in rows}


def database(data_dir: Path) -> "psycopg.Connection[tuple]":
    """The running server, asked directly."""
    place = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    return psycopg.connect(f"postgresql://postgres@/greenroom?host={place}", autocommit=True)


def database_runs(data_dir: Path) -> bool:
    return (data_dir / "postgres" / "postmaster.pid").exists()


def test_serve_ends_in_time_while_pages_listen_and_deliveries_arrive(home):
    with signed_in(home) as served, ExitStack() as pages:
        open_ = [served.http.stream("GET", f"{served.url}/live") for _ in range(20)]
        streams = [pages.enter_context(each).iter_lines() for each in open_]
        assert {next(lines) for lines in streams} == {"event: resync"}
        burst = Burst(served, "term", 100_000)
        until(lambda: len(burst.answered) > 50)
        half = socket.create_connection(("127.0.0.1", urlsplit(served.url).port))
        half.sendall(HALF_A_REQUEST)
        code, seconds = served.end(signal.SIGTERM)
        burst.wait()
        half.close()
        for lines in streams:
            list(lines)

    assert code == 0
    assert seconds < 10
    assert set(burst.refused) <= {503}
    assert not database_runs(home)
    with signed_in(home) as served:
        assert served.said.startswith("Greenroom is on http://localhost:")  # no set-up link again
        assert set(burst.answered.values()) <= set(kept(served))
        assert served.end(signal.SIGINT)[0] == 0


def test_every_delivery_answered_before_a_kill_is_there_once_and_applied(home):
    with signed_in(home) as served:
        before = claimed(home)
        burst = Burst(served, "kill", 2000)
        until(lambda: len(burst.answered) > 700)
        served.end(signal.SIGKILL)
        burst.wait()

        assert 700 < len(burst.answered) < 2000
        left = claimed(home)  # these wait until the dead one's lease runs out
        with signed_in(home) as again:
            until(lambda: waiting(again) <= left, seconds=10)
            found = kept(again)
            uid, id_ = next(one for one in burst.answered.items() if one[1] not in left)
            repeated = again.deliver(delivery(uid=uid), SECRET).json()
            booking = again.get(f"/api/admin/scheduling/bookings/{uid}").json()

    assert len(left - before) <= deliveries.BATCH
    assert set(burst.answered.values()) <= set(found)
    read = {each["id"]: each["uid"] for each in found.values() if each["state"] == "done"}
    assert len(set(read.values())) == len(read)
    assert repeated == {"status": "duplicate", "delivery": str(id_)}
    assert booking["status"] == "confirmed"
    for uid, id_ in burst.answered.items():
        assert read.get(id_) == uid or id_ in left


def test_serve_killed_again_and_again_keeps_what_it_answered_and_starts_each_time(home):
    """Killed at three moments of a burst, the first at its very beginning: all is there once."""
    answered: dict[str, int] = {}
    for number, moment in enumerate((1, 40, 400)):
        with serving(home) as served:
            burst = Burst(served, f"again{number}-", 3000)
            until(lambda burst=burst, moment=moment: len(burst.answered) >= moment)
            served.end(signal.SIGKILL)
            burst.wait()
            assert moment <= len(burst.answered) < 3000
            answered |= burst.answered
            left = claimed(home)  # these wait until the leases of the dead run out

    with signed_in(home) as served:
        until(lambda: waiting(served) <= left, seconds=20)
        found = kept(served)

    assert len(set(answered.values())) == len(answered)
    assert set(answered.values()) <= set(found)
    for uid, id_ in answered.items():
        assert (found[id_]["state"], found[id_]["uid"]) == ("done", uid) or id_ in left


def test_work_takes_in_what_serve_only_keeps(home):
    working = ["work", "--data-dir", str(home)]
    with signed_in(home, "--no-work") as served:
        id_ = int(served.deliver(delivery(uid="beside"), SECRET).json()["delivery"])
        time.sleep(2)
        assert waiting(served) >= {id_}
        with started(working, home, until=None) as worker:
            until(lambda: id_ not in waiting(served))
            code, seconds = worker.end(signal.SIGTERM)
        assert (code, seconds < 10) == (0, True)
        assert served.deliver(delivery(uid="alone"), SECRET).status_code == 200

    log = home.with_name("data.log")
    with started(working, home, until=None) as worker:
        until(lambda: '"uid": "alone"' in log.read_text())
        assert worker.end(signal.SIGTERM)[0] == 0
    assert not database_runs(home)


def test_background_work_that_failed_begins_again_and_the_web_goes_on(home):
    log = home.with_name("data.log")
    with signed_in(home) as served, database(home) as connection:
        connection.execute("ALTER TABLE procrastinate_jobs RENAME TO away")
        until(lambda: "The background work ended, and begins again" in log.read_text())
        connection.execute("ALTER TABLE away RENAME TO procrastinate_jobs")
        id_ = int(served.deliver(delivery(uid="after"), SECRET).json()["delivery"])
        until(lambda: id_ not in waiting(served))


def test_serve_starts_after_a_power_cut_and_spares_who_has_its_number_now(home):
    noted = home / "postgres" / "postmaster.pid"
    with embedded.running(home):
        lines = noted.read_text().splitlines()
        lock = Path(lines[4]) / f".s.PGSQL.{lines[3]}.lock"
        locked = lock.read_text().splitlines()
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    noted.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
    lock.write_text("\n".join([str(other.pid), *locked[1:]]) + "\n")

    try:
        with serving(home) as served:
            assert served.get("/readyz").status_code == 200
            assert served.end()[0] == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_first_start_that_was_killed_does_not_spoil_two_that_follow_at_once(tmp_path):
    place = tmp_path / "data"
    process = subprocess.Popen(
        [GREENROOM, "migrate", "--data-dir", str(place)],
        env=environment(),
        start_new_session=True,
    )
    # The cluster is half made when its first folders are there.
    until(lambda: process.poll() is not None or list(place.glob("postgres.new.*/global")))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    words = [GREENROOM, "migrate", "--data-dir", str(place)]
    settings = environment(LC_ALL="xx_XX.UTF-8")  # a language this machine does not have
    both = [subprocess.Popen(words, env=settings, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert sorted(each.name for each in place.iterdir()) == [
        "postgres",
        "postgres.lock",
        "secret.key",
    ]
