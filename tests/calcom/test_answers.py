"""What the API's answers say: recorded rows, and rows that cannot be."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from builders import DAY, MINUTE, NOW, answer, fixture, recorded
from greenroom.bookings.fold import fold
from greenroom.bookings.model import Attendee, Fact, Host, Source, Status
from greenroom.calcom import answers, webhook
from greenroom.calcom.answers import EventTypeRow, Unreadable


def said(row: dict[str, object], **changes: object) -> Fact:
    return answers.booking({**row, **changes}, fetched_at=NOW)


BOOKING = answer("api__booking")[0]
EVERY = answer("api__every_booking")


def test_a_booking_is_read_whole():
    fact = said(BOOKING)

    assert fact == Fact(
        uid="dQzHTHKVP7YZPbzDHCdmQL",
        as_of=NOW - MINUTE,
        source=Source.API,
        digest=fact.digest,
        changed_at=datetime(2026, 11, 23, 15, 24, 19, 500000, tzinfo=UTC),
        calcom_id="1",
        status=Status.CONFIRMED,
        starts_at=datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
        ends_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
        title="Intro call between Mara Lindqvist and Jonas Weber",
        host=Host(name="Mara Lindqvist", email="mara@studio.example", zone="Europe/Berlin"),
        location="Studio 4, Lindenstr. 12, Berlin",
        attendees=(
            Attendee(email="jonas@client.example", name="Jonas Weber", zone="Europe/Berlin"),
            Attendee(email="guest.one@client.example", zone="Europe/Berlin"),
        ),
        host_absent=False,
        event_type_id=1,
        event_type_slug="intro-call",
    )


@pytest.mark.parametrize(
    ("name", "status", "replaces", "replaced_by"),
    [
        ("api__booking", Status.CONFIRMED, None, None),
        ("api__booking_pending", Status.REQUESTED, None, None),
        ("api__booking_declined", Status.DECLINED, None, None),
        ("api__booking_cancelled", Status.CANCELLED, "53vSjXPbLDzcbeixE8ekP5", None),
        ("api__booking_moved_away", Status.CANCELLED, None, "53vSjXPbLDzcbeixE8ekP5"),
        ("api__booking_moved_here", Status.CONFIRMED, "dQzHTHKVP7YZPbzDHCdmQL", None),
        ("api__last_seat_cancelled", Status.CANCELLED, None, None),
    ],
)
def test_each_answer_says_where_the_booking_stands_and_what_it_replaces(
    name, status, replaces, replaced_by
):
    fact = said(answer(name)[0])

    assert (fact.status, fact.replaces, fact.replaced_by) == (status, replaces, replaced_by)


def test_a_series_is_one_fact_for_each_of_its_bookings():
    facts = [said(row) for row in answer("api__series")]

    assert len({fact.uid for fact in facts}) == 3
    assert {fact.series for fact in facts} == {"14b3b720-adde-482c-927c-22692b5ad260"}
    assert {fact.reason for fact in facts} == {"stop series"}


def test_seats_are_all_listed():
    people = said(answer("api__seats")[0]).attendees or ()

    assert [each.email for each in people] == ["jonas@client.example", "aisha@client.example"]


def test_hidden_attendees_are_not_nobody():
    assert said(answer("api__seats_hidden")[0]).attendees is None


def test_who_was_absent_is_told():
    candidate, host = said(answer("api__attendee_absent")[0]), said(answer("api__host_absent")[0])

    assert [each.absent for each in candidate.attendees or ()] == [True]
    assert (candidate.host_absent, host.host_absent) == (False, True)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", Status.CONFIRMED),
        ("ACCEPTED", Status.CONFIRMED),
        ("pending", Status.REQUESTED),
        ("awaiting_host", Status.REQUESTED),
        ("cancelled", Status.CANCELLED),
        ("rejected", Status.DECLINED),
    ],
)
def test_the_status_is_cal_coms_word(word, status):
    assert said(BOOKING, status=word).status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"greenroom": "token-1"}},
        {"bookingFieldsResponses": {"greenroom": "token-1"}},
        {"metadata": {"greenroom": "token-1"}, "bookingFieldsResponses": {"greenroom": "x"}},
    ],
)
def test_our_token_is_read_back(changes):
    assert said(BOOKING, **changes).token == "token-1"


@pytest.mark.parametrize("holder", ["metadata", "bookingFieldsResponses"])
def test_a_seat_holds_its_own_token(holder):
    row = deepcopy(answer("api__seats")[0])
    row["attendees"][1][holder] = {"greenroom": "token-2"}  # type: ignore[index]

    fact = said(row)

    assert fact.seated
    assert [each.token for each in fact.attendees or ()] == [None, "token-2"]
    assert fact.token is None


@pytest.mark.parametrize(
    ("changes", "as_of"),
    [
        ({"updatedAt": "2026-11-24T08:59:30.000Z"}, NOW - MINUTE / 2),
        ({"updatedAt": "2026-11-24T08:00:00.000Z"}, NOW - MINUTE),
        ({"updatedAt": None, "createdAt": "2026-11-24T08:59:30.000Z"}, NOW - MINUTE / 2),
        ({"updatedAt": None, "createdAt": None}, NOW - MINUTE),
    ],
)
def test_an_answer_is_as_new_as_the_row_or_a_minute_old(changes, as_of):
    assert said(BOOKING, **changes).as_of == as_of


def test_the_same_content_has_the_same_digest_whenever_it_was_fetched():
    later = {**BOOKING, "updatedAt": "2026-11-24T08:00:00.000Z", "rating": 5, "description": None}

    assert answers.booking(later, fetched_at=NOW + DAY).digest == said(BOOKING).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "cancelled"},
        {"start": "2026-11-25T09:00:00.001Z"},
        {"location": None, "meetingUrl": None},
        {"absentHost": True},
        {"rescheduledToUid": "new"},
        {"attendees": []},
        {"uid": "another"},
    ],
)
def test_other_content_has_another_digest(changes):
    assert said(BOOKING, **changes).digest != said(BOOKING).digest


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("uid", None, "uid is missing, or not a uid"),
        ("uid", "../me", "uid is missing, or not a uid"),
        ("status", "vanished", "status is “vanished”, which Greenroom does not know"),
        ("status", None, "status is “”, which Greenroom does not know"),
        ("start", None, "start is missing"),
        ("start", "infinity", "start is not a moment between 1970 and 2100 with its zone"),
        ("end", "9999-12-31T00:00:00Z", "end is not a moment between 1970 and 2100"),
        ("end", "2026-11-25T08:00:00.000Z", "end is before start"),
    ],
)
def test_a_row_that_cannot_be_read_names_the_field(field, value, why):
    with pytest.raises(Unreadable) as caught:
        said(BOOKING, **{field: value})

    assert why in caught.value.what


@pytest.mark.parametrize(
    "value", [None, "", 0, -1, 2**70, [], {}, [[]], {"": None}, True, "\ud800"]
)
@pytest.mark.parametrize("name", ["api__booking", "api__seats", "api__booking_moved_here"])
def test_a_row_with_any_field_odd_is_read_or_refused(name, value):
    for field in answer(name)[0]:
        if field in {"uid", "status", "start", "end"}:
            with pytest.raises(Unreadable, match=field):
                said(answer(name)[0], **{field: value})
        else:
            assert "\\ud800" not in repr(said(answer(name)[0], **{field: value}))


def test_deliveries_and_the_api_say_the_same_in_the_same_words():
    # Otherwise every booking would look as if it had changed when it is read back.
    readings = [webhook.read(fixture(name), received_at=NOW) for name in recorded()]
    facts = [fact for reading in readings for fact in reading.facts if fact.starts_at]
    from_api = {fact.uid: fact for fact in map(said, EVERY)}
    fields = ("calcom_id", "starts_at", "ends_at", "title", "host", "location", "event_type_id")
    fields += ("event_type_slug", "replaces")

    differing = {
        (fact.uid, field): (value, getattr(from_api[fact.uid], field))
        for fact in facts
        for field in fields
        if (value := getattr(fact, field)) is not None
        and value != getattr(from_api[fact.uid], field)
    }

    assert len(facts) > 20
    assert differing == {}


def test_every_recorded_booking_settles_as_the_api_has_it_in_the_end():
    readings = [webhook.read(fixture(name), received_at=NOW - DAY) for name in recorded()]
    told = [fact for reading in readings for fact in reading.facts]

    for row in EVERY:
        truth = said(row)
        booking = fold([truth, *(fact for fact in told if fact.uid == truth.uid)])
        assert (booking.status, booking.starts_at) == (truth.status, truth.starts_at)
        assert not booking.unconfirmed


def test_event_types_are_read_from_the_recorded_list():
    rows = [answers.event_type(row) for row in answer("api__event_types")]

    assert rows[0] == EventTypeRow(
        id=1,
        slug="intro-call",
        title="Intro call",
        length_minutes=30,
        booking_url="http://localhost:3000/mara/intro-call",
        hidden=False,
        requires_confirmation=False,
        seats=None,
        recurring=False,
        booking_field_slugs=("name", "email", "location", "notes", "guests", "rescheduleReason"),
    )
    assert [row.slug for row in rows if row.requires_confirmation] == ["checkup"]
    assert [row.slug for row in rows if row.recurring] == ["weekly"]
    assert {row.slug: row.seats for row in rows if row.seats} == {"class": 3, "class-private": 3}
    assert "pet-name" in rows[5].booking_field_slugs


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", 2**63),
        ("slug", ""),
        ("lengthInMinutes", 0),
        ("lengthInMinutes", 10**9),
        ("bookingUrl", "javascript:alert(1)"),
        ("bookingUrl", None),
    ],
)
def test_an_event_type_that_cannot_be_read_names_the_field(field, value):
    with pytest.raises(Unreadable, match=field):
        answers.event_type({**answer("api__event_types")[0], field: value})


def test_an_event_type_may_leave_out_what_is_off():
    row = {
        "id": 1,
        "slug": "intro",
        "lengthInMinutes": 30,
        "bookingUrl": "https://cal.com/mara/intro",
        "seats": {"disabled": True},
        "confirmationPolicy": None,
    }

    assert answers.event_type(row) == EventTypeRow(
        id=1,
        slug="intro",
        title="intro",
        length_minutes=30,
        booking_url="https://cal.com/mara/intro",
        hidden=False,
        requires_confirmation=False,
        seats=None,
        recurring=False,
        booking_field_slugs=(),
    )


def test_a_booking_looked_at_again_and_again_is_not_newly_confirmed():
    first = said(BOOKING)
    looks = [replace(first, as_of=NOW + hours * MINUTE) for hours in range(3)]

    assert fold(looks).status_since == first.changed_at
