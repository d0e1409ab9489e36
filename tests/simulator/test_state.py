"""What a simulator knows, kept over a restart."""

import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calcom_desk import KEY, Calcom
from calcom_simulator import state
from calcom_simulator.editions import SELF_HOSTED
from calcom_simulator.memory import Memory
from calcom_simulator.state import Keeper, Unfit
from calcom_simulator.world import World
from simulator.cal import Cal

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HOST = {"Authorization": f"Bearer {KEY}"}

# Every memory there could be

text = st.text(max_size=5)
anything = st.recursive(
    # What JSON can say, and no more: what a booker answers comes to us as JSON.
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=3,
)
LEAVES = {
    Any: anything,
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: text,
    bytes: text.map(str.encode),
    datetime: st.datetimes(timezones=st.just(UTC)),
    time_of_day: st.times(),
    timedelta: st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
}


def fitting(hint):
    """Values of the type, as the type says and nothing else."""
    parts = get_args(hint)
    match get_origin(hint) or hint:
        case leaf if leaf in LEAVES:
            found = LEAVES[leaf]
        case enum if isinstance(enum, type) and issubclass(enum, Enum):
            found = st.sampled_from(enum)
        case made if dataclasses.is_dataclass(made):
            hints = get_type_hints(made)
            found = st.builds(made, **{name: fitting(each) for name, each in hints.items()})
        case kind if kind is Literal:
            found = st.sampled_from(parts)
        case kind if kind in {Union, UnionType}:
            found = st.one_of([fitting(each) for each in parts])
        case kind if kind is dict:
            found = st.dictionaries(*map(fitting, parts), max_size=2)
        case kind if kind is tuple and parts[-1] is not ...:
            found = st.tuples(*map(fitting, parts))
        case kind:
            found = st.lists(fitting(parts[0]), max_size=2).map(kind)
    return found


def shape(hint, seen):
    """Every field of every dataclass within `hint`, in words."""
    for inner in get_args(hint):
        yield from shape(inner, seen)
    if dataclasses.is_dataclass(hint) and hint not in seen:
        seen.add(hint)
        for name, inner in get_type_hints(hint).items():
            yield f"{hint.__name__}.{name}: {inner}"
            yield from shape(inner, seen)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(fitting(Memory))
def test_whatever_a_world_remembers_is_read_as_it_was_written(memory):
    world = World()
    memory.bookings = {booking.uid: booking for booking in memory.bookings.values()}
    world.recall(memory)

    assert state.read(state.written(world)) == memory


def test_the_formats_number_is_of_this_shape():
    told = "\n".join(sorted(shape(Memory, set())))
    found = hashlib.sha256(told.encode()).hexdigest()[:12]

    assert (state.FORMAT, found) == (3, "2020a3c0aeb0"), (
        "What is kept has changed. Raise FORMAT, then write the new pair here."
    )


@pytest.mark.anyio
async def test_a_world_goes_on_as_if_it_had_not_been_away(tmp_path):
    async with Cal(MONDAY, edition=SELF_HOSTED) as one, Cal(MONDAY, subscribe=False) as other:
        first = await one.book()
        moved = await one.data(
            "POST", f"/bookings/{first['uid']}/reschedule", {"start": "2026-11-26T09:00:00Z"}
        )
        await one.control("clock", {"advance_seconds": 3600})
        Keeper(one.world, tmp_path / "world.json").save()
        Keeper(other.world, tmp_path / "world.json").recall()

        assert one.world.memory() == other.world.memory()
        again = await other.call(
            "POST", f"/bookings/{first['uid']}/reschedule", {"start": "2026-11-27T09:00:00Z"}
        )
        assert f"rescheduled already to booking with uid={moved['uid']}" in again.text
        for cal in (one, other):
            await cal.control("clock", {"now": "2026-11-26T10:30:00Z"})
            assert cal.receiver.triggers[-2:] == ["MEETING_ENDED", "MEETING_STARTED"]
        next_ones = [await cal.book(start="2026-11-27T09:00:00Z") for cal in (one, other)]
        assert next_ones[0]["uid"] == next_ones[1]["uid"] != first["uid"]


@pytest.mark.parametrize(
    ("kept", "reason"),
    [
        ("no JSON", "it is not JSON"),
        ("[]", "its format is not 3"),
        ('{"format": 0}', "its format is not 3"),
        ('{"format": 3, "seed": 1}', "edition: Field required"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_reason(kept, reason):
    with pytest.raises(Unfit, match=reason):
        state.read(kept)


# The program, as it is started and ended


@contextmanager
def program(path, *options):
    """The simulator with its state at `path`; gives its process and hands to use it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "calcom_simulator", "--port", "0", "--state", path, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().rpartition(" ")[2].strip()
        with httpx2.Client(timeout=10) as http:
            yield process, Calcom(url, http)
    finally:
        process.kill()
        process.communicate()


def end(process, how):
    process.send_signal(how)
    return process.communicate(timeout=10)[1]


def test_a_simulator_that_was_ended_knows_its_bookings_links_and_subscriptions(tmp_path):
    place = tmp_path / "calcom.json"
    with program(place) as (process, calcom):
        booking = calcom.book()
        calcom.control("subscriptions", url="http://127.0.0.1:9/", secret="s")
        link = calcom.http.post(
            f"{calcom.api_url}/event-types/1/private-links",
            json={},
            headers={**HOST, "cal-api-version": "2024-09-04"},
        ).json()["data"]
        assert end(process, signal.SIGTERM) == ""

    with program(place) as (process, calcom):
        assert calcom.get(booking["uid"]) == booking
        hooks = calcom.http.get(f"{calcom.url}/control/api/webhooks").json()
        links = calcom.http.get(
            f"{calcom.api_url}/event-types/1/private-links",
            headers={**HOST, "cal-api-version": "2024-09-04"},
        ).json()["data"]
        assert [hook["subscriberUrl"] for hook in hooks] == ["http://127.0.0.1:9/"]
        assert [each["linkId"] for each in links] == [link["linkId"]]
        assert calcom.book(name="Grace")["uid"] != booking["uid"]
        assert end(process, signal.SIGINT) == ""


def test_what_is_a_second_old_is_there_after_a_kill(tmp_path):
    place = tmp_path / "calcom.json"
    with program(place) as (process, calcom):
        uid = calcom.book()["uid"]
        time.sleep(1)
        end(process, signal.SIGKILL)

    with program(place) as (_, calcom):
        assert calcom.get(uid)["uid"] == uid


def test_a_file_of_another_format_is_told_in_one_line_and_replaced(tmp_path):
    place = tmp_path / "calcom.json"
    place.write_text('{"format": 0}')
    with program(place) as (process, _):
        said = end(process, signal.SIGTERM)

    assert said == f"{place} is not used, because its format is not 3; starting anew.\n"
    assert json.loads(place.read_text())["format"] == state.FORMAT


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path):
    with program(tmp_path / "nowhere" / "calcom.json") as (process, _):
        said = process.communicate(timeout=10)[1]

    assert process.returncode == 1
    assert said.strip().endswith("No such file or directory. Choose another --state.")
