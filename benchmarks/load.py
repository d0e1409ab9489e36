"""Load on a server, made by a client in a process of its own."""

import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from benchmarks.client import Round


def send(
    place: Path, port: int, requests: Iterable[bytes], *, seconds: float, rate: float = 0
) -> Round:
    """Send them to `port`, `rate` per second or as fast as it goes, until `seconds` are over."""
    file = place / "requests"
    with file.open("wb") as out:
        for each in requests:
            out.write(len(each).to_bytes(4, "big") + each)
    words = (str(file), f"--port={port}", f"--seconds={seconds}", f"--rate={rate}")
    said = machine.run(place, "benchmarks.client", *words)
    file.unlink()
    return Round(**json.loads(said))
