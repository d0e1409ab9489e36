"""The stage of the journeys, for what only a browser can tell."""

from journeys.conftest import browser, signed_in, stage

__all__ = ["browser", "signed_in", "stage"]
