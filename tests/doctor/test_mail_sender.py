"""The sender's domain: whether mailboxes believe letters from it."""

from datetime import UTC, datetime

import pytest

from doctor.mail_settings import is_red, with_mail
from greenroom.doctor.checks import mail_sender
from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Light
from mail import name_server

pytestmark = pytest.mark.anyio

WELL = {
    "acme.dev MX": "10 mail.acme.dev.",
    "acme.dev TXT": ['"site-verification=1"', '"v=spf1 include:mail.acme.dev" " -all"'],
    "_dmarc.acme.dev TXT": '"v=DMARC1; p=none"',
    "s1._domainkey.acme.dev TXT": '"v=DKIM1; k=rsa; p=MIGf"',
    "somebody.com A": "127.0.0.3",
}


@pytest.fixture
async def names():
    async with name_server.running() as server:
        server.publish(WELL)
        yield server


async def looked_up(clinic, names, *, domain="acme.dev", patience=5.0):
    parts = with_mail(
        clinic, smtp_url="smtp://127.0.0.1", mail_from=f"Acme <hiring@{domain}>"
    ).parts
    exam = Examination(parts=parts, now=datetime.now(UTC), connections=[])
    (found,) = await mail_sender.look(exam, at=names.at, patience=patience)
    return found


async def test_a_domain_with_all_records_is_green_and_says_what_was_seen(clinic, names):
    found = await looked_up(clinic, names)

    assert found.light is Light.GREEN
    assert found.what == ("acme.dev has an SPF record, a DMARC policy (none) and a DKIM key (s1).")


@pytest.mark.parametrize(
    ("published", "what", "do"),
    [
        ({"acme.dev TXT": []}, "no SPF record", "publish an SPF record"),
        (
            {"acme.dev TXT": ['"v=spf1 -all"', '"v=spf1 mx ~all"']},
            "2 SPF records, which counts as none",
            "one SPF record of them",
        ),
        ({"acme.dev TXT": '"v=spf1 mx" " +all"'}, "lets everybody send", "-all"),
        ({"acme.dev TXT": '"v=spf1 all"'}, "lets everybody send", "-all"),
        ({"acme.dev TXT": '"v=spf10 mx"'}, "no SPF record", "publish an SPF record"),
        ({"_dmarc.acme.dev TXT": []}, "no DMARC policy", "_dmarc.acme.dev"),
        (
            {"_dmarc.acme.dev TXT": ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"']},
            "2 DMARC policies",
            "keep one",
        ),
        ({"_dmarc.acme.dev TXT": '"v=DMARC1; p=maybe"'}, "cannot be read", "p=none"),
        ({"s1._domainkey.acme.dev TXT": []}, "no DKIM key", "set up DKIM"),
        ({"acme.dev MX": []}, "takes no mail", "(MX)"),
        ({"acme.dev MX": "0 ."}, "takes no mail", "(MX)"),
    ],
)
async def test_each_record_that_is_missing_or_wrong_is_amber_until_it_is_right(
    clinic, names, published, what, do
):
    names.publish(published)
    broken = await looked_up(clinic, names)
    names.publish(WELL)
    mended = await looked_up(clinic, names)

    assert broken.light is Light.AMBER
    assert what in broken.what
    assert do in broken.do
    assert broken.what.count(" It ") + broken.what.count(" Its ") == 1, "exactly that is wrong"
    assert mended.light is Light.GREEN


async def test_all_that_is_wrong_is_said_at_once(clinic, names):
    names.publish({"acme.dev TXT": [], "_dmarc.acme.dev TXT": []})
    found = await looked_up(clinic, names)

    assert "no SPF record" in found.what
    assert "no DMARC policy" in found.what
    assert "to publish an SPF record that names your mail server and to publish a DMARC" in found.do


async def test_a_key_under_a_name_nobody_can_guess_is_said_honestly(clinic, names):
    names.publish(
        {
            "s1._domainkey.acme.dev TXT": '"v=DKIM1; p="',
            "x7f3._domainkey.acme.dev TXT": '"v=DKIM1; p=MIGf"',
        }
    )
    found = await looked_up(clinic, names)

    assert found.light is Light.GREEN
    assert "under names that only a letter tells" in found.what


async def test_a_policy_of_the_domain_above_counts(clinic, names):
    names.publish(
        {
            "jobs.acme.dev A": "127.0.0.2",
            "jobs.acme.dev TXT": '"v=spf1 a -all"',
            "k1._domainkey.jobs.acme.dev TXT": '"k=rsa; p=MIGf"',
            "_dmarc.acme.dev TXT": '"v=DMARC1; p=reject; sp=quarantine"',
        }
    )
    found = await looked_up(clinic, names, domain="jobs.acme.dev")

    assert found.light is Light.GREEN
    assert "a DMARC policy (quarantine)" in found.what


async def test_a_domain_that_does_not_exist_is_red(clinic, names):
    found = await looked_up(clinic, names, domain="acmee.dev")

    assert is_red(found, what="no domain acmee.dev", do="Correct GREENROOM_MAIL_FROM")


@pytest.mark.parametrize("trouble", ["is_mute", "is_broken"])
async def test_name_servers_that_do_not_answer_are_nobodys_fault(clinic, names, trouble):
    setattr(names, trouble, True)
    found = await looked_up(clinic, names, patience=0.3)

    assert found.light is Light.OFF
    assert "cannot be looked up from here" in found.what


async def test_name_servers_of_a_network_without_the_internet_prove_nothing(clinic, names):
    names.publish({"somebody.com A": [], "printer.lan A": "127.0.0.4"})
    found = await looked_up(clinic, names, domain="acmee.dev")

    assert found.light is Light.OFF
    assert "cannot be looked up from here" in found.what


@pytest.mark.parametrize("domain", ["localhost", "mail.local", "acme.example", "example.org"])
async def test_a_domain_that_is_none_is_amber_and_nobody_is_asked(clinic, names, domain):
    found = await looked_up(clinic, names, domain=domain)

    assert found.light is Light.AMBER
    assert "GREENROOM_MAIL_FROM" in found.do
    assert names.asked == []


async def test_without_a_mail_server_the_sender_does_not_matter(clinic):
    (found,) = await clinic.examine("mail-from")

    assert found.light is Light.OFF
    assert found.do
