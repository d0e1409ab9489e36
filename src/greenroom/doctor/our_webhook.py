"""Our webhook at Cal.com as the doctor finds it, and how it is mended."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from greenroom.calcom import subscribing, subscription, webhook_secrets
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import Busy, CalcomError
from greenroom.calcom.subscription import EVENTS, NEWER_EVENTS, Flaw, Subscription, origin
from greenroom.doctor import asking
from greenroom.doctor.examination import Examination
from greenroom.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What an account has for webhooks, seen from us. `kept` is ours, None where there is none."""

    url: str
    secret: str = field(repr=False)
    older: frozenset[str] = field(repr=False)
    """Secrets that deliveries are still taken in with, but should not be signed with any more."""
    there: Sequence[Subscription]
    kept: Subscription | None
    others: Sequence[Subscription]
    """At our path and another address: another Greenroom's, or left over from us."""
    shows_secrets: bool

    @property
    def leftovers(self) -> Sequence[Subscription]:
        """Ours from before: nobody else signs with our secrets."""
        known = {self.secret, *self.older}
        return [each for each in self.others if each.secret in known]

    @property
    def strangers(self) -> Sequence[Subscription]:
        """Other Greenrooms'."""
        left = self.leftovers
        return [each for each in self.others if each not in left]

    def has(self, flaw: Flaw) -> bool:
        """Whether that is wrong with the one that is ours."""
        return self.kept is not None and flaw in subscription.flaws(self.kept, self.secret)


async def look_up(exam: Examination, connection: Connection) -> Ours:
    """Ask for it. Raises CalcomError, and NotFound or WrongKey where we have no secret."""
    rows = await exam.webhooks(connection)
    async with exam.parts.database.transaction() as tx:
        newest = await webhook_secrets.newest_secret(tx, exam.parts.seal, connection.id)
        known = await webhook_secrets.secrets(tx, exam.parts.seal, exam.now)
    there, url = subscription.read(rows), exam.parts.address.webhook_url
    mine = subscription.ours(there, url, connection.webhook_id, newest)
    return Ours(
        url=url,
        secret=newest,
        older=frozenset(each.secret for each in known if each.connection_id == connection.id)
        - {newest},
        there=there,
        kept=mine[0] if mine else None,
        others=subscription.elsewhere(there, url, mine[:1]),
        shows_secrets=any("secret" in row for row in rows),
    )


async def add_newer(exam: Examination, connection: Connection | None) -> str:
    """The same as `mend`, and have it tell of the events that only newer instances know."""
    done = await mend(exam, connection)
    if connection is None:
        return done
    calcom = exam.parts.calcom(connection)
    url = exam.parts.address.webhook_url
    kept = next(each for each in subscription.read(await calcom.webhooks()) if each.url == url)
    wanted = kept.events | set(EVENTS) | set(NEWER_EVENTS)
    if kept.events == wanted:
        return done
    try:
        await calcom.change_webhook(kept.id, triggers=sorted(wanted))
    except CalcomError as error:
        if error.code != httpx2.codes.BAD_REQUEST:
            raise
        return f"{done} This Cal.com does not know the newer events; all others are told."
    return "Mended at Cal.com."


async def mend(exam: Examination, connection: Connection | None) -> str:
    """Have our webhook as it should be, and none left over. Raises CalcomError, and Conflict."""
    if connection is None:
        raise Conflict("It is not said whose webhook is meant.", do="Press the button beside it.")
    # A process without the settings of the one that serves knows only this machine's address.
    if not exam.parts.address.is_reachable_from(connection.api_url):
        raise Conflict(
            f"Nothing was changed at Cal.com: it cannot deliver to {exam.parts.address.origin}, "
            "which only this machine reaches.",
            do="Give Greenroom a public address first: see the check of the public address. On a "
            "terminal, start with the same GREENROOM_PUBLIC_URL as `greenroom serve`.",
        )
    calcom = exam.parts.calcom(connection)
    url = exam.parts.address.webhook_url
    before = (await look_up(exam, connection)).leftovers
    done = await subscribing.see_to(
        exam.parts.database, exam.parts.seal, calcom, connection, url, now=exam.now
    )
    there = {each.id: each for each in subscription.read(await calcom.webhooks())}
    gone = [each for each in before if each.id in there and there[each.id].url != url]
    for each in gone:
        await calcom.delete_webhook(each.id)
    removed = "".join(f" Removed the one for {origin(each.url)}." for each in gone)
    return done + removed


async def is_all_that_fails(exam: Examination, connection: Connection, error: CalcomError) -> bool:
    """Whether Cal.com answers the key, and only what was asked of its webhooks failed."""
    if isinstance(error, Busy) or error.code == httpx2.codes.UNAUTHORIZED:
        return False
    try:
        await asking.account(exam, connection)
    except CalcomError:
        return False
    return True
