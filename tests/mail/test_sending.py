import asyncio
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from greenroom.mail import model, outbox, smtp, store
from greenroom.mail.model import State
from mail.posting import DAY, LINK, MINUTE, NOW, invitation, jobs, kept, put, send, waiting

pytestmark = pytest.mark.anyio


async def test_a_letter_is_sent_as_it_was_written_and_once(database, office):
    letter_id = await put(database)
    outcomes = [await send(database, letter_id, office) for _ in range(2)]

    assert outcomes == [State.SENT, None]
    read = message_from_bytes(office.wire(), policy=policy.default)
    assert read["To"] == "Ada Lovelace <ada@example.org>"
    assert read["Reply-To"] == "rita@acme.example"
    assert read["Subject"] == "Pick a time: Engineer interview with Acme"
    assert read.get_body(("plain",)).get_content().splitlines() == invitation().text.splitlines()
    assert read.get_body(("html",)).get_content().splitlines() == invitation().html.splitlines()
    letter = await kept(database, letter_id)
    assert (letter.state, letter.attempts, letter.error) == (State.SENT, 1, None)
    assert (letter.sent_at, letter.next_attempt_at, letter.link) == (NOW, None, LINK)
    assert read["Message-ID"] == f"<{letter.message_id}>"
    assert letter.message_id.endswith("@acme.example")


async def test_of_two_workers_at_one_letter_one_sends_it(database, office):
    letter_id = await put(database)
    outcomes = await asyncio.gather(*(send(database, letter_id, office) for _ in range(4)))

    assert sorted(str(each) for each in outcomes) == ["None", "None", "None", "sent"]
    assert len(office.letters) == 1


async def test_a_letter_turned_away_for_now_is_sent_later_with_the_same_message_id(
    database, office
):
    office.answers = {"RCPT": ["451 greylisted"], "DATA": ["close"]}
    letter_id = await put(database)
    outcomes = [
        await send(database, letter_id, office, NOW + minutes * MINUTE)
        for minutes in (0, 0.5, 1, 2, 3, 4)
    ]

    assert outcomes == [State.FAILED, None, State.FAILED, None, State.SENT, None]
    read = {message_from_bytes(each.original_content)["Message-ID"] for each in office.letters}
    assert len(office.letters) == 2  # the connection that closed had taken one: at least once
    assert len(read) == 1


async def test_a_failed_letter_waits_its_time(database, office):
    office.answers = {"RCPT": ["451 greylisted"]}
    letter_id = await put(database)
    assert await waiting(database, NOW) == [letter_id]
    await send(database, letter_id, office)

    letter = await kept(database, letter_id)
    assert letter.state is State.FAILED
    assert "451 greylisted" in letter.error
    assert await waiting(database, NOW + 0.9 * MINUTE) == []
    assert await waiting(database, NOW + MINUTE) == [letter_id]


async def test_a_letter_refused_for_good_is_not_tried_again_until_somebody_says_so(
    database, office
):
    office.answers = {"RCPT": ["550 5.1.1 no such user"]}
    letter_id = await put(database)
    await send(database, letter_id, office)
    letter = await kept(database, letter_id)

    assert letter.state is State.DEAD
    assert "550 5.1.1 no such user" in letter.error
    assert await waiting(database, NOW + 365 * DAY) == []
    async with database.transaction() as tx:
        await outbox.retry(tx, letter_id, NOW + DAY)
    assert len(await jobs(database)) == 2
    assert await send(database, letter_id, office, NOW + DAY) is State.SENT


async def test_a_letter_is_given_up_after_twelve_attempts_in_a_day(database, office):
    office.answers = {"RCPT": ["451 busy"] * 20}
    letter_id = await put(database)
    now, count = NOW, 0
    while await send(database, letter_id, office, now) is State.FAILED:
        now, count = (await kept(database, letter_id)).next_attempt_at, count + 1

    assert count == model.MOST_ATTEMPTS - 1
    assert now - NOW < DAY
    assert (await kept(database, letter_id)).state is State.DEAD


async def test_a_worker_that_dies_leaves_its_letter_to_another(database, office):
    letter_id = await put(database)
    async with database.transaction() as tx:
        stale = await store.claim(tx, letter_id, now=NOW, until=NOW + model.LEASE)
    early = await send(database, letter_id, office, NOW + model.LEASE / 2)
    later = await send(database, letter_id, office, NOW + model.LEASE)

    assert (early, later) == (None, State.SENT)
    async with database.transaction() as tx:  # the first one wakes up again
        late = model.failed(stale.attempts, "too late", is_permanent=True, now=NOW)
        assert not await store.settle(tx, stale, late, NOW)
    assert (await kept(database, letter_id)).state is State.SENT


async def test_a_letter_that_takes_every_worker_down_is_given_up(database, office):
    letter_id = await put(database)
    now = NOW
    for _ in range(model.MOST_ATTEMPTS):
        async with database.transaction() as tx:
            await store.claim(tx, letter_id, now=now, until=now + model.LEASE)
        now += model.LEASE

    assert await send(database, letter_id, office, now) is State.DEAD
    assert office.letters == []


async def test_without_a_mail_server_letters_stay_in_the_outbox(database, office):
    letter_id = await put(database)
    outcome = await send(database, letter_id, None)
    letter = await kept(database, letter_id)

    assert (outcome, letter.state, letter.attempts) == (State.HELD, State.HELD, 0)
    assert "GREENROOM_SMTP_URL" in letter.error
    assert await waiting(database, NOW + 365 * DAY) == []
    assert await send(database, letter_id, office) is None
    async with database.transaction() as tx:
        await outbox.retry(tx, letter_id, NOW)
    assert await send(database, letter_id, office) is State.SENT


async def test_one_address_gets_so_many_letters_a_day(database, office):
    ids = [await put(database, interview_id=n) for n in range(model.MOST_A_DAY + 1)]
    outcomes = [await send(database, id_, office) for id_ in ids]
    other = await put(database, interview_id=100, to_address="bob@example.org")

    assert outcomes == [State.SENT] * model.MOST_A_DAY + [State.HELD]
    assert await send(database, other, office) is State.SENT
    async with database.transaction() as tx:
        await outbox.retry(tx, ids[-1], NOW + DAY)
    assert await send(database, ids[-1], office, NOW + DAY) is State.SENT


async def test_what_became_of_a_letter_is_told_in_the_transaction_that_keeps_it(database, office):
    letter_id = await put(database)
    told = []

    async def settled(tx, letter):
        told.append(letter)
        await tx.execute(text("CREATE TABLE told (id bigint)"))
        if len(told) == 1:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await send(database, letter_id, office, settled=settled)
    assert (await kept(database, letter_id)).state is State.QUEUED
    await send(database, letter_id, office, NOW + model.LEASE, settled=settled)

    assert [each.state for each in told] == [State.SENT, State.SENT]
    assert told[1] == await kept(database, letter_id)


async def test_a_letter_whose_names_are_an_attack_reaches_one_person_with_our_headers(
    database, office
):
    attacks = [
        "x=?UTF-8?Q?=0A?=Bcc: evil@x.org",
        "x\r\nBcc: evil@x.org\r\n\r\nbody",
        "\r\n.\r\nMAIL FROM:<evil@x.org>\r\nRCPT TO:<evil@x.org>\r\nDATA\r\nspam\r\n.\r\n",
        'x" <evil@x.org>, "y',
        "é" * 400,
    ]
    for number, attack in enumerate(attacks):
        told = dict.fromkeys(("candidate", "role", "company", "kind", "host", "sender"), attack)
        letter = invitation(**told, message=f"{attack}\n.\n..\nFrom here\n{attack}")
        letter_id = await put(database, letter, interview_id=number, to_name=attack)
        assert await send(database, letter_id, office) is State.SENT

    assert len(office.letters) == len(attacks)
    assert office.commands == ["MAIL", "RCPT", "DATA", "QUIT"] * len(attacks)
    for envelope in office.letters:
        head = envelope.original_content.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] != b" "]
        assert names == [
            b"From",
            b"To",
            b"Reply-To",
            b"Subject",
            b"Date",
            b"Message-ID",
            b"MIME-Version",
            b"Content-Type",
        ]
        assert envelope.rcpt_tos == ["ada@example.org"]
        read = message_from_bytes(envelope.original_content, policy=policy.default)
        said = read.get_body(("plain",)).get_content().splitlines()
        assert {".", "..", "From here"} <= {*said}


async def test_a_letter_that_came_out_unsafe_is_not_sent(database, office, monkeypatch):
    def unsafe(*_args: object, **_more: object) -> bytes:
        raise outbox.mime.Unsafe

    monkeypatch.setattr(outbox.mime, "wire", unsafe)
    letter_id = await put(database)

    assert await send(database, letter_id, office) is State.DEAD
    assert office.commands == []


async def test_a_sender_that_names_no_mailbox_any_more_kills_no_worker(database, office):
    letter_id = await put(database)
    outcome = await outbox.send_one(
        database, letter_id, server=office.server(), mail_from="nobody", now=NOW
    )

    assert outcome is State.DEAD
    assert "GREENROOM_MAIL_FROM" in (await kept(database, letter_id)).error


async def test_a_server_that_hangs_costs_one_attempt(database, office, monkeypatch):
    monkeypatch.setattr(smtp, "_TIMEOUT", 0.2)
    office.answers = {"DATA": ["hang"]}
    letter_id = await put(database)

    assert await send(database, letter_id, office) is State.FAILED
    assert await send(database, letter_id, office, NOW + MINUTE) is State.SENT
