"""Examining: what is due is looked at, kept, announced; what can be mended is mended."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.calcom import connections, readable
from greenroom.calcom.budget import Urgency
from greenroom.doctor import actions as doctor
from greenroom.doctor import store
from greenroom.doctor.again import Again
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.examination import MINUTE, Check
from greenroom.doctor.model import Area, Finding, Light
from greenroom.errors import Conflict, GreenroomError, NotFound, Unavailable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Patient:
    """A check over something a test breaks and mends."""

    def __init__(self, light=Light.GREEN):
        self.light, self.looks, self.error, self.takes = light, 0, None, 0.0
        self.connections, self.offer = [None], None

    async def look(self, exam):
        self.looks += 1
        await asyncio.sleep(self.takes)
        if self.error is not None:
            raise self.error
        offer = self.offer if self.light is not Light.GREEN else None
        return [
            Finding(light=self.light, what="It is so.", connection_id=each, offer=offer)
            for each in self.connections
        ]

    async def mend(self, exam, connection):
        if connection is not None:
            return f"Mended for {connection.name}."
        self.light = Light.GREEN
        return "Mended."

    def check(self, id_="arm", **how):
        return Check(
            id=id_, title=id_, area=Area.WORK, means="m", every=MINUTE, look=self.look, **how
        )


@pytest.fixture
def catalogue(monkeypatch):
    """The doctor looks at these checks alone."""

    def set_to(*checks):
        monkeypatch.setattr(doctor, "CHECKS", {each.id: each for each in checks})

    return set_to


@pytest.fixture
def heard(installation):
    """Topics as they are announced."""
    topics = []
    installation.database.heard = topics.extend
    return topics


async def found(clinic):
    async with clinic.parts.database.transaction() as tx:
        return [one for each in await doctor.listed(tx) for one in each.found]


async def test_what_was_found_is_kept_with_since_when_its_light_is_so(clinic, catalogue):
    arm = Patient()
    catalogue(arm.check())
    for minutes, light in enumerate([Light.GREEN, Light.RED, Light.RED]):
        arm.light = light
        await clinic.examine("arm", now=NOW + timedelta(minutes=minutes))

    (kept,) = await found(clinic)

    assert kept.finding == Finding(light=Light.RED, what="It is so.")
    assert kept.since == NOW + timedelta(minutes=1)
    assert kept.looked_at == NOW + timedelta(minutes=2)


async def test_only_what_is_due_is_looked_at_by_the_clock(clinic, catalogue):
    often, seldom = Patient(), Patient()
    catalogue(often.check("often"), replace(seldom.check("seldom"), every=timedelta(hours=1)))
    for minutes in (0, 1, 2):
        now = NOW + timedelta(minutes=minutes, milliseconds=-7 * minutes)
        await doctor.examine(clinic.parts, which="due", now=now)

    assert (often.looks, seldom.looks) == (3, 1)

    await doctor.examine(clinic.parts, which="due", now=NOW + timedelta(hours=1))
    assert seldom.looks == 2


async def test_a_clock_that_was_ahead_does_not_keep_checks_from_being_looked_at(clinic, catalogue):
    arm = Patient()
    catalogue(arm.check())
    await clinic.examine("arm", now=NOW + timedelta(days=400))

    await doctor.examine(clinic.parts, which="due", now=NOW)

    assert arm.looks == 2


async def test_a_turn_is_announced_and_what_stays_as_it_is_is_not(clinic, catalogue, heard):
    arm = Patient()
    catalogue(arm.check())
    said = []
    for minutes, light in enumerate([Light.GREEN, Light.GREEN, Light.RED, Light.RED]):
        arm.light = light
        await doctor.examine(clinic.parts, which="due", now=NOW + timedelta(minutes=minutes))
        said.append("health" in heard)
        heard.clear()

    assert said == [True, False, True, False]


async def test_a_check_that_fails_is_a_finding_and_the_others_go_on(clinic, catalogue):
    bug, told, slow, well = Patient(), Patient(), Patient(), Patient()
    bug.error = KeyError("a secret")
    told.error = Unavailable("Cal.com is away.", do="Wait.")
    slow.takes = 9.0
    catalogue(bug.check("bug"), told.check("told"), slow.check("slow"), well.check("well"))

    looked = await doctor.examine(clinic.parts, which="all", now=NOW, deadline=0.1)

    assert [each.light for each in looked] == [Light.AMBER] * 3 + [Light.GREEN]
    words = [each.found[0].finding for each in looked]
    assert "Greenroom made a mistake" in words[0].what
    assert "secret" not in words[0].what + words[0].do
    assert (words[1].what, words[1].do) == ("Cal.com is away.", "Wait.")
    assert "longer than 0.1 seconds" in words[2].what


async def test_looks_go_on_side_by_side(clinic, catalogue):
    slow = Patient()
    slow.takes = 0.3
    catalogue(*(slow.check(f"slow-{n}") for n in range(5)))

    async with asyncio.timeout(1.2):
        await doctor.examine(clinic.parts, which="all", now=NOW)


async def test_what_was_found_about_a_connection_goes_when_that_is_disconnected(
    clinic, catalogue, connection
):
    arm = Patient()
    arm.connections = [None, connection.id]
    catalogue(arm.check())
    await clinic.examine("arm")
    assert [each.finding.connection_id for each in await found(clinic)] == [None, connection.id]

    arm.connections = [None]
    leg = Patient()
    leg.connections = [connection.id]
    catalogue(leg.check("leg"))
    await clinic.examine("leg")
    async with clinic.parts.database.transaction() as tx:
        await connections.part(tx, connection.id, NOW)
    catalogue(arm.check())
    await clinic.examine("arm")

    assert await clinic.execute("SELECT 1 FROM findings WHERE connection_id > 0") == []
    async with clinic.parts.database.transaction() as tx:
        assert await readable.every(tx, clinic.parts.seal) == []
        assert (await doctor.health(tx, now=NOW)).names == {}


async def test_several_findings_about_one_thing_are_kept_apart(clinic, catalogue):
    arm = Patient()
    arm.connections = [None, None, None]
    catalogue(arm.check())

    await clinic.examine("arm")

    assert len(await found(clinic)) == 3


async def test_mending_mends_and_looks_again(clinic, catalogue):
    arm = Patient(Light.RED)
    arm.offer = "Fix it"
    beside = Patient()
    catalogue(arm.check(mend=arm.mend), beside.check("beside"))
    await clinic.examine("arm")

    assert await clinic.mend("arm") == "Mended."

    assert [each.finding.light for each in await found(clinic)] == [Light.GREEN] * 2
    assert beside.looks == 1, "the whole area is looked at again"


async def test_mending_that_fails_says_so_and_looks_again(clinic, catalogue):
    arm = Patient(Light.RED)
    arm.offer = "Fix it"

    async def refuse(exam, connection):
        arm.light = Light.AMBER
        raise Unavailable("Cal.com is away.", do="Wait.")

    catalogue(arm.check(mend=refuse))
    with pytest.raises(GreenroomError, match=r"Cal\.com is away"):
        await clinic.mend("arm")

    assert [each.finding.light for each in await found(clinic)] == [Light.AMBER]


async def test_what_has_no_button_any_more_is_not_mended(clinic, catalogue):
    """A page may be old, and a program presses what it likes."""
    arm = Patient(Light.OFF)
    catalogue(arm.check(mend=arm.mend))
    await clinic.examine("arm")

    with pytest.raises(Conflict, match=r"could mend now\. It is so\."):
        await clinic.mend("arm")

    assert arm.light is Light.OFF


async def test_what_is_offered_for_one_connection_is_not_mended_for_another(
    clinic, calcom, catalogue, connection
):
    other = await clinic.connect(calcom, name="Jonas", key="cal_simulator_jonas")
    arm = Patient(Light.RED)
    arm.offer, arm.connections = "Fix it", [connection.id]
    catalogue(arm.check(mend=arm.mend))

    with pytest.raises(Conflict, match="nothing that Greenroom could mend now"):
        await clinic.mend("arm", other.id)
    assert await clinic.mend("arm", connection.id) == "Mended for Mara."


async def test_who_looked_while_it_was_mended_does_not_bring_it_back(clinic, catalogue):
    arm = Patient(Light.RED)
    arm.offer = "Fix it"

    async def mend(exam, connection):
        await doctor.examine(clinic.parts, which="all", now=exam.now + timedelta(seconds=0.1))
        await asyncio.sleep(0.2)
        return await arm.mend(exam, connection)

    catalogue(arm.check(mend=mend))
    await clinic.mend("arm")

    assert [each.finding.light for each in await found(clinic)] == [Light.GREEN]


async def test_by_the_clock_cal_com_is_asked_after_what_people_wait_for(clinic, catalogue):
    asked = []

    async def look(exam):
        asked.append(exam.parts.urgency)
        return []

    catalogue(replace(Patient().check(), look=look))
    for which in ("due", "all"):
        await doctor.examine(clinic.parts, which=which, now=NOW)

    assert asked == [Urgency.NEWS, Urgency.PERSON]


async def test_who_asks_while_everything_is_looked_at_waits_for_that(clinic, catalogue):
    arm = Patient()
    arm.takes = 0.2
    catalogue(arm.check())
    again = Again()

    await asyncio.gather(*(again.examine(clinic.parts, NOW) for _ in range(5)))
    assert arm.looks == 1

    await again.examine(clinic.parts, NOW)
    assert arm.looks == 2


async def test_looking_keeps_nothing_and_knows_since_when(clinic, catalogue):
    arm = Patient(Light.RED)
    catalogue(arm.check())
    await clinic.examine("arm", now=NOW)

    looked = await doctor.look(clinic.parts, which="all", now=NOW + timedelta(hours=1))
    arm.light = Light.OFF
    await doctor.look(clinic.parts, which="all", now=NOW + timedelta(hours=1))

    assert looked[0].found[0].since == NOW
    (kept,) = await found(clinic)
    assert (kept.finding.light, kept.looked_at) == (Light.RED, NOW)


async def test_the_worst_of_several_stands_first(clinic, catalogue):
    arm = Patient()

    async def look(exam):
        return [Finding(light=each, what="It is so.") for each in (Light.GREEN, *Light)]

    catalogue(replace(arm.check(), look=look))
    await clinic.examine("arm")

    lights = [each.finding.light for each in await found(clinic)]
    assert lights == [Light.RED, Light.AMBER, Light.GREEN, Light.GREEN, Light.OFF]


async def test_what_cannot_be_mended_is_said(clinic, catalogue):
    catalogue(Patient().check())
    with pytest.raises(Conflict, match="nothing that Greenroom can mend"):
        await clinic.mend("arm")
    with pytest.raises(NotFound, match="no check"):
        await clinic.mend("nose")
    with pytest.raises(NotFound, match="no check"):
        await clinic.examine("nose")


async def test_what_is_asked_for_is_looked_at_in_the_background(working_house):
    async with working_house.parts.database.transaction() as tx:
        await doctor.ask(tx)
        await doctor.ask(tx)

    for _ in range(100):
        async with working_house.parts.database.transaction() as tx:
            if set(await store.last_looked(tx)) == set(CHECKS):
                return
        await asyncio.sleep(0.2)
    pytest.fail("nobody looked")


async def test_two_examinations_at_once_both_end(clinic):
    await asyncio.gather(*(clinic.examine() for _ in range(3)))

    async with clinic.parts.database.transaction() as tx:
        assert set(await store.last_looked(tx)) == set(CHECKS)


async def test_a_process_that_is_long_gone_is_forgotten_but_not_a_parts_last_sign(clinic):
    async with clinic.parts.database.transaction() as tx:
        await store.beat(tx, "old", ["drain", "clock"], NOW - timedelta(days=9))
        await store.beat(tx, "new", ["drain"], NOW)
        await store.sweep(tx, NOW)
        left = {(each.part, each.process) for each in await store.beats(tx)}

    assert left == {("drain", "new"), ("clock", "old")}
