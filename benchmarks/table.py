"""Budgets beside what was measured."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One budget; `met` None where there is none."""

    what: str
    budget: str
    measured: str
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """One word."""
        return {True: "met", False: "MISSED", None: ""}[self.met]


def table(lines: Iterable[Line]) -> str:
    """The lines under a heading, in columns."""
    rows = [("what", "budget", "measured", "verdict")]
    rows += [(each.what, each.budget, each.measured, each.verdict) for each in lines]
    return "\n".join(f"  {what:<44}{b:>12}{m:>14}  {v}".rstrip() for what, b, m, v in rows)
