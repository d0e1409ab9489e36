"""A delivery's body as people may read it: laid out, never with its secrets."""

import json
import re

from greenroom.calcom.text import Unreadable, document

_SECRET = re.compile("password|passcode|secret|apikey|accesstoken|refreshtoken|privatekey")
"""In the names of fields that are never shown, whatever they hold; in small letters, bare."""
_COVERED = "••• secret"

# Secrets inside a text: in the address of a meeting, in JSON within JSON, in what is no JSON.
_SPOKEN = re.compile(
    r"""(?ix) ( (?: pass[-_ ]?word | pass[-_ ]?code | pwd | secret | api[-_]?key
                  | (?:access|refresh)[-_]?token | private[-_]?key ) \w{0,20}+
         [\\"']{0,8}+ \s{0,8}+ [:=] \s{0,8}+ )
        ( [\\]{0,7} "[^"]* | '[^']* | [^\s,;&\#"'}\])]+ )""",
)

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
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_DEEPEST = 32


def readable(body: bytes, *, everything: bool) -> str | None:
    """The body as indented JSON; None when it is no JSON and `everything` may not be shown.

    Without `everything`, texts are covered unless their field is known to hold none of
    people's. Secrets are covered in any case, and characters that would steer the screen are
    written as escapes.
    """
    try:
        value = document(body)
    except Unreadable:
        text = body.decode("utf-8", "backslashreplace")
        return _safe(_unspoken(text)) if everything else None
    shown = _without_secrets(value, "") if everything else _covered(value, "", 0)
    return _safe(json.dumps(shown, indent=2, ensure_ascii=False))


def _without_secrets(value: object, name: str) -> object:
    if value is not None and _SECRET.search(_bare(name)):
        return _COVERED
    if isinstance(value, dict):
        return {key: _without_secrets(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each, name) for each in value]
    return _unspoken(value) if isinstance(value, str) else value


def _unspoken(text: str) -> str:
    return _SPOKEN.sub(rf"\1{_COVERED}", text)


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.casefold())


def _covered(value: object, name: str, depth: int) -> object:
    bare = _bare(name)
    if _SECRET.search(bare) and value is not None:
        return _COVERED
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
