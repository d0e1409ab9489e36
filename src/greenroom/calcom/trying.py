"""Trying an API key: whose it is, and what they offer. Nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.calcom import offers
from greenroom.calcom.answers import EventTypeRow
from greenroom.calcom.client import Calcom, Failing, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose API key it is, and what they offer. `id` is None where Cal.com does not say."""

    id: int | None
    email: str
    name: str
    event_types: Sequence[EventTypeRow]


async def tried(calcom: Calcom) -> Account:
    """Whose key it is, and their event types. Raises CalcomError."""
    try:
        me, offered = await calcom.me(), await offers.readable(calcom)
    except Failing as error:
        raise not_kept(error) from error
    id_ = me.get("id")
    return Account(
        id=id_ if isinstance(id_, int) and 0 < id_ < 2**63 else None,
        email=_said(me, "email") or _said(me, "username"),
        name=_said(me, "name") or _said(me, "username"),
        event_types=offered,
    )


def not_kept(error: Failing) -> Failing:
    """The same for somebody who connects: nobody tries again for them."""
    do = error.do.replace("Greenroom tries again by itself.", "").strip()
    return Failing(error.what, do=f"Nothing was kept. {do or 'Try again later.'}", code=error.code)


def _said(me: Row, name: str) -> str:
    found = me.get(name)
    return "".join(filter(str.isprintable, found))[:320] if isinstance(found, str) else ""
