"""Whose account each connection is: one account twice, or another one's key, is told in time."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from greenroom.calcom.connections import connections
from greenroom.database import Transaction
from greenroom.errors import Conflict
from greenroom.seal import Seal, WrongKey

_c = connections.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Whose account a connection is, or was; readable also where a sealing key was lost."""

    id: int
    name: str
    api_url: str
    account: str | None
    account_id: int | None
    has_key: bool
    is_connected: bool

    @property
    def is_known(self) -> bool:
        """Whether there is more than a name and an address that was never asked."""
        return self.has_key or self.account is not None or self.account_id is not None

    def is_of(self, api_url: str, account_id: int | None, account: str) -> bool | None:
        """Whether it is that account; None where that was never known."""
        if self.api_url != api_url.rstrip("/"):  # another Cal.com, or the same one that moved
            return None if self.account in {None, account} else False
        if self.account_id is not None and account_id is not None:
            return self.account_id == account_id
        return None if self.account is None else self.account == account


async def accounts(tx: Transaction) -> Sequence[Known]:
    """Of every connection there is or was, oldest first."""
    query = select(connections).order_by(_c.id)
    return [
        Known(
            id=row["id"],
            name=row["name"],
            api_url=row["api_url"],
            account=row["account"],
            account_id=row["account_id"],
            has_key=row["api_key"] is not None,
            is_connected=row["disconnected_at"] is None,
        )
        for row in (await tx.execute(query)).mappings()
    ]


async def kept_of(tx: Transaction, seal: Seal, name: str) -> tuple[str | None, str | None]:
    """API and API key of the connection called `name`, as far as there are any to be read."""
    query = select(_c.api_url, _c.api_key).where(_c.name == name)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None, None
    try:
        return row[0], None if row[1] is None else seal.open(bytes(row[1]))
    except WrongKey:
        return row[0], None


async def check(
    tx: Transaction,
    name: str,
    api_url: str,
    account_id: int | None,
    account: str,
    *,
    other_account: bool,
) -> None:
    """Raise Conflict where the account is connected already, or `name` is another account's."""
    for each in await accounts(tx):
        is_same = each.is_of(api_url, account_id, account)
        if each.name == name:
            if is_same is False and not other_account:
                raise Conflict(
                    f"The API key is {account}'s, and “{name}” is connected to {each.account}.",
                    do=f"Use a key of {each.account}, or connect {account} under another name. If "
                    "the account is meant to change, tick “It is another account, and that is "
                    "meant”, or give --other-account on the command line.",
                )
        elif is_same and each.is_connected:
            raise Conflict(
                f"{account} is connected already, as “{each.name}”.",
                do=f"Open “{each.name}” under Settings, Connections to change it, or give "
                f"--name {shlex.quote(each.name)} on the command line.",
            )
