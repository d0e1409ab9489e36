"""Who has Cal.com asked: the clock, deliveries, people; what they see of it."""

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from builders import DAY, HOUR, MINUTE, delivery
from calcom.account import Account, clock
from calcom.odd import answering, bookings
from greenroom.accounts.model import Role
from greenroom.calcom import connections
from greenroom.calcom.webhook import Refusal
from greenroom.deliveries import actions as deliveries
from greenroom.deliveries import rejections
from greenroom.syncs import actions as syncs
from greenroom.syncs import drift, runs
from greenroom.syncs.drift import Drift
from greenroom.syncs.runs import BY_CLOCK, BY_DELIVERY, Kind
from world import SEAL, World

pytestmark = pytest.mark.anyio


async def tick(account, at):
    async with account.world.database.transaction() as tx:
        await syncs.tick(tx, SEAL, at)


async def wished(account):
    return [
        tuple(row)
        for row in await account.execute("SELECT kind, asked_by FROM sync_runs ORDER BY id")
    ]


async def ended(account, at):
    await account.execute("UPDATE sync_runs SET finished_at = :at", at=at)


async def waiting_jobs(account):
    ((count,),) = await account.execute(
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'sync_connection'"
    )
    return count


async def test_the_clock_asks_once_a_minute_however_many_clocks_there_are(account):
    now = clock()
    await asyncio.gather(*(tick(account, now) for _ in range(4)))
    assert await wished(account) == [("incremental", BY_CLOCK)]
    await ended(account, now)

    await tick(account, now + timedelta(seconds=30))
    assert len(await wished(account)) == 1
    await tick(account, now + timedelta(seconds=60))
    assert len(await wished(account)) == 2


async def test_every_six_hours_everything_is_compared(account):
    now = clock()
    for hours in (1, 7, 8, 13):
        await tick(account, now + hours * HOUR)
        await ended(account, now)

    full = [kind for kind, _ in await wished(account)].count("full")
    assert full == 2


async def test_while_everything_is_compared_what_changed_is_asked_for_once_a_minute(account):
    """However long the full compare has been under way."""
    now = clock()
    await tick(account, now + 7 * HOUR)
    left = "UPDATE sync_runs SET finished_at = :at WHERE kind = 'incremental'"
    for seconds in (0, 15, 30, 45, 60, 75):
        await account.execute(left, at=now)
        await tick(account, now + 14 * HOUR + timedelta(seconds=seconds))

    found = await account.execute("SELECT kind, wanted_since IS NULL FROM sync_runs ORDER BY id")
    assert sorted(map(tuple, found[2:])) == [("incremental", True)] * 2
    assert [kind for kind, _ in found].count("full") == 1


@pytest.mark.parametrize("noticed", ["asked", "ticked"])
async def test_with_a_refused_key_nothing_stays_under_way(account, noticed):
    await account.wish(Kind.FULL)
    await account.wish()
    if noticed == "asked":
        async with answering(lambda *_: (401, {"error": {"message": "Gone"}})) as url:
            await account.aim(url)
            await syncs.carry_on(await account.leader())
    else:
        await account.execute("UPDATE budgets SET refusal = 'Gone'")
        await tick(account, clock())

    found = await account.execute("SELECT finished_at IS NULL, error FROM sync_runs")
    assert [is_open for is_open, _ in found] == [False, False]
    assert all("Gone" in error for _, error in found)


async def test_with_it_goes_a_look_at_all_that_changed_since_the_last_one(account):
    """A list that was empty by mistake had moved on how far we think we are."""
    now = clock()
    await tick(account, now + 7 * HOUR)
    await ended(account, now)
    await account.execute("UPDATE connections SET synced_until = :at", at=now + 13 * HOUR)

    await tick(account, now + 14 * HOUR)

    found = await account.execute("SELECT kind, wanted_since FROM sync_runs ORDER BY id DESC")
    assert [tuple(row) for row in found][:2] == [
        ("full", None),
        ("incremental", now + 7 * HOUR),
    ]


async def test_a_run_starts_once_the_minute_of_deliveries_is_over_one_for_many(account):
    now = clock()
    await tick(account, now)
    await ended(account, now)
    for number in range(3):
        body = delivery(uid=f"uid{number}", bookingId=number)
        await account.world.intake.keep(account.id, body, now)
    await deliveries.drain(account.world.database, now=now - timedelta(seconds=20))

    await tick(account, now + timedelta(seconds=30))
    assert len(await wished(account)) == 1
    await tick(account, now + timedelta(seconds=45))
    await tick(account, now + timedelta(seconds=46))
    assert (await wished(account))[1:] == [("incremental", BY_DELIVERY)]


async def test_what_a_killed_process_left_is_put_in_the_queue_again(account):
    await account.wish(Kind.FULL)
    assert await waiting_jobs(account) == 0

    await tick(account, clock())
    await tick(account, clock())

    assert await waiting_jobs(account) == 1


async def test_while_cal_com_must_not_be_asked_the_clock_asks_nothing(account):
    await account.execute("UPDATE budgets SET rests_until = now() + interval '1 minute'")
    await tick(account, clock())

    assert await wished(account) == []


async def test_a_booking_that_cannot_be_read_back_is_asked_about_ever_later(account):
    at = clock() - 10 * MINUTE
    kept = await account.world.intake.keep(account.id, delivery(uid="hidden"), at)
    await deliveries.drain(account.world.database, now=at)
    asked = []

    def answer(path, query):
        if path.startswith("/bookings/"):
            asked.append(path)
            return 404, {}
        return 200, {"data": []}

    async with answering(answer) as url:
        await account.aim(url)
        for _ in range(3):
            assert (await account.ask()).error is None

    assert asked == ["/bookings/hidden"]
    ((ask_at, status),) = await account.execute("SELECT ask_at, status FROM bookings")
    assert ask_at > clock() + MINUTE
    assert status is not None or kept


async def test_old_runs_that_found_nothing_are_forgotten_and_those_that_did_are_not(account):
    dull, told, recent = [await _ended(account, days) for days in (8, 8, 1)]
    ancient = await _ended(account, 91)
    async with account.world.database.transaction() as tx:
        lost = Drift(connection_id=1, uid="x", kind=drift.Kind.LOST, what="It.", said_at=None)
        await drift.keep(tx, told, [lost], now=clock())
        await runs.sweep(tx, clock())

    left = {id_ for (id_,) in await account.execute("SELECT id FROM sync_runs")}
    assert left == {told, recent}
    assert not {dull, ancient} & left


async def _ended(account, days):
    async with account.world.database.transaction() as tx:
        begun, _ = await runs.begin(tx, account.id, asked_by=BY_CLOCK, now=clock() - days * DAY)
        await runs.close(tx, begun.id, error=None, now=clock())
    return begun.id


@pytest.fixture
async def of_house(house, http):
    """The house's own connection, with a key."""
    world = World(house.parts.database, house.parts.intake, house.connection_id)
    async with world.database.transaction() as tx:
        key = house.parts.seal.close("cal_live_x")
        await connections.learn(tx, house.connection_id, api_key=key)
        connection = await connections.get(tx, house.parts.seal, house.connection_id)
    return Account(world, http, connection)


@pytest.fixture
async def recruiter(house):
    return {**await house.token(Role.RECRUITER), "accept": "text/html"}


async def test_a_run_is_shown_with_what_was_off_and_the_gap(house, of_house, recruiter):
    begun = await of_house.wish(Kind.FULL)
    first, last = clock() - 5 * HOUR, clock() - 2 * HOUR
    async with house.parts.database.transaction() as tx:
        found = [
            Drift(connection_id=1, uid=f"u<{n}>", kind=drift.Kind.LOST, what="Lost it.", said_at=at)
            for n, at in enumerate((first, last))
        ]
        await drift.keep(tx, begun.id, found, now=clock())
        await runs.count(tx, begun.id, pages=3, pages_left=9, seen=300)

    under_way = (await house.http.get(f"/syncs/{begun.id}", headers=recruiter)).text
    line = (await house.http.get("/freshness", headers=recruiter)).text
    async with house.parts.database.transaction() as tx:
        await runs.close(tx, begun.id, error=None, now=clock())
    shown = (await house.http.get(f"/syncs/{begun.id}", headers=recruiter)).text
    listed = (await house.http.get("/syncs", headers=recruiter)).text
    linked = (await house.http.get("/connections", headers=recruiter)).text

    assert "Page 3 of about 12" in under_way
    assert f'href="/syncs/{begun.id}"' in line
    assert "page 3 of about 12" in line
    assert "Deliveries were missing" in shown
    assert first.isoformat()[:16] in shown
    assert last.isoformat()[:16] in shown
    assert "2 lost" in shown
    assert "u&lt;0&gt;" in shown
    assert "Requests were refused" not in shown
    assert 'hx-get="/syncs' not in shown
    for page in (listed, linked):
        assert "2 lost" in page
        assert f'href="/syncs/{begun.id}"' in page


async def test_a_booking_that_was_off_is_named_and_leads_to_its_interview(
    house, of_house, recruiter
):
    world = of_house.world
    row = await world.send(await world.candidate(), await world.event_type())
    await world.deliver(delivery(uid="mine", metadata={"greenroom": row.link.token}))
    guest = {"name": "Grace <Hopper>", "email": "grace@example.org"}
    await world.deliver(delivery(uid="others", bookingId=8, attendees=[guest]))
    begun = await of_house.wish()
    what = "Cal.com says confirmed, 2026-11-26 12:30 UTC; no delivery said so."
    async with house.parts.database.transaction() as tx:
        found = [
            Drift(connection_id=1, uid=uid, kind=drift.Kind.LOST, what=what, said_at=clock())
            for uid in ("mine", "others", "gone")
        ]
        await drift.keep(tx, begun.id, found, now=clock())

    html = (await house.http.get(f"/syncs/{begun.id}", headers=recruiter)).text

    assert f'<a href="/interviews/{row.id}"><bdi>Ada Lovelace</bdi></a>' in html
    whose = "/unmatched/booking?connection_id=1&amp;uid=others"
    assert f'<a href="{whose}"><bdi>Grace &lt;Hopper&gt;</bdi></a>, unmatched' in html
    assert "No longer known" in html
    assert '<time datetime="2026-11-26T12:30:00Z">' in html
    assert "12:30 UTC;" not in re.sub(r"<time.*?</time>", "", html)


async def test_a_run_that_found_nothing_claims_no_more_than_it_knows(house, of_house, recruiter):
    told = []
    for changed in (0, 2):
        begun = await of_house.wish()
        async with house.parts.database.transaction() as tx:
            await runs.count(tx, begun.id, seen=23, changed=changed)
            await runs.close(tx, begun.id, error=None, now=clock())
        told.append((await house.http.get(f"/syncs/{begun.id}", headers=recruiter)).text)

    for html in told:
        assert "Answers about bookings" in html
        assert "Nothing more was off" in html
        assert "in time and in order" not in html
    assert "was known already" in told[0]
    assert "2 brought something new" in told[1]
    assert "bookings of before this connection was made" in told[1]


async def test_lost_deliveries_hint_at_requests_that_were_refused(house, of_house, recruiter):
    begun = await of_house.wish()
    lost = Drift(connection_id=1, uid="b", kind=drift.Kind.LOST, what="Lost.", said_at=clock())
    async with house.parts.database.transaction() as tx:
        await rejections.reject(tx, {Refusal.WRONG: 3}, clock() - 2 * HOUR)
        await drift.keep(tx, begun.id, [lost], now=clock())
    path = f"/syncs/{begun.id}"

    long_ago = (await house.http.get(path, headers=recruiter)).text
    await house.deliver(delivery(), signature="0" * 64)
    meanwhile = (await house.http.get(path, headers=recruiter)).text

    assert "were refused because of their signature" not in long_ago
    assert "were refused because of their signature" in meanwhile


async def test_a_full_check_is_asked_for_on_the_page_and_by_the_api(house, of_house, recruiter):
    on_page = await house.http.post("/syncs", headers=recruiter)
    by_api = await house.http.post("/api/admin/scheduling/sync?full=true", headers=recruiter)
    viewer = await house.token(Role.VIEWER)
    refused = await house.http.post("/syncs", headers={**viewer, "accept": "text/html"})

    id_ = by_api.json()["id"]
    assert on_page.headers["location"] == f"/syncs/{id_}"
    told = await house.http.get(f"/api/admin/scheduling/sync/{id_}", headers=viewer)
    assert (told.json()["kind"], told.json()["found"]) == ("full", [])
    assert refused.status_code == 403


async def test_a_refused_key_is_said_where_people_look(house, of_house, recruiter):
    gate = of_house.gate()
    await gate.enter()
    await gate.refused("Cal.com refused the API key (gone).")

    pages = [
        (await house.http.get(path, headers=recruiter)).text
        for path in ("/freshness", "/connections")
    ]

    refused = await house.http.post("/syncs", headers=recruiter)
    ((name,),) = await of_house.execute("SELECT name FROM connections")

    command = f"greenroom connect --name {name} --api-key cal_live_..."
    for html in (*pages, refused.text):
        assert re.search("refuse[sd] the API key", html)
        assert command in html
    assert pages[1].count("refused the API key") == 1
    assert refused.status_code == 409
    assert "<h1>Checks with Cal.com</h1>" in refused.text


async def test_sync_now_brings_what_changed_while_the_work_goes_on(working_house, http):
    async with working_house.parts.database.transaction() as tx:
        key = working_house.parts.seal.close("cal_live_x")
        id_ = working_house.connection_id
        await connections.learn(tx, id_, api_key=key)
    async with answering(
        lambda path, _: (200, {"data": bookings(3) if path == "/bookings" else []})
    ) as url:
        async with working_house.parts.database.transaction() as tx:
            await connections.learn(tx, id_, api_url=url)
        headers = await working_house.token(Role.RECRUITER)
        asked = await working_house.http.post("/api/admin/scheduling/sync", headers=headers)
        path = f"/api/admin/scheduling/sync/{asked.json()['id']}"
        for _ in range(150):
            told = (await working_house.http.get(path, headers=headers)).json()
            if told["finished_at"]:
                break
            await asyncio.sleep(0.1)

    assert (told["error"], told["seen"]) == (None, 6)
    async with working_house.parts.database.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM bookings"))).scalar_one() == 3
