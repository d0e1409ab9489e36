import pytest

from greenroom.errors import Invalid
from greenroom.mail import smtp
from greenroom.mail.mime import Mailbox
from greenroom.mail.smtp import Encryption, NotTaken, Server, read_url

BY, TO = Mailbox("", "jobs@acme.example"), Mailbox("", "ada@example.org")
RAW = b"Subject: Hello\r\n\r\nHello\r\n.\r\n..\r\n"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.org", Server("mail.example.org", 465, Encryption.TLS)),
        (
            "smtps://u%40x:p%2Fw@mail.example.org:2465",
            Server("mail.example.org", 2465, Encryption.TLS, "u@x", "p/w"),
        ),
        ("smtp+starttls://mail.example.org", Server("mail.example.org", 587, Encryption.STARTTLS)),
        ("smtp://localhost:1025", Server("localhost", 1025, Encryption.NONE)),
        ("smtp://127.0.0.1", Server("127.0.0.1", 25, Encryption.NONE)),
        ("smtp://[::1]:25", Server("::1", 25, Encryption.NONE)),
        ("smtp+plain://relay.internal", Server("relay.internal", 25, Encryption.NONE)),
    ],
)
def test_a_url_says_where_and_how_safely_letters_go(url, server):
    assert read_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.org",
        "smtp://localhost.example.org",
        "http://mail.example.org",
        "mail.example.org:25",
        "smtps://",
        "smtps://mail.example.org:port",
        "smtps://mail.example.org:99999",
        "smtps://[::1",
        "",
    ],
)
def test_a_url_that_would_send_in_clear_or_nowhere_is_refused(url):
    with pytest.raises(Invalid) as refusal:
        read_url(url)

    assert refusal.value.what.startswith("GREENROOM_SMTP_URL")
    assert "smtps://" in refusal.value.do


def test_a_server_shown_in_a_log_keeps_its_password():
    assert "geheim" not in repr(read_url("smtps://user:geheim@mail.example.org"))


async def not_taken(server: Server, to: Mailbox = TO) -> NotTaken:
    with pytest.raises(NotTaken) as refusal:
        await smtp.deliver(server, RAW, by=BY, to=to)
    return refusal.value


@pytest.mark.anyio
class TestDelivering:
    async def test_a_letter_arrives_byte_for_byte_for_one_recipient(self, office):
        await smtp.deliver(office.server(), RAW, by=BY, to=TO)

        (letter,) = office.letters
        assert (letter.mail_from, letter.rcpt_tos) == (BY.address, [TO.address])
        assert letter.original_content == RAW
        assert office.commands == ["MAIL", "RCPT", "DATA", "QUIT"]

    @pytest.mark.parametrize(
        ("command", "answer", "is_permanent"),
        [
            ("RCPT", "550 5.1.1 no such user", True),
            ("RCPT", "451 4.7.1 greylisted, come back", False),
            ("RCPT", "452 mailbox full", False),
            ("DATA", "554 5.6.0 spam", True),
            ("DATA", "451 try later", False),
            ("MAIL", "550 sender not known here", False),
            ("DATA", "close", False),
        ],
    )
    async def test_a_refusal_is_final_when_it_is_about_this_letter(
        self, office, command, answer, is_permanent
    ):
        office.answers[command] = [answer]
        refusal = await not_taken(office.server())

        assert refusal.is_permanent is is_permanent
        assert answer.partition(" ")[2] in refusal.why

    async def test_a_server_that_hangs_is_left(self, office, monkeypatch):
        monkeypatch.setattr(smtp, "_TIMEOUT", 0.2)
        office.answers["DATA"] = ["hang"]

        assert not (await not_taken(office.server())).is_permanent

    async def test_a_whole_letter_has_a_deadline(self, office, monkeypatch):
        monkeypatch.setattr(smtp, "_DEADLINE", 0.2)
        office.answers["DATA"] = ["hang"]

        assert not (await not_taken(office.server())).is_permanent

    @pytest.mark.parametrize("goodbye", ["close", "hang", "421 go away", "nonsense"])
    async def test_a_letter_that_was_taken_is_sent_whatever_the_goodbye(
        self, office, monkeypatch, goodbye
    ):
        monkeypatch.setattr(smtp, "_GOODBYE", 0.1)
        office.answers["QUIT"] = [goodbye]
        await smtp.deliver(office.server(), RAW, by=BY, to=TO)

        assert len(office.letters) == 1

    async def test_a_server_that_is_not_there_is_tried_again(self):
        refusal = await not_taken(Server("127.0.0.1", 1, Encryption.NONE))

        assert not refusal.is_permanent

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")
    async def test_a_wrong_password_is_not_the_letters_fault(self, guarded_office):
        wrong = guarded_office.server(username="user", password="wrong")
        refusal = await not_taken(wrong)

        assert not refusal.is_permanent
        assert "user and password" in refusal.why
        assert "wrong" not in refusal.why

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")
    async def test_the_right_password_opens_the_door(self, guarded_office):
        server = guarded_office.server(username="user", password="right")
        await smtp.deliver(server, RAW, by=BY, to=TO)

        assert len(guarded_office.letters) == 1

    async def test_letters_go_encrypted_to_a_trusted_server(
        self, tls_office, starttls_office, trusted
    ):
        await smtp.deliver(tls_office.server(Encryption.TLS), RAW, by=BY, to=TO)
        await smtp.deliver(starttls_office.server(Encryption.STARTTLS), RAW, by=BY, to=TO)

        assert len(tls_office.letters) == len(starttls_office.letters) == 1

    async def test_a_certificate_nobody_trusts_gets_no_letter(self, tls_office, starttls_office):
        for office, encryption in (
            (tls_office, Encryption.TLS),
            (starttls_office, Encryption.STARTTLS),
        ):
            refusal = await not_taken(office.server(encryption))
            assert not refusal.is_permanent
            assert "no safe connection" in refusal.why
            assert office.commands == []

    async def test_a_server_that_cannot_encrypt_gets_no_letter(self, office):
        for encryption in (Encryption.TLS, Encryption.STARTTLS):
            assert not (await not_taken(office.server(encryption))).is_permanent
        assert office.commands == []

    async def test_an_address_outside_ascii_goes_where_it_is_understood(self, office):
        to = Mailbox("", "用户@xn--fsqu00a.xn--4rr70v")
        await smtp.deliver(office.server(), RAW, by=BY, to=to)

        (letter,) = office.letters
        assert letter.rcpt_tos == [to.address]
        assert "SMTPUTF8" in letter.mail_options
