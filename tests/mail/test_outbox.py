import pytest
from sqlalchemy import text

from greenroom.errors import Conflict, Invalid, NotFound
from greenroom.mail import outbox, store
from greenroom.mail.model import Kind, State
from mail.posting import FROM, NOW, invitation, jobs, kept, put, send, waiting

pytestmark = pytest.mark.anyio


async def test_the_same_news_about_an_interview_is_put_and_queued_once(database):
    first = await put(database)
    again = await put(database, to_address="other@example.org")
    next_version = await put(database, version=2)
    elsewhere = await put(database, interview_id=8)

    assert again is None
    assert await jobs(database) == [{"letter_id": id_} for id_ in (first, next_version, elsewhere)]


async def test_many_letters_are_put_in_order_and_those_already_there_are_left_out(database):
    there = await put(database, interview_id=2)
    many = [
        outbox.Addressed(
            letter=invitation(),
            kind=Kind.INVITATION,
            version=1,
            interview_id=number,
            candidate_id=number,
            to_address=f"{number}@example.org",
            to_name="Ada",
        )
        for number in range(4)
    ]
    async with database.transaction() as tx:
        ids = await outbox.put_all(tx, many, mail_from=FROM, now=NOW)
        assert await outbox.put_all(tx, [], mail_from=FROM, now=NOW) == []

    assert [None if id_ is None else (await kept(database, id_)).to_address for id_ in ids] == [
        "0@example.org",
        "1@example.org",
        None,
        "3@example.org",
    ]
    assert await jobs(database) == [{"letter_id": id_} for id_ in (there, ids[0], ids[1], ids[3])]


async def test_letters_without_an_interview_do_not_stand_in_each_others_way(database):
    ids = [await put(database, interview_id=None, to_address=f"{n}@example.org") for n in range(2)]

    assert None not in ids


async def test_a_letter_and_its_job_are_kept_together_or_not_at_all(database):
    async def broken() -> None:
        async with database.transaction() as tx:
            await outbox.put(
                tx,
                invitation(),
                kind=Kind.INVITATION,
                version=1,
                interview_id=7,
                candidate_id=3,
                to_address="ada@example.org",
                to_name="Ada",
                mail_from=FROM,
                now=NOW,
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()

    assert (await jobs(database), await waiting(database, NOW)) == ([], [])


async def test_a_letter_to_no_address_is_refused_before_it_is_kept(database):
    for wrong in ({"to_address": "a@b, c@d.org"}, {"reply_to": "x"}, {"mail_from": "nobody"}):
        with pytest.raises(Invalid):
            await put(database, **wrong)

    assert await waiting(database, NOW) == []


async def test_the_outbox_is_read_newest_first_page_by_page(database, office):
    ids = [await put(database, interview_id=n, to_address=f"{n}@x.org") for n in range(5)]
    await send(database, ids[2], office)
    seen, before = [], None
    async with database.transaction() as tx:
        while True:
            page = await outbox.page(tx, before=before, limit=2)
            seen += [each.id for each in page.items]
            before = page.next
            if before is None:
                break
        sent = await outbox.page(tx, state=State.SENT)
        about = await outbox.of_interview(tx, 3)

    assert seen == ids[::-1]
    assert [each.id for each in sent.items] == [ids[2]]
    assert [each.id for each in about] == [ids[3]]


async def test_only_a_letter_that_was_not_sent_is_retried(database, office):
    letter_id = await put(database)
    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await outbox.retry(tx, letter_id, NOW)
        with pytest.raises(NotFound):
            await outbox.retry(tx, 999, NOW)
    await send(database, letter_id, office)
    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await outbox.retry(tx, letter_id, NOW)


async def test_no_list_of_letters_reads_the_whole_table(database):
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO letters (interview_id, kind, version, to_address, to_name, subject,"
                " text, html, message_id, state, attempts, created_at, sent_at) "
                "SELECT n, 'invitation', 1, n || '@x.org', '', '', repeat('x', 200), '', n,"
                " CASE n % 100 WHEN 0 THEN 'dead' ELSE 'sent' END, 1, now(), now()"
                " FROM generate_series(1, 20000) n"
            )
        )
        await tx.execute(text("ANALYZE letters"))
    async with database.transaction() as tx:
        before = await _scans(tx)
        await outbox.page(tx)
        await outbox.page(tx, before=5000)
        await outbox.page(tx, state=State.DEAD, before=5000)
        await outbox.waiting(tx, NOW)
        await outbox.of_interview(tx, 7)
        await store.sent_since(tx, "7@x.org", NOW)

        assert await _scans(tx) == before


async def _scans(tx):
    counted = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'letters'")
    return (await tx.execute(counted)).scalar_one()
