import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from greenroom.candidates import actions
from greenroom.candidates.csv_import import read_csv
from greenroom.candidates.model import Candidate, Draft, Order
from greenroom.database import Database
from greenroom.errors import Conflict, NotFound

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADA = Draft(
    name="Ada Lovelace",
    addresses=("Ada@example.org", "ada@bücher.de"),
    role="Engineer",
    zone="Asia/Calcutta",
    locale="en-GB",
)


async def added(database: Database, *drafts: Draft) -> list[Candidate]:
    async with database.transaction() as tx:
        return [
            await actions.add(tx, draft, NOW + timedelta(minutes=minute))
            for minute, draft in enumerate(drafts)
        ]


async def names(database: Database, query: str) -> list[str]:
    async with database.transaction() as tx:
        return [each.name for each in (await actions.find(tx, query=query)).items]


def people(*names: str) -> list[Draft]:
    return [Draft(name=name) for name in names]


async def test_a_candidate_is_kept_as_given(database):
    (ada,) = await added(database, ADA)

    assert ada == Candidate(
        id=ada.id,
        name="Ada Lovelace",
        addresses=("Ada@example.org", "ada@bücher.de"),
        role="Engineer",
        zone="Asia/Calcutta",
        locale="en-GB",
        created_at=NOW,
        updated_at=NOW,
    )


async def test_an_address_belongs_to_one_candidate_however_it_is_written(database):
    (ada,) = await added(database, ADA)
    for address in ["ADA@EXAMPLE.org", "ada@xn--bcher-kva.de", "ａda@example.org"]:
        with pytest.raises(Conflict) as refusal:
            await added(database, Draft(name="Bob", addresses=("bob@example.org", address)))
        assert f"number {ada.id}" in refusal.value.what

    assert await names(database, "") == ["Ada Lovelace"]


async def test_of_two_who_add_one_address_at_once_one_is_told(database):
    twice = [added(database, ADA), added(database, ADA)]
    outcomes = await asyncio.gather(*twice, return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "list"]
    assert await names(database, "") == ["Ada Lovelace"]


async def test_a_change_replaces_addresses_and_can_reorder_them(database):
    (ada,) = await added(database, ADA)
    draft = Draft(
        name="Ada King", addresses=("ada@bücher.de", "king@example.org", "Ada@example.org")
    )
    async with database.transaction() as tx:
        after = await actions.change(tx, ada.id, draft, NOW + timedelta(hours=1))

    assert after.name == "Ada King"
    assert after.addresses == draft.addresses
    assert (after.role, after.zone, after.locale) == ("", None, None)
    assert (after.created_at, after.updated_at) == (NOW, NOW + timedelta(hours=1))
    assert await names(database, "king") == ["Ada King"]
    assert await names(database, "lovelace") == []


async def test_a_removed_candidate_frees_the_addresses(database):
    (ada,) = await added(database, ADA)
    async with database.transaction() as tx:
        await actions.remove(tx, ada.id)

    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await actions.remove(tx, ada.id)
    await added(database, ADA)


async def test_a_candidate_with_interviews_stays(database):
    (ada,) = await added(database, ADA)
    async with database.transaction() as tx:
        await tx.execute(text("CREATE TABLE meetings (who bigint REFERENCES candidates (id))"))
        await tx.execute(text("INSERT INTO meetings SELECT id FROM candidates"))

    with pytest.raises(Conflict):
        async with database.transaction() as tx:
            await actions.remove(tx, ada.id)

    assert await names(database, "") == ["Ada Lovelace"]


async def test_a_candidate_is_found_by_the_beginning_of_every_word(database):
    await added(database, ADA)
    for query in [
        "ada",
        "LOVE",
        "lovelace ada",
        "ada@example.org",
        "engin",
        "bücher",
        "Bucher",
        "",
    ]:
        assert await names(database, query) == ["Ada Lovelace"]


async def test_a_search_for_something_else_finds_nobody(database):
    await added(database, ADA)
    strange = ["%", "_", "\\", "'", "&", "\x00", "\ud800", "🙂", "a" * 10_000]
    for query in ["bob", "ada bob", "lace", *strange]:
        assert await names(database, query) == []


async def test_names_in_other_scripts_are_found(database):
    await added(database, *people("山田太郎", "Ñandú José", "Мария Склодовская", "O'Brien"))

    assert await names(database, "太郎") == ["山田太郎"]
    assert await names(database, "nandu") == ["Ñandú José"]
    assert await names(database, "МАРИЯ") == ["Мария Склодовская"]
    assert await names(database, "o'br") == ["O'Brien"]


async def test_pages_follow_each_other_without_gap_or_repeat(database):
    same = people("Ada", "ada", "ÁDA", "Bob", "bob", "Cleo", "Åsa")
    await added(database, *same)
    for order, first in ((Order.NAME, "Ada"), (Order.NEWEST, "Åsa")):
        seen: list[Candidate] = []
        place = None
        while True:
            async with database.transaction() as tx:
                page = await actions.find(tx, order=order, after=place, limit=2)
            seen.extend(page.items)
            place = page.next
            if place is None:
                break
        assert len(seen) == len({each.id for each in seen}) == len(same)
        assert seen[0].name == first


async def test_addresses_lead_to_candidates(database):
    ada, bob = await added(database, ADA, Draft(name="Bob", addresses=("bob@example.org",)))
    given = ["ADA@example.org", "bob@Example.org", "x@example.org", "\x00", "\ud800@x", ""]
    async with database.transaction() as tx:
        found = await actions.of_addresses(tx, given)

    assert found == {"ada@example.org": ada.id, "bob@example.org": bob.id}


async def test_ids_and_people_of_a_search_are_the_same(database):
    ada, bob = await added(database, ADA, Draft(name="Bob Engineer"))
    async with database.transaction() as tx:
        assert set(await actions.ids_matching(tx, "engineer")) == {bob.id, ada.id}
        assert await actions.ids_matching(tx, "  ") == []
        assert await actions.by_ids(tx, [ada.id, 999]) == {ada.id: ada}


CSV = b"name,email,role\nAda King,ada@example.org,\nBob,bob@example.org,Designer\nCleo,nonsense,\n"


async def test_an_import_creates_and_updates_and_the_second_time_does_nothing(database):
    (ada,) = await added(database, ADA)
    outcomes = []
    for hour in (1, 2):
        async with database.transaction() as tx:
            done = await actions.import_csv(tx, read_csv(CSV), NOW + timedelta(hours=hour))
        outcomes.append((done.created, done.updated, done.unchanged, len(done.problems)))

    assert outcomes == [(1, 1, 0, 1), (0, 0, 2, 1)]
    async with database.transaction() as tx:
        after = await actions.get(tx, ada.id)
    assert (after.name, after.role, after.addresses) == ("Ada King", "Engineer", ADA.addresses)
    assert after.updated_at == NOW + timedelta(hours=1)
    assert await names(database, "designer") == ["Bob"]


async def test_a_plan_stores_nothing(database):
    async with database.transaction() as tx:
        plan = await actions.plan_import(tx, read_csv(CSV))

    assert [draft.name for draft in plan.create] == ["Ada King", "Bob"]
    assert await names(database, "") == []


async def test_two_imports_of_one_file_at_once_create_everyone_once(database):
    file = read_csv(CSV)

    async def import_() -> int:
        async with database.transaction() as tx:
            return (await actions.import_csv(tx, file, NOW)).created

    assert sorted(await asyncio.gather(import_(), import_())) == [0, 2]


async def test_no_list_or_search_reads_the_whole_table(database):
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO candidates (name, name_key, role, search, created_at, updated_at) "
                "SELECT 'N ' || n, 'n ' || n, '', array_to_tsvector(ARRAY['name', 'w' || n]),"
                " now() + n * interval '1 s', now() FROM generate_series(1, 20000) n"
            )
        )
        await tx.execute(text("SELECT gin_clean_pending_list('candidates_search_idx')"))
        await tx.execute(text("ANALYZE candidates"))
    async with database.transaction() as tx:
        before = await _scans(tx)
        for order in Order:
            page = await actions.find(tx, order=order)
            await actions.find(tx, order=order, after=page.next)
            found = await actions.find(tx, order=order, query="name w1234")
            assert len(found.items) == 11
        await actions.ids_matching(tx, "w1999")
        await actions.by_ids(tx, [each.id for each in page.items])
        await actions.of_addresses(tx, ["ada@example.org"])

        assert await _scans(tx) == before


async def _scans(tx):
    counted = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'candidates'")
    return (await tx.execute(counted)).scalar_one()
