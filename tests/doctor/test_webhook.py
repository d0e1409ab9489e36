"""The checks of our webhook: each thing broken at Cal.com turns its own check, and mends."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from builders import delivery
from doctor.webhook_desk import Webhooks, answering
from greenroom.calcom import subscription, webhook_secrets
from greenroom.calcom.subscription import EVENTS, NEWER_EVENTS
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.checks import webhook
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Area, Light
from greenroom.errors import Conflict
from greenroom.settings import WEBHOOK_PATH

pytestmark = pytest.mark.anyio

ALL = [id_ for id_, check in CHECKS.items() if check.area is Area.WEBHOOK]
EVERY = [*EVENTS, *NEWER_EVENTS]


@pytest.fixture
def webhooks(calcom):
    return Webhooks(calcom)


@pytest.fixture
def ours(clinic):
    return clinic.parts.address.webhook_url


async def only(clinic, check_id):
    """The finding of that check, when all others of the webhook are green."""
    lights = await clinic.lights(*ALL)
    assert {id_: light for id_, light in lights.items() if id_ != check_id} == {
        each: Light.GREEN for each in ALL if each != check_id
    }
    (found,) = await clinic.examine(check_id)
    return found


async def mended(clinic, check_id, connection):
    said = await clinic.mend(check_id, connection.id)
    assert set((await clinic.lights(*ALL)).values()) == {Light.GREEN}
    return said


async def test_a_webhook_that_greenroom_made_is_well(clinic, connection):
    assert await clinic.lights(*ALL) == dict.fromkeys(ALL, Light.GREEN)


async def test_a_webhook_that_somebody_deleted_is_made_again(clinic, connection, webhooks, ours):
    webhooks.delete()
    lights = await clinic.lights(*ALL)
    assert lights.pop("webhook-there") is Light.RED
    assert set(lights.values()) == {Light.OFF}
    (found,) = await clinic.examine("webhook-there")
    assert ours in found.do
    assert found.offer == "Make it"

    assert await mended(clinic, "webhook-there", connection) == "Made at Cal.com."


async def test_a_webhook_that_was_switched_off_is_switched_on(clinic, connection, webhooks):
    webhooks.change(active=False)
    found = await only(clinic, "webhook-on")
    assert (found.light, found.offer) == (Light.RED, "Switch it on")

    await mended(clinic, "webhook-on", connection)
    assert webhooks.one()["active"] is True


async def test_a_webhook_that_leads_elsewhere_is_moved(clinic, connection, webhooks, ours):
    webhooks.change(subscriberUrl=f"https://old.example{WEBHOOK_PATH}")
    found = await only(clinic, "webhook-address")
    assert (found.light, found.offer) == (Light.RED, "Move it here")
    assert "https://old.example" in found.what
    assert ours in found.what

    await mended(clinic, "webhook-address", connection)
    assert webhooks.one()["subscriberUrl"] == ours


async def test_a_webhook_left_over_from_an_old_address_is_removed(
    clinic, connection, webhooks, ours
):
    secret = webhooks.one()["secret"]
    webhooks.add(f"https://old.example{WEBHOOK_PATH}", secret=secret)
    found = await only(clinic, "webhook-address")
    assert (found.light, found.offer) == (Light.AMBER, "Remove it")

    assert "https://old.example" in await mended(clinic, "webhook-address", connection)
    assert webhooks.one()["subscriberUrl"] == ours


async def test_another_greenroom_on_the_account_is_said_and_left_alone(
    clinic, connection, webhooks
):
    url, ours = f"https://other.example{WEBHOOK_PATH}", webhooks.one()
    webhooks.add(url, secret="whsec_of_the_others_0123456789")
    found = await only(clinic, "webhook-there")
    assert found.light is Light.AMBER
    assert "https://other.example" in found.what

    webhooks.asked("PATCH", f"/webhooks/{ours['id']}", active=False)
    await clinic.mend("webhook-on", connection.id)
    assert url in {each["subscriberUrl"] for each in webhooks.every()}


async def test_events_that_were_unticked_are_ticked_again(clinic, connection, webhooks):
    webhooks.change(triggers=[each for each in EVERY if each != "BOOKING_CANCELLED"])
    found = await only(clinic, "webhook-events")
    assert found.light is Light.RED
    assert "BOOKING_CANCELLED" in found.what

    await mended(clinic, "webhook-events", connection)
    assert set(EVERY) <= set(webhooks.one()["triggers"])


async def test_newer_events_are_missed_only_where_cal_com_knows_them(clinic, connection, webhooks):
    webhooks.change(triggers=[*EVENTS, "BOOKING_REASSIGNED"])
    found = await only(clinic, "webhook-events")
    assert found.light is Light.AMBER
    assert "BOOKING_LOCATION_UPDATED" in found.what
    await mended(clinic, "webhook-events", connection)

    webhooks.change(triggers=list(EVENTS))
    assert (await only(clinic, "webhook-events")).light is Light.GREEN


async def test_a_template_is_removed(clinic, connection, webhooks):
    webhooks.change(payloadTemplate='{"uid": "{{uid}}"}')
    assert (await only(clinic, "webhook-template")).light is Light.RED
    await mended(clinic, "webhook-template", connection)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param(None, "no secret", id="none"),
        pytest.param("somebody else's secret", "another secret", id="another"),
    ],
)
async def test_a_wrong_secret_is_entered_anew(clinic, connection, webhooks, secret, said):
    webhooks.change(secret=secret)
    found = await only(clinic, "webhook-secret")
    assert found.light is Light.RED
    assert said in found.what
    await mended(clinic, "webhook-secret", connection)


async def test_a_secret_pasted_with_a_line_break_is_recognised(clinic, connection, webhooks):
    secret = webhooks.one()["secret"]
    webhooks.change(secret=secret + "\n")
    found = await only(clinic, "webhook-secret")
    assert found.light is Light.RED
    assert "line break" in found.what
    assert secret not in found.what + found.do
    await mended(clinic, "webhook-secret", connection)
    assert webhooks.one()["secret"] == secret


async def test_a_secret_that_cal_com_does_not_have_yet_is_amber(clinic, connection, webhooks):
    async with clinic.parts.database.transaction() as tx:
        newer = "whsec_newer_0123456789abcdef"
        await webhook_secrets.add(
            tx, clinic.parts.seal, connection.id, newer, connection.created_at
        )
    assert (await only(clinic, "webhook-secret")).light is Light.AMBER
    await mended(clinic, "webhook-secret", connection)
    assert webhooks.one()["secret"] == newer


async def test_a_second_webhook_on_an_event_type_is_noticed_when_news_come_twice(
    clinic, connection, calcom, webhooks, ours
):
    under = f"/event-types/{calcom.event_type_id('intro-call')}"
    second = webhooks.add(ours, under=under, secret="another one 0123456789")
    assert set((await clinic.lights(*ALL)).values()) == {Light.GREEN}

    for n, body in enumerate((delivery(), delivery() + b" ")):
        await clinic.execute(
            "INSERT INTO deliveries (connection_id, digest, body, received_at, state, trigger, uid,"
            " attempts, claims, duplicates)"
            " VALUES (:c, :d, :b, now(), 'done', 'BOOKING_CREATED', 'uid1', 1, 1, 0)",
            c=connection.id,
            d=bytes([n]) * 32,
            b=body,
        )
    found = await only(clinic, "webhook-there")
    assert found.light is Light.AMBER
    assert "intro-call" in found.what

    webhooks.asked("DELETE", f"{under}/webhooks/{second['id']}")
    assert (await only(clinic, "webhook-there")).light is Light.GREEN


async def test_where_cal_com_cannot_reach_us_nothing_is_blamed_on_the_webhook(clinic, connection):
    await clinic.execute("UPDATE connections SET api_url = 'https://api.cal.com/v2'")
    found = await clinic.examine(*ALL)
    assert {each.light for each in found} == {Light.OFF}
    assert all("public address" in each.do for each in found)


@pytest.mark.parametrize("check_id", ["webhook-on", "webhook-events"])
async def test_a_webhook_is_never_moved_to_an_address_cal_com_does_not_reach(
    clinic, connection, webhooks, check_id
):
    before = webhooks.change(active=False, triggers=["BOOKING_CREATED"])
    far = replace(connection, api_url="https://api.cal.com/v2")
    exam = Examination(parts=clinic.parts, now=datetime.now(UTC), connections=[far])
    with pytest.raises(Conflict, match="only this machine reaches"):
        await CHECKS[check_id].mend(exam, far)
    with pytest.raises(Conflict, match="only this machine reaches"):
        await CHECKS["last-delivery"].mend(exam, far)
    assert webhooks.one() == before


async def test_what_people_put_into_an_address_is_shown_to_nobody(clinic, connection, webhooks):
    secret = webhooks.one()["secret"]
    told = f"https://robot:pa55word@old.example:8443{WEBHOOK_PATH}?token=pa55word"
    webhooks.change(subscriberUrl=told)
    webhooks.add(told.replace("old", "left"), secret=secret)
    webhooks.add(told.replace("old", "other"), secret="whsec_of_the_others_0123456789")
    found = await clinic.examine(*ALL)
    said = await clinic.mend("webhook-address", connection.id)
    said += " ".join(each.what + each.do for each in (*found, *await clinic.examine(*ALL)))
    assert "https://…@old.example:8443" in said
    assert "other.example" in said
    assert "pa55word" not in said
    assert "robot" not in said


async def test_a_connection_without_a_secret_says_so_itself_and_hides_no_other(
    clinic, calcom, connection, webhooks
):
    webhooks.change(active=False)
    two = await clinic.connect(calcom, name="Two", key="cal_simulator_jonas")
    await clinic.execute("DELETE FROM webhook_secrets WHERE connection_id = :id", id=two.id)
    found = await clinic.examine(*ALL)
    mara = [each for each in found if each.connection_id == connection.id]
    jonas = [each for each in found if each.connection_id == two.id]
    assert "switched off" in next(each.what for each in mara if each.light is Light.RED)
    (red,) = [each for each in jonas if each.light is not Light.OFF]
    assert (red.light, red.what) == (Light.RED, "The connection has no webhook secret.")
    assert len(mara) + len(jonas) == len(found)


@pytest.mark.parametrize("code", [403, 404, 500])
async def test_webhooks_that_cannot_be_asked_for_are_told_where_one_looks(
    clinic, calcom, connection, code
):
    with answering(calcom, "/v2/webhooks", code) as api_url:
        await clinic.execute("UPDATE connections SET api_url = :url", url=api_url)
        assert (await clinic.lights("key", "api"))["api"] is Light.GREEN
        found = await clinic.examine(*ALL)
    assert [each.light for each in found] == [Light.RED, *[Light.OFF] * (len(ALL) - 1)]
    assert "not about its webhooks" in found[0].what
    assert {each.do for each in found[1:]} == {"See what the check Webhook says."}


async def test_a_rate_limit_leads_to_the_check_that_tells_of_it_and_hides_nothing(
    clinic, calcom, connection, webhooks
):
    webhooks.change(active=False)
    assert (await clinic.lights("webhook-on"))["webhook-on"] is Light.RED
    with answering(calcom, "/v2/", 429) as api_url:
        await clinic.execute("UPDATE connections SET api_url = :url", url=api_url)
        (found,) = await clinic.examine("api")
        assert found.do == "See what the check Requests says."
        assert (await clinic.lights("webhook-on"))["webhook-on"] is Light.RED


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("https://u:p@a.example:444/x?y=z#w", "https://…@a.example:444/x?…"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("https://a.example:port/x", "an address that cannot be read"),
        ("https://[a.example/x", "an address that cannot be read"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_password(url, said):
    assert subscription.shown(url) == said


def test_events_that_are_missing_are_told_in_good_english():
    assert webhook._missing(["A"]) == "A is missing"
    assert webhook._missing(["A", "B"]) == "A and B are missing"


async def test_without_a_connection_every_check_says_what_to_do_first(clinic):
    found = await clinic.examine(*ALL)
    assert {each.light for each in found} == {Light.OFF}
    assert all("greenroom connect" in each.do for each in found)


async def test_a_version_that_greenroom_does_not_know_is_set_back(
    clinic, connection, calcom, webhooks
):
    calcom.control(f"subscriptions/{webhooks.one()['id']}", version="2027-01-01")
    found = await only(clinic, "webhook-version")
    assert found.light is Light.AMBER
    assert "2027-01-01" in found.what
    await mended(clinic, "webhook-version", connection)
