"""The link at Cal.com behind a booking link: made, fallen back from, never put back."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import NOW
from calcom.account import ungated
from calcom.odd import answering
from calcom_desk import KEY
from greenroom.booking_links import actions as booking_links
from greenroom.calcom import connecting, private_links
from greenroom.calcom.client import CalcomError
from greenroom.event_types import actions as event_types
from greenroom.interviews import actions as interviews
from greenroom.interviews.model import Attention
from world import SEAL

pytestmark = pytest.mark.anyio


@pytest.fixture
async def invited(world, calcom, http):
    """An interview of an event type at Cal.com, its link not prepared yet."""
    await connecting.connect(
        world.database,
        SEAL,
        http,
        name="Mara",
        api_url=calcom.api_url,
        api_key=KEY,
        secret=None,
        check=True,
        webhook_url="http://127.0.0.1:1/nobody-listens",
        reachable=False,
        now=NOW,
    )
    async with world.database.transaction() as tx:
        offered = await event_types.offered(tx)
    intro = next(each for each in offered if each.slug == "intro-call")
    return await world.send(await world.candidate(), intro)


@pytest.fixture
def prepare(world, http):
    async def prepare(row, *, url=None, key=KEY):
        await private_links.prepare(
            world.database,
            SEAL,
            row.link.id,
            calcom=lambda connection: ungated(http, url or connection.api_url, key),
            now=NOW,
        )

    return prepare


async def link(world, row):
    async with world.database.transaction() as tx:
        return await booking_links.get(tx, row.link.id)


async def said(world, row):
    """What a person is told about it: flags, and notes that the public page is used."""
    async with world.database.transaction() as tx:
        notes = await interviews.notes(tx, row.id)
    found = await world.row(row.id)
    return found.interview.attention, [what for _, _, what in notes if "public page" in what]


@pytest.mark.parametrize("shape", ["versioned", "unversioned"])
async def test_both_kinds_of_cal_com_give_an_address_that_leads_to_the_event_type(
    world, calcom, invited, prepare, shape
):
    calcom.control("edition", private_links=shape)
    await prepare(invited)

    found = await link(world, invited)
    assert found.target_url.endswith(f"/d/{found.private_link}/intro-call")
    assert calcom.http.get(found.target_url).status_code == 200
    assert await said(world, invited) == (frozenset(), [])


async def test_an_event_type_that_cal_com_does_not_have_leads_to_the_public_page(
    world, invited, prepare
):
    async with answering(lambda *_: (404, {"error": {"message": "Not found"}})) as url:
        await prepare(invited, url=url)

    found = await link(world, invited)
    assert (found.target_url, found.private_link) == (invited.event_type.booking_url, None)
    attention, notes = await said(world, invited)
    assert attention == {Attention.LINK_FAILED}
    assert len(notes) == 1


async def test_an_event_type_entered_by_hand_has_its_public_page(world, prepare):
    by_hand = await world.event_type(calcom_id=None)
    row = await world.send(await world.candidate(), by_hand)
    await prepare(row)

    assert (await link(world, row)).target_url == by_hand.booking_url
    assert await said(world, row) == (frozenset(), [])


async def test_a_connection_without_a_key_has_public_pages(world, prepare):
    event_type = await world.event_type()
    row = await world.send(await world.candidate(), event_type)
    await prepare(row)

    assert (await link(world, row)).target_url == event_type.booking_url


async def test_a_job_that_ends_late_does_not_put_back_an_extended_link(world, invited):
    early = await link(world, invited)
    later = early.expires_at + timedelta(days=9)
    async with world.database.transaction() as tx:
        await booking_links.extend(tx, early.id, later)
    async with world.database.transaction() as tx:
        stale = {"target_url": "https://cal.example/old", "private_link": "old"}
        assert not await booking_links.aim(tx, early, **stale)
        now = await booking_links.get(tx, early.id)
        assert await booking_links.aim(tx, now, **stale | {"target_url": "https://cal.example/new"})
        assert not await booking_links.aim(tx, now, **stale)

    assert (await link(world, invited)).target_url == "https://cal.example/new"


async def job_is(world, status):
    """Procrastinate's word on the link's job."""
    async with world.database.transaction() as tx:
        await tx.execute(
            text("UPDATE procrastinate_jobs SET status = CAST(:s AS procrastinate_job_status)"),
            {"s": status},
        )


async def test_a_link_whose_last_attempt_failed_leads_to_the_public_page(world, invited, prepare):
    async with answering(lambda *_: (500, {})) as url:
        with pytest.raises(CalcomError):
            await prepare(invited, url=url)
    assert await private_links.give_up(world.database, SEAL, now=NOW) == 0

    await job_is(world, "failed")
    assert await private_links.give_up(world.database, SEAL, now=NOW) == 1
    assert await private_links.give_up(world.database, SEAL, now=NOW) == 0

    assert (await link(world, invited)).target_url == invited.event_type.booking_url
    attention, notes = await said(world, invited)
    assert attention == {Attention.LINK_FAILED}
    assert len(notes) == 1


async def test_a_link_that_was_extended_after_a_failure_still_waits_for_its_job(world, invited):
    await job_is(world, "failed")
    async with world.database.transaction() as tx:
        await booking_links.extend(tx, invited.link.id, NOW + timedelta(days=30))

    assert await private_links.give_up(world.database, SEAL, now=NOW) == 0
