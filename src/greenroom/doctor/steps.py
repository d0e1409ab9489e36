"""The steps of a trial: what happened, how long it took, where it failed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.bookings.probes import Probe


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a trial, how long it took, and what to do where it failed."""

    what: str
    seconds: float | None = None
    do: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it went as it should."""
        return not self.do

    @property
    def in_words(self) -> str:
        """What happened and how long it took, without a full stop."""
        took = "" if self.seconds is None else f" ({self.seconds:.1f} s)"
        return self.what.removesuffix(".") + took


def read_steps(probe: Probe) -> Sequence[Step]:
    """The steps as they were kept."""
    return [Step(**each) for each in probe.steps]
