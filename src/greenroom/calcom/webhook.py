"""What a webhook request is worth: whether Cal.com sent it, and what it says. Pure."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from greenroom.bookings.model import BY_NUMBER, Fact, webhook_as_of
from greenroom.calcom.events import EFFECTS, GUIDE_EFFECTS, Delivery, left_behind
from greenroom.calcom.text import MOST, NAME, Fields, Unreadable, document
from greenroom.errors import GreenroomError

_HEX = re.compile(rb"[0-9a-f]{64}")
_TEMPLATE = "a payload template does that; remove it from the webhook in Cal.com"
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def signature(secret: str, body: bytes) -> str:
    """X-Cal-Signature-256 as Cal.com sends it: lower-case hex of HMAC-SHA256(secret, body)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Refusal(StrEnum):
    """Why a request is not believed to be Cal.com's. Values are counted under these names."""

    MISSING = "missing"
    NO_SECRET = "no-secret-provided"  # noqa: S105  (what Cal.com writes when there is none)
    MALFORMED = "malformed"
    PASTED = "pasted"
    RETIRED = "retired"
    WRONG = "wrong"

    @property
    def what(self) -> str:
        """What happened."""
        return _REFUSALS[self][0]

    @property
    def do(self) -> str:
        """What to do."""
        return _REFUSALS[self][1]


_REFUSALS = {
    Refusal.MISSING: (
        "The request has no X-Cal-Signature-256 header.",
        "Only Cal.com should call this address; if it did, a proxy in between drops the header.",
    ),
    Refusal.NO_SECRET: (
        "The webhook in Cal.com has no secret, so nobody can tell who sent the request.",
        "Run `greenroom connect`, which enters one there, or enter the one it printed by hand.",
    ),
    Refusal.MALFORMED: (
        "The X-Cal-Signature-256 header is not 64 lower-case hexadecimal digits.",
        "Send the bare HMAC-SHA256 of the body in hex, as Cal.com does, and the header only once.",
    ),
    Refusal.PASTED: (
        "The secret in Cal.com is ours with a blank or a line break that was pasted along.",
        "Run `greenroom doctor --fix signatures`, or paste it in Cal.com again without.",
    ),
    Refusal.RETIRED: (
        "The request is signed with a secret that was replaced, and is good no longer.",
        "Run `greenroom doctor --fix signatures`, or enter the new secret in Cal.com.",
    ),
    Refusal.WRONG: (
        "The signature fits none of the secrets Greenroom knows.",
        "Run `greenroom connect`: it enters ours at Cal.com. By hand, use --webhook-secret.",
    ),
}


class BadSignature(GreenroomError):
    """The request is not signed with a secret of ours."""

    status = 401

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.what, do=refusal.do)
        self.refusal = refusal


def verify(body: bytes, header: bytes | None, secrets: Sequence[tuple[int, str]]) -> int:
    """Return the id that comes with the secret `body` was signed with.

    `header` is X-Cal-Signature-256 as received. Every secret is tried, whichever fits, so that
    the time taken tells nothing. Raises BadSignature.
    """
    if not header:
        raise BadSignature(Refusal.MISSING)
    if header == Refusal.NO_SECRET.encode():
        raise BadSignature(Refusal.NO_SECRET)
    if not _HEX.fullmatch(header):
        raise BadSignature(Refusal.MALFORMED)
    fitting: int | None = None
    for id_, secret in secrets:
        fits = hmac.compare_digest(signature(secret, body).encode(), header)
        # Anybody can sign with an empty secret.
        if fits and secret and fitting is None:
            fitting = id_
    if fitting is None:
        raise BadSignature(Refusal.WRONG)
    return fitting


_PASTED_ALONG = ("\n", "\r\n", " ", "\t")


def why_wrong(body: bytes, header: bytes, known: Sequence[str], retired: Sequence[str]) -> Refusal:
    """Why a signature is WRONG, where that can be told. It is for people, and lets nobody in."""
    said = header.decode("ascii", "replace")
    for secret in known:
        altered = {secret.strip(), *(secret + each for each in _PASTED_ALONG), f" {secret}"}
        if any(each and signature(each, body) == said for each in altered - {secret}):
            return Refusal.PASTED
    if any(signature(each, body) == said for each in retired if each):
        return Refusal.RETIRED
    return Refusal.WRONG


@dataclass(frozen=True, slots=True)
class Reading:
    """What one delivery says.

    `trigger` and `uid` are as far as they could be made out. `note` is a sentence for people,
    without personal data: what it says, or why nothing is taken from it. Not `readable` means
    that it should have said something, and could not be understood.
    """

    trigger: str | None
    uid: str | None
    facts: tuple[Fact, ...]
    note: str
    readable: bool


def read(body: bytes, *, received_at: datetime) -> Reading:
    """Turn a verified body into the facts it reports. Never raises, whatever the bytes."""
    try:
        delivery = _open(body, received_at)
    except Unreadable as error:
        return _unread(None, None, error.why)
    trigger, uid = delivery.trigger, delivery.uid
    effect = delivery.effect
    if effect is None:
        return _unread(trigger, uid, f"Greenroom does not know the event {trigger}")
    if effect.says is None:
        return Reading(trigger, uid, (), effect.note, readable=True)
    try:
        fact = effect.says(delivery, effect.status)
    except Unreadable as error:
        return _unread(trigger, uid, error.why)
    behind = left_behind(fact)
    facts = (fact,) if behind is None else (fact, behind)
    return Reading(trigger, uid, facts, _told(fact), readable=True)


def _unread(trigger: str | None, uid: str | None, why: str) -> Reading:
    return Reading(trigger, uid, (), f"Nothing is taken from it: {why}.", readable=False)


def _open(body: bytes, received_at: datetime) -> Delivery:
    given = document(body)
    if not isinstance(given, dict):
        raise Unreadable(f"it is bare JSON without an event in it; {_TEMPLATE}")
    envelope = Fields(given)
    as_of = webhook_as_of(envelope.moment_if_any("createdAt"), received_at=received_at)
    digest = hashlib.sha256(body).hexdigest()
    if trigger := envelope.text("triggerEvent", NAME):
        about = envelope.within("payload")
        return Delivery(
            trigger=trigger,
            effect=EFFECTS.get(trigger),
            about=about,
            uid=_uid(about) or envelope.uid("uid"),
            calcom_id=_digits(about.number("bookingId")),
            as_of=as_of,
            digest=digest,
        )
    if (trigger := envelope.text("trigger", NAME)) and isinstance(given.get("data"), dict):
        about = envelope.within("data")
        id_ = _guide_id(about, "bookingId") or _guide_id(about, "id")
        is_number = id_ is not None and _NUMBER.fullmatch(id_) and int(id_) <= MOST
        return Delivery(
            trigger=trigger,
            effect=GUIDE_EFFECTS.get(trigger),
            about=about,
            uid=f"{BY_NUMBER}{id_}" if is_number else id_,
            calcom_id=id_ if is_number else None,
            as_of=as_of,
            digest=digest,
        )
    raise Unreadable(f"it is not in the shape Cal.com sends by default; {_TEMPLATE}")


def _uid(about: Fields) -> str | None:
    return about.uid("uid") or about.uid("bookingUid") or about.within("booking").uid("uid")


def _guide_id(about: Fields, name: str) -> str | None:
    return about.uid(name) or _digits(about.number(name))


def _digits(number: int | None) -> str | None:
    return None if number is None else str(number)


def _told(fact: Fact) -> str:
    if fact.departed or (fact.seated and fact.starts_at is None):
        return (
            f"Somebody gave back a seat of booking {fact.uid}; "
            "whether it still takes place, Cal.com's API says."
        )
    if fact.absences:
        return f"It says who was missing from booking {fact.uid}."
    status = f"is {fact.status}" if fact.status else "has a status Greenroom does not know"
    said = f"Booking {fact.uid} {status}"
    if fact.starts_at:
        said += f", for {fact.starts_at:%Y-%m-%d %H:%M} UTC"
    if fact.replaces:
        said += f", in place of {fact.replaces}"
    if fact.seat_from:
        said += f"; a seat of booking {fact.seat_from} moved there"
    if fact.successor_expected:
        said += "; the host asks for another time"
    return said + "."
