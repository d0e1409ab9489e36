"""`greenroom demo` as somebody tries it: started, looked at, stopped, started again."""

import signal
import socket
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest

from calcom_desk import Calcom
from program import Served, run, started, until

STORY = {"confirmed": 2, "requested": 1, "cancelled": 1, "pending": 2}


def demo(data_dir: Path, *options: str) -> AbstractContextManager[Served]:
    words = ["demo", "--data-dir", str(data_dir), *options]
    return started(words, data_dir, until="Open the second line.")


def on_same_ports(served: Served) -> tuple[str, ...]:
    ports = {"--port": served.url, "--simulator-port": calcom(served)}
    return tuple(word for name, url in ports.items() for word in (name, url.rpartition(":")[2]))


def addresses(served: Served) -> list[str]:
    """Greenroom, the sign-in link, the letters, the simulator's control page."""
    lines = served.said.strip().splitlines()
    return [next(word for word in line.split() if "://" in word) for line in lines[:4]]


def calcom(served: Served) -> str:
    return addresses(served)[3].removesuffix("/control")


def sign_in(served: Served) -> None:
    answer = served.http.post(addresses(served)[1])
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def statuses(served: Served) -> dict[str, int]:
    page = served.get("/api/admin/scheduling/interviews").json()
    return dict(Counter(each["status"] for each in page["items"]))


def deliveries(served: Served) -> list[tuple[str, str]]:
    page = served.get("/api/admin/scheduling/deliveries").json()
    return [(each["trigger"], each["state"]) for each in page["items"]]


def is_there(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).is_success
    except httpx2.ConnectError:
        return False


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A demo that was looked at and stopped: its directory, and what was seen."""
    place = tmp_path_factory.mktemp("demo") / "data"
    with demo(place, "--port", "0", "--simulator-port", "0") as served:
        seen = {"looked": served.get(addresses(served)[1].removeprefix(served.url))}
        seen["stranger"] = served.get("/")
        sign_in(served)
        until(lambda: statuses(served) == STORY)
        until(lambda: {state for _, state in deliveries(served)} == {"done"})
        seen["told"] = {trigger for trigger, _ in deliveries(served)}
        seen["pages"] = {url: served.http.get(url).status_code for url in addresses(served)}
        seen["end"] = served.end(signal.SIGINT)
        seen["left"] = is_there(addresses(served)[3]), (place / "postgres/postmaster.pid").exists()
    return place, served, seen


def test_a_demo_shows_interviews_that_real_deliveries_moved(first):
    _, served, seen = first

    assert served.url == addresses(served)[0]
    assert {
        "BOOKING_CREATED",
        "BOOKING_REQUESTED",
        "BOOKING_RESCHEDULED",
        "BOOKING_CANCELLED",
    } <= seen["told"]


def test_the_sign_in_link_is_used_by_a_click_and_not_by_a_look(first):
    _, served, seen = first
    greenroom, link, letters, control = addresses(served)

    assert seen["looked"].status_code == 200
    assert seen["stranger"].status_code == 401
    assert seen["pages"] == {greenroom: 200, link: 404, letters: 200, control: 200}


def test_ctrl_c_ends_all_of_it(first):
    _, _, seen = first

    code, seconds = seen["end"]
    assert code == 0
    assert seconds < 10
    assert seen["left"] == (False, False)


def test_a_demo_that_is_started_again_goes_on_where_it_was(first):
    place, before, _ = first
    with demo(place, *on_same_ports(before)) as served:
        assert addresses(served)[0] == addresses(before)[0]
        sign_in(served)
        assert statuses(served) == STORY

        known = len(deliveries(served))
        desk = Calcom(calcom(served), served.http)
        state = served.http.get(f"{desk.url}/control/api/state").json()
        assert (state["bookings"], state["subscriptions"]) == (5, 1)
        desk.book("intro-call", email="candidate@example.com", name="Candidate Example")
        until(lambda: statuses(served) == {**STORY, "confirmed": 3, "pending": 1})
        assert len(deliveries(served)) == known + 1

        refused = run("demo", "--reset", "--port", 0, "--simulator-port", 0, "--data-dir", place)
        assert refused.problem == [
            f"A demo is running on {place}.",
            "Stop it first, then start with --reset.",
        ]
        assert served.end(signal.SIGTERM)[0] == 0


def test_reset_starts_afresh_also_after_a_kill(first):
    place, before, _ = first
    with demo(place, *on_same_ports(before)) as served:
        served.end(signal.SIGKILL)
        until(lambda: not is_there(addresses(served)[3]))
    with demo(place, "--reset", *on_same_ports(before)) as served:
        sign_in(served)
        until(lambda: statuses(served) == STORY)


@pytest.mark.parametrize("options", [(), ("--reset",)])
def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path, options):
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18\n")
    said = run("demo", *options, "--port", 0, "--simulator-port", 0, "--data-dir", tmp_path)

    assert (said.code, said.out) == (1, "")
    assert said.problem == [
        f"{tmp_path} has something in it that is not a demo's, so it was left alone.",
        "Name another --data-dir.",
    ]
    assert [each.name for each in tmp_path.rglob("*")] == ["postgres", "PG_VERSION"]


@pytest.mark.parametrize("option", ["--port", "--simulator-port"])
def test_a_port_that_is_taken_is_said_with_the_option_to_change(tmp_path, option):
    ports = {"--port": 0, "--simulator-port": 0}
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports[option] = other.getsockname()[1]
        words = [word for pair in ports.items() for word in pair]
        said = run("demo", *words, "--data-dir", tmp_path / "demo")

    what, do = said.problem
    assert (said.code, said.out) == (1, "")
    assert what.startswith(f"Port {ports[option]} on 127.0.0.1 cannot be used")
    assert do.endswith(f" {option}.")
