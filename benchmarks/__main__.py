"""`make bench`: figures for the budgets, with what they were measured on. It informs; exit 0."""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import burst, drain, intake, machine

_SUBJECTS: Mapping[str, Callable[..., str]] = {
    "intake": intake.measure,
    "drain": drain.measure,
    "burst": burst.measure,
}


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="|".join(_SUBJECTS))
    parser.add_argument("--quick", action="store_true", help="less of it, in under a minute")
    parser.add_argument("--profile", action="store_true", help="also where the drain's time goes")
    given = parser.parse_args()
    print(machine.describe(), flush=True)
    for name in given.subjects or _SUBJECTS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as place:
            report = _SUBJECTS[name](Path(place), quick=given.quick, profile=given.profile)
        print(f"{report}\n\n  ({name} took {time.monotonic() - begun:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
