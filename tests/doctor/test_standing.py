"""What stands after a look that had no answer, or came too late."""

from datetime import UTC, datetime, timedelta

import pytest

from greenroom.doctor import standing, store
from greenroom.doctor.model import Finding, Found, Light

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def finding(light, what="It is so.", of=1, **more):
    return Finding(light=light, what=what, connection_id=of, **more)


def unanswered(light=Light.OFF, of=1):
    return finding(light, "It could not be asked.", of, is_unanswered=True)


def looks(*looked):
    """What stands after one look after another, a minute apart."""
    stands = []
    for minutes, found in enumerate(looked):
        stands = standing.after("arm", stands, found, NOW + minutes * MINUTE)
    return stands


def told(stands):
    return [(each.finding.light, each.finding.connection_id) for each in stands]


@pytest.mark.parametrize("light", [Light.RED, Light.AMBER, Light.GREEN])
def test_what_was_found_stands_while_nobody_answers(light):
    (one,) = looks([finding(light)], [unanswered()], [unanswered()])

    assert one.finding == finding(light)
    assert one.since == NOW
    assert one.looked_at == NOW + 2 * MINUTE
    assert one.unanswered_since == NOW + MINUTE


def test_an_answer_ends_it():
    (one,) = looks([finding(Light.RED)], [unanswered()], [finding(Light.GREEN)])

    assert (one.finding.light, one.unanswered_since) == (Light.GREEN, None)


def test_what_was_well_is_not_known_after_an_hour_without_an_answer():
    red, green = (
        looks([finding(light)], *[[unanswered()]] * 62) for light in (Light.RED, Light.GREEN)
    )

    assert told(red) == [(Light.RED, 1)]
    assert told(green) == [(Light.OFF, 1)]
    assert green[0].unanswered_since == NOW + MINUTE


def test_before_anything_was_found_it_is_said_that_nobody_answers():
    (one,) = looks([unanswered()])

    assert one.finding.what == "It could not be asked."
    assert one.unanswered_since == NOW


def test_one_account_that_does_not_answer_takes_nothing_from_another():
    stands = looks(
        [finding(Light.RED, of=1), finding(Light.RED, of=2)],
        [unanswered(of=1), finding(Light.GREEN, of=2)],
    )

    assert told(stands) == [(Light.RED, 1), (Light.GREEN, 2)]


def test_a_look_that_failed_as_a_whole_hides_no_red():
    failed = unanswered(Light.AMBER, of=None)
    stands = looks([finding(Light.RED, of=1), finding(Light.GREEN, of=2)], [failed])

    assert told(stands) == [(Light.AMBER, None), (Light.RED, 1)]
    assert told(looks([finding(Light.GREEN, of=None)], [failed])) == [(Light.AMBER, None)]
    assert told(looks([finding(Light.RED, of=None)], [failed])) == [(Light.RED, None)]


def test_since_is_kept_for_each_of_several_findings_of_one_light():
    first, second = looks(
        [finding(Light.RED), finding(Light.AMBER)], [finding(Light.RED), finding(Light.GREEN)]
    )

    assert (first.since, second.since) == (NOW, NOW + MINUTE)


def test_a_later_look_is_told_from_a_clock_that_was_wrong():
    def seen(at):
        return [Found(check_id="arm", finding=finding(Light.RED), since=at, looked_at=at)]

    assert standing.is_newer(seen(NOW + MINUTE), NOW)
    assert not standing.is_newer(seen(NOW), NOW)
    assert not standing.is_newer(seen(NOW + timedelta(days=400)), NOW)


@pytest.mark.anyio
async def test_a_slow_examination_does_not_overwrite_a_newer_one(clinic):
    async with clinic.parts.database.transaction() as tx:
        fixed = {"arm": [finding(Light.GREEN, "It is mended.", of=None)]}
        await store.keep(tx, fixed, NOW + MINUTE / 2)
        before = {"arm": [finding(Light.RED, of=None)], "leg": [finding(Light.RED, of=None)]}
        turned = await store.keep(tx, before, NOW)
        arm, leg = await store.every(tx)

    assert turned
    assert arm.finding.what == "It is mended."
    assert leg.finding.light is Light.RED
