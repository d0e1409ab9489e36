"""The end-to-end trial: booked at Cal.com, followed to a status, taken back, and nobody's."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import typer

from builders import DAY, delivery
from calcom_desk import KEY
from doctor.served import serving
from doctor.webhook_desk import Webhooks
from greenroom.bookings import actions as bookings
from greenroom.bookings import inbox, probes
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.commands import probing
from greenroom.doctor import probe as trials
from greenroom.doctor.model import Light
from greenroom.errors import Conflict, NotFound

pytestmark = pytest.mark.anyio

SHORT = timedelta(seconds=1)


@pytest.fixture
async def served(database_url, tmp_path, calcom):
    async with serving(database_url, tmp_path, calcom) as served:
        yield served


@pytest.fixture
def hidden(calcom):
    """An event type to try with."""
    calcom.control("event-types", slug=trials.SLUG, hidden=True)


async def tried(served, *, patience=timedelta(seconds=10), slug=None):
    """Make the trial here and now; give it and the finding of its check."""
    parts = served.house.parts
    async with parts.database.transaction() as tx:
        asked = await trials.ask(tx, served.connection.id, slug, by="a test", now=clock())
    probe = await trials.carry_out(parts, asked.token, clock=clock, patience=patience)
    return probe, await found_by(served)


async def found_by(served):
    every = await served.clinic.examine("probe")
    return next(each for each in every if each.connection_id == served.connection.id)


async def until(look):
    """What `look` gives, once it gives something."""
    async with asyncio.timeout(30):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.1)


def clock():
    return datetime.now(UTC)


def at_cal_com(calcom):
    """The bookings of probes at Cal.com: uid and status."""
    rows = calcom.http.get(
        f"{calcom.api_url}/bookings",
        headers={"Authorization": f"Bearer {KEY}", "cal-api-version": "2024-08-13"},
    ).json()["data"]
    return {
        row["uid"]: row["status"]
        for row in rows
        if row["attendees"][0]["email"].startswith("greenroom-probe@")
    }


async def test_it_is_not_tried_before_somebody_asks(served, calcom, hidden):
    found = await found_by(served)
    assert (found.light, found.offer) == (Light.OFF, "Try it")
    assert trials.SLUG in found.do
    await served.clinic.examine()
    assert at_cal_com(calcom) == {}


async def test_asked_on_the_page_it_goes_through_to_a_status_and_back(served, calcom, hidden):
    await served.clinic.mend("probe", served.connection.id)
    with pytest.raises(Conflict):
        await served.clinic.mend("probe", served.connection.id)

    async def ended():
        found = await found_by(served)
        return found if found.light is not Light.OFF else None

    found = await until(ended)
    assert found.light is Light.GREEN, found
    for said in ("booked in", "told of after", "confirmed here", "cancelled here"):
        assert said in found.what
    assert list(at_cal_com(calcom).values()) == ["cancelled"]


async def test_while_it_goes_on_its_check_shows_the_steps(served, calcom, hidden):
    parts, shown = served.house.parts, []
    async with parts.database.transaction() as tx:
        asked = await trials.ask(tx, served.connection.id, None, by="a test", now=clock())

    async def tell(step):
        shown.append(await found_by(served))

    await trials.carry_out(parts, asked.token, clock=clock, tell=tell)

    assert len(shown) == 6
    assert all((each.light, each.offer) == (Light.OFF, None) for each in shown)
    assert "tried just now: Booked" in shown[0].what
    assert "It was read: the booking is confirmed" in shown[2].what
    assert "signed with our secret" not in shown[0].what


async def test_what_it_books_is_nobodys_and_shown_nowhere(served, calcom, hidden):
    async with served.house.parts.database.transaction() as tx:
        draft = Draft(name="A trap", addresses=("greenroom-probe@example.com",), role="")
        await candidates.add(tx, draft, clock())
    seen = []

    async def watch():
        while True:
            async with served.house.parts.database.transaction() as tx:
                seen.append(await inbox.count(tx, now=clock()))
                rows = await bookings.between(tx, None, None, status=None, after=None, limit=10)
                seen.append(len(rows))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    probe, found = await tried(served)
    watching.cancel()

    assert found.light is Light.GREEN
    assert set(seen) == {0}
    async with served.house.parts.database.transaction() as tx:
        kept = await bookings.get(tx, probe.uid)
    assert (kept.matches, kept.is_unmatched) == ((), False)


async def test_a_token_that_only_looks_like_a_probes_hides_nothing(served):
    body = delivery(metadata={"greenroom": "greenroom-probe-0123456789abcdef"})
    assert (await served.house.deliver(body)).status_code == 200

    async def listed():
        async with served.house.parts.database.transaction() as tx:
            return await bookings.between(tx, None, None, status=None, after=None, limit=10)

    assert (await until(listed))[0].is_unmatched


async def test_a_webhook_that_is_off_is_named_as_the_cause_and_nothing_is_left(
    served, calcom, hidden
):
    Webhooks(calcom).change(active=False)
    probe, found = await tried(served, patience=SHORT)
    assert found.light is Light.RED
    assert "did not tell us" in found.what
    assert "switched off" in found.do
    assert at_cal_com(calcom) == {probe.uid: "cancelled"}

    await served.clinic.mend("webhook-on", served.connection.id)
    assert (await tried(served))[1].light is Light.GREEN


async def test_a_request_that_was_refused_is_named_as_the_cause(served, calcom, hidden):
    Webhooks(calcom).change(secret=None)
    _, found = await tried(served, patience=timedelta(seconds=2))
    assert found.light is Light.RED
    assert "no secret" in found.do
    assert "Signatures" in found.do


async def test_without_a_hidden_event_type_it_says_how_to_make_one(served, calcom):
    found = await found_by(served)
    assert (found.light, found.offer) == (Light.OFF, None)
    assert trials.SLUG in found.do
    assert "Hidden" in found.do
    with pytest.raises(Conflict):
        await served.clinic.mend("probe", served.connection.id)


async def test_a_trial_that_was_killed_books_nothing_when_its_job_is_begun_again(
    served, calcom, hidden
):
    parts = served.house.parts
    async with parts.database.transaction() as tx:
        asked = await trials.ask(tx, served.connection.id, None, by="a test", now=clock())
        await probes.begin(tx, asked.token, clock())
    killed = trials._Trial(parts, served.connection, asked, clock, SHORT, lambda _: None)
    kind = await killed._kind()
    uid = await killed._book(kind, await killed._slot(kind))

    again = await trials.carry_out(parts, asked.token, clock=clock, patience=SHORT)
    assert (again.uid, again.is_left, again.steps) == (uid, False, [])
    assert at_cal_com(calcom) == {uid: "cancelled"}
    found = await found_by(served)
    assert (found.light, "cut short" in found.what) == (Light.AMBER, True)


async def test_of_two_bookings_with_the_token_of_one_trial_both_are_nobodys(served):
    async with served.house.parts.database.transaction() as tx:
        asked = await trials.ask(tx, served.connection.id, None, by="a test", now=clock())
        both = {(served.connection.id, uid): [asked.token] for uid in ("uid1", "uid2")}
        assert await probes.among_these(tx, both) == set(both)


async def test_of_those_who_ask_at_once_one_gets_a_trial(clinic, connection):
    async def ask():
        async with clinic.parts.database.transaction() as tx:
            await trials.ask(tx, connection.id, None, by="a test", now=clock())

    went = await asyncio.gather(*(ask() for _ in range(4)), return_exceptions=True)
    assert [type(each) for each in went if each is not None] == [Conflict] * 3
    assert len(await clinic.execute("SELECT token FROM probes")) == 1


async def test_who_pressed_the_button_is_kept(clinic, connection, hidden):
    await clinic.mend("probe", connection.id)
    (row,) = await clinic.execute("SELECT asked_by FROM probes")
    assert row.asked_by == "a test"


async def test_a_trial_whose_key_was_lost_is_left_alone_and_what_is_long_over_goes(
    clinic, connection
):
    ages = {"waits": DAY, "over": 20 * DAY, "booked": 30 * DAY}
    async with clinic.parts.database.transaction() as tx:
        for name, age in ages.items():
            asked = await trials.ask(tx, connection.id, name, by="a test", now=clock() - age)
            await probes.note(tx, asked.token, ended_at=clock())
            if name != "over":
                await probes.note(tx, asked.token, is_left=True, uid=name)
    await clinic.execute("UPDATE connections SET api_key = NULL")
    assert await trials.clear_up(clinic.parts, now=clock()) == 0
    left = {row.slug for row in await clinic.execute("SELECT slug FROM probes")}
    assert left == {"waits", "booked"}
    async with clinic.parts.database.transaction() as tx:
        due = await probes.left(tx, clock() - 15 * DAY, clock() - trials.LONGEST)
    assert [each.slug for each in due] == ["waits"]


async def test_what_a_trial_that_was_cut_short_left_behind_is_cancelled(served, calcom, hidden):
    parts = served.house.parts
    long_ago = clock() - 2 * trials.LONGEST
    async with parts.database.transaction() as tx:
        cut = await trials.ask(tx, served.connection.id, None, by="a test", now=long_ago)
        await probes.note(tx, cut.token, is_left=True)
    # In a thread: Cal.com answers when it has been answered, by us.
    booked = await asyncio.to_thread(
        calcom.book, "intro-call", email="greenroom-probe@example.com", token=cut.token
    )

    async def heard_of():
        async with parts.database.transaction() as tx:
            return (await probes.get(tx, cut.token)).uid

    await until(heard_of)
    assert await trials.clear_up(parts, now=clock()) == 1
    assert at_cal_com(calcom) == {booked["uid"]: "cancelled"}
    assert await trials.clear_up(parts, now=clock()) == 0


@pytest.mark.parametrize(
    ("began", "said"),
    [
        pytest.param(False, "nobody has taken it up", id="never begun"),
        pytest.param(True, "cut short", id="cut short"),
    ],
)
async def test_a_trial_that_does_not_end_is_amber(clinic, calcom, connection, hidden, began, said):
    long_ago = clock() - 2 * trials.LONGEST
    async with clinic.parts.database.transaction() as tx:
        asked = await trials.ask(tx, connection.id, None, by="a test", now=long_ago)
        if began:
            await probes.note(tx, asked.token, began_at=long_ago)
    (found,) = await clinic.examine("probe")
    assert (found.light, found.offer) == (Light.AMBER, "Try it")
    assert said in found.what


@pytest.mark.parametrize("slugs", [("partners",), ("board-only", "partners")])
async def test_what_is_hidden_for_another_purpose_is_booked_only_by_name(served, calcom, slugs):
    for slug in slugs:
        calcom.control("event-types", slug=slug, hidden=True)
    found = await found_by(served)
    assert found.offer is None
    assert f"--probe {slugs[0]}" in found.do

    probe, found = await tried(served, slug="partners")
    assert (probe.slug, found.light) == ("partners", Light.GREEN)


async def test_the_command_tells_each_step_as_it_comes(served, hidden, capsys):
    await probing.tried(served.house.parts, trials.SLUG)
    told = capsys.readouterr().out
    assert told.count("●") == 6
    assert "Cal.com told us of the booking" in told

    with pytest.raises(NotFound):
        await probing.tried(served.house.parts, "intro-call")


async def test_the_command_fails_when_a_step_does(served, calcom, hidden, capsys):
    Webhooks(calcom).delete()
    with pytest.raises(typer.Exit):
        await probing.tried(served.house.parts, trials.SLUG, patience=SHORT)
    assert "✖" in capsys.readouterr().out
