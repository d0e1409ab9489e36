"""Recorded deliveries with one hostile value put somewhere in them.

A case is known by its generator and its seed: `case("text", 17)` is the same body each time.
Whoever books chooses most texts of a booking, and Cal.com signs them.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from builders import FIXTURES
from hostile import values
from hostile.values import Values

Path = tuple[str | int, ...]

_TEXTS = (
    "name", "title", "location", "type", "status", "cancellationReason", "rejectionReason",
    "value", "uid", "triggerEvent", "videoCallUrl",
)  # fmt: skip
_GENERATORS: Mapping[str, tuple[Values, Sequence[str]]] = {
    "structure": (values.STRUCTURE, ()),
    "size": (values.SIZE, ("responses", "attendees", "metadata", "title", "organizer")),
    "numbers": (
        values.NUMBERS,
        ("bookingId", "eventTypeId", "seatsPerTimeSlot", "length", "price", "utcOffset", "id"),
    ),
    "text": (values.TEXT, _TEXTS),
    "surrogates": (values.SURROGATES, _TEXTS),
    "modules": (values.MODULES, ("timeZone",)),
    "dates": (values.DATES, ("startTime", "endTime", "createdAt")),
    "zones": (values.ZONES, ("timeZone",)),
    "emails": (values.EMAILS, ("email",)),
    "markup": (values.MARKUP, (*_TEXTS, "label", "timeZone", "email")),
    "places": (values.PLACES, ("location", "videoCallUrl")),
}
"""Each generator's values, and the names of fields they are put into more often than not."""

_HERE = "@@here@@"
"""Stands in the document where the value goes."""
_READ = ("booking_", "guide_")
"""Fixtures with these names tell of a booking; most of what is shown comes from them."""


@dataclass(frozen=True)
class Case:
    """One hostile body. `status` is the answer it gets when it is signed."""

    generator: str
    seed: int
    what: str
    body: bytes
    status: int = 200

    def __str__(self) -> str:
        return f"{self.generator}:{self.seed} ({self.what})"


def generators() -> Sequence[str]:
    """The names of all generators."""
    return [*_GENERATORS, "bodies"]


def case(generator: str, seed: int, token: str = "") -> Case:
    """The case of that name. `token`: the booking link it is booked with."""
    chance = random.Random(f"{generator}:{seed}")
    document, fixture = _document(chance, f"{generator}{seed}", token)
    if generator == "bodies":
        names = list(_BODIES)
        name = names[seed % len(names)]
        body = _BODIES[name](json.dumps(document).encode(), seed)
        return Case(generator, seed, f"{name}, {fixture}", body, _status(body))
    kinds, fields = _GENERATORS[generator]
    names = list(kinds)
    name = names[seed % len(names)]
    path = _choose(chance, document, fields)
    put = _PUTTERS[chance.choices(("value", "key"), (9, 1))[0]]
    body = put(document, path, kinds[name])
    where = ".".join(map(str, path))
    return Case(generator, seed, f"{name!r:.80} at {where} of {fixture}", body, _status(body))


def _status(body: bytes) -> int:
    return 413 if len(body) > 256 * 1024 else 200


@cache
def _fixtures() -> Mapping[str, Any]:
    found = {path.stem: json.loads(path.read_bytes()) for path in sorted(FIXTURES.glob("*.json"))}
    return {
        name: document
        for name, document in found.items()
        if isinstance(document, dict) and document.keys() & {"triggerEvent", "trigger"}
    }


@cache
def people() -> Sequence[str]:
    """Addresses in the recorded deliveries."""
    return sorted(set(re.findall(r"[a-z0-9.+]+@[a-z0-9.-]+", json.dumps(_fixtures()))))


def _document(chance: random.Random, uid: str, token: str) -> tuple[dict[str, Any], str]:
    """A recorded delivery about a booking of its own, booked with `token`."""
    told = [name for name in _fixtures() if name.startswith(_READ)]
    name = chance.choice(told if chance.random() < 0.8 else list(_fixtures()))
    document = deepcopy(_fixtures()[name])
    number = chance.randrange(10**6, 10**12)
    about = document.get("payload", document.get("data", document))
    is_guide = "trigger" in document
    for field in ("uid", "bookingUid", "id", "bookingId", "rescheduleUid", "hashedLink"):
        if about.get(field) is not None:
            about[field] = f"{uid}-{field}"
    for field in ("uid", "bookingUid"):
        if field in about:
            about[field] = uid
    for field in ("id", "bookingId"):
        if field in about:
            about[field] = str(number) if is_guide else number
    metadata = about.get("metadata") if isinstance(about.get("metadata"), dict) else {}
    about["metadata"] = {**metadata, "greenroom": token}
    return document, name


def paths(document: object, before: Path = ()) -> Iterator[Path]:
    """Every place in the document but the whole."""
    items: Sequence[tuple[str | int, object]] = ()
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    for key, value in items:
        yield (*before, key)
        yield from paths(value, (*before, key))


def _choose(chance: random.Random, document: dict[str, Any], fields: Sequence[str]) -> Path:
    """A place whose name is one of these, each name as likely; now and then another."""
    every = list(paths(document))
    likely = [path for path in every if path[-1] in fields]
    if not likely or chance.random() < 0.2:
        return chance.choice(every)
    name = chance.choice(sorted({path[-1] for path in likely}))
    return chance.choice([path for path in likely if path[-1] == name])


def _put_value(document: dict[str, Any], path: Path, raw: bytes) -> bytes:
    *way, last = path
    _at(document, way)[last] = _HERE
    return json.dumps(document).encode().replace(f'"{_HERE}"'.encode(), raw)


def _put_key(document: dict[str, Any], path: Path, raw: bytes) -> bytes:
    """The value as the name of a field beside the place; what is no text goes in its stead."""
    holder = _at(document, path[:-1])
    if not raw.startswith(b'"') or not isinstance(holder, dict):
        return _put_value(document, path, raw)
    holder[_HERE] = holder[path[-1]]
    return json.dumps(document).encode().replace(f'"{_HERE}"'.encode(), raw)


_PUTTERS = {"value": _put_value, "key": _put_key}


def _at(document: Any, way: Sequence[str | int]) -> Any:
    for step in way:
        document = document[step]
    return document


REPLACED: Sequence[str] = (
    "booking_created__every_kind_of_question", "booking_rescheduled__by_attendee",
    "booking_cancelled__one_seat", "booking_no_show_updated__documented",
    "guide__booking_confirmed", "form_submitted__documented",
)  # fmt: skip
"""One of each shape: with answers, moved, a seat, of attendees, the guide's, no booking."""
_INSTEAD: Values = values.STRUCTURE | {"nothing": b""}
"""What stands in each place by turns; "nothing": the place itself is left out."""


def replacements(fixture: str, *, every: bool) -> Iterator[Case]:
    """The delivery with each of its places left out or replaced.

    `every`: each place by each value; else each by one, and over the whole all values take turns.
    """
    recorded = _fixtures()[fixture]
    names = list(_INSTEAD)
    for number, path in enumerate(paths(recorded)):
        where = ".".join(map(str, path))
        for name in names if every else [names[number % len(names)]]:
            document = deepcopy(recorded)
            if name == "nothing":
                del _at(document, path[:-1])[path[-1]]
                body = json.dumps(document).encode()
            else:
                body = _put_value(document, path, _INSTEAD[name])
            # The same bytes twice would be one delivery.
            yield Case(fixture, number, f"{name} at {where}", body + b" " * number, 200)


def _without(body: bytes, seed: int) -> bytes:
    """One field left out, another under a new name."""
    chance, document = random.Random(seed), json.loads(body)
    for rename in (False, True):
        named = [path for path in paths(document) if isinstance(path[-1], str)]
        path = chance.choice(named)
        holder = _at(document, path[:-1])
        value = holder.pop(path[-1])
        if rename:
            holder[f"{path[-1]}2"] = value
    return json.dumps(document).encode()


def _twice(body: bytes, seed: int) -> bytes:
    """A key of the outermost object once more, with another value."""
    chance = random.Random(seed)
    key, value = chance.choice(list(json.loads(body).items()))
    other = chance.choice([value, None, [], "x", {"uid": "other"}])
    return body[:-1] + b"," + json.dumps(key).encode() + b":" + json.dumps(other).encode() + b"}"


def _padded(text: bytes) -> Callable[[bytes, int], bytes]:
    # The same bytes twice would be one delivery.
    return lambda _, seed: text + b" " * seed


def _filled(size: int) -> Callable[[bytes, int], bytes]:
    return lambda body, _: body + b" " * (size - len(body))


def _flipped(body: bytes, seed: int) -> bytes:
    chance, changed = random.Random(seed), bytearray(body)
    for _ in range(1 + seed % 5):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


_BODIES: Mapping[str, Callable[[bytes, int], bytes]] = {
    "nothing": _padded(b""),
    **{
        text: _padded(text.encode())
        for text in ("false", "null", "0", '"x"', "[]", "{}", "[[]]", "{'a':1}", "{", '{"a":')
    },
    "a field left out and one renamed": _without,
    "another field left out": lambda body, seed: _without(body, seed + 1_000),
    "a key twice": _twice,
    "trailing text": lambda body, _: body + b"trailing",
    "two documents": lambda body, _: body + body,
    "a comment": lambda body, _: b"/* hello */" + body,
    "a comma too many": lambda body, _: body[:-1] + b",}",
    "single quotes": lambda body, _: body.replace(b'"', b"'"),
    "a byte order mark": lambda body, _: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body, _: body.decode().encode("utf-16"),
    "UTF-32": lambda body, _: body.decode().encode("utf-32"),
    "Latin-1": lambda body, _: body[:-1] + b',"x":"\xe9"}',
    "cut off": lambda body, seed: body[: len(body) * (seed % 97) // 97],
    "a NUL at the end": lambda body, _: body + b"\x00",
    "blanks around": lambda body, seed: b"\n \t\r" * (1 + seed) + body + b"\r\n" * seed,
    "one byte below the limit": _filled(256 * 1024 - 1),
    "at the limit": _filled(256 * 1024),
    "one byte over the limit": _filled(256 * 1024 + 1),
    "in a list": lambda body, _: b"[" + body + b"]",
    "a form": lambda body, seed: b"triggerEvent=BOOKING_CREATED&seed=%d" % seed,
    "random bytes": lambda _, seed: random.Random(seed).randbytes(500),
    "a bit flipped": _flipped,
}
