"""Leaving an account at Cal.com: for good, or for another account under the same name."""

from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from greenroom.calcom import connections, subscribing, whose
from greenroom.calcom.budget import Unlimited
from greenroom.calcom.client import Calcom, CalcomError
from greenroom.calcom.connections import Connection, WebhookThere
from greenroom.database import Database, Transaction
from greenroom.event_types import actions as event_types
from greenroom.seal import Seal

_THERE = "Delete it there under Settings, Developer, Webhooks"


async def disconnect(
    database: Database, calcom: Calcom, connection: Connection, *, now: datetime
) -> str:
    """Forget the key and the secrets, and delete our webhook at Cal.com; say what was done.

    Forgotten first: nobody then makes the webhook anew while it is deleted. Bookings, deliveries
    and interviews stay. Where Cal.com is not reached it is said what stays there, and where to
    delete it.
    """
    async with database.transaction() as tx:
        webhook = await connections.part(tx, connection.id, now)
        await event_types.withdraw_all(tx, connection.id)
    if webhook is None:
        return "Its webhook at Cal.com, if there is one, was made by hand: delete it there."
    failed = await _remove(calcom.through(Unlimited()), webhook)
    if failed is None:
        return "Its webhook at Cal.com is deleted."
    return f"Its webhook stays at Cal.com, which could not be told: {failed} {_where(webhook)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """The account, and the webhook there, that a connection had before. `api_key` opens no more."""

    account: str
    api_url: str
    api_key: str | None = field(repr=False)
    webhook: WebhookThere


async def make_way(
    tx: Transaction,
    seal: Seal,
    name: str,
    api_url: str,
    account: tuple[int | None, str] | None,
    now: datetime,
) -> Former | None:
    """Part from the account that `name` is connected to, if it is not that at `api_url`.

    `account` is Cal.com's number for it, and its e-mail address; None where nobody asked. What was
    learned of the other account is not believed of this one. Gives what is to be deleted there.
    """
    found = next((each for each in await whose.accounts(tx) if each.name == name), None)
    if found is None or not found.is_known or not _changes(found, api_url, account):
        return None
    _, key = await whose.kept_of(tx, seal, name)
    webhook = await connections.part(tx, found.id, now)
    await event_types.withdraw_all(tx, found.id)
    await connections.learn(
        tx,
        found.id,
        account=None,
        account_id=None,
        private_links=True,
        synced_until=None,
        offers_read_at=None,
    )
    if webhook is None:
        return None
    of = found.account or "the account before"
    return Former(account=of, api_url=found.api_url, api_key=key, webhook=webhook)


def _changes(found: whose.Known, api_url: str, account: tuple[int | None, str] | None) -> bool:
    if found.api_url != api_url.rstrip("/"):
        return True
    return account is not None and found.is_of(api_url, *account) is False


async def leave(http: httpx2.AsyncClient, former: Former) -> str:
    """Delete the webhook of the account before, with its key; say whether that was done."""
    whose_ = f"The webhook of {former.account} at {former.api_url}"
    if former.api_key is None:
        return f"{whose_} stays, for its API key is lost. {_where(former.webhook)}"
    calcom = Calcom(http, former.api_url, former.api_key, Unlimited())
    failed = await _remove(calcom, former.webhook)
    if failed is None:
        return f"{whose_} is deleted."
    return f"{whose_} stays: {failed} {_where(former.webhook)}"


async def _remove(calcom: Calcom, webhook: WebhookThere) -> str | None:
    try:
        await subscribing.remove(calcom, webhook.id)
    except CalcomError as error:
        return error.what
    return None


def _where(webhook: WebhookThere) -> str:
    return f"{_THERE}: it delivers to {webhook.url}." if webhook.url else f"{_THERE}."
