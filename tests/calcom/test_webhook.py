"""Whether a request is Cal.com's, and that nothing in one can hurt whoever reads it."""

import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import MINUTE, NOW, delivery, fixture, manifest, recorded
from greenroom.bookings.model import Source
from greenroom.calcom import webhook
from greenroom.calcom.webhook import BadSignature, Refusal

OURS, OTHERS = "whk_our_secret_0123456789abcdefgh", "whk_another_secret_456789abcdefgh"
BODY = b'{"triggerEvent":"PING"}'
GOOD = webhook.signature(OURS, BODY).encode()


def read(body: bytes) -> webhook.Reading:
    return webhook.read(body, received_at=NOW)


def refusal(header: bytes | None, *secrets: str) -> Refusal:
    with pytest.raises(BadSignature) as caught:
        webhook.verify(BODY, header, list(enumerate(secrets or [OURS])))
    return caught.value.refusal


@pytest.mark.parametrize("name", sorted(name for name, vector in manifest().items() if vector))
def test_every_recorded_signature_is_checked_as_cal_com_made_it(name):
    vector = manifest()[name]
    header = str(vector["signature"]).encode()

    if vector["secret"] is None:
        with pytest.raises(BadSignature) as caught:
            webhook.verify(fixture(name), header, [(1, OURS)])
        assert caught.value.refusal is Refusal.NO_SECRET
    else:
        secrets = [(1, OURS), (2, str(vector["secret"]))]
        assert webhook.verify(fixture(name), header, secrets) == 2


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Refusal.MISSING),
        (b"", Refusal.MISSING),
        (b"no-secret-provided", Refusal.NO_SECRET),
        (b"sha256=" + GOOD, Refusal.MALFORMED),
        (GOOD.upper(), Refusal.MALFORMED),
        (GOOD[:-1], Refusal.MALFORMED),
        (GOOD + b"0", Refusal.MALFORMED),
        (b" " + GOOD, Refusal.MALFORMED),
        (GOOD + b"\n", Refusal.MALFORMED),
        (GOOD[:32] + b" " + GOOD[33:], Refusal.MALFORMED),
        ("é".encode() * 32, Refusal.MALFORMED),
        (b"\xe9" * 64, Refusal.MALFORMED),
        (GOOD + b", " + GOOD, Refusal.MALFORMED),
        (b"0" * 64, Refusal.WRONG),
        (webhook.signature(OTHERS, BODY).encode(), Refusal.WRONG),
        (webhook.signature(OURS + "\n", BODY).encode(), Refusal.WRONG),
        (webhook.signature(OURS, BODY + b" ").encode(), Refusal.WRONG),
        (hmac.new(b"", BODY, "sha256").hexdigest().encode(), Refusal.WRONG),
    ],
)
def test_a_signature_that_is_not_exactly_cal_coms_is_refused_with_its_reason(header, expected):
    assert refusal(header) is expected


def test_an_empty_secret_lets_nobody_in():
    assert refusal(webhook.signature("", BODY).encode(), "", OURS) is Refusal.WRONG


def test_without_any_secret_nothing_is_believed():
    with pytest.raises(BadSignature):
        webhook.verify(BODY, GOOD, [])


@pytest.mark.parametrize(("secret", "connection"), [(OURS, 4), (OTHERS, 9)])
def test_the_secret_that_fits_names_the_connection(secret, connection):
    header = webhook.signature(secret, BODY).encode()

    assert webhook.verify(BODY, header, [(4, OURS), (9, OTHERS)]) == connection


def test_during_a_rotation_the_previous_secret_counts_too():
    assert webhook.verify(BODY, GOOD, [(4, OTHERS), (4, OURS)]) == 4


@pytest.mark.parametrize("each", Refusal)
def test_each_refusal_says_what_happened_and_what_to_do(each):
    error = BadSignature(each)

    assert (error.status, error.what, error.do) == (401, each.what, each.do)
    assert error.what.endswith(".")
    assert error.do.endswith(".")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is not JSON"),
        (b"   ", "it is not JSON"),
        (b"event=BOOKING_CREATED&uid=1", "it is not JSON"),
        (b"{'triggerEvent':'PING'}", "it is not JSON"),
        (b'{"triggerEvent":"PING"}{}', "it is not JSON"),
        (b'{"triggerEvent":"PING"} // test', "it is not JSON"),
        (b"\xef\xbb\xbf" + BODY, "it is not JSON"),
        (BODY.decode().encode("utf-16"), "it is not JSON"),
        (BODY.decode().encode("utf-16-le"), "it is not JSON"),
        (b'{"triggerEvent":"\xff"}', "it is not JSON"),
        (b'{"triggerEvent":"\xed\xa0\x80"}', "it is not JSON"),
        (b'{"triggerEvent":"PI\x00NG"}', "it is not JSON"),
        (b'{"n":NaN}', "it is not JSON"),
        (b'{"n":-Infinity}', "it is not JSON"),
        (b'{"n":1e400}', "it is not JSON"),
        (b'{"n":01}', "it is not JSON"),
        (b'{"n":+1}', "it is not JSON"),
        (b'{"n":' + b"1" * 33 + b"}", "a number in it has more than 32 characters"),
        (b"[" * 33 + b"]" * 33, "it is nested more than 32 deep"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "it is nested more than 32 deep"),
        (b"[" + b"1," * 20_000 + b"1]", "it has more than 20000 values"),
        (b'"' + b"a" * 262_143 + b'"', "it is larger than 256 KiB"),
        (b"false", "it is bare JSON without an event in it"),
        (b"null", "it is bare JSON without an event in it"),
        (b"[]", "it is bare JSON without an event in it"),
        (b'"x"', "it is bare JSON without an event in it"),
        (b"{}", "it is not in the shape Cal.com sends by default"),
        (b'{"trigger":"BOOKING_CREATED"}', "it is not in the shape Cal.com sends by default"),
        (b'{"triggerEvent":"BOOKING_EATEN","payload":{}}', "does not know the event BOOKING_EATEN"),
        (b'{"trigger":"PING","data":{}}', "does not know the event PING"),
        (b'{"triggerEvent":"BOOKING_CREATED"}', "payload.uid is missing, or not a uid"),
        (b'{"triggerEvent":"BOOKING_CREATED","uid":"a"}', "payload.startTime is missing"),
    ],
)
def test_what_cannot_be_read_is_kept_unread_and_the_note_says_why(body, why):
    reading = read(body)

    assert (reading.readable, reading.facts) == (False, ())
    assert why in reading.note


def test_json_as_deep_and_long_as_is_allowed_is_read():
    assert "shape" in read(b'{"a":' * 31 + b"[]" + b"}" * 31).note
    assert "bare JSON" in read(b"[" + b"1," * 19_998 + b"1]").note
    assert "bare JSON" in read(b'"' + b"[{," * 80_000 + b'"').note


@pytest.mark.parametrize("field", ["startTime", "endTime"])
@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-25T10:00:00",
        "2026-11-25",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+14:00",
        "2101-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "infinity",
        "-infinity",
        "2026-11-25T24:00:00Z",
        "2026-11-25T23:59:60Z",
        "2026-W48-3T10:00:00Z",
        "20261125T100000Z",
        "2026-11-31T10:00:00Z",
        "٢٠٢٦-11-25T10:00:00Z",
        1795600800000,
        "",
        [],
    ],
)
def test_a_moment_that_cannot_be_is_named_by_its_field(field, moment):
    reading = read(delivery(**{field: moment}))

    assert not reading.readable
    assert f"payload.{field} is not a moment" in reading.note
    assert reading.uid == "booking1"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-25T10:00:00Z",
        "2026-11-25T10:00:00+00:00",
        "2026-11-25T10:00:00.000Z",
        "2026-11-25T10:00:00-00:00",
        "2026-11-26T00:00:00+14:00",
        "2026-11-25T10:00:00.000000000Z",
    ],
)
def test_the_formats_cal_com_writes_are_one_moment_in_utc(moment):
    [fact] = read(delivery(startTime=moment)).facts

    assert fact.starts_at == datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    assert fact.starts_at.tzinfo is UTC


def test_a_meeting_that_ends_before_it_starts_is_not_believed():
    assert "endTime is before startTime" in read(delivery(endTime="2026-11-25T09:00:00Z")).note


@pytest.mark.parametrize("uid", ["", "../me", "a/b", "a b", "a" * 201, "é", "a\n", 7, None, [], {}])
def test_a_uid_that_fits_no_address_and_no_index_is_none(uid):
    reading = read(delivery(uid=uid))

    assert (reading.uid, reading.readable) == (None, False)


@pytest.mark.parametrize("number", [-1, 0, 2**63, 2**64, 2**70, 1.5, True, "7", None, [7]])
def test_a_number_that_fits_no_column_is_none(number):
    [fact] = read(delivery(bookingId=number, eventTypeId=number)).facts

    assert (fact.calcom_id, fact.event_type_id) == (None, None)


@pytest.mark.parametrize(
    ("said", "as_of"),
    [
        ("2026-11-24T08:00:00.123Z", NOW - timedelta(minutes=59, seconds=59, milliseconds=877)),
        ("2026-11-24T09:00:30Z", NOW + MINUTE / 2),
        ("2026-11-24T10:00:00Z", NOW),
        ("2036-11-24T09:00:00Z", NOW),
        ("yesterday", NOW),
        (None, NOW),
        (1795600800000, NOW),
    ],
)
def test_news_is_as_old_as_it_says_unless_that_cannot_be(said, as_of):
    body = {**json.loads(delivery()), "createdAt": said}

    [fact] = read(json.dumps(body).encode()).facts

    assert (fact.as_of, fact.source) == (as_of, Source.WEBHOOK)


def test_no_note_gives_away_who_books():
    notes = " ".join(read(fixture(name)).note for name in manifest())

    assert not [word for word in ("@", "Jonas", "Weber", "Lindqvist", "Tomasz") if word in notes]


@given(st.binary(max_size=2000))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_reading_them_never_raises(body):
    assert read(body).note


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_delivery_with_bytes_changed_on_the_way_never_raises(data):
    body = bytearray(fixture(data.draw(st.sampled_from(sorted(manifest())))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=5)):
        body[place] = data.draw(st.integers(0, 255))

    assert read(bytes(body)).note


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(["BOOKING_CREATED", "BOOKING_CANCELLED", "BOOKING_NO_SHOW_UPDATED"]), _JSON)
@settings(max_examples=100, deadline=None)
def test_any_json_where_the_booking_should_be_never_raises(trigger, payload):
    assert read(json.dumps({"triggerEvent": trigger, "payload": payload}).encode()).note


_ODD: list[object] = [
    None,
    "",
    0,
    -1,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    2**70,
    [],
    {},
    True,
    "long " * 2000,
    "\x00\x1b\u0085\ud800\u202e",
    "infinity",
]
_UNFIT = (r"\x00", r"\x1b", r"\x85", r"\ud800")


def places(value):
    """Every place in a JSON document: what holds it, and under which name or number."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@pytest.mark.parametrize("name", sorted({*recorded()} - {"template__broken_by_a_quote"}))
def test_any_field_gone_or_odd_is_survived_and_what_is_said_stays_clean(name):
    document = json.loads(fixture(name))

    for holder, key in places(document):
        kept = holder[key]
        for odd in _ODD:
            holder[key] = odd
            reading = read(json.dumps(document).encode())
            assert reading.note
            assert not [each for each in _UNFIT if each in repr(reading.facts)], (key, odd)
        del holder[key]
        assert read(json.dumps(document).encode()).note
        if isinstance(holder, list):
            holder.insert(key, kept)
        else:
            holder[key] = kept
