"""What was recorded from a real Cal.com 6.0.12, and how ours is held against it."""

import json
from functools import cache
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"

# Names that cannot be the same twice: they must be of the same type, and stand for the same
# thing wherever they come up again.
_NAMES = {"uid", "bookingUid", "rescheduleUid", "rescheduledFromUid", "rescheduledToUid"} | {
    *("fromReschedule", "seatUid", "attendeeSeatId", "recurringBookingUid", "recurringEventId"),
    *("iCalUID", "icsUid", "idempotencyKey", "oneTimePassword", "uuid", "userUuid"),
}
_MOMENTS = {"createdAt", "updatedAt", "timestamp"}


@cache
def recorded(name):
    """A fixture by its name, for example "api/028_book_plain"."""
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


def names(folder):
    return sorted(path.stem for path in (FIXTURES / folder).glob("*.json"))


class Lookalike:
    """Compares answers, and remembers which of our names stands for which recorded one."""

    def __init__(self):
        self.ours = {}
        self.trimmed = False
        """Set while the recorded lists were cut short for the fixture."""

    def differences(self, expected, actual, path="", key=""):
        """Every place where the two differ, as sentences."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            return [
                *(f"{path}.{name} is missing" for name in expected if name not in actual),
                *(
                    f"{path}.{name} is not in the recording"
                    for name in actual
                    if name not in expected
                ),
                *(
                    difference
                    for name in expected
                    if name in actual
                    for difference in self.differences(
                        expected[name], actual[name], f"{path}.{name}", name
                    )
                ),
            ]
        if isinstance(expected, list) and isinstance(actual, list):
            if expected and isinstance(expected[0], dict) and "subscriberUrl" in expected[0]:
                expected, actual = (sorted(one, key=_by_url) for one in (expected, actual))
            if len(actual) < len(expected) or (len(actual) > len(expected) and not self.trimmed):
                return [f"{path} has {len(actual)} entries, recorded {len(expected)}"]
            return [
                difference
                for number, pair in enumerate(zip(expected, actual, strict=False))
                for difference in self.differences(*pair, f"{path}[{number}]", key)
            ]
        return self._of_scalars(expected, actual, path, key)

    def translated(self, text):
        """Recorded text (a path, a body) with our names in place of the recorded ones."""
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours)
        return text

    def _of_scalars(self, expected, actual, path, key):
        if type(expected) is not type(actual):
            return [f"{path} is {actual!r}, recorded {expected!r}"]
        if key in _MOMENTS:
            return [] if len(expected) == len(actual) else [f"{path} is written {actual!r}"]
        if key in {"id", *_NAMES} and isinstance(expected, str):
            kept = self.ours.setdefault(
                expected.removesuffix("@Cal.com"), actual.removesuffix("@Cal.com")
            )
            same = actual.removesuffix("@Cal.com") == kept
            return [] if same else [f"{path} is {actual!r}, but was {kept!r} before"]
        if isinstance(expected, str):
            expected = self.translated(expected)
        return [] if expected == actual else [f"{path} is {actual!r}, recorded {expected!r}"]


def _by_url(webhook):
    """Recorded lists of subscriptions are in the order of their random ids."""
    return webhook["subscriberUrl"]
