"""The health page: what needs somebody first, and buttons that mend."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.accounts.model import Role
from greenroom.calcom import connections
from greenroom.doctor import actions as doctor
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.examination import MINUTE, Check
from greenroom.doctor.glance import Glance
from greenroom.doctor.model import Area, Finding, Light
from greenroom.errors import Unavailable
from world import SECRET

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html"}


class Patient:
    """A check that finds what a test tells it to."""

    def __init__(self, id_, *found, area=Area.WEBHOOK):
        self.found, self.mended = list(found), []
        self.check = Check(
            id=id_,
            title=id_.title(),
            area=area,
            means=f"Why {id_} matters.",
            every=MINUTE,
            look=self.look,
            mend=self.mend,
        )

    async def look(self, exam):
        return self.found

    async def mend(self, exam, connection):
        self.mended.append(connection and connection.id)
        self.found = [green("It is well now.")]
        return "It was <mended>."


def green(what="It is well."):
    return Finding(light=Light.GREEN, what=what)


def red(what="It is broken.", **more):
    return Finding(light=Light.RED, what=what, do="Press the button.", offer="Fix it", **more)


def amber(what="It limps."):
    return Finding(light=Light.AMBER, what=what, do="Rest it.")


def off(what="It is not set up.", do="Set it up."):
    return Finding(light=Light.OFF, what=what, do=do)


@pytest.fixture
def patients(monkeypatch):
    """The doctor looks at these alone."""

    def set_to(*these):
        monkeypatch.setattr(doctor, "CHECKS", {each.check.id: each.check for each in these})
        return these

    return set_to


@pytest.fixture
async def ask(house):
    """Ask for a page as a role; the doctor has looked."""
    tokens = {role: await house.token(role) for role in Role}

    async def ask(path="/health", *, role=Role.ADMIN, form=None, htmx=False):
        headers = tokens[role] | BROWSER | ({"hx-request": "true"} if htmx else {})
        if form is None:
            return await house.http.get(path, headers=headers)
        return await house.http.post(path, headers=headers, data=form)

    return ask


async def look(house, now=None):
    await doctor.examine(house.parts, which="all", now=now or datetime.now(UTC))


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def test_the_page_shows_every_check_there_is(house, ask):
    await look(house)

    page = await ask()

    assert page.status_code == 200
    for id_, check in CHECKS.items():
        assert f'id="{id_}"' in page.text
        assert page.text.count(f'id="{id_}"') == 1
        assert check.title in words(page)


async def test_before_the_first_look_the_page_says_so(house, ask):
    page = await ask()

    assert "Not looked at yet" in words(page)


async def test_what_needs_somebody_comes_first_and_red_before_amber(house, ask, patients):
    patients(Patient("arm", green()), Patient("leg", amber()), Patient("head", red()))
    await look(house)

    page = words(await ask())

    assert "2 things need you" in page
    assert page.index("It is broken.") < page.index("It limps.") < page.index("It is well.")
    assert "Press the button." in page
    assert "Why head matters." in page


async def test_where_all_is_well_that_is_what_the_page_says(house, ask, patients):
    patients(Patient("arm", green()))
    await look(house, datetime.now(UTC) - timedelta(seconds=14))

    page = words(await ask())

    assert "All is well" in page
    assert "Needs you" not in page
    assert re.search(r"Looked at \d+ s ago", page)


async def test_the_same_advice_is_given_once(house, ask, patients):
    patients(
        Patient("account", off("There is none.", "Connect Cal.com.")),
        Patient("key", off("None is known.", "Connect Cal.com.")),
    )
    await look(house)

    page = words(await ask())
    first, rest = page.split("Everything else")

    assert "There is none." in first
    assert "None is known." in rest


async def test_what_nobody_answers_about_is_no_advice_and_what_was_red_says_so(
    house, ask, patients
):
    silent = [
        Finding(light=Light.OFF, what=f"{name} was silent.", do="See API.", is_unanswered=True)
        for name in ("Arm", "Head")
    ]
    _, head = patients(Patient("arm", silent[0]), Patient("head", red()))
    await look(house)
    head.found = [silent[1]]
    await look(house, datetime.now(UTC) + timedelta(seconds=1))

    first, rest = words(await ask()).split("Everything else")

    assert "Not set up yet" not in first
    assert "Arm was silent." in rest
    assert "It is broken." in first
    assert "It could not be asked about for" in first
    assert "Head was silent." not in first


async def test_what_is_to_be_typed_is_set_apart(house, ask, patients):
    (head,) = patients(Patient("head", red("Type `greenroom <serve>`.")))

    async def mend(exam, connection):
        raise Unavailable("It is away.", do="Run `greenroom work`.")

    monkeyed = replace(head.check, mend=mend)
    patients(type("P", (), {"check": monkeyed}))
    await look(house)

    page = (await ask("/health/head/fix", form={})).text

    assert "<code>greenroom &lt;serve&gt;</code>" in page
    assert "<code>greenroom work</code>" in page
    assert "`" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


async def test_a_button_mends_it_and_the_page_says_what_was_done(house, ask, patients):
    (head,) = patients(Patient("head", red()))
    await look(house)
    assert 'action="/health/head/fix"' in (await ask()).text

    page = await ask("/health/head/fix", form={})

    assert page.status_code == 200
    assert head.mended == [None]
    assert "It was &lt;mended&gt;." in page.text
    assert "It is well now." in page.text
    assert "All is well" in page.text


async def test_a_button_of_a_connection_mends_that_one(house, ask, patients):
    (head,) = patients(Patient("head"))
    head.found = [red(connection_id=house.connection_id)]
    await look(house)
    assert f'name="connection_id" value="{house.connection_id}"' in (await ask()).text

    await ask("/health/head/fix", form={"connection_id": str(house.connection_id)})

    assert head.mended == [house.connection_id]


@pytest.mark.parametrize(("htmx", "status"), [(False, 503), (True, 200)])
async def test_what_could_not_be_mended_is_said(house, ask, patients, htmx, status):
    (head,) = patients(Patient("head", red()))

    async def refuse(exam, connection):
        raise Unavailable("Cal.com is away.", do="Wait a minute.")

    monkeyed = Check(
        **{**{f: getattr(head.check, f) for f in head.check.__slots__}, "mend": refuse}
    )
    patients(type("P", (), {"check": monkeyed}))
    await look(house)

    page = await ask("/health/head/fix", form={}, htmx=htmx)

    assert page.status_code == status
    assert "Cal.com is away." in words(page)
    assert "It is broken." in words(page)
    assert ('id="told" role="status" hx-swap-oob="true"' in page.text) is htmx


async def test_only_an_admin_sees_the_button_and_may_press_it(house, ask, patients):
    (head,) = patients(Patient("head", red()))
    await look(house)

    page = await ask(role=Role.RECRUITER)
    assert "/health/head/fix" not in page.text
    assert "An admin can press “Fix it” here." in words(page)

    assert (await ask("/health/head/fix", form={}, role=Role.RECRUITER)).status_code == 403
    assert head.mended == []


async def test_check_again_looks_now(house, ask, patients):
    (arm,) = patients(Patient("arm", green()))
    await look(house)
    arm.found = [red()]

    answer = await ask("/health", form={}, role=Role.RECRUITER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/health")
    assert "1 thing needs you" in words(await ask())

    arm.found = [green()]
    assert "All is well" in words(await ask("/health", form={}, htmx=True))


async def test_a_viewer_reads_and_changes_nothing(house, ask, patients):
    patients(Patient("arm", red()))
    await look(house)

    assert "It is broken." in words(await ask(role=Role.VIEWER))
    assert (await ask("/health", form={}, role=Role.VIEWER)).status_code == 403


async def test_to_htmx_the_inner_part_is_sent_alone(house, ask, patients):
    patients(Patient("arm", green()))
    await look(house)

    page = await ask(htmx=True)

    assert "<html" not in page.text
    assert page.text.lstrip().startswith('<div class="health" id="health"')


async def test_names_of_accounts_are_said_where_there_are_several(house, ask, patients):
    (head,) = patients(Patient("head"))
    head.found = [red(connection_id=house.connection_id)]
    await look(house)
    assert "House" not in (await ask()).text

    async with house.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            house.parts.seal,
            name="<Other>",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret=SECRET,
            now=datetime.now(UTC),
        )
    assert "House" in (await ask()).text


# At a glance


async def test_every_page_has_the_dot_and_what_is_broken(house, ask, patients):
    (head,) = patients(Patient("head", red("The webhook is <off>.")))
    await look(house)
    await house.app.state.glance.read(house.parts.database)

    page = await ask("/candidates", role=Role.VIEWER)

    assert 'title="Health: 1 thing needs you"' in page.text
    assert "The webhook is &lt;off&gt;." in page.text
    assert 'href="/health#head"' in page.text

    head.found = [green()]
    await look(house)
    house.app.state.glance._read_at = float("-inf")
    live = await ask("/health/glance")
    assert 'data-light="green"' in live.text
    assert "is &lt;off&gt;" not in live.text
    assert 'hx-swap-oob="true"' in live.text


async def test_at_most_three_things_are_said_on_every_page(house, ask, patients):
    patients(Patient("head", *(red(f"Bone {number} is broken.") for number in range(5))))
    await look(house)
    await house.app.state.glance.read(house.parts.database)

    page = await ask("/candidates")

    assert page.text.count("is broken.") == 3
    assert "And 2 more are broken. Show all" in words(page)
    assert "Health: 5 things need you" in page.text


async def test_somebody_who_is_not_signed_in_learns_nothing(house, patients):
    patients(Patient("head", red("The webhook is off.")))
    await look(house)
    await house.app.state.glance.read(house.parts.database)

    page = await house.http.get("/sign-in", headers=BROWSER)

    assert page.status_code == 200
    assert "The webhook is off." not in page.text
    assert "Health" not in page.text


async def test_the_glance_costs_no_query_until_something_turns(house, ask, patients):
    patients(Patient("arm", green()))
    await look(house)
    glance, asked = Glance(), []
    house.parts.database.count_statements(asked.append)
    await glance.read(house.parts.database)
    before = len(asked)

    await glance.read(house.parts.database)

    assert before > 0
    assert len(asked) == before


async def test_the_glance_follows_what_is_announced(house, patients):
    (head,) = patients(Patient("head", green()))
    glance = Glance()
    task = asyncio.create_task(glance.run(house.parts))
    for light, finding in [(Light.GREEN, green()), (Light.RED, red())]:
        head.found = [finding]
        await look(house)
        for _ in range(50):
            if glance.light is light:
                break
            await asyncio.sleep(0.1)
        assert glance.light is light
    task.cancel()


# What was just done


async def test_what_was_acted_on_stands_apart_with_how_it_went(house, ask, patients):
    patients(Patient("head", red()), Patient("arm", green("The arm is well.")))
    await look(house)

    answer = await ask("/health/head/fix", form={}, htmx=True)
    assert 'hx-get="/health?shown=head"' in answer.text, "as long as the page stays"
    assert 'href="#head"' in answer.text
    for page in (answer, await ask("/health?shown=head"), await ask("/health/head/fix", form={})):
        apart, rest = words(page).split("Just now")[1].split("Everything else")
        assert "It is well now." in apart
        assert "The arm is well." in rest
        assert "It is well now." not in rest

    assert "Just now" not in words(await ask("/health?shown=%22nose"))


async def test_how_long_it_is_broken_is_said_of_what_is_broken(house, ask, patients):
    (head,) = patients(Patient("head", green(), green()))
    await look(house, datetime.now(UTC) - timedelta(hours=3))
    head.found = [green(), red()]
    await look(house, datetime.now(UTC) - timedelta(minutes=20))

    page = words(await ask())

    assert "for 20 min" in page
    assert "for 3 h" not in page


async def test_while_everything_is_looked_at_the_page_is_not_read_anew(house, ask, patients):
    """Or the mark of being busy would go before the answer is there."""
    patients(Patient("arm", green()))
    await look(house)

    page = (await ask()).text

    assert re.search(r'id="health" hx-get="/health" hx-sync="this:drop"', page)
    again = re.search(r'<form class="verdict__again".*?>', page).group()
    assert 'hx-sync="#health:queue all"' in again


async def test_advice_about_a_connection_leads_to_its_page(house, ask):
    async with house.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            house.parts.seal,
            name="Deaf",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret=SECRET,
            now=datetime.now(UTC),
        )
    await look(house)

    page = (await ask()).text

    assert f'href="/connections/{house.connection_id}">Open the connection' in page
    assert page.count("--name Deaf --api-key") == 1, "the same advice is given once"
