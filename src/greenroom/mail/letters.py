"""What letters say. Pure.

A new kind of letter is a new function here that returns `compose(...)`. Whatever people can
choose (names, roles, messages) goes through `person`, `phrase` or `lines` first.
"""

from datetime import datetime

from greenroom.mail.layout import Button, Facts, Letter, Paragraph, Quote, compose
from greenroom.mail.wording import VARIABLES, fill, length, lines, moment, person, phrase

__all__ = ["Letter", "invitation"]


def invitation(
    *,
    candidate: str,
    role: str,
    company: str,
    kind: str,
    length_minutes: int,
    host: str | None,
    link: str,
    expires_at: datetime | None,
    zone: str | None,
    sender: str,
    message: str = "",
) -> Letter:
    """The letter that carries the booking link.

    `kind` is what the meeting is ("Technical interview, video call"), `zone` the candidate's
    time zone if known, `sender` who wrote it, `message` that person's own words, which may
    have `{variables}`. Raises Invalid for a variable there is not.
    """
    name, host, company = person(candidate), person(host or ""), phrase(company)
    job = phrase(role)
    wanted = f"{job} interview" if job else "interview"
    until = moment(expires_at, zone) if expires_at else "it is used"
    duration = length(length_minutes)
    known = dict(zip(VARIABLES, (name, job, company, host, duration, link, until), strict=True))
    facts = [("What", phrase(kind)), ("Length", duration), ("With", host)]
    personal = fill(lines(message), known)
    return compose(
        f"Pick a time: {wanted} with {company}",
        [
            Paragraph(f"Hello {name}," if name else "Hello,"),
            Paragraph(f"Thank you for your interest in {company}. We would like to meet you."),
            *([Quote(personal)] if personal else []),
            Facts([(label, value) for label, value in facts if value]),
            Button("Choose a time", link),
            Paragraph(
                f"The link works until {until}. It is yours alone, so please do not pass it on."
            ),
            Paragraph("None of the times fit? Just reply."),
            Paragraph(f"{person(sender)}, {company}" if person(sender) else company),
        ],
        link=link,
    )
