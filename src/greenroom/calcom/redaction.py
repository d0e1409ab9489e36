"""A delivery's body as people may read it: laid out, and without what it says about people."""

import json
import re

from greenroom.calcom.text import Unreadable, document

_SECRET = frozenset(
    {"onetimepassword", "password", "secret", "apikey", "accesstoken", "refreshtoken"}
)
"""Fields that are never shown by default, whatever they hold; in small letters, bare."""

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
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]{5,20}(?:Z|[+-]\d{2}:?\d{2})?")
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_DEEPEST = 32


def readable(body: bytes, *, everything: bool) -> str | None:
    """The body as indented JSON; None when it is no JSON and `everything` may not be shown.

    Without `everything`, texts are covered unless their field is known to hold none of
    people's. Characters that would steer the screen are written as escapes in any case.
    """
    try:
        value = document(body)
    except Unreadable:
        return _safe(body.decode("utf-8", "backslashreplace")) if everything else None
    shown = value if everything else _covered(value, "", 0)
    return _safe(json.dumps(shown, indent=2, ensure_ascii=False))


def _covered(value: object, name: str, depth: int) -> object:
    bare = re.sub(r"[^a-z]", "", name.casefold())
    if bare in _SECRET and value is not None:
        return "••• secret"
    if isinstance(value, dict):
        # Beyond a few levels names of fields may be people's own words.
        return {
            _key(key, depth): _covered(each, str(key), depth + 1) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_covered(each, name, depth + 1) for each in value]
    if isinstance(value, str) and value and not (bare in _PLAIN or _MOMENT.fullmatch(value)):
        return f"••• {len(value)} characters"
    return value


def _key(key: str, depth: int) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,40}", key) and depth < _DEEPEST else "•••"


def _safe(text: str) -> str:
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
