"""Check: whether mailboxes will believe letters from the sender's domain."""

import re
from collections.abc import Sequence

from greenroom.doctor.examination import Examination
from greenroom.doctor.model import Finding, Light
from greenroom.doctor.words import listed
from greenroom.errors import Invalid
from greenroom.mail import mime, sender
from greenroom.mail.sender import Nameserver, NoAnswer, Records


async def look(
    exam: Examination, *, at: Nameserver | None = None, patience: float = 8.0
) -> Sequence[Finding]:
    """Ask the name server `at`, else this machine's, about the domain in GREENROOM_MAIL_FROM."""
    settings = exam.parts.settings
    if settings.smtp_url is None:
        what = "No mail server is set up, so no letters have a sender yet."
        return [Finding(light=Light.OFF, what=what, do="Set up a mail server first.")]
    try:
        domain = mime.sender(settings.mail_from).domain
    except Invalid as error:
        return [Finding(light=Light.RED, what=error.what, do=error.do)]
    if sender.is_invented(domain):
        return [_invented(domain)]
    try:
        records = await sender.look_up(domain, at=at, patience=patience)
    except NoAnswer:
        what = f"The domain {domain} cannot be looked up from here: the name servers do not say."
        do = "Nothing is wrong because of this. Have it checked where DNS can be asked."
        return [Finding(light=Light.OFF, what=what, do=do)]
    return [_told(domain, records)]


def _invented(domain: str) -> Finding:
    return Finding(
        light=Light.AMBER,
        what=f"Letters are from @{domain}, which is no domain of the internet: most mailboxes "
        "refuse them, and answers go nowhere.",
        do="Set GREENROOM_MAIL_FROM to an address of your own domain, then start Greenroom again.",
    )


def _told(domain: str, records: Records) -> Finding:
    if not records.exists:
        return Finding(
            light=Light.RED,
            what=f"There is no domain {domain}: mailboxes refuse letters from it.",
            do="Correct GREENROOM_MAIL_FROM, then start Greenroom again.",
        )
    wrong = [
        each
        for each in (_mx(domain, records), _spf(records), _dmarc(domain, records), _dkim(records))
        if each is not None
    ]
    if not wrong:
        return Finding(light=Light.GREEN, what=_well(domain, records))
    return Finding(
        light=Light.AMBER,
        what=f"{domain}: " + " ".join(what for what, _ in wrong),
        do=f"Ask whoever runs the mail of {domain} {listed([f'to {do}' for _, do in wrong])}.",
    )


def _mx(domain: str, records: Records) -> tuple[str, str] | None:
    if records.takes_mail:
        return None
    return (
        "It takes no mail, so that candidates who reply get their answer back.",
        f"have mail to {domain} delivered (MX)",
    )


def _spf(records: Records) -> tuple[str, str] | None:
    match records.spf:
        case []:
            return "It has no SPF record.", "publish an SPF record that names your mail server"
        case [only]:
            if re.search(r"(^|\s)\+?all(\s|$)", only, re.IGNORECASE):
                return (
                    "Its SPF record lets everybody send in its name.",
                    "end the SPF record with -all or ~all",
                )
            return None
        case several:
            return (
                f"It has {len(several)} SPF records, which counts as none.",
                "make one SPF record of them",
            )


def _dmarc(domain: str, records: Records) -> tuple[str, str] | None:
    match records.dmarc:
        case []:
            return (
                "It has no DMARC policy.",
                f"publish a DMARC policy at _dmarc.{domain}, for a start “v=DMARC1; p=none”",
            )
        case [only]:
            if _policy(only, inherited=records.dmarc_at != domain) is None:
                return (
                    "Its DMARC policy cannot be read.",
                    f"give the record at _dmarc.{records.dmarc_at} a policy such as p=none",
                )
            return None
        case several:
            return (
                f"It has {len(several)} DMARC policies, which counts as none.",
                f"keep one at _dmarc.{records.dmarc_at}",
            )


def _policy(record: str, *, inherited: bool) -> str | None:
    parts = (each.partition("=") for each in record.lower().split(";"))
    tags = {name.strip(): value.strip() for name, _, value in parts}
    policy = tags.get("sp", tags.get("p")) if inherited else tags.get("p")
    return policy if policy in {"none", "quarantine", "reject"} else None


def _dkim(records: Records) -> tuple[str, str] | None:
    if records.has_keys:
        return None
    return (
        "It has no DKIM key, so letters cannot be signed.",
        "set up DKIM",
    )


def _well(domain: str, records: Records) -> str:
    policy = _policy(records.dmarc[0], inherited=records.dmarc_at != domain)
    if records.dkim:
        dkim = f"a DKIM key ({', '.join(records.dkim)})"
        return f"{domain} has an SPF record, a DMARC policy ({policy}) and {dkim}."
    return (
        f"{domain} has an SPF record and a DMARC policy ({policy}). It has DKIM keys, under names "
        "that only a letter tells: look in one you received for “dkim=pass”."
    )
