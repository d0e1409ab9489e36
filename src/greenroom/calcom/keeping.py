"""Keeping a connection: its key, its secret, its event types, and whose it is."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from greenroom.calcom import connections, offers, parting, webhook_secrets, whose
from greenroom.calcom.connections import Connection
from greenroom.calcom.parting import Former
from greenroom.calcom.trying import Account
from greenroom.database import Transaction
from greenroom.errors import Conflict
from greenroom.event_types import actions as event_types
from greenroom.seal import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person says of a connection. `chosen` are slugs; None: as they are."""

    name: str
    api_url: str
    api_key: str | None = field(repr=False)
    secret: str | None = field(repr=False)
    allows_private: bool
    other_account: bool
    chosen: Collection[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The connection, its new secret if one was made, and the account that it has left."""

    connection: Connection
    new_secret: str | None = field(repr=False)
    former: Former | None


async def keep(
    tx: Transaction, seal: Seal, wish: Wish, account: Account | None, now: datetime
) -> Kept:
    """Add the connection, or change it. `account`: whose key it is; None where nobody asked.

    Raises Conflict when it is another account's, or connected already.
    """
    of = None if account is None else (account.id, account.email)
    if of is not None:
        other = wish.other_account
        await whose.check(tx, wish.name, wish.api_url, *of, other_account=other)
    former = await parting.make_way(tx, seal, wish.name, wish.api_url, of, now)
    connection, made = await connections.connect(
        tx,
        seal,
        name=wish.name,
        api_url=wish.api_url,
        api_key=wish.api_key,
        secret=wish.secret,
        now=now,
        allows_private=wish.allows_private,
    )
    if account is not None:
        connection = await _learn(tx, seal, connection.id, account, wish.chosen, now)
    if connection.api_key is None:
        await event_types.offer_by_hand_again(tx, connection.id)
    return Kept(connection=connection, new_secret=made, former=former)


async def by_hand(
    tx: Transaction, seal: Seal, *, name: str, api_url: str, now: datetime
) -> tuple[Connection, str]:
    """A connection that only listens, and its secret. One that parted keeps its address.

    Raises Conflict where the name is taken.
    """
    if any(each.name == name and each.is_connected for each in await whose.accounts(tx)):
        raise Conflict(
            f"There is a connection “{name}” already.", do="Choose another name for this one."
        )
    before, _ = await whose.kept_of(tx, seal, name)
    secret = webhook_secrets.made()
    wish = Wish(
        name=name,
        api_url=before or api_url,
        api_key=None,
        secret=secret,
        allows_private=False,
        other_account=False,
        chosen=None,
    )
    kept = await keep(tx, seal, wish, None, now)
    return kept.connection, secret


async def _learn(
    tx: Transaction,
    seal: Seal,
    connection_id: int,
    account: Account,
    chosen: Collection[str] | None,
    now: datetime,
) -> Connection:
    await connections.learn(tx, connection_id, account=account.email, account_id=account.id)
    await offers.learn(tx, connection_id, account.event_types, now=now)
    if chosen is not None:
        mine = await event_types.of_connection(tx, connection_id)
        await event_types.choose(tx, connection_id, [e.id for e in mine if e.slug in chosen])
    return await connections.get(tx, seal, connection_id)
