"""Lists of deliveries: what the filters let through, page after page, by an index."""

import re
from datetime import date, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import event, text

from builders import NOW, delivery
from greenroom.deliveries import listing as delivery_list
from greenroom.deliveries.filters import Filters, Listed
from greenroom.deliveries.listing import Wanted
from greenroom.deliveries.store import State
from world import connect

pytestmark = pytest.mark.anyio


async def ids(database, **wanted):
    async with database.transaction() as tx:
        found = await delivery_list.page(tx, Wanted(**wanted), before=None, limit=100)
    return [each.id for each in found]


async def test_filters_let_through_what_they_say_and_work_together(world, database):
    other = await connect(database, "Other")
    row = await world.send(await world.candidate(), await world.event_type())
    body = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    [a] = await world.deliver(body)
    [b] = await world.deliver(b"false", at=NOW + timedelta(hours=1))
    [c] = await world.deliver(delivery("SOMETHING_NEW"), at=NOW + timedelta(days=1))
    d = (await world.intake.keep(other, b"[]", NOW + timedelta(days=2))).id

    assert await ids(database) == [d, c, b, a]
    assert await ids(database, state=State.NEW) == [d]
    assert await ids(database, state=State.UNREAD) == [c, b]
    assert await ids(database, trigger="BOOKING_CREATED") == [a]
    assert await ids(database, trigger="SOMETHING_NEW", state=State.DONE) == []
    assert await ids(database, connection_id=other) == [d]
    assert await ids(database, since=NOW + timedelta(hours=1)) == [d, c, b]
    assert await ids(database, until=NOW + timedelta(hours=1)) == [a]
    assert await ids(database, q="booking1") == [c, a]
    assert await ids(database, q=str(b)) == [b]
    assert await ids(database, q="love", state=State.DONE) == [a]
    assert await ids(database, q="ada@example.org") == [c, a]
    assert await ids(database, q="9" * 30) == []
    async with database.transaction() as tx:
        assert await delivery_list.triggers(tx) == ["BOOKING_CREATED", "SOMETHING_NEW"]


async def test_pages_follow_each_other_where_many_came_at_the_same_moment(world, database):
    for number in range(7):
        await world.intake.keep(world.connection_id, b"%d" % number, NOW)
    seen, before = [], None
    async with database.transaction() as tx:
        while found := await delivery_list.page(tx, Wanted(), before=before, limit=3):
            seen += [each.id for each in found]
            before = delivery_list.place_of(found[-1])

    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_it_is_known_whose_booking_a_delivery_is_about(world, database):
    row = await world.send(await world.candidate(), await world.event_type())
    ours = delivery(metadata={"greenroom": row.link.token}, status="ACCEPTED")
    await world.deliver(ours, delivery(uid="stranger", bookingId=9, attendees=[]))

    async with database.transaction() as tx:
        found = await delivery_list.page(tx, Wanted(), before=None, limit=9)
        about = await delivery_list.about(tx, found)
    names = {key[1]: [each.name for each in them] for key, them in about.items()}
    assert names == {"booking1": ["Ada Lovelace"]}


MANY = 100_000


@pytest.fixture
async def many(database):
    """Half a year of deliveries: few dead, few of one connection, one trigger that is rare."""
    async with database.transaction() as tx:
        await tx.execute(
            text("""
            INSERT INTO deliveries (connection_id, digest, body, received_at, state, trigger, uid)
            SELECT CASE WHEN n % 2500 = 0 THEN 2 ELSE 1 END, int8send(n), '{}',
                   :now - n * interval '160 s',
                   CASE WHEN n % 20000 = 7 THEN 'dead' ELSE 'done' END,
                   CASE WHEN n % 40000 = 9 THEN 'PING' ELSE 'BOOKING_CREATED' END, 'uid' || n / 3
              FROM generate_series(1, :many) AS n
            """),
            {"now": NOW, "many": MANY},
        )
    async with database.transaction() as tx:
        await tx.execute(text("ANALYZE deliveries"))
    return database


async def plans(database, ask):
    """How PostgreSQL would carry out each statement that `ask` sends."""
    asked = []
    async with database.transaction() as tx:
        raw = (await tx.get_raw_connection()).driver_connection

        def note(_connection, _cursor, statement, parameters, *_):
            if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE")):
                asked.append((statement, parameters))

        event.listen(tx.sync_connection, "before_cursor_execute", note)
        await ask(tx)
        found = []
        for statement, parameters in asked:
            if "deliveries" in statement:
                rows = await raw.execute("EXPLAIN " + statement, parameters)
                found.append("\n".join(line for (line,) in await rows.fetchall()))
    assert found
    return found


async def test_no_filter_reads_the_whole_table(many):
    half = NOW - timedelta(days=90)
    cases = [
        {},
        {"state": State.DEAD},
        {"state": State.DONE},
        {"trigger": "PING"},
        {"trigger": "BOOKING_CREATED", "state": State.DEAD},
        {"connection_id": 1},
        {"connection_id": 2},
        {"since": half, "until": half + timedelta(days=1)},
        {"since": half},
        {"until": half},
        {"q": "uid777"},
        {"q": "4711", "state": State.DONE},
        {"state": State.DEAD, "connection_id": 1, "since": half},
    ]
    for wanted in cases:
        for before in (None, (half, 50_000)):
            found = await plans(
                many,
                lambda tx, wanted=wanted, before=before: delivery_list.page(
                    tx, Wanted(**wanted), before=before, limit=51
                ),
            )
            for plan in found:
                assert "Seq Scan on deliveries" not in plan, (wanted, plan)
                assert "Index Scan" in plan, (wanted, plan)
                # Some thousand rows may be sorted or passed over, never those of half a year.
                guessed = [int(rows) for rows in re.findall(r"Sort.*rows=(\d+)", plan)]
                assert max(guessed, default=0) < MANY / 20, (wanted, plan)
    for plan in await plans(many, delivery_list.triggers):
        assert "Seq Scan on deliveries" not in plan, plan


@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        (
            {"from": "2026-11-24", "to": "2026-11-24"},
            "2026-11-24T00:00:00+00:00",
            "2026-11-25T00:00:00+00:00",
        ),
        ({"from": "", "to": ""}, None, None),
        (
            {"from": "2026-11-24T10:00:00+02:00", "to": "2026-11-24T10:30:00Z"},
            "2026-11-24T10:00:00+02:00",
            "2026-11-24T10:30:00+00:00",
        ),
        ({"to": "2100-12-31"}, None, "2101-01-01T00:00:00+00:00"),
    ],
)
async def test_days_are_whole_and_moments_exact(given, since, until):
    wanted = Filters(**given).wanted

    assert (wanted.since and wanted.since.isoformat()) == since
    assert (wanted.until and wanted.until.isoformat()) == until


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-11-24T10:00:00"},
        {"from": "9999-12-31"},
        {"to": "0001-01-01"},
        {"state": "lost"},
        {"connection_id": 2**63},
        {"q": "x" * 201},
    ],
)
async def test_what_cannot_be_meant_is_refused(given):
    with pytest.raises(ValidationError):
        Filters(**given)


async def test_filters_stand_in_the_address_as_they_came(database):
    asked = Listed(**{"state": "dead", "q": "a b&c", "from": date(2026, 11, 24), "cursor": "x"})

    assert asked.query(state=None, cursor="y") == "?q=a+b%26c&from=2026-11-24&cursor=y"
    assert Filters().query() == ""
