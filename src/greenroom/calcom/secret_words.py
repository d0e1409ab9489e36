"""What gives a secret away: the name of its field, words before it, its own look. Pure."""

import re

_ANYWHERE = re.compile(
    "password|passcode|passwd|passphrase|secret|apikey|privatekey|token|credentials"
    "|authorization|cookie|pincode|otpcode"
)
"""In the names of fields that are never shown, whatever they hold; in small letters, bare."""
_ALONE = frozenset({"otp", "totp", "pass", "pwd", "pin", "pins", "jwt"})
"""The same where they are words of their own, for "shipping" hides a pin."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_KEY = re.compile(r"(?<![A-Za-z0-9_-])eyJ[\w-]{8,}(?:\.[\w-]*){0,4}")
"""A JSON Web Token: whoever has it is let in."""
_QUERY = re.compile(
    r"""(?ix) ( [?&;\#] (?: [\w.-]{0,40} [-_.] )?
         (?: t | tk | jwt | token | key | k | pwd | pass | pin | otp | code | sig | signature
           | auth ) = )
        (?!•) [^\s&;\#"'<>\\]+ """,
)
"""In the address of a call, or of a file; the value is left out."""
_SPOKEN = re.compile(
    r"""(?x) ( (?: (?i: pass[-_ ]?(?:word|code|phrase) | passwd | secret | api[-_]?key
                      | private[-_]?key | token | credentials | authorization | cookie ) \w{0,20}+
                 | (?: (?<![A-Za-z]) (?i: t?otp | pass | pwd | pin ) | (?<=[a-z]) (?: T?Otp | OTP
                      | Pass | Pwd | Pin | PIN ) )
                   (?: [-_ ]? (?i: code | number ) )? )
         [\\"']{0,8}+ \s{0,8}+ [:=] \s{0,8}+ )
        ( [\\]{0,7} "[^"]* | '[^']*
        | (?: (?i: bearer | basic ) \s{1,8}+ )? [^\s,;&\#"'}\])]+ )""",
)
"""In the address of a meeting, in JSON within JSON, in what is no JSON."""


def is_secret(name: str) -> bool:
    """Whether a field of that name holds what nobody but its owner may see."""
    bare = re.sub(r"[^a-z]", "", name.casefold())
    return bool(_ANYWHERE.search(bare)) or any(
        word.lower() in _ALONE for word in _WORDS.findall(name)
    )


def without(text: str, covered: str) -> str:
    """The text with `covered` in place of each secret."""
    for wanted, instead in ((_SPOKEN, rf"\1{covered}"), (_QUERY, rf"\1{covered}"), (_KEY, covered)):
        text = wanted.sub(instead, text)
    return text
