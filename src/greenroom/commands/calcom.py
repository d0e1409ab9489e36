"""Commands about Cal.com: connect an account, take its deliveries in again."""

import asyncio
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from greenroom.calcom import api_keys, connecting, connections, finding_api, parting, whose
from greenroom.calcom.connections import Connection
from greenroom.calcom.reach import check_address
from greenroom.commands.opening import DataDir, settings_beside, settings_of_data, with_parts
from greenroom.deliveries import actions as deliveries
from greenroom.doctor import actions as doctor
from greenroom.errors import Invalid, NotFound
from greenroom.event_types import actions as event_types
from greenroom.parts import Parts
from greenroom.syncs import actions as syncs

cli = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What `connect` was asked for."""

    name: str
    api_url: str | None
    api_key: str | None = field(repr=False)
    secret: str | None = field(repr=False)
    check: bool
    other_account: bool
    event_types: list[str] | None


@cli.command()
def connect(
    name: Annotated[str | None, typer.Option(help="What to call this account. [Cal.com]")] = None,
    api_url: Annotated[str | None, typer.Option(help="The API; with or without /v2.")] = None,
    api_key: Annotated[str | None, typer.Option(help="cal_live_...; none: webhooks only.")] = None,
    event_type: Annotated[
        list[str] | None,
        typer.Option(metavar="SLUG", help="To be sent; again for more. Unset: all."),
    ] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="Unset: one is made.")] = None,
    skip_check: Annotated[bool, typer.Option("--skip-check", help="Do not ask Cal.com.")] = False,  # noqa: FBT002  (a flag)
    other_account: Annotated[  # noqa: FBT002  (a flag)
        bool, typer.Option("--other-account", help="The key may be another account's.")
    ] = False,
    new_secret: Annotated[  # noqa: FBT002  (a flag)
        bool, typer.Option("--new-secret", help="Replace the webhook secret.")
    ] = False,
    disconnect: Annotated[  # noqa: FBT002  (a flag)
        bool, typer.Option("--disconnect", help="Delete our webhook, forget the key.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Connect a Cal.com account: check the key, list event types, make or mend the webhook."""
    chosen = settings_beside(data_dir)
    if disconnect and new_secret:
        raise Invalid("It is one or the other.", do="Give --disconnect or --new-secret.")
    if disconnect or new_secret:
        act = _disconnect if disconnect else _renew
        with_parts(chosen, lambda parts: act(parts, name))
        return
    kept = chosen.calcom_api_key
    key = api_key or (None if kept is None else kept.get_secret_value())
    asked = _Asked(
        name=name or "Cal.com",
        api_url=api_url,
        api_key=None if not key else api_keys.cleaned(key),
        secret=webhook_secret,
        check=not skip_check,
        other_account=other_account,
        event_types=event_type,
    )
    with_parts(chosen, lambda parts: _connect(parts, asked))


async def _connect(parts: Parts, asked: _Asked) -> None:
    url, key = await _where_and_key(parts, asked)
    done = await connecting.connect(
        parts.database,
        parts.seal,
        parts.http,
        name=asked.name,
        api_url=url,
        api_key=key,
        secret=asked.secret,
        check=asked.check,
        webhook_url=parts.address.webhook_url,
        reachable=parts.address.is_reachable_from(url),
        now=datetime.now(UTC),
        other_account=asked.other_account,
        chosen=asked.event_types,
    )
    async with parts.database.transaction() as tx:
        mine = await event_types.of_connection(tx, done.connection.id)
        sent = {each.slug for each in mine if each.is_chosen}
        await doctor.ask(tx)
    _print_connected(done, sent, parts)


async def _disconnect(parts: Parts, name: str | None) -> None:
    now = datetime.now(UTC)
    connection = await _connected(parts, name)
    said = await parting.disconnect(parts.database, parts.calcom(connection), connection, now=now)
    async with parts.database.transaction() as tx:
        await syncs.give_up(tx, connection.id, "It was disconnected.", now)
        await doctor.ask(tx)
    print(f"Disconnected “{connection.name}”. {said}")
    print("The key and the secrets are forgotten; bookings and deliveries stay.")


async def _renew(parts: Parts, name: str | None) -> None:
    connection = await _connected(parts, name)
    reachable = parts.address.is_reachable_from(connection.api_url)
    done = await connecting.new_secret(
        parts.database,
        parts.seal,
        parts.calcom(connection),
        connection,
        parts.address.webhook_url if reachable else None,
        now=datetime.now(UTC),
    )
    print(f"Made a new webhook secret for “{connection.name}”.\nWebhook: {done.webhook}")
    if done.is_told:
        print("Deliveries signed with the one before are taken for another day.")
    else:
        print("Deliveries signed with the one before are taken until Cal.com has the new one.")
    print(f"Webhook secret, shown only now: {done.new_secret}")


async def _connected(parts: Parts, name: str | None) -> Connection:
    """The connection of that name, or the only one. Raises NotFound, or Invalid for several.

    Who has a terminal here is trusted: its API may be at a private address.
    """
    return replace(await _named(parts, name), allows_private=True)


async def _named(parts: Parts, name: str | None) -> Connection:
    async with parts.database.transaction() as tx:
        known = await connections.every(tx, parts.seal)
        if name is None and len(known) > 1:
            raise Invalid(
                f"There are several connections: {', '.join(each.name for each in known)}.",
                do="Say which: --name NAME.",
            )
        if name is None:
            return await connections.only(tx, parts.seal, None)
    for each in known:
        if each.name == name:
            return each
    raise NotFound(
        f"There is no connection “{name}”.",
        do=f"There are: {', '.join(each.name for each in known)}."
        if known
        else "Run `greenroom connect` first.",
    )


@cli.command()
def replay(
    ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="DELIVERY...", min=1, max=2**63 - 1, help="Numbers of deliveries."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,  # noqa: FBT002  (a flag)
    data_dir: DataDir = None,
) -> None:
    """Take deliveries in again, as if new. The same news never counts twice."""
    if ids and failed:
        raise Invalid(
            "It is one or the other: numbers of deliveries, or --failed for all that failed.",
            do="Leave out the numbers, or --failed.",
        )
    if not ids and not failed:
        raise Invalid(
            "It is not said which deliveries to take in again.",
            do="Give their numbers, or --failed for all that failed.",
        )

    async def run(parts: Parts) -> None:
        if failed:
            found = await deliveries.replay_failed(parts.database)
        else:
            async with parts.database.transaction() as tx:
                for id_ in ids or ():
                    await deliveries.get(tx, id_)
                found = await deliveries.replay(tx, ids or ())
        while await deliveries.drain(parts.database, now=datetime.now(UTC)):
            pass
        print(f"Took in {found}{f' of {len(ids)}' if ids else ''} deliveries again.")
        for id_ in ids or ():
            each = await _settled(parts, id_)
            print(f"{id_}: {each.state}: {each.outcome}")

    with_parts(settings_of_data(data_dir), run)


async def _settled(parts: Parts, id_: int) -> deliveries.Delivery:
    """The delivery, once it is no longer new: a `serve` beside us may have claimed it first."""
    for _ in range(100):
        async with parts.database.transaction() as tx:
            each = await deliveries.get(tx, id_)
        if each.state is not deliveries.State.NEW:
            break
        await asyncio.sleep(0.1)
    return each


async def _where_and_key(parts: Parts, asked: _Asked) -> tuple[str, str | None]:
    """The API to ask, and the key; who sits at a terminal is asked for what is not given.

    A connection keeps its address unless another is said, and a kept key goes to no other.
    """
    chosen = parts.settings
    async with parts.database.transaction() as tx:
        address, kept = await whose.kept_of(tx, parts.seal, asked.name)
    given, key = asked.api_url, asked.api_key
    if given is None and ("calcom_api_url" in chosen.model_fields_set or address is None):
        given = str(chosen.calcom_api_url)
    has_key = key is not None or kept is not None or asked.secret is not None
    if not has_key and asked.check and sys.stdin.isatty():
        if asked.api_url is None and address is None:
            given = await asyncio.to_thread(typer.prompt, "Where Cal.com is", default=given)
        key = await asyncio.to_thread(_ask_for_key)
    url = await _found(parts, given, key, asked) if given is not None else address or ""
    if key is None and asked.check and url == address:
        key = kept
    return url, key


def _ask_for_key() -> str | None:
    said: str = typer.prompt(
        "API key, from Cal.com: Settings, Developer, API keys (empty: webhooks only)",
        default="",
        hide_input=True,
        show_default=False,
    )
    return api_keys.cleaned(said) if said.strip() else None


async def _found(parts: Parts, given: str, key: str | None, asked: _Asked) -> str:
    """The API's address; looked for where a key will be tried there."""
    url = check_address(given, trusted=True)
    if not asked.check or key is None or url in {finding_api.HOSTED, finding_api.EUROPEAN}:
        return url
    return await finding_api.find_api(parts.http, url, trusted=True)


def _print_connected(done: connecting.Connected, sent: set[str], parts: Parts) -> None:
    print(f"Connected “{done.connection.name}” ({done.connection.api_url}).")
    if done.connection.api_key is None:
        print("Without an API key it only listens to webhooks; enter its event types by hand.")
    elif done.account is None:
        print("Not checked: whether Cal.com takes the API key, and which event types there are.")
    else:
        print(f"Account: {done.account.name} ({done.account.email}).")
        print(f"Event types: {done.event_types}.")
        for each in done.account.event_types:
            how = "" if each.slug in sent else ", hidden" if each.hidden else ", not sent"
            print(f"  {each.slug}: {each.title}, {each.length_minutes} min{how}")
    print(f"Webhook address: {parts.address.webhook_url}\nWebhook: {done.webhook}")
    page = f"{parts.settings.origin}/connections/{done.connection.id}"
    if done.connection.api_key is None:
        print(f"Events to tick at Cal.com: all that begin with Booking. {page} lists them.")
    if done.new_secret is not None:
        print(f"Webhook secret, shown only now: {done.new_secret}")
    if done.is_told or done.connection.api_key is None:
        print(
            "Next: press Ping test at the webhook in Cal.com, or wait for a booking. "
            f"{page} turns green with it."
        )
