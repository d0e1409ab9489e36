"""In which of their known ways Cal.coms differ: hosted, self-hosted, and one not built yet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

Reshaped = Literal["", "me", "event-types", "bookings", "webhooks", "slots", "private-links"]


@dataclass(frozen=True)
class Edition:
    """One Cal.com's ways."""

    name: str
    private_links: Literal["versioned", "unversioned", "none"]
    """"versioned": only with cal-api-version 2024-09-04, complete booking URLs.
    "unversioned": only without a version header, and the URL lacks the event slug."""
    first_page: Literal[0, 1]
    """What `pagination.currentPage` calls the first page."""
    updated_at: Literal["when_changed", "at_once"]
    """"when_changed": `updatedAt` is null until the booking first changes."""
    triggers: Literal["recorded", "late_2026", "later"]
    """Which events a webhook may ask for."""
    webhook_versions: tuple[str, ...]
    """Of webhook bodies, the usual one first; empty: webhooks name no version."""
    webhook_urls: Literal["any", "public"] = "any"
    """"public": https, and no address of a private network. Hosted Cal.com wants that; here it
    is a switch, for a simulator is mostly used where everything is private."""
    on_gone: Literal["keep", "switch_off"] = "keep"
    """What a webhook's receiver gets for answering 410."""
    has_teams: bool = True
    further_fields: bool = False
    """Answers have fields that nobody knows yet."""
    reshaped: Reshaped = ""
    """The answer whose `data` looks otherwise than any client knows."""
    dropped_versions: tuple[str, ...] = ()
    """API versions it knows no more: asked for one, it answers in the oldest."""
    api_prefix: str = ""
    """In front of /v2, as API_GLOBAL_PREFIX says; for example "/api"."""


HOSTED = Edition(
    "hosted", "versioned", 0, "when_changed", "late_2026", ("2021-10-20", "2026-07-27")
)
SELF_HOSTED = Edition("self-hosted", "unversioned", 1, "at_once", "recorded", ())
"""6.0.12 as recorded."""
NEWER = Edition(
    "newer",
    "versioned",
    0,
    "when_changed",
    "later",
    ("2027-03-01", "2021-10-20", "2026-07-27"),
    on_gone="switch_off",
    further_fields=True,
)
"""What may come: nobody has seen it."""
EDITIONS = {edition.name: edition for edition in (HOSTED, SELF_HOSTED, NEWER)}
_edition = TypeAdapter(Edition)


def changed(edition: Edition, wanted: Mapping[str, object]) -> Edition:
    """The edition `wanted` names, or this one, with the single differences that it lists.

    Raises ValueError or KeyError, which say what is wrong.
    """
    base = EDITIONS[str(wanted["name"])] if "name" in wanted else edition
    known = asdict(base)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"An edition has no {', '.join(sorted(unknown))}.")
    try:
        found = _edition.validate_python({**known, **wanted})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']}.") from error
    if found.api_prefix and not (
        found.api_prefix.startswith("/") and not found.api_prefix.endswith("/")
    ):
        raise ValueError("api_prefix begins with a slash and does not end in one.")
    return found
