"""Whom we may invite, and whom not, with the reason. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Skip(StrEnum):
    """Why a candidate was left out of a round."""

    UNKNOWN = "is not in the list of candidates any more"
    NO_ADDRESS = "has no e-mail address"
    HAS_LIVE_LINK = "already has a booking link for this event type"
    ALREADY_BOOKED = "has already booked this interview"


@dataclass(frozen=True, slots=True)
class Person:
    """A candidate, as far as inviting goes."""

    id: int
    address: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """Whom to invite, and whom not, with the reason."""

    invite: Sequence[Person]
    skip: Sequence[tuple[int, Skip]]


def plan(
    wanted: Iterable[int],
    people: Iterable[Person],
    *,
    waiting: Collection[int],
    booked: Collection[int],
) -> Round:
    """Decide whom to invite. Everyone wanted lands in `invite` or in `skip`, once.

    `waiting` and `booked` are candidates who have an open link for the event type, or have
    booked it.
    """
    known = {person.id: person for person in people}
    invite: list[Person] = []
    skip: list[tuple[int, Skip]] = []
    for candidate_id in dict.fromkeys(wanted):
        person = known.get(candidate_id)
        if person is None:
            skip.append((candidate_id, Skip.UNKNOWN))
        elif candidate_id in booked:
            skip.append((candidate_id, Skip.ALREADY_BOOKED))
        elif candidate_id in waiting:
            skip.append((candidate_id, Skip.HAS_LIVE_LINK))
        elif not person.address:
            skip.append((candidate_id, Skip.NO_ADDRESS))
        else:
            invite.append(person)
    return Round(invite, skip)
