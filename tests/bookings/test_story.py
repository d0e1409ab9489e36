"""What each fact changed when it was heard is told in people's words."""

from datetime import timedelta

from builders import ADA, BOB, DAY, HOUR, MARA, MINUTE, NOW, answered, told
from greenroom.bookings import story
from greenroom.bookings.model import Fact, Status, order
from greenroom.bookings.story import MOST, Effect, plain, steps

STARTS = NOW + DAY
LATER = STARTS + 2 * HOUR


def tell(*heard: tuple[Fact, int], starts=None, is_moved=True) -> list[story.Step]:
    """The steps in Cal.com's order; each fact comes with the minute in which it was heard."""
    timed = [(fact, NOW + minute * MINUTE) for fact, minute in heard]
    found = steps(timed, starts or {}, is_moved=is_moved)
    return [found[fact] for fact in sorted(found, key=order)]


def said(step: story.Step) -> str:
    return plain(step.words)


def booked(at=NOW, status=Status.CONFIRMED, **more: object) -> Fact:
    return told(status, at, starts_at=STARTS, attendees=(ADA,), **more)


def test_a_booking_is_told_with_who_when_and_with_whom():
    (step,) = tell((booked(host=MARA), 0))

    assert said(step) == "Ada Lovelace booked 2026-11-25 09:00 UTC with Mara Lindqvist"
    assert (step.before, step.after, step.effect) == (None, "confirmed", Effect.NEWS)


def test_the_same_said_again_is_nothing_new():
    first = booked()
    again = answered(Status.CONFIRMED, NOW + 2 * MINUTE, starts_at=STARTS, host=None)

    step = tell((first, 0), (again, 3))[1]

    assert step.effect is Effect.NOTHING_NEW
    assert said(step) == "still confirmed for 2026-11-25 09:00 UTC"


def test_a_request_that_is_accepted_says_what_came_before():
    asked = booked(status=Status.REQUESTED)
    accepted = booked(NOW + MINUTE)

    first, second = tell((asked, 0), (accepted, 1))

    assert said(first).endswith("; the host must accept")
    assert said(second) == "the host accepted 2026-11-25 09:00 UTC"
    assert (second.before, second.after) == ("requested", "confirmed")


def test_what_came_late_says_that_newer_facts_stand():
    created, cancelled = booked(), booked(NOW + 5 * MINUTE, Status.CANCELLED)

    late, newer = tell((created, 9), (cancelled, 5))

    assert late.effect is Effect.NEWER_STAND
    assert said(late) == "it was confirmed for 2026-11-25 09:00 UTC"
    assert (late.before, late.after) == ("cancelled", "cancelled")
    assert newer.effect is Effect.NEWS
    assert said(newer).startswith("the booking of Ada Lovelace for 2026-11-25 09:00 UTC")


def test_what_was_first_heard_is_the_news_though_the_api_dates_its_answer_a_little_earlier():
    """An answer's moment is a minute before it was given, and moves on with each look."""
    webhook = booked(NOW)
    answer = answered(Status.CONFIRMED, NOW - MINUTE, starts_at=STARTS, host=None)

    earlier, first = tell((webhook, 0), (answer, 1))

    assert (first.effect, earlier.effect) == (Effect.NEWS, Effect.NOTHING_NEW)
    assert said(first).startswith("Ada Lovelace booked")


def test_an_answer_that_is_said_again_later_keeps_what_it_changed():
    answer, cancelled = answered(Status.CONFIRMED), booked(NOW + 5 * MINUTE, Status.CANCELLED)

    assert tell((answer, 2), (cancelled, 6))[0].effect is Effect.NEWS


def test_a_move_is_told_by_its_times_and_never_as_a_cancellation():
    new = told(
        Status.CONFIRMED, NOW, uid="new", starts_at=LATER, attendees=(ADA,), replaces="booking1"
    )
    gone = answered(Status.CANCELLED, NOW + HOUR, starts_at=STARTS, replaced_by="new")

    (arrived,) = tell((new, 0), starts={"booking1": STARTS})
    _, left = tell((booked(), 0), (gone, 60), starts={"new": LATER})

    assert said(arrived) == (
        "the booking of Ada Lovelace was moved from 2026-11-25 09:00 UTC to 2026-11-25 11:00 UTC"
    )
    (only,) = tell((gone, 60), starts={"new": LATER})
    assert said(only) == (
        "Ada Lovelace had booked 2026-11-25 09:00 UTC; it was moved to 2026-11-25 11:00 UTC"
    )
    assert "it was moved to 2026-11-25 11:00 UTC" in said(left)
    assert "cancelled" not in said(left)
    assert (left.before, left.after) == ("confirmed", "moved")


def test_people_who_come_go_and_stay_away_are_named():
    both = told(None, NOW + MINUTE, attendees=(ADA, BOB), seated=True)
    gone = told(None, NOW + 2 * MINUTE, seated=True, departed=(BOB.email,))
    away = told(None, NOW + 3 * MINUTE, absences=((ADA.email, True),))

    told_ = tell((booked(), 0), (both, 1), (gone, 2), (away, 3))

    assert [said(step) for step in told_[1:]] == [
        "Bob Moses takes part",
        "Bob Moses gave the seat back",
        "Ada Lovelace was absent",
    ]


def test_a_reason_is_given_in_quotes():
    declined = told(Status.DECLINED, NOW + MINUTE, reason="We are full")

    assert "the reason given is “We are full”" in said(tell((booked(), 0), (declined, 1))[1])


def test_of_very_many_facts_the_newest_are_told_and_it_stays_quick():
    many = [
        told(Status.CONFIRMED, NOW + timedelta(seconds=n), starts_at=STARTS + n * MINUTE)
        for n in range(MOST + 50)
    ]
    found = steps([(fact, NOW) for fact in many], {}, is_moved=False)

    assert len(found) == MOST
    assert many[49] not in found
    assert plain(found[many[50]].words).startswith("the time changed from")
