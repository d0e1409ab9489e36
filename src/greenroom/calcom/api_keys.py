"""API keys as people bring them: pasted on a page, typed on a terminal, set in the environment."""

from greenroom.errors import Invalid

_LONGEST = 500
_BEGINNING = "cal_"
"""Of every key of Cal.com itself; whoever runs their own may choose another."""


def cleaned(given: str) -> str:
    """The key without what was pasted along at its ends. Raises Invalid when it can be none.

    What cannot stand in a header of HTTP would fail long after, and not as what it is.
    """
    key = given.strip()
    if key and key.isascii() and key.isprintable() and " " not in key and len(key) <= _LONGEST:
        return key
    raise Invalid(
        "That is not an API key." if key else "The API key is missing.",
        do="Make one in Cal.com under Settings, Developer, API keys, and paste it whole: it "
        "begins with cal_, and has no blank, line break or accent.",
    )


def check_hosted(key: str) -> None:
    """Raise Invalid where it is none of Cal.com itself: another secret is not shown to it."""
    if not key.startswith(_BEGINNING):
        raise Invalid(
            f"That is no API key of Cal.com: those begin with {_BEGINNING}.",
            do="Make one in Cal.com under Settings, Developer, API keys, and paste it whole. "
            "If it is of a Cal.com of your own, choose that above.",
        )
