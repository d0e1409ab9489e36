"""The check of signatures: what Cal.com's requests are refused for, recognised and mended."""

import asyncio

import pytest

from builders import delivery
from calcom_desk import Calcom
from doctor.served import serving
from doctor.webhook_desk import Webhooks
from greenroom.calcom import webhook
from greenroom.doctor.model import Light

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(database_url, tmp_path, calcom):
    async with serving(database_url, tmp_path, calcom) as served:
        yield served


@pytest.fixture
def webhooks(calcom):
    return Webhooks(calcom)


async def ping(served, calcom: Calcom, webhooks: Webhooks):
    """Press *Ping test* at Cal.com, and let what came of it be counted."""
    id_ = webhooks.one()["id"]
    await asyncio.to_thread(calcom.control, "ping", webhook_id=id_)
    await served.house.parts.secrets.flush()


async def found_by(served):
    (found,) = await served.clinic.examine("signatures")
    return found


async def test_nothing_refused_is_green(served, calcom, webhooks):
    await ping(served, calcom, webhooks)
    assert (await found_by(served)).light is Light.GREEN


@pytest.mark.parametrize(
    ("altered", "refusal"),
    [
        pytest.param(lambda _: None, webhook.Refusal.NO_SECRET, id="no secret"),
        pytest.param(lambda secret: f"{secret}\n", webhook.Refusal.PASTED, id="line break"),
        pytest.param(lambda secret: f"{secret}\r\n", webhook.Refusal.PASTED, id="Windows'"),
        pytest.param(lambda secret: f"{secret} ", webhook.Refusal.PASTED, id="blank"),
        pytest.param(lambda secret: f" {secret}", webhook.Refusal.PASTED, id="blank before"),
        pytest.param(lambda _: "another's secret", webhook.Refusal.WRONG, id="another"),
    ],
)
async def test_what_cal_com_signs_with_is_recognised_and_mended(
    served, calcom, webhooks, altered, refusal
):
    secret = webhooks.one()["secret"]
    webhooks.change(secret=altered(secret))
    await ping(served, calcom, webhooks)
    found = await found_by(served)
    assert found.light is Light.RED
    assert refusal.what in found.what
    assert secret not in found.what + found.do

    assert "Mended" in await served.clinic.mend("signatures")
    found = await found_by(served)
    assert (found.light, found.offer) == (Light.AMBER, None)
    await ping(served, calcom, webhooks)
    found = await found_by(served)
    assert found.light is Light.GREEN
    assert "1 request was refused" in found.what


async def test_a_secret_that_is_over_is_recognised(served, calcom, webhooks):
    secret = webhooks.one()["secret"]
    await served.clinic.execute("UPDATE webhook_secrets SET retires_at = now() - interval '1 day'")
    await served.clinic.connect(calcom)  # with no good one left, a new one is made
    webhooks.change(secret=secret)
    served.house.parts.secrets.forget()
    await ping(served, calcom, webhooks)
    found = await found_by(served)
    assert found.light is Light.RED
    assert webhook.Refusal.RETIRED.what in found.what

    await served.clinic.mend("signatures")
    await ping(served, calcom, webhooks)
    assert (await found_by(served)).light is Light.GREEN


async def test_strangers_alone_are_no_alarm_once_cal_com_was_heard(served, calcom, webhooks):
    await ping(served, calcom, webhooks)
    await served.house.deliver(delivery(), signature=None)
    await served.house.parts.secrets.flush()
    found = await found_by(served)
    assert found.light is Light.GREEN
    assert "1 request was refused" in found.what


async def test_a_wrong_signature_beside_good_ones_is_amber(served, calcom, webhooks):
    await ping(served, calcom, webhooks)
    await served.house.deliver(delivery(), signature="0" * 64)
    await served.house.parts.secrets.flush()
    assert (await found_by(served)).light is Light.AMBER


async def test_what_comes_of_one_account_says_nothing_of_anothers_secret(served, calcom, webhooks):
    two = await served.clinic.connect(calcom, name="Two", key="cal_simulator_jonas")
    webhooks.change(secret=None)
    await ping(served, calcom, webhooks)
    await ping(served, calcom, Webhooks(calcom, "cal_simulator_jonas"))
    heard = await served.clinic.execute("SELECT connection_id FROM deliveries")
    assert [row.connection_id for row in heard] == [two.id]
    found = await found_by(served)
    assert (found.light, found.connection_id) == (Light.RED, served.connection.id)
    assert "“Mara”" in found.what

    await served.clinic.mend("signatures", served.connection.id)
    await ping(served, calcom, webhooks)
    assert (await found_by(served)).light is Light.GREEN


async def test_what_was_refused_days_ago_is_forgotten(served):
    await served.house.deliver(delivery(), signature="0" * 64)
    await served.house.parts.secrets.flush()
    assert (await found_by(served)).light is Light.AMBER
    await served.clinic.execute("UPDATE rejections SET last_at = now() - interval '25 h'")
    assert (await found_by(served)).light is Light.GREEN


async def test_a_recognised_secret_lets_nobody_in(served, webhooks):
    secret = webhooks.one()["secret"]
    body = delivery()
    answer = await served.house.deliver(body, signature=webhook.signature(f"{secret}\n", body))
    assert answer.status_code == 401
    assert await served.clinic.execute("SELECT id FROM deliveries") == []
