"""A delivery's body as people may read it: laid out, never with its secrets."""

import json
import re

from greenroom.calcom import secret_words
from greenroom.calcom.text import Unreadable, document

_COVERED = "••• secret"

# What is not named here is covered: Cal.com adds fields, and titles hold names.
_PLAIN = frozenset(
    {
        "trigger", "triggerevent", "status", "type", "uid", "bookinguid", "bookingid", "id",
        "rescheduleuid", "rescheduledfromuid", "rescheduledtouid", "fromreschedule", "starttime",
        "endtime", "createdat", "updatedat", "timezone", "locale", "language", "currency", "slug",
        "eventtypeslug", "schedulingtype", "periodtype", "recurringeventid", "integration",
        "timeformat", "weekstart", "paymentstatus",
    }
)  # fmt: skip
_PLAIN_NUMBERS = frozenset(
    {
        "id", "bookingid", "eventtypeid", "userid", "ownerid", "teamid", "organizationid",
        "paymentid", "rescheduleid", "reasonid", "responseid", "addedhostuserids",
        "removedhostuserids", "length", "lengthinminutes", "lengthinminutesoptions", "duration",
        "multipleduration", "aftereventbuffer", "beforeeventbuffer", "minimumbookingnotice",
        "offsetstart", "utcoffset", "time", "timeformat", "count", "freq", "interval",
        "occurrences", "icalsequence", "price", "seatspertimeslot", "success", "failures",
        "currentpage", "itemsperpage", "remainingitems", "returneditems", "totalitems",
        "totalpages",
    }
)  # fmt: skip
_LARGEST = 2**31 - 1
"""Of Cal.com's own numbers; those of telephones are larger."""
_ANSWERS = frozenset({"responses", "userfieldsresponses", "bookingfieldsresponses", "custominputs"})
"""Below these, names are those of questions and everything is somebody's answer."""

# What Cal.com puts into its own fields; an address, a telephone and a sentence are none.
_WORD = re.compile(r"(?!\+)[^\s@\uff20%]{1,200}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]{5,20}(?:Z|[+-]\d{2}:?\d{2})?")
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_DEEPEST = 32


def readable(body: bytes, *, everything: bool) -> str | None:
    """The body as indented JSON; None when it is no JSON and `everything` may not be shown.

    Without `everything`, texts and numbers are covered unless their field is known to hold
    none of people's. Secrets are covered in any case, and characters that would steer the
    screen are written as escapes.
    """
    try:
        value = document(body)
    except Unreadable:
        text = body.decode("utf-8", "backslashreplace")
        return _safe(secret_words.without(text, _COVERED)) if everything else None
    shown = _without_secrets(value, "") if everything else _covered(value, "", 0)
    return _safe(json.dumps(shown, indent=2, ensure_ascii=False))


def _without_secrets(value: object, name: str) -> object:
    if value is not None and secret_words.is_secret(name):
        return _COVERED
    if isinstance(value, dict):
        return {key: _without_secrets(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each, name) for each in value]
    return secret_words.without(value, _COVERED) if isinstance(value, str) else value


def _covered(value: object, name: str, depth: int, *, answers: bool = False) -> object:
    if secret_words.is_secret(name) and value is not None:
        return _COVERED
    answers = answers or _bare(name) in _ANSWERS
    if isinstance(value, dict):
        # Beyond a few levels names of fields may be people's own words.
        return {
            _key(key, depth): _covered(each, str(key), depth + 1, answers=answers)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_covered(each, name, depth + 1, answers=answers) for each in value]
    return _one(value, "" if answers else _bare(name))


def _one(value: object, bare: str) -> object:
    """A value that holds no others, of the field of that name; "" may hold anything."""
    if isinstance(value, str) and value:
        is_plain = (bare in _PLAIN and _is_word(value)) or (bare and _MOMENT.fullmatch(value))
        return value if is_plain else f"••• {len(value)} characters"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if bare in _PLAIN_NUMBERS and abs(value) <= _LARGEST else "••• number"
    return value


def _is_word(value: str) -> bool:
    return bool(_WORD.fullmatch(value)) and secret_words.without(value, "") == value


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


def _key(key: str, depth: int) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,40}", key) and depth < _DEEPEST else "•••"


def _safe(text: str) -> str:
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
