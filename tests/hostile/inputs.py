"""What may come with a request: texts, JSON, bodies and headers that no page of ours sends."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence

from hostile import values


def _cursor(*parts: object) -> bytes:
    return urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=")


STRINGS: Sequence[bytes] = (
    b"", b" ", b"0", b"-1", b"2", b"9999", b"9223372036854775807", b"9223372036854775808",
    b"1" * 40, b"9" * 4_299, b"9" * 5_000, b"1e400", b"NaN", b"-inf", b"1.5", b"0x10", b"1_0",
    "１２".encode(), "४२".encode(), b"true", b"null", b"[]", b"{}", b"\x00", b"a\x00b", b"\xff\xfe",
    b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\r\nSet-Cookie: canary=1", b"\x1b[31m\x07\x9b",
    "\u202e\u2028\ufeff\ufffe".encode(), b"x" * 10_000, "ﷺ".encode() * 200, b"../../etc/passwd",
    b"..\\..\\x", b"%2e%2e%2f", b"//evil.example", b"/\\evil.example", b"javascript:canary()",
    b"'; DROP TABLE candidates; --", b"%' OR '1'='1", b"' & !x | (y:*", b"\\", b"*", b"(a+)+$",
    b'"><canary-x data-canary>', b"{{7*7}}{%", b"%s%n%(x)s", b"{0.__class__}", b"__init__/x",
    b"2026-11-25T10:00:00", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59",
    b"2026-02-30T00:00:00Z", b"infinity", b"1763978400", b"-99999999999999", b"10000-01-01",
    b"nan-1", b"inf-1", b"-1e11-5", b"1e18-5", b"0-99999999999999999999", b"1-\xc2\xb2",
    b"1.5-\x00", b"-", b"20260101000000000000-0", b"00010101000000000000-5",
    b"99991231235959999999-7",
    _cursor("name", "x", 1), _cursor("newest", "0001-01-01T00:00:00+23:59", 1), _cursor("name"),
    _cursor("newest", "2026-01-01T00:00:00+00:00:00.000001", 1), _cursor("name", "\ud800", 1),
    _cursor("name", "\x00", 1), _cursor("name", "x", 2**63), _cursor("name", "x", "1"),
    urlsafe_b64encode(b"[" * 900), urlsafe_b64encode(b"\xff\xfe"), b"=" * 50, b"A" * 5_001,
    b"admin", b"others", b"all", b"done", b"attended",
)  # fmt: skip
"""As they are decoded by a server; they go percent-encoded."""

TOKENS: Sequence[bytes] = (
    *values.STRUCTURE.values(), *values.NUMBERS.values(), *values.TEXT.values(),
    *map(values.said, values.ADDRESSES), b"[" * 1_000 + b"]" * 1_000,
    b"[" + b"1," * 1_001 + b"1]", b"[9223372036854775808]", b"[-1,0,9223372036854775807]",
    b'["' + b"9" * 5_000 + b'"]', b'{"$ref":"#"}', b'"http://["', b'"https://a]b/"',
    b'"https://\xe2\x84\x80.example/"', b'"2026-11-25"', b'"\xf0\x9f\x98\x80"',
)  # fmt: skip
"""What goes into a JSON body, which it may break."""

OTHER_FIELDS = ("name", "addresses", "role", "zone", "locale", "file", "data", "reason", "message")
"""Of forms that a route reads by itself."""

HEADERS = (
    "accept", "accept-language", "cookie", "hx-current-url", "hx-target", "if-modified-since",
    "if-none-match", "range", "referer", "user-agent", "x-forwarded-for", "x-forwarded-proto",
    "authorization", "content-length", "content-encoding", "last-event-id", "x-request-id",
)  # fmt: skip
HEADER_VALUES = (
    "", " ", "\x00", "é\xff", "x" * 10_000, "Bearer ", "Bearer grt_\xff", "Bearer grt_\x00",
    "Basic x", "greenroom=\xff; greenroom=x", "=;;=;", "bytes=0-,0-,0-", "bytes=-1,5-2",
    "bytes=" + "0-," * 99, "http://\u00bd/", "text/html;q=nan", "*/*;q=1e400", "-1",
    "99999999999999999999", "Thu, 99 Foo 0000 00:00:00 GMT", '"><canary-x>', "javascript:canary()",
    "http://localhost/?next=//evil.example", "gzip", "%0d%0aSet-Cookie:canary=1",
)  # fmt: skip


def bodies() -> Iterator[tuple[str, str, bytes]]:
    """(what, content type, body) of bodies that are broken as a whole."""
    form, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"
    field = b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--B--\r\n'
    file = field.replace(b'"name"', b'"file"; filename="../../x.csv\x00"')
    yield "no JSON", "application/json", b"{"
    yield "a list", "application/json", b"[1]"
    yield "a text", "application/json", b'"x"'
    yield "100 000 deep", "application/json", b"[" * 100_000
    yield "UTF-16", "application/json", '{"name":"x"}'.encode("utf-16")
    yield "no UTF-8", "application/json", b'{"name":"\xff"}'
    yield "surrogate key", "application/json", rb'{"\ud800":1,"name":"x"}'
    yield "5 000 digits", "application/json", b'{"days":' + b"9" * 5_000 + b"}"
    yield "another type", "text/plain", b'{"name":"x"}'
    yield "no type", "", b"name=x"
    yield "a strange type", "application/json; charset=\xff", b"{}"
    yield "percent signs", form, b"name=%00%ff%ed%a0%80&%zz=%&=&&&name"
    yield "2 000 fields", form, b"&".join(b"f%d=x" % n for n in range(2_000))
    yield "a field 2 000 times", form, b"&".join([b"candidate=1"] * 2_000)
    yield "no boundary", "multipart/form-data", field
    yield "cut off", parts, field[:40]
    yield "nothing", parts, b""
    yield "a file", parts, file
    yield "100 files", parts, field.replace(b"--B--\r\n", b"") * 100 + b"--B--\r\n"
    yield "header of a part", parts, field.replace(b"form-data", b"form-data\x00\xff")
    yield "an unknown charset", f"{parts}; charset=klingon", field
    yield "another charset", f"{parts}; charset=unicode_escape", field.replace(b"\nx", rb"\n\ud800")


def usual_form(fields: Sequence[str], number: int) -> dict[str, str | bytes]:
    """A form as pages send it; `number` makes it differ from others."""
    usual = {
        "email": f"person{number}@example.org", "name": "Grace Hopper", "role": "viewer",
        "access": "given", "days": "3", "outcome": "attended", "candidate": "1",
        "event_type_id": "1", "expires_in_days": "14", "how": "letter", "message": "Hello {name}",
        "session": "0" * 64, "next": "/", "password": "short", "current": "short",
        "addresses": f"other{number}@example.org", "address": f"a{number}@example.org",
        "connection_id": "1", "uid": "booking2", "interview_id": "1", "id": "1",
    }  # fmt: skip
    return {name: usual.get(name, "") for name in fields or OTHER_FIELDS}


def usual_body(fields: Sequence[str], number: int) -> dict[str, object]:
    """A JSON body that fits; `number` makes it differ from others."""
    usual: dict[str, object] = {
        "candidate_ids": [1], "event_type_id": 1, "connection_id": 1, "send": number % 2 == 0,
        "message": "Hello {name}", "expires_in_days": 14, "days": 7, "outcome": "attended",
        "interview_id": 1, "title": "Intro", "length_minutes": 30,
        "booking_url": f"https://cal.example/m/{number}", "name": "Grace",
        "email": f"p{number}@example.org", "addresses": [], "role": "x", "zone": "Europe/Berlin",
        "locale": "en", "address": "", "ids": [1],
    }  # fmt: skip
    return {name: usual[name] for name in fields if name in usual}
