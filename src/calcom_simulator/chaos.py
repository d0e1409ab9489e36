"""What can go wrong between Cal.com and those who listen or ask: which switches, which chances.

Pure. Chance is an argument: the same seed and the same calls bring the same chaos.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from calcom_simulator.model import Delivery

Signed = Literal["right", "wrong", "not"]
Retries = Literal["none", "network", "newer"]
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_OVERTAKEN = timedelta(seconds=60)


def _chance(words: str) -> Any:  # noqa: ANN401 - as dataclasses.field has it
    return field(default=0.0, metadata={"words": words, "most": 1})


def _amount(usual: object, words: str) -> Any:  # noqa: ANN401 - as above
    return field(default=usual, metadata={"words": words})


@dataclass(frozen=True)
class Chaos:
    """The switches. Chances are from 0 to 1, each delivery and each request draws anew."""

    seed: int = _amount(1, "the same seed and the same calls, the same chaos")
    only: tuple[str, ...] = _amount((), "webhooks of these triggers only; empty: of all")
    drop: float = _chance("a webhook gets lost")
    duplicate: float = _chance("a webhook is sent twice, the same bytes")
    copies: int = _amount(0, "further subscriptions told too: other bytes, same address")
    delay: float = _chance("a webhook waits before it is sent")
    delay_seconds: float = _amount(300.0, "how long it waits at most, by the simulator's clock")
    reorder: float = _chance("a webhook is overtaken by the next one, or waits a minute")
    wrong_signature: float = _chance("a webhook is signed with another secret")
    unsigned: float = _chance("a webhook says that there is no secret")
    template: float = _chance("a webhook has the body of somebody's own template")
    lie: float = _chance("what a webhook tells before it is committed never is: cancelling, paying")
    commit_seconds: float = _amount(0.0, "between the last webhook's answer and the commit")
    retries: Retries = field(default="none", metadata={"words": "which webhooks are sent again"})
    retry_pace: float = _amount(1.0, "how long retries wait: 1 as Cal.com does, 0 not at all")
    api_429: float = _chance("too many requests")
    api_500: float = _chance("an internal error")
    api_502: float = _chance("a proxy's page instead of an answer")
    api_401: float = _chance("the key is refused")
    api_404: float = _chance("nothing is there")
    api_html: float = _chance("status 200, and a page instead of JSON")
    api_garbage: float = _chance("status 200, and no JSON")
    api_truncated: float = _chance("half of the answer")
    api_empty: float = _chance("a list without anything in it")
    api_hang: float = _chance("no answer for a while, then a proxy's page")
    api_slow: float = _chance("the answer dribbles in")
    api_huge: float = _chance("an answer of many megabytes")
    hang_seconds: float = _amount(30.0, "how long nothing comes")
    slow_seconds: float = _amount(10.0, "how long the dribbling takes")
    huge_megabytes: int = _amount(64, "how much is too much")
    retry_after: str = _amount("", "Retry-After of a 429, whatever it says; Cal.com sends none")
    writes_too: bool = _amount(False, "the API fails POST, PATCH and DELETE as well as GET")  # noqa: FBT003 - named by its field
    pages_shift: float = _chance("between two pages a row already listed changes: one is missed")
    date_skew_seconds: float = _amount(0.0, "how far the header Date is ahead")
    stamp_skew_seconds: float = _amount(0.0, "how far createdAt and updatedAt are ahead")

    @property
    def stamps_ahead(self) -> timedelta:
        """The skew of createdAt and updatedAt."""
        return timedelta(seconds=self.stamp_skew_seconds)


CALM = Chaos()
_HAZARDS = tuple(each.name for each in fields(Chaos) if each.name.startswith("api_"))
FINE = "fine"
"""What `Faults.api_next` calls a request that is answered as it should be."""
_chaos = TypeAdapter(Chaos)


@dataclass(frozen=True)
class Fate:
    """What befalls one delivery."""

    sendings: tuple[timedelta, ...] = (timedelta(0),)
    """When it is sent, from now on; nothing: it is lost."""
    signed: Signed = "right"
    overtaken: bool = False
    """Its first sending comes after the next delivery's, or at its own time."""


def read(given: Mapping[str, object]) -> Chaos:
    """The switches named, all others off. Raises ValueError, which says what is wrong."""
    known = {each.name: each for each in fields(Chaos)}
    if unknown := set(given) - set(known):
        raise ValueError(f"There is no switch {', '.join(sorted(unknown))}.")
    try:
        chaos = _chaos.validate_python(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']}.") from error
    for name, each in known.items():
        value, most = getattr(chaos, name), each.metadata.get("most")
        if most is not None and not 0 <= value <= most:
            raise ValueError(f"{name} is a chance: from 0 to 1.")
        if most is None and not name.endswith("skew_seconds") and _is_negative(value):
            raise ValueError(f"{name} must not be negative.")
    if sum(getattr(chaos, name) for name in _HAZARDS) > 1:
        raise ValueError("The chances of all api_... together are more than 1.")
    return chaos


def hazards(names: object) -> list[str]:
    """What is to befall the next API requests, in order. Raises ValueError."""
    known = {FINE, *_HAZARDS}
    if not isinstance(names, list) or not known.issuperset(names):
        raise ValueError(f"Name a list of these: {', '.join(sorted(known))}.")
    return list(names)


def fate(delivery: Delivery, chaos: Chaos, chance: random.Random) -> Fate:
    """What befalls this delivery."""
    # Each is drawn whatever the others say, so that one switch does not change another's luck.
    lost, doubled, unsigned, wrong, overtaken = (
        chance.random() < each
        for each in (
            *(chaos.drop, chaos.duplicate, chaos.unsigned, chaos.wrong_signature),
            chaos.reorder,
        )
    )
    waits = [_wait(chaos, chance), _wait(chaos, chance)]
    if chaos.only and delivery.trigger not in chaos.only:
        return Fate()
    if lost:
        return Fate(sendings=())
    if overtaken:
        waits[0] = max(waits[0], _OVERTAKEN)
    return Fate(
        sendings=tuple(waits if doubled else waits[:1]),
        signed="not" if unsigned else "wrong" if wrong else "right",
        overtaken=overtaken,
    )


def hazard(chaos: Chaos, chance: random.Random) -> str:
    """What befalls an API request: the name of a switch, or `fine`."""
    drawn = chance.random()
    for name in _HAZARDS:
        drawn -= getattr(chaos, name)
        if drawn < 0:
            return name
    return FINE


def pause(
    chaos: Chaos, attempt: int, status: int | None, chance: random.Random
) -> timedelta | None:
    """How long until a delivery is sent again after its `attempt`-th failure; None: never.

    `status` None: nobody answered. "network" sends once more if so; "newer" up to three times,
    also on some statuses, after 10 s and then half as long again, at random up to twice that.
    """
    if chaos.retries == "network" and status is None and attempt == 1:
        return timedelta(seconds=10 * chaos.retry_pace)
    if chaos.retries != "newer" or attempt > 3:  # noqa: PLR2004 - said above
        return None
    if status is not None and status not in _RETRIED_STATUSES:
        return None
    seconds = min(600.0, 10 * 1.5 ** (attempt - 1) * (1 + chance.random()))
    return timedelta(seconds=seconds * chaos.retry_pace)


def _wait(chaos: Chaos, chance: random.Random) -> timedelta:
    waits, part = chance.random() < chaos.delay, chance.random()
    return timedelta(seconds=part * chaos.delay_seconds) if waits else timedelta(0)


def _is_negative(value: object) -> bool:
    return isinstance(value, int | float) and value < 0
