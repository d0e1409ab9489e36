"""Hostile values by kind, each with a name and as it goes over the wire inside a JSON document.

A value is bytes that stand where a JSON value may stand, so that it may also be none.
"""

import json
from collections.abc import Mapping
from importlib.resources import files

Values = Mapping[str, bytes]


def said(text: str) -> bytes:
    """The text as a JSON string; lone surrogates become escapes."""
    try:
        return json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(text).encode()


def _quoted(raw: bytes) -> bytes:
    return b'"' + raw + b'"'


STRUCTURE: Values = {
    "null": b"null",
    "empty text": b'""',
    "zero": b"0",
    "minus one": b"-1",
    "2^31": b"2147483648",
    "2^53+1": b"9007199254740993",
    "2^63": b"9223372036854775808",
    "2^64": b"18446744073709551616",
    "2^70": b"1180591620717411303424",
    "empty list": b"[]",
    "empty object": b"{}",
    "true": b"true",
    "false": b"false",
    "10 kB of text": _quoted(b"long " * 2_000),
    "a list of itself": b'["x",["x",["x"]]]',
    "an object as a value": b'{"value":{"value":{"value":"x"}},"label":7}',
    "a list of nulls": b"[null,null,null]",
    "duplicate keys": b'{"email":"a@example.org","email":7,"value":1,"value":"x"}',
}

SIZE: Values = {
    **{f"{n} lists deep": b"[" * n + b"]" * n for n in (31, 32, 33, 1_000, 100_000)},
    **{f"{n} objects deep": b'{"a":' * n + b"1" + b"}" * n for n in (31, 32, 33, 1_000, 40_000)},
    "19 000 values": b"[" + b"1," * 18_999 + b"1]",
    "20 001 values": b"[" + b"1," * 20_000 + b"1]",
    "2 000 attendees": b"["
    + b",".join(b'{"email":"a%d@example.org","name":"N%d"}' % (n, n) for n in range(2_000))
    + b"]",
    "18 000 keys": b"{" + b",".join(b'"k%d":0' % n for n in range(18_000)) + b"}",
    "a key of 200 kB": b'{"' + b"k" * 200_000 + b'":1}',
    "a text of 200 kB": _quoted(b"t" * 200_000),
    "200 kB of quotes": _quoted(b'\\"' * 100_000),
    "200 kB of blanks": b" " * 200_000 + b"1",
    "keys of prototypes": b'{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}',
    "keys of objects": b'{"__class__":"x","__init__":"x","toString":"x","hasOwnProperty":1}',
}

NUMBERS: Values = {
    name: name.encode()
    for name in (
        "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-0", "-0.0", "1E2", "1e-400",
        "1e131071", "007", "+1", "0x10", "1.", ".5", "1e", "1_000", "4.0", "1e3", "0.1e1", "--1",
        "9223372036854775807", "-9223372036854775809", "1" * 32, "1" * 33, "9" * 5_000,
    )
} | {"1e131071, 1 000 times": b"[" + b",".join([b"1e131071"] * 1_000) + b"]"}  # fmt: skip

TEXT: Values = {
    "a raw NUL": _quoted(b"a\x00b"),
    "an escaped NUL": rb'"a\u0000b"',
    "a backslash before u0000": rb'"a\\u0000b"',
    "all of C0": said("".join(map(chr, range(32)))),
    "raw C0": _quoted(bytes(range(1, 32))),
    "all of C1": said("".join(map(chr, range(0x7F, 0xA0)))),
    "a surrogate in UTF-8": _quoted(b"\xed\xa0\x80"),
    "overlong UTF-8": _quoted(b"\xc0\xaf"),
    "no UTF-8": _quoted(b"caf\xe9 \xff"),
    "UTF-8 that breaks off": _quoted(b"\xf0\x9f\x98"),
    "a byte order mark": said("\ufeffName"),
    "noncharacters": said("\ufffe\uffff\ufdd0\U0010ffff"),
    "line separators": said("a\u2028b\u2029c"),
    "right to left override": said("\u202egpj.exe\u202c"),
    "isolates": said("\u2066\u2067\u2068never closed"),
    "joiners": said("a\u200b\u200c\u200d\u2060b"),
    "Zalgo": said("Z" + "\u0310\u0321\u0489" * 60 + "algo"),
    "a family of emoji": said("👩‍👩‍👧‍👦🏳️‍🌈🇩🇪"),
    "composed and not": said("\u00e9e\u0301"),
    "letters that change when folded": said("İıſK ﬀßẞΣς"),
    "four bytes each": said("𠀀𪚥𝔘" * 20),
    "tags": said("\U000e0001\U000e0041\U000e007f"),
    "one word of 10 kB": said("Donaudampfschiff" * 640),
    "what grows when normalised": said("\ufdfa" * 250),
    "only blanks": said(" \t\n\u00a0\u3000 "),
    "only joiners": said("\u200b\u200d\u2060"),
    "null": said("null"),
    "undefined": said("undefined"),
    "NaN": said("NaN"),
    "O'Brien": said('O\'Brien-Null, "Bobby" <b>'),
    "None": said("None"),
    "0": said("0"),
    "escapes of everything": rb'"\"\\\/\b\f\n\r\t\u00e9"',
    "a wrong escape": rb'"\x41\u12"',
}

SURROGATES: Values = {
    "a lone high one": rb'"a\ud800b"',
    "a lone low one": rb'"a\udfffb"',
    "two the wrong way round": rb'"\udc00\ud800"',
}

DATES: Values = {
    each: said(each)
    for each in (
        "2026-11-25T11:00:00", "2026-11-25", "2026-11-25T11:00:00z", "2026-11-25 11:00:00Z",
        "2026-11-25T11:00:00+14:00", "2026-11-25T11:00:00-00:00", "2026-11-25T11:00:00+23:59",
        "2026-11-25T11:00:00+24:00", "2026-11-25T24:00:00Z", "2026-11-25T23:59:60Z",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1582-10-10T00:00:00Z",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00",
        "2038-01-19T03:14:08Z", "2100-12-31T23:59:59.999999999Z", "2100-12-31T23:59:59-14:00",
        "2101-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z",
        "+275760-09-13T00:00:00.000Z", "-000001-01-01T00:00:00Z", "infinity", "-infinity", "now",
        "epoch", "2026-W48-3T11:00:00Z", "2026-329T11:00:00Z", "2026-02-30T00:00:00Z",
        "2026-03-29T02:30:00+01:00", "2026-10-25T02:30:00+01:00", "20261125T110000Z",
        "2026-11-25T11:00:00.123456789Z", "2026-11-25T11:00Z", "２０２６-11-25T11:00:00Z",
        "2036-11-25T11:00:00Z", "2026-11-25T11:00:00Z\n", "Wed, 25 Nov 2026 11:00:00 GMT",
    )
} | {"milliseconds": b"1795777200000", "seconds": b"1795777200.5", "a list": b'["x"]'}  # fmt: skip

ZONES: Values = {
    each: said(each)
    for each in (
        "Asia/Calcutta", "US/Eastern", "Europe/Kiev", "Europe/Kyiv", "America/Buenos_Aires",
        "Asia/Saigon", "GMT+3", "Etc/GMT+3", "FOO+3", "UTC", "utc", "europe/berlin", "EST5EDT",
        "../../etc/passwd", "/etc/passwd", "Europe/../../../etc/passwd", "localtime", "posixrules",
        "Europe", "Etc/", "Europe/Berlin/", "Europe//Berlin", ".", "..", "zone.tab", "tzdata.zi",
        "__init__.py", "Europe/__init__.py", "__pycache__", "__pycache__/x",
        "right/UTC", "posix/UTC", "Europe\\Berlin", "Factory", "Europe/Bérlin", "\u202eEurope",
        "Europe/Berlin\x00", "Europe/Berlin\n", "W. Europe Standard Time", "+01:00", " ",
        "Z" * 10_000, "x/" * 49, "<b data-canary>Zone</b>", "con", "Mars/Olympus", "-05",
    )
}  # fmt: skip

MODULES: Values = {each: said(each) for each in ("__init__/x", "Europe/__init__/Berlin")}
"""Names that are modules of the package with the zones, where its folders are expected."""

EVERY_ZONE = tuple(files("tzdata").joinpath("zones").read_text("utf-8").split())
"""Every name the IANA list has, old ones too."""

ADDRESSES = (
    "UPPER.Case@Example.ORG", '"quoted local"@example.org', '"a@b"@example.org',
    "plus+tag@example.org", "do.ts.@example.org", "..@example.org", "ü@exämple.org",
    "a@xn--exmple-cua.org", "用户@例子.广告", f"{'l' * 64}@example.org", f"{'l' * 65}@example.org",
    f"a@{'d' * 63}.{'d' * 63}.{'d' * 63}.{'d' * 58}", f"a@{'d.' * 155}org", "l" * 316 + "@a.b",
    "a@[127.0.0.1]", "a@[IPv6:::1]", "a@example.org,b@evil.example", "a@example.org;b@evil.example",
    "Ada <a@example.org>", '"a@evil.example"<victim@example.org>', "a@example.org\nBcc: b@evil.x",
    "a%0aBcc:b@evil.example", "=?UTF-8?Q?=0A?=Bcc:@evil.example", "a@example.org.",
    "a@.example.org", "аdа@example.org", "a@example.org\u200b", "a@example\uff0eorg", "@", "a@",
    "@b", "a b@c.d", "mailto:a@example.org", "a@localhost", "a@1", "a@-", "a@b@c",
    "<b data-canary>@example.org", '"><svg/onload=canary()>@example.org', "{{7*7}}@example.org",
    "'onfocus=canary()x='@example.org", "a@example.org\x00", "null@null", "postmaster",
    "K@example.org", "ﬀ@example.org",
)  # fmt: skip
EMAILS: Values = {each[:60]: said(each) for each in ADDRESSES}

_POLYGLOT = (
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=canary() )//%0D%0A%0d%0a//</stYle/</titLe/"
    "</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=canary() data-canary//>\\x3e"
)
# Whatever gets through as markup has "canary" in the name of an element or an attribute.
SCRIPTS = (
    "<script data-canary>canary()</script>", '"><img data-canary src=x onerror=canary()>',
    "'><svg data-canary onload=canary()>", "<b data-canary>bold</b>",
    "</title><script data-canary>canary()</script>", "</textarea><i data-canary>",
    "</pre><canary-x>", "--><canary-x>", "]]><canary-x>", "<!--<canary-x>", "<canary-x",
    '" onfocus=canary() autofocus data-canary="', "' onmouseover=canary() data-canary='",
    "` data-canary=`", 'x" data-canary x="', "javascript:canary()", "JaVaScRiPt:canary()",
    "java\tscript:canary()", "data:text/html,<script>canary()</script>", "vbscript:canary()",
    "https://example.org/\"data-canary='1", "https://example.org/<canary-x>",
    "https://javascript:canary()@evil.example/%0acanary()", "http://evil.example/",
    "<iframe data-canary srcdoc='<script>canary()</script>'>", "<math><mtext><canary-x>",
    "<style data-canary>*{display:none}</style>", "<link data-canary rel=stylesheet href=//evil>",
    "<base data-canary href=//evil.example/>", "<form data-canary action=//evil><button>",
    "<a data-canary href=javascript:canary()>x</a>", "<meta data-canary http-equiv=refresh>",
    _POLYGLOT,
    "<div hx-get=/sign-out hx-trigger=load data-canary>", "<p data-drawer hx-on:click=canary()>",
)  # fmt: skip
OTHER_MARKUP = (
    "{{7*7}}", "{% raw %}", "{{ ''.__class__.__mro__ }}", "{#", "${7*7}", "#{7*7}", "%s%n%x",
    "%(x)s", "{0.__class__}", "{name}", "{link}", "{unknown}", "[link](javascript:canary())",
    "**bold**", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", ";=1", '","=1', '"\n=1',
    "' OR 1=1 --", "'; DROP TABLE interviews; --", "%_\\", "(a+)+$", "a\r\nSet-Cookie: canary=1",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\nINFO forged line", "../../etc/passwd",
    "..%2f..%2f", "a\r\nBcc: evil@example.org", "=?UTF-8?Q?=0A?=Bcc: evil@example.org",
    "BEGIN:VEVENT\nATTENDEE:mailto:evil@example.org", "x\\nATTENDEE:x", "&lt;b&gt;", "&#60;b&#62;",
    "www.evil.example", "https://evil.example/free", "ftp://evil.example", "call +1 900 555",
)  # fmt: skip
PLACES: Values = {each[:60]: said(each) for each in SCRIPTS}
"""For where a meeting is, which is shown as a link."""
MARKUP: Values = {each[:60]: said(each) for each in SCRIPTS + OTHER_MARKUP}
