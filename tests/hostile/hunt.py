"""How far to look: quickly in every run of the tests, far when somebody hunts."""

import os
from collections.abc import Sequence

HUNTING = os.environ.get("GREENROOM_HUNT", "0") != "0"


def sized(usual: int, when_hunting: int) -> int:
    """How many of something."""
    return when_hunting if HUNTING else usual


def rounds(generators: Sequence[str]) -> Sequence[tuple[str, int]]:
    """Each generator, when hunting ten times, with the number of the round."""
    return [(name, number) for name in generators for number in range(sized(1, 10))]
