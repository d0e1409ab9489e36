"""Bodies as people may read them: never with secrets, with people's data only when asked."""

import json

import pytest

from builders import FIXTURES
from greenroom.deliveries.redaction import readable


def covered(**payload):
    return json.loads(readable(json.dumps(payload).encode(), everything=False))


def test_secrets_are_covered_whatever_their_kind():
    said = {"oneTimePassword": 123456, "videoCallData": {"password": "1234", "type": "daily"}}

    assert covered(**said) == {
        "oneTimePassword": "••• secret",
        "videoCallData": {"password": "••• secret", "type": "daily"},
    }


def test_texts_are_covered_unless_they_are_known_to_hold_no_person():
    said = {
        "triggerEvent": "BOOKING_CREATED",
        "startTime": "2026-11-25T10:00:00Z",
        "title": "Intro call with Ada",
        "attendees": [{"email": "ada@example.org", "timeZone": "Europe/London", "id": 7}],
        "metadata": {"greenroom": "the-token"},
    }

    assert covered(**said) == {
        "triggerEvent": "BOOKING_CREATED",
        "startTime": "2026-11-25T10:00:00Z",
        "title": "••• 19 characters",
        "attendees": [{"email": "••• 15 characters", "timeZone": "Europe/London", "id": 7}],
        "metadata": {"greenroom": "••• 9 characters"},
    }


def test_numbers_are_covered_unless_they_are_cal_coms_own():
    said = {
        "bookingId": 7,
        "eventTypeId": 2,
        "length": 30,
        "price": 2500,
        "attendees": [{"id": 7, "utcOffset": -300, "absent": False}],
        "salary": 90000,
        "score": 0.5,
        "id": 491701234567,
        "pin": 1234,
        "responses": {"phone": 491701234567, "age": {"value": 33}, "length": 186, "id": 12},
    }

    assert covered(**said) == {
        "bookingId": 7,
        "eventTypeId": 2,
        "length": 30,
        "price": 2500,
        "attendees": [{"id": 7, "utcOffset": -300, "absent": False}],
        "salary": "••• number",
        "score": "••• number",
        "id": "••• number",
        "pin": "••• secret",
        "responses": {
            "phone": "••• number",
            "age": {"value": "••• number"},
            "length": "••• number",
            "id": "••• number",
        },
    }


@pytest.mark.parametrize(
    "said",
    ["ada@example.org", "Ada Lovelace", "Ada\u00a0Lovelace", "ada%40example.org", "+491701234567"],
)
@pytest.mark.parametrize("name", ["id", "type", "uid", "slug", "status"])
def test_people_are_covered_in_fields_that_hold_none_too(name, said):
    assert covered(**{name: [said]}) == {name: [f"••• {len(said)} characters"]}


def test_answers_are_covered_whatever_their_question_is_called():
    said = {"responses": {"type": {"value": "Ada"}, "slug": ["Ada"], "uid": "1990-05-01T00:00:00Z"}}

    assert "Ada" not in str(covered(**said))
    assert "1990" not in str(covered(**said))


def test_every_number_cal_com_was_heard_to_send_stays_readable():
    for file in FIXTURES.glob("*__*.json"):
        assert "••• number" not in (readable(file.read_bytes(), everything=False) or ""), file.name


def test_names_of_fields_may_be_peoples_words_too():
    assert covered(**{"ada@example.org": True}) == {"•••": True}


def test_characters_that_steer_the_screen_are_written_out():
    assert readable('{"a": "\u202eevil"}'.encode(), everything=True) == '{\n  "a": "\\u202eevil"\n}'


@pytest.mark.parametrize("body", [b"not json", b"[" * 1000, b"\xff\xfe"])
def test_a_body_that_is_no_json_is_shown_whole_or_not_at_all(body):
    assert readable(body, everything=False) is None
    assert readable(body, everything=True) is not None


def shown(body):
    return readable(body if isinstance(body, bytes) else json.dumps(body).encode(), everything=True)


SECRETS = [
    {"oneTimePassword": "hunter2-Zk9"},
    {"payload": {"videoCallData": {"type": "zoom_video", "password": "hunter2-Zk9"}}},
    {"a": [{"apiKey": ["hunter2-Zk9"]}]},
    {"hostPasscode": {"value": "hunter2-Zk9"}},
    {"client_secret": "hunter2-Zk9"},
    {"location": "https://zoom.example/j/1?pwd=hunter2-Zk9&x=1"},
    {"location": "Password: hunter2-Zk9"},
    {"otp": "hunter2-Zk9"},
    {"pass": "hunter2-Zk9"},
    {"userPwd": "hunter2-Zk9"},
    {"credentials": {"user": "hunter2-Zk9"}},
    {"seatToken": "hunter2-Zk9"},
    {"headers": {"Authorization": "Bearer hunter2-Zk9", "set-cookie": "a=hunter2-Zk9"}},
    {"roomPIN": "hunter2-Zk9"},
    {"url": "https://call.example/x?t=hunter2-Zk9"},
    {"url": "https://call.example/x?a=1&token=hunter2-Zk9&b=2"},
    {"url": "https://call.example/x?key=hunter2-Zk9#auth=hunter2-Zk9"},
    {"url": "https://files.example/x?X-Amz-Signature=hunter2-Zk9;sig=hunter2-Zk9"},
    {"type": "x?sig=hunter2-Zk9"},
    {"location": "Dial in, PIN code: hunter2-Zk9"},
    {"text": "Authorization: Bearer hunter2-Zk9"},
    {"url": "https://call.example/eyJhbGciOiJIUzI1NiJ9.hunter2-Zk9.hunter2-Zk9/in"},
    {"uid": "eyJhbGciOiJIUzI1NiJ9.hunter2-Zk9"},
    {"nested": json.dumps({"password": "hunter2-Zk9", "otp": "hunter2-Zk9"})},
    {"twice": json.dumps({"in": json.dumps({"access_token": "hunter2-Zk9"})})},
    b'{"password": "hunter2-Zk9", "uid": NaN}',
    b"{'oneTimePassword': 'hunter2-Zk9'",
    b"name=Ada&password=hunter2-Zk9&uid=1",
]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("body", SECRETS, ids=range(len(SECRETS)))
def test_secrets_stay_covered_whatever_is_asked_for(body, everything):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    assert "hunter2" not in (readable(raw, everything=everything) or "")


def test_what_is_no_secret_is_shown_when_asked_for():
    said = {
        "attendees": [{"name": "Ada", "email": "ada@example.org"}],
        "location": "https://a/b?c=d&format=1",
        "shipping": "Compass 7, opinion: none",
        "spinning": 3,
    }

    assert json.loads(shown(said)) == said
    assert "Ada" in shown(b"name=Ada&password=x")


def test_lone_surrogates_can_be_written_to_a_page():
    assert shown(b'{"title": "\\ud800"}').encode() == b'{\n  "title": "\\ud800"\n}'
