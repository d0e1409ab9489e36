"""What holds in every fault: no bug shows, whatever is away."""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def logs() -> Iterator[Sequence[MutableMapping[str, Any]]]:
    """The log lines of the test; none may tell of a bug.

    Faults fill the log, and to draw each traceback for a terminal takes longer than the fault.
    """
    with capture_logs() as lines:
        yield lines
    assert [line for line in lines if line["event"] == "Bug"] == []
