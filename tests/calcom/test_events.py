"""What each of Cal.com's events says: one line per body, recorded or composed from documents."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest

from builders import ADA, NOW, delivery, fixture, manifest
from greenroom.bookings.model import Attendee, Fact, Host, Source, Status
from greenroom.calcom import webhook

OLD, NEW = "wQ7cYxT4bL2mPz9VhKs3aR", "eN5uJk8rDf1qGv6XtBw0Cy"
TOMASZ = "tomasz.o@harbor.example"

SAYS: dict[str, tuple[str, Status | None, dict[str, object]]] = {
    "booking_created__plain": ("gi5CCxXdEoLpxpjCp3Pk9V", Status.CONFIRMED, {}),
    "booking_created__no_secret": ("dQzHTHKVP7YZPbzDHCdmQL", Status.CONFIRMED, {}),
    "booking_created__every_kind_of_question": ("taS7iSGaFfDr3UJHUdyBsY", Status.CONFIRMED, {}),
    "booking_created__series_1_of_3": ("qpryhi7oSRxcx2q5L3QebP", Status.CONFIRMED, {}),
    "booking_created__series_2_of_3": ("pu6w29JTuj1rm6fcsfRAta", Status.CONFIRMED, {}),
    "booking_created__series_3_of_3": ("nNK3e2MZbNbswA4GZS7oAX", Status.CONFIRMED, {}),
    "booking_created__documented": (OLD, Status.CONFIRMED, {}),
    "booking_created__guest_and_phone": (OLD, Status.CONFIRMED, {}),
    "booking_created__one_of_a_series": (OLD, Status.CONFIRMED, {}),
    "booking_created__version_2026_07_27": (OLD, Status.CONFIRMED, {}),
    "booking_created__private_link": (
        OLD,
        Status.CONFIRMED,
        {"private_link": "k3NfQ8vVwYxB2tLmRz7aCd"},
    ),
    # A host who confirms is announced as one more CREATED.
    "booking_requested__new": ("326xx4rApGvhJDJpZP16Pe", Status.REQUESTED, {}),
    "booking_created__after_confirm": ("326xx4rApGvhJDJpZP16Pe", Status.CONFIRMED, {}),
    "booking_requested__documented": (OLD, Status.REQUESTED, {}),
    "booking_created__after_confirmation": (OLD, Status.CONFIRMED, {}),
    "booking_rejected__by_host": (
        "4QvnYFzhNWZhZuHhrM4Ch8",
        Status.DECLINED,
        {"reason": "Fully booked that week"},
    ),
    "booking_rejected__documented": (
        OLD,
        Status.DECLINED,
        {"reason": "Outside of our support window."},
    ),
    # A booking that moves is a new one.
    "booking_rescheduled__by_attendee": (
        "53vSjXPbLDzcbeixE8ekP5",
        Status.CONFIRMED,
        {"replaces": "dQzHTHKVP7YZPbzDHCdmQL"},
    ),
    "booking_rescheduled__documented": (NEW, Status.CONFIRMED, {"replaces": OLD}),
    "booking_requested__approved_one_moved": (
        "cLY8AAA3VRS4Lw4YZrXAYM",
        Status.REQUESTED,
        {"replaces": "326xx4rApGvhJDJpZP16Pe"},
    ),
    "booking_created__after_confirm_of_moved": ("cLY8AAA3VRS4Lw4YZrXAYM", Status.CONFIRMED, {}),
    "booking_requested__moved_by_candidate": (NEW, Status.REQUESTED, {"replaces": OLD}),
    "booking_cancelled__another_time_asked": (
        "ugGHLNot7ECHoreQF3UC9y",
        Status.CANCELLED,
        {"successor_expected": True, "reason": "Please reschedule. I have to travel"},
    ),
    "booking_rescheduled__after_request": (
        "91gpLCUkqpaEcF2yTTY3ze",
        Status.CONFIRMED,
        {"replaces": "ugGHLNot7ECHoreQF3UC9y"},
    ),
    "booking_cancelled__another_time_wanted": (
        NEW,
        Status.CANCELLED,
        {"successor_expected": True, "reason": "Please reschedule. I am travelling that day"},
    ),
    "booking_cancelled__after_two_reschedules": (
        "71pkmeK3mbTi3jqUkMRLCj",
        Status.CANCELLED,
        {"reason": "Client is ill"},
    ),
    "booking_cancelled__by_host": (
        "5stz7KRsLCj7STzc9wBdgR",
        Status.CANCELLED,
        {"reason": "host cancels from the web"},
    ),
    "booking_cancelled__documented": (NEW, Status.CANCELLED, {"reason": "Project was postponed"}),
    # One delivery for a series is about its own booking.
    "booking_cancelled__series": (
        "qpryhi7oSRxcx2q5L3QebP",
        Status.CANCELLED,
        {"reason": "stop series"},
    ),
    "booking_cancelled__whole_series": (NEW, Status.CANCELLED, {"reason": "Project was postponed"}),
    # A seat that is cancelled says CANCELLED of a booking that may live on.
    "booking_created__seat_1": ("1x6NpzzsLzguhw29By6DPY", Status.CONFIRMED, {"seated": True}),
    "booking_created__seat_2": ("1x6NpzzsLzguhw29By6DPY", Status.CONFIRMED, {"seated": True}),
    "booking_created__seat": (OLD, Status.CONFIRMED, {"seated": True}),
    "booking_cancelled__last_seat": (
        "1x6NpzzsLzguhw29By6DPY",
        None,
        {"seated": True, "departed": ("jonas@client.example",)},
    ),
    "booking_cancelled__one_seat_of_two": (
        "aPPbDMGTDpQKJ57vzEQHmk",
        None,
        {"seated": True, "departed": ("otto@client.example",)},
    ),
    "booking_cancelled__one_seat": (NEW, None, {"seated": True, "departed": (TOMASZ,)}),
    # Before the payment it says ACCEPTED, which is not so.
    "booking_payment_initiated__recorded": ("enu2QscAgL3f6iKMtf2RFm", Status.REQUESTED, {}),
    "booking_paid__recorded": ("enu2QscAgL3f6iKMtf2RFm", Status.CONFIRMED, {}),
    "booking_created__after_payment": ("enu2QscAgL3f6iKMtf2RFm", Status.CONFIRMED, {}),
    "booking_payment_initiated__documented": (OLD, Status.REQUESTED, {}),
    "booking_paid__documented": (OLD, Status.CONFIRMED, {}),
    "booking_no_show_updated__attendee_marked": (
        "mAaQYzV9Hgo7rkfa2XtHXR",
        None,
        {"absences": (("ivy@client.example", True),)},
    ),
    "booking_no_show_updated__documented": (OLD, None, {"absences": ((TOMASZ, True),)}),
    "booking_location_updated__documented": (OLD, Status.CONFIRMED, {}),
    "booking_reassigned__documented": (OLD, Status.CONFIRMED, {}),
    "guide__booking_confirmed": ("id:123456", Status.CONFIRMED, {}),
}

SAYS_NOTHING: dict[str, tuple[str, str | None]] = {
    "ping__test": ("PING", None),
    "ping__no_secret": ("PING", None),
    "ping__documented": ("PING", None),
    "meeting_started__plain": ("MEETING_STARTED", "mAaQYzV9Hgo7rkfa2XtHXR"),
    "meeting_ended__plain": ("MEETING_ENDED", "mAaQYzV9Hgo7rkfa2XtHXR"),
    "meeting_started__of_moved_booking": ("MEETING_STARTED", "326xx4rApGvhJDJpZP16Pe"),
    "meeting_started__documented": ("MEETING_STARTED", OLD),
    "meeting_ended__documented": ("MEETING_ENDED", OLD),
    "meeting_ended__after_confirmation": ("MEETING_ENDED", OLD),
    "recording_ready__documented": ("RECORDING_READY", OLD),
    "recording_transcription_generated__documented": ("RECORDING_TRANSCRIPTION_GENERATED", OLD),
    "instant_meeting__documented": ("INSTANT_MEETING", OLD),
    "instant_meeting_accepted__documented": ("INSTANT_MEETING_ACCEPTED", OLD),
    "after_hosts_cal_video_no_show__documented": ("AFTER_HOSTS_CAL_VIDEO_NO_SHOW", OLD),
    "after_guests_cal_video_no_show__documented": ("AFTER_GUESTS_CAL_VIDEO_NO_SHOW", OLD),
    "wrong_assignment_report__documented": ("WRONG_ASSIGNMENT_REPORT", OLD),
    "ooo_created__recorded": ("OOO_CREATED", None),
    "ooo_created__documented": ("OOO_CREATED", None),
    "form_submitted__documented": ("FORM_SUBMITTED", None),
    "form_submitted_no_event__documented": ("FORM_SUBMITTED_NO_EVENT", None),
    "routing_form_fallback_hit__documented": ("ROUTING_FORM_FALLBACK_HIT", None),
    "delegation_credential_error__documented": ("DELEGATION_CREDENTIAL_ERROR", None),
    "delegation_credential_secret_rotated__documented": (
        "DELEGATION_CREDENTIAL_SECRET_ROTATED",
        None,
    ),
    "delegation_credential_rotation_required__documented": (
        "DELEGATION_CREDENTIAL_ROTATION_REQUIRED",
        None,
    ),
    "delegation_credential_secret_rotation_failed__documented": (
        "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
        None,
    ),
}

UNREADABLE = {"template__json", "template__broken_by_a_quote"}

_SPOKEN_OF = (
    "replaces",
    "successor_expected",
    "private_link",
    "seated",
    "departed",
    "absences",
    "reason",
    "token",
)


def read(body: bytes) -> webhook.Reading:
    return webhook.read(body, received_at=NOW)


def fact_in(body: bytes) -> Fact:
    [fact] = read(body).facts
    return fact


@pytest.mark.parametrize("name", SAYS)
def test_each_delivery_reports_one_booking_and_where_it_stands(name):
    uid, status, claims = SAYS[name]

    reading = read(fixture(name))

    [fact] = reading.facts
    said = {field: value for field in _SPOKEN_OF if (value := getattr(fact, field))}
    assert reading.readable
    assert (fact.uid, fact.status, said) == (uid, status, claims)
    assert uid in reading.note


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_other_deliveries_say_nothing_about_a_booking_and_the_note_says_why(name):
    trigger, uid = SAYS_NOTHING[name]

    reading = read(fixture(name))

    assert (reading.trigger, reading.uid, reading.facts) == (trigger, uid, ())
    assert reading.readable
    assert reading.note.endswith(".")


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_what_a_payload_template_made_is_kept_unread_and_the_note_says_what_to_do(name):
    reading = read(fixture(name))

    assert (reading.trigger, reading.uid, reading.facts) == (None, None, ())
    assert not reading.readable
    assert "remove it from the webhook in Cal.com" in reading.note


def test_every_body_we_have_is_in_one_of_the_three_tables():
    assert set(manifest()) == {*SAYS, *SAYS_NOTHING, *UNREADABLE}


def test_a_recorded_booking_is_read_whole():
    body = fixture("booking_rescheduled__by_attendee")

    assert fact_in(body) == Fact(
        uid="53vSjXPbLDzcbeixE8ekP5",
        as_of=datetime(2026, 11, 23, 15, 24, 21, 239000, tzinfo=UTC),
        source=Source.WEBHOOK,
        digest=sha256(body).hexdigest(),
        calcom_id="2",
        status=Status.CONFIRMED,
        starts_at=datetime(2026, 11, 26, 10, 0, tzinfo=UTC),
        ends_at=datetime(2026, 11, 26, 10, 30, tzinfo=UTC),
        title="Intro call between Mara Lindqvist and Jonas Weber",
        host=Host(name="Mara Lindqvist", email="mara@studio.example", zone="Europe/Berlin"),
        location="Studio 4, Lindenstr. 12, Berlin",
        attendees=(
            Attendee(email="jonas@client.example", name="Jonas Weber", zone="Europe/Berlin"),
            Attendee(email="guest.one@client.example", zone="Europe/Berlin"),
        ),
        replaces="dQzHTHKVP7YZPbzDHCdmQL",
        event_type_id=1,
        event_type_slug="intro-call",
    )


def test_the_guides_sample_is_known_by_its_number_and_was_true_when_it_came():
    body = fixture("guide__booking_confirmed")

    assert fact_in(body) == Fact(
        uid="id:123456",
        as_of=NOW,
        source=Source.WEBHOOK,
        digest=sha256(body).hexdigest(),
        calcom_id="123456",
        status=Status.CONFIRMED,
        starts_at=datetime(2024, 1, 15, 10, 0, tzinfo=UTC),
        ends_at=datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
        attendees=(Attendee(email="candidate@example.com"),),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("ACCEPTED", Status.CONFIRMED),
        ("accepted", Status.CONFIRMED),
        ("PENDING", Status.REQUESTED),
        ("AWAITING_HOST", Status.REQUESTED),
        ("CANCELLED", Status.CANCELLED),
        ("Rejected", Status.DECLINED),
        ("SOMETHING_NEW", None),
        (7, None),
    ],
)
def test_the_status_is_the_bodys_own_word_whatever_the_event_is_called(word, status):
    assert fact_in(delivery("BOOKING_CREATED", status=word)).status is status


@pytest.mark.parametrize(
    ("trigger", "status"),
    [
        ("BOOKING_CREATED", Status.CONFIRMED),
        ("BOOKING_CONFIRMED", Status.CONFIRMED),
        ("BOOKING_REQUESTED", Status.REQUESTED),
        ("BOOKING_RESCHEDULED", Status.CONFIRMED),
        ("BOOKING_REJECTED", Status.DECLINED),
        ("BOOKING_CANCELLED", Status.CANCELLED),
        ("BOOKING_PAYMENT_INITIATED", Status.REQUESTED),
        ("BOOKING_PAID", None),
        ("BOOKING_REASSIGNED", None),
        ("BOOKING_LOCATION_UPDATED", None),
    ],
)
def test_only_a_body_without_a_status_takes_it_from_the_name(trigger, status):
    assert fact_in(delivery(trigger)).status is status


def test_a_seat_that_moves_does_not_move_the_booking_of_the_others():
    body = delivery("BOOKING_RESCHEDULED", seatsPerTimeSlot=3, rescheduleUid="other")

    there, behind = read(body).facts

    assert (there.seated, there.replaces, there.seat_from) == (True, None, "other")
    assert (behind.uid, behind.status, behind.starts_at) == ("other", None, None)
    assert (behind.seated, behind.departed, behind.seat_to) == (True, (ADA.email,), "booking1")


def test_a_booking_with_seats_that_moves_as_a_whole_leaves_none_behind():
    body = delivery("BOOKING_RESCHEDULED", seatsPerTimeSlot=3, rescheduleUid="booking1")

    assert fact_in(body).seat_from is None


@pytest.mark.parametrize("attendees", [1, 2])
def test_our_token_is_of_the_one_who_took_the_seat(attendees):
    people = [{"email": "guest@example.org"}, {"email": ADA.email}][-attendees:]
    fact = fact_in(
        delivery(
            seatsPerTimeSlot=3,
            attendees=people,
            metadata={"greenroom": "token-1"},
            hashedLink="hash-1",
            responses={"email": {"value": ADA.email.upper()}},
        )
    )

    told = {each.email: (each.token, each.private_link) for each in fact.attendees or ()}
    assert told.pop(ADA.email) == ("token-1", "hash-1")
    assert set(told.values()) <= {(None, None)}
    assert (fact.token, fact.private_link) == (None, None)


def test_one_of_a_series_is_said_to_be_one():
    assert fact_in(fixture("booking_created__series_1_of_3")).recurring
    assert not fact_in(fixture("booking_created__plain")).recurring


def test_who_left_a_seat_is_never_guessed_from_the_answers_which_are_the_first_bookers():
    answers = {"email": {"value": "first@example.org"}}
    left = fact_in(
        delivery("BOOKING_CANCELLED", seatsPerTimeSlot=3, attendees=[], responses=answers)
    )

    assert (left.seated, left.departed, left.status) == (True, (), None)


def test_a_seat_does_not_rename_the_booking():
    assert fact_in(fixture("booking_created__seat_2")).title is None


def test_a_booking_never_replaces_itself():
    assert fact_in(delivery("BOOKING_RESCHEDULED", rescheduleUid="booking1")).replaces is None


@pytest.mark.parametrize(
    "payload",
    [
        {"metadata": {"greenroom": "token-1"}},
        {"responses": {"greenroom": {"label": "greenroom", "value": "token-1", "isHidden": True}}},
        {"userFieldsResponses": {"greenroom": {"label": "greenroom", "value": "token-1"}}},
        {"metadata": {}, "responses": {"greenroom": "token-1"}},
    ],
)
def test_our_token_is_found_wherever_cal_com_kept_it(payload):
    assert fact_in(delivery(**payload)).token == "token-1"


@pytest.mark.parametrize("token", ["", " ", "a" * 201, "two words", "é", ["token-1"], 7, None])
def test_what_does_not_look_like_a_token_is_none(token):
    assert fact_in(delivery(metadata={"greenroom": token})).token is None


def test_a_video_call_takes_place_at_its_address_not_in_the_application():
    fact = fact_in(fixture("booking_created__documented"))

    assert fact.location == "https://app.cal.com/video/wQ7cYxT4bL2mPz9VhKs3aR"


def test_an_address_the_booker_invented_for_the_call_is_not_taken():
    fact = fact_in(delivery(location="Berlin", metadata={"videoCallUrl": "javascript:alert(1)"}))

    assert fact.location == "Berlin"


def test_people_without_a_usable_address_are_left_out():
    nobody = [{"name": "No address"}, {"name": "Two", "email": "a@b, c@d"}, "text", None]
    fact = fact_in(delivery(attendees=[*nobody, {"name": ADA.name, "email": ADA.email}]))

    assert fact.attendees == (Attendee(email=ADA.email, name=ADA.name),)


@pytest.mark.parametrize(
    ("id_", "uid", "calcom_id"),
    [
        ("123456", "id:123456", "123456"),
        (123456, "id:123456", "123456"),
        ("wQ7cYxT4bL2mPz9VhKs3aR", "wQ7cYxT4bL2mPz9VhKs3aR", None),
        ("9" * 19, "9" * 19, None),
        ("007", "007", None),
    ],
)
def test_the_guides_id_is_a_number_or_else_a_uid(id_, uid, calcom_id):
    data = b'"startTime":"2024-01-15T10:00:00Z","endTime":"2024-01-15T10:30:00Z"'
    said = f'"{id_}"'.encode() if isinstance(id_, str) else str(id_).encode()

    fact = fact_in(b'{"trigger":"BOOKING_CREATED","data":{"id":' + said + b"," + data + b"}}")

    assert (fact.uid, fact.calcom_id) == (uid, calcom_id)
