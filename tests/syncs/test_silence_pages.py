"""A silence in the freshness line, as viewers, recruiters and admins see it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from greenroom.accounts.model import Role
from greenroom.calcom import connections
from greenroom.syncs.silence import Webhook

pytestmark = pytest.mark.anyio


async def line(house, role):
    token = await house.token(role)
    answer = await house.http.get("/freshness", headers={**token, "accept": "text/html"})
    assert answer.status_code == 200
    return " ".join(answer.text.split())


async def fall_silent(house, *, missed=0, webhook=Webhook.IN_ORDER, looked=True):
    now = datetime.now(UTC)
    began = now - timedelta(hours=3, minutes=10, seconds=5)
    async with house.parts.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO silences (connection_id, began, usual_seconds, noticed_at, looks,"
                " looked_at, missed, webhook)"
                " VALUES (:id, :began, 540, :now, 1, :looked_at, :missed, :webhook)"
            ),
            {
                "id": house.connection_id,
                "began": began,
                "now": now,
                "looked_at": now if looked else None,
                "missed": missed,
                "webhook": webhook.value,
            },
        )


async def test_a_silence_is_told_in_amber_and_an_admin_is_offered_to_end_it(house):
    await fall_silent(house, missed=2, webhook=Webhook.OFF)

    html = await line(house, Role.ADMIN)

    assert 'data-tone="warn"' in html
    assert (
        "Cal.com has been silent for 3 h 10; usually it is heard every 9 min. "
        "<bdi>2 bookings were missed and are repaired. The webhook is switched off at Cal.com."
    ) in html
    assert 'action="/health/last-delivery/fix"' in html
    assert f'name="connection_id" value="{house.connection_id}"' in html
    assert "Switch it on</button>" in html
    assert "<b><bdi>House" not in html


async def test_who_is_no_admin_is_told_who_can_mend_it(house):
    await fall_silent(house, missed=2, webhook=Webhook.OFF)

    html = await line(house, Role.RECRUITER)

    assert "switched off at Cal.com" in html
    assert "/health/last-delivery/fix" not in html
    assert 'An admin can mend that on the <a href="/health#last-delivery">Health</a> page.' in html


async def test_a_silence_in_which_nothing_was_missed_is_told_without_alarm(house):
    await fall_silent(house)

    html = await line(house, Role.VIEWER)

    assert 'data-tone=""' in html
    assert "All is well: nothing was missed, and the webhook is in order." in html
    assert "<button" not in html


async def test_without_a_silence_the_line_is_as_ever(house):
    html = await line(house, Role.ADMIN)

    assert "silent" not in html
    assert 'data-tone=""' in html


async def test_of_several_connections_it_is_said_which_is_silent(house):
    await fall_silent(house, missed=1)
    async with house.parts.database.transaction() as tx:
        await connections.connect(
            tx,
            house.parts.seal,
            name="Other",
            api_url="http://127.0.0.1:1/v2",
            api_key=None,
            secret=None,
            now=datetime.now(UTC),
        )

    html = await line(house, Role.RECRUITER)

    assert "<b><bdi>House</bdi>:</b> Cal.com has been silent for 3 h 10" in html
    assert "1 booking was missed and is repaired." in html
    assert '<a href="/health#last-delivery">See Health</a>' in html
