"""Bodies as people may read them: never with secrets, with people's data only when asked."""

import json

import pytest

from greenroom.calcom.redaction import readable


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


def test_names_of_fields_may_be_peoples_words_too():
    assert covered(**{"ada@example.org": 1}) == {"•••": 1}


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
    {"nested": json.dumps({"password": "hunter2-Zk9"})},
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
        "location": "https://a/b?c=d",
    }

    assert json.loads(shown(said)) == said
    assert "Ada" in shown(b"name=Ada&password=x")


def test_lone_surrogates_can_be_written_to_a_page():
    assert shown(b'{"title": "\\ud800"}').encode() == b'{\n  "title": "\\ud800"\n}'
