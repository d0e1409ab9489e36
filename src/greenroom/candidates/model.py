"""Who a candidate is, and how names and addresses are compared. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST_NAME = 200
LONGEST_ROLE = 200
MOST_ADDRESSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person who is considered for a job.

    `addresses` are as given, the one that letters go to first; `role` is the job, "" when
    nobody said; `zone` is an IANA name and `locale` a language tag such as "pt-BR".
    """

    id: int
    name: str
    addresses: tuple[str, ...]
    role: str
    zone: str | None
    locale: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is said about a candidate, before it is stored."""

    name: str
    addresses: tuple[str, ...] = ()
    role: str = ""
    zone: str | None = None
    locale: str | None = None


def draft_of(candidate: Candidate) -> Draft:
    """What is said about the candidate now, to be changed and stored again."""
    return Draft(
        name=candidate.name,
        addresses=candidate.addresses,
        role=candidate.role,
        zone=candidate.zone,
        locale=candidate.locale,
    )


class Order(StrEnum):
    """How a list of candidates is sorted. Values are in addresses: never rename one."""

    NAME = "name"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ended: the sort key and the id of its last candidate."""

    key: str | datetime
    id: int


# Characters that steer text instead of being text: C0, C1, bidirectional overrides and marks,
# byte-order mark, lone surrogates, noncharacters. Joiners of no width stay: names need them.
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_INK = re.compile(r"[^\s\u200b-\u200d]")


def clean(text: str, longest: int) -> str:
    """`text` on one line, without control characters, at most `longest` characters.

    Empty when nothing visible is left.
    """
    line = " ".join(_STEERING.sub(" ", unicodedata.normalize("NFC", text)).split())
    return line[:longest].rstrip() if _INK.search(line) else ""


def is_plain(text: str) -> bool:
    """Whether `text` has no control characters nor anything else a database may refuse."""
    return _STEERING.search(text) is None


def fold(text: str) -> str:
    """`text` without case, accents and compatibility forms: "José" and "JOSE" are equal."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    return unicodedata.normalize("NFKC", bare)


def name_key(name: str) -> str:
    """What a list by name is sorted by. Short enough for an index whatever the name."""
    return _STEERING.sub("", fold(name))[:LONGEST_NAME]


_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+")
_LONGEST_WORD = 64


def words(text: str) -> Sequence[str]:
    """What `text` can be found by: its words, folded. Chinese and Japanese signs stand alone."""
    found = (word[:_LONGEST_WORD] for word in _WORD.findall(fold(text)))
    return list(dict.fromkeys(found))


def search_words(draft: Draft) -> Sequence[str]:
    """Everything this candidate can be found by: name, addresses, role."""
    return words(" ".join([draft.name, draft.role, *draft.addresses]))


def address_key(address: str) -> str:
    """What makes two e-mail addresses the same: compatibility forms and case do not count.

    The domain is in its ASCII form (A-label). Plus-addresses stay apart: they are as good as
    different persons. Works on any text, also on what is no address, and gives storable text.
    """
    plain = unicodedata.normalize("NFKC", _STEERING.sub("\ufffd", address)).strip()
    local, at, domain = plain.rpartition("@")
    return _same(local) + at + ".".join(map(_a_label, _dotted(domain)))


def _same(text: str) -> str:
    # Twice: casefolding can leave a compatibility form behind, and the other way round.
    once = unicodedata.normalize("NFKC", text.casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _dotted(domain: str) -> list[str]:
    # Lower and not casefold: "ß" is a letter of its own in a domain.
    plain = unicodedata.normalize("NFKC", domain.lower()).replace("\u3002", ".")
    return plain.rstrip(".").split(".")


def _a_label(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode", "replace").decode("ascii")


_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", re.IGNORECASE | re.ASCII)


def locale_of(text: str) -> str | None:
    """The language tag in `text` ("pt_BR" is read as "pt-BR"), or None if it is none."""
    tag = text.strip().replace("_", "-")
    return tag if _LOCALE.fullmatch(tag) else None
